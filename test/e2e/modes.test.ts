/** The mode of a provider: which charges reach it, and that a test charge never reaches one that moves money. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { createMiniPay, type MiniPayOptions } from '../../src/minipay.ts'
import { type Charge, client, type DeclineAnswer, until } from '../kit/client.ts'
import { atEnd, folderOf, type TempDir, tempDir } from '../kit/folders.ts'
import { call } from '../kit/http.ts'
import { onEngine, runCli, serve } from '../kit/server.ts'
import { type Simulator, startSimulator } from '../kit/simulator.ts'
import { atBank, providersIn } from '../kit/world.ts'

const CHARGE = { amount: 1000, currency: 'usd', customer: 'cus_1' }

let dir: TempDir
let bank: Simulator
let liveBank: Simulator

before(async () => {
  dir = tempDir()
  bank = await startSimulator(`${dir.path}/bank.db`)
  liveBank = await startSimulator(`${dir.path}/live.db`)
})
after(async () => {
  await Promise.all([bank?.kill(), liveBank?.kill()])
  dir?.remove()
})

const live = () => atBank(liveBank, { mode: 'live' })
const received = async (at: Simulator) =>
  Object.values((await at.calls()).received).reduce((sum, calls) => sum + calls, 0)

test('a request without a key goes to a provider of test mode, wherever the file has it', async (t) => {
  const folder = folderOf(t)
  const server = await serve(
    t,
    join(folder, 'm.db'),
    providersIn(folder, { live: live(), try_out: atBank(bank) }),
  )
  const before = await received(liveBank)
  const charge = await client(server.url).charge(CHARGE)
  assert.equal(charge.provider, 'try_out')
  const listed = await call<{ data: { name: string; mode: string }[] }>(
    server.url,
    'GET',
    '/api/v1/providers',
  )
  assert.deepEqual(
    listed.body.data.map(({ name, mode }) => [name, mode]),
    [['try_out', 'test']],
  )
  const rules = await call<{ document: unknown }>(server.url, 'GET', '/api/v1/routing')
  assert.deepEqual(rules.body.document, { rules: [], default: { providers: ['try_out'], failover_on: [] } })
  assert.equal(await received(liveBank), before)
})

test('the webhook target gets no event of test mode if a provider serves live mode', async (t) => {
  for (const [providers, expected] of [
    [{ try_out: atBank(bank) }, 1],
    [{ live: live(), try_out: atBank(bank) }, 0],
  ] as const) {
    const folder = folderOf(t)
    const env = { ...providersIn(folder, providers), WEBHOOK_TARGET: 'http://127.0.0.1:9/webhook' }
    const api = client((await serve(t, join(folder, 'm.db'), env)).url)
    await api.charge(CHARGE)
    assert.equal((await api.get<{ data: unknown[] }>('/api/v1/events')).body.data.length, 1)
    const deliveries = () => api.get<{ data: unknown[] }>('/api/v1/webhook_deliveries')
    // A delivery is stored with its first failure.
    if (expected > 0) await until(deliveries, ({ body }) => body.data.length > 0)
    assert.equal((await deliveries()).body.data.length, expected)
  }
})

test('routing rules of test mode that name a live provider are refused as if it did not exist', async (t) => {
  const folder = folderOf(t)
  const server = await serve(
    t,
    join(folder, 'm.db'),
    providersIn(folder, { live: live(), try_out: atBank(bank) }),
  )
  const replace = (name: string) =>
    call<DeclineAnswer>(server.url, 'PUT', '/api/v1/routing', {
      document: { default: { providers: ['try_out', name] } },
    })
  const [other, unknown] = [await replace('live'), await replace('gone')]
  assert.deepEqual([other.status, unknown.status], [other.status, other.status])
  assert.equal(other.body.code, 'routing_rules_invalid')
  assert.equal(other.body.error?.replaceAll('live', 'gone'), unknown.body.error)
})

test('with live providers alone a charge in test mode fails, and the message says what to do', async (t) => {
  const folder = folderOf(t)
  const server = await serve(t, join(folder, 'm.db'), providersIn(folder, { live: live() }))
  const before = await received(liveBank)
  const { status, body } = await client(server.url).post<Charge & DeclineAnswer>('/api/v1/charges', CHARGE)
  assert.equal(status, 502)
  assert.match(
    JSON.stringify(body),
    /no provider serves this account in test mode; use a live API key, or add a provider with \\+"mode\\+": \\+"test\\+"/,
  )
  assert.equal(await received(liveBank), before)
  assert.equal((await call(server.url, 'GET', '/ready')).status, 200, 'live mode can be served')
})

test('a charge of test mode reaches no provider that the file has made live since', async (t) => {
  const folder = folderOf(t)
  const database = join(folder, 'm.db')
  const first = await serve(t, database, providersIn(folder, { bank: atBank(bank) }))
  const api = client(first.url)
  const [paid, held] = [await api.charge(CHARGE), await api.charge({ ...CHARGE, capture: false })]
  await bank.arm('refund', 'cut_after')
  const unknown = await api.post<{ refund_id: string }>('/api/v1/refunds', {
    transaction_id: paid.id,
    amount: 10,
  })
  await first.stop()
  const calls = await received(bank)

  const changed = await serve(t, database, providersIn(folder, { bank: atBank(bank, { mode: 'live' }) }))
  const then = client(changed.url)
  const refused = [
    await then.post<DeclineAnswer>('/api/v1/refunds', { transaction_id: paid.id, amount: 20 }),
    await then.post<DeclineAnswer>(`/api/v1/charges/${held.id}/capture`, {}),
    await then.post<DeclineAnswer>(`/api/v1/charges/${held.id}/cancel`, {}),
  ]
  for (const { status, body } of refused) {
    assert.deepEqual([status, body.code], [409, 'provider_not_configured'])
    assert.match(
      String(body.error),
      /bank serves live mode now, but this is a test charge\. Give it back its mode/,
    )
  }
  assert.equal((await then.get<Charge>(`/api/v1/charges/${paid.id}`)).status, 200)
  assert.equal((await then.post('/api/v1/charges', CHARGE)).status, 502)
  const { body } = await call<{ missing_providers: { provider: string }[] }>(changed.url, 'GET', '/ready')
  assert.deepEqual(
    body.missing_providers.map(({ provider }) => provider),
    ['bank'],
  )
  await changed.stop()
  assert.equal(await received(bank), calls)

  const back = await serve(t, database, providersIn(folder, { bank: atBank(bank) }))
  const refund = await until(
    async () =>
      (await client(back.url).get<{ status: string }>(`/api/v1/refunds/${unknown.body.refund_id}`)).body,
    ({ status }) => status !== 'processing',
  )
  assert.notEqual(refund.status, 'processing')
  await client(back.url).capture(held.id)
})

test('a charge of live mode goes to a live provider, and keeps it when that no longer serves the account', async (t) => {
  const folder = folderOf(t)
  const database = await onEngine(join(folder, 'm.db'))
  const open = async (providers: NonNullable<MiniPayOptions['providers']>) => {
    const minipay = await createMiniPay({ database, webhookTarget: '', mode: 'live', providers })
    atEnd(t, () => minipay.close().catch(() => {}))
    return minipay
  }
  const order = { amount: 700, currency: 'usd', customer: 'cus_1' }
  const first = await open({ try_out: atBank(bank), bank: live() })
  const paid = await first.createCharge(order)
  assert.ok(paid.kind === 'created')
  assert.equal(paid.charge.provider, 'bank')
  await first.close()

  await assert.rejects(open({ bank: atBank(liveBank, { mode: 'live', accounts: ['acct_none'] }) }), {
    message:
      'The provider bank is to serve the account acct_none, which does not exist. List the accounts with: minipay accounts list',
  })
  const second = await open({ bank: atBank(liveBank, { mode: 'live', accounts: ['acct_default'] }) })
  assert.equal((await second.createCharge(order)).kind, 'created')
  await second.close()
})

test('the sandbox in live mode stops the start', async (t) => {
  const folder = folderOf(t)
  const env = providersIn(folder, { sandbox: { kind: 'sandbox', mode: 'live' } })
  const { code, stderr } = await runCli(['serve', '--database', join(folder, 'm.db')], { ...env, PORT: '0' })
  assert.equal(code, 2)
  assert.match(stderr, /sandbox: mode must be test\./)
})
