/** A MiniPay that has an object of each kind, for tests that send it all sorts of requests. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { decide } from '../../src/domain/charge.ts'
import { KEYLESS_SCOPE as scope } from '../../src/ports/store.ts'
import { engineOf } from '../../src/storage/engine.ts'
import { alarmOf } from '../contract/store/alarms.ts'
import { assertSound } from './audit.ts'
import { type Alarm, type Attempt, type Client, client, type Delivery, type Page, until } from './client.ts'
import { commitOf, committed, taken } from './commits.ts'
import { started, tempDir } from './folders.ts'
import { call } from './http.ts'
import { bearer } from './keys.ts'
import { startPeer } from './peer.ts'
import { startReceiver } from './receiver.ts'
import { onEngine, type RunningServer, startServer } from './server.ts'
import { newSecret } from './simulator.ts'
import { atBank, providersIn, storeRules } from './world.ts'

/** Ids of objects that a MiniPay has, by their kind. */
export type Ids = Readonly<Record<'txn' | 're' | 'att' | 'alm' | 'dlv' | 'key', readonly string[]>>

export type LivedIn = {
  readonly server: RunningServer
  /** With the key of an administrator. */
  readonly api: Client
  /** The header with that key. */
  readonly authorization: Readonly<Record<'authorization', string>>
  readonly ids: Ids
  /** Fails unless a healthy client gets its charge at once, and the server has had no error of its own. */
  assertHealthy(): Promise<void>
  /** Fails unless the books are sound; then ends everything. */
  end(): Promise<void>
}

/**
 * Starts a MiniPay whose charges go to the sandbox; `bank` is a provider that fails every call, so that the attempts at it
 * stay unknown. The receiver refuses every webhook. There are so many open attempts and alarms.
 */
export async function startLivedIn({ attempts = 4, alarms = 4 } = {}): Promise<LivedIn> {
  const { database, ...livedIn } = await started(async ({ add }) => {
    const dir = tempDir()
    add(dir.remove)
    const database = join(dir.path, 'minipay.db')
    await storeAlarms(await onEngine(database), alarms)
    const bank = await startPeer(() => 'no JSON')
    add(bank.close)
    const receiver = await startReceiver((_webhook, response) => response.writeHead(400).end())
    add(receiver.close)
    const server = await startServer(database, {
      ...providersIn(dir.path, {
        sandbox: { kind: 'sandbox' },
        bank: atBank({ url: bank.url, secret: newSecret() }),
      }),
      WEBHOOK_TARGET: receiver.url,
      MINIPAY_PROVIDER_WAIT_MS: '200',
    })
    add(server.stop)
    const ids = await fill(client(server.url), attempts)
    // The first key: from now on, every request needs one.
    const { key, ...keyed } = await makeKeys(server.url)
    return { database, server, ...keyed, ids: { ...ids, key } }
  })
  return {
    ...livedIn,
    assertHealthy: () => assertHealthy(livedIn.server, livedIn.api),
    async end() {
      try {
        await assertSound(database)
      } finally {
        await livedIn.end()
      }
    },
  }
}

async function storeAlarms(database: string, count: number): Promise<void> {
  const engine = await engineOf(database)
  const store = await engine.open({
    onGroup() {},
    onFatal: assert.fail,
    log: { info() {}, warn() {}, error() {} },
  })
  for (let i = 0; i < count; i++) {
    const { charge } = await taken(store, { scope, amount: 1_000 })
    const alarm = alarmOf(charge)
    const opened = decide(charge, {}, { alarms: [alarm], event: 'alarm.opened' })
    await committed(store, commitOf(opened, { scope }, null, alarm.openedAt))
  }
  await store.close()
}

/** Makes an administrator and keys that a test may revoke. */
async function makeKeys(url: string) {
  const make = async (at: Client, name: string) =>
    (await at.post<{ id: string; secret: string }>('/api/v1/keys', { name, role: 'administrator' })).body
  const { secret } = await make(client(url), 'test')
  const authorization = bearer(secret)
  const api = client(url, authorization)
  return { api, authorization, key: [(await make(api, 'one')).id, (await make(api, 'other')).id] }
}

/** Makes the objects, and returns their ids. */
async function fill(api: Client, attempts: number): Promise<Omit<Ids, 'key'>> {
  const charges = [await api.charge(), await api.charge({ currency: 'jpy' })]
  for (let i = 0; i < 4; i++) charges.push(await api.charge({ capture: false }))
  const refunds = await Promise.all(charges.slice(0, 2).map(({ id }) => api.refund(id, { amount: 1 })))
  await storeRules(api.url, { default: { providers: ['bank'] } })
  const order = { amount: 2500, currency: 'usd', customer: 'cus_42' }
  await Promise.all(Array.from({ length: attempts }, () => api.post('/api/v1/charges', order)))
  assert.equal((await call(api.url, 'DELETE', '/api/v1/routing')).status, 200)
  const listed = async <T extends { id: string }>(path: string) =>
    (await api.get<Page<T>>(path)).body.data.map(({ id }) => id)
  const dlv = await until(
    () => listed<Delivery>('/api/v1/webhook_deliveries?status=failed&limit=5'),
    (found) => found.length > 0,
  )
  return {
    txn: charges.map(({ id }) => id),
    re: refunds.map(({ refund_id }) => refund_id),
    att: await listed<Attempt>('/api/v1/attempts?status=unknown&limit=100'),
    alm: await listed<Alarm>('/api/v1/alarms?limit=100'),
    dlv,
  }
}

async function assertHealthy(server: RunningServer, api: Client): Promise<void> {
  await api.charge({ metadata: { from: 'a healthy client' } })
  const [failure] = server.output().match(/.*A request failed\..*/) ?? []
  assert.equal(failure, undefined)
  const { body } = await api.get<string>('/metrics', { accept: 'text/plain' })
  assert.match(body, /^minipay_errors_total 0$/m)
  assert.equal((await api.get('/ready')).status, 200)
}
