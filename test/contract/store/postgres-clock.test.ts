/** A wrong clock of the database itself, which all nodes share: MiniPay does nothing irreversible because of it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Charge, type Client, client, type Page, until } from '../../kit/client.ts'
import { startReceiver } from '../../kit/receiver.ts'
import { type RunningServer, startServer } from '../../kit/server.ts'
import { closeAndVerify, databases, settableClock } from './postgres-support.ts'

const DAY = 86_400_000
const postgres = databases()

const order = { amount: 2500, currency: 'usd', customer: 'cus_42' }
const again = async (api: Client, key: string) =>
  (await api.post<Charge>('/api/v1/charges', order, { 'idempotency-key': key })).body.id
const isNear = (iso: string, offMs: number) => Math.abs(Date.parse(iso) - Date.now() - offMs) < 10 * 60_000
const list = async (api: Client, query = '') =>
  (await api.get<Page<Charge>>(`/api/v1/charges${query}`)).body.data.map(({ id }) => id)

/** Resolves when the node has detected a step of the clock, forward or back. */
const seen = (api: Client, isSo: (movedSeconds: number) => boolean) =>
  until(
    async () =>
      (await api.get<{ clock?: { moved_by_seconds: number } }>('/ready')).body.clock?.moved_by_seconds ?? 0,
    isSo,
  )

test('a database whose clock is a month ahead for a while forgets no key, cancels no hold and heals', async (t) => {
  const url = await postgres.database(t)
  const setClock = await settableClock(url)
  let failing = true
  const receiver = await startReceiver((_webhook, response) => {
    response.writeHead(failing ? 503 : 200).end()
  })
  t.after(receiver.close)
  const servers: RunningServer[] = []
  const env = { WEBHOOK_TARGET: receiver.url, MINIPAY_IDEMPOTENCY_RETENTION_HOURS: '1' }
  for (let i = 0; i < 2; i++) servers.push(await startServer(url, env))
  t.after(() => Promise.all(servers.map((server) => server.stop())))
  const [one, two] = servers.map((server) => client(server.url)) as [Client, Client]

  const first = await one.charge({}, 'order-1')
  const hold = await two.charge({ capture: false })
  await setClock('30 days')
  for (const api of [one, two]) await seen(api, (moved) => moved > 29 * 86_400)
  const ahead = await two.charge({}, 'order-2')
  assert.ok(isNear(ahead.created_at, 30 * DAY), ahead.created_at)
  for (const api of [one, two]) assert.equal(await again(api, 'order-1'), first.id)
  // Their retries are due by the wrong clock.
  await receiver.waitForRequests(6)

  await setClock('0')
  for (const api of [one, two]) await seen(api, (moved) => moved < -29 * 86_400)
  failing = false
  const last = await one.charge()
  assert.ok(isNear(last.created_at, 0), last.created_at)
  for (const api of [one, two]) {
    assert.equal(await again(api, 'order-1'), first.id)
    assert.equal(await again(api, 'order-2'), ahead.id)
    assert.equal((await api.get<Charge>(`/api/v1/charges/${hold.id}`)).body.status, 'authorized')
    assert.deepEqual(await list(api), [last.id, ahead.id, hold.id, first.id])
  }
  const tomorrow = new Date(Date.now() + DAY).toISOString()
  await until(
    () => list(one, `?created_lt=${tomorrow}`),
    (found) => found.join() === [last.id, hold.id, first.id].join(),
  )
  assert.deepEqual(await list(one, `?created_gte=${tomorrow}`), [ahead.id])
  const delivered = async () =>
    (await one.get<{ delivered_webhooks: number }>('/metrics')).body.delivered_webhooks
  await until(delivered, (count) => count === 4)
  assert.equal((await two.capture(hold.id)).status, 'succeeded')
  await Promise.all(servers.map((server) => server.stop()))
  assert.equal((await closeAndVerify(t, url)).problem, undefined)
})
