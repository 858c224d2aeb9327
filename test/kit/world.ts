/** MiniPay with providers over the network: bank processes, or peers whose responses the test sets. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { Webhook } from 'standardwebhooks'
import { assertAgreement } from './audit.ts'
import {
  type Charge,
  type Client,
  client,
  type DeclineAnswer,
  type Event,
  eventsAfter,
  type LedgerAccount,
  type Page,
  type Refund,
  until,
} from './client.ts'
import { atEnd, folderOf, tempDir } from './folders.ts'
import { type Answer, call } from './http.ts'
import { type RunningServer, startServer } from './server.ts'
import { type Simulator, type StatedPayment, startSimulator } from './simulator.ts'

/** Settings of one provider, apart from its address and its secret. */
type Instance = { readonly bank: string } & Readonly<Record<string, unknown>>

export type WorldOptions = {
  /** The names of the bank processes; each is a provider of that name, with a short deadline. */
  readonly banks: readonly string[]
  /** Further providers: at a bank, with their own settings, or as the providers' file accepts them. */
  readonly providers?: Readonly<Record<string, Instance | { readonly kind: string }>>
  readonly env?: Record<string, string>
  /** For every bank, unless a provider has its own. */
  readonly deadlineMs?: number
}

export type World = {
  readonly server: RunningServer
  readonly api: Client
  bank(name: string): Simulator
  /** A charge that may end in any way. */
  tryCharge(fields?: object, key?: string): Promise<Answer<Charge & DeclineAnswer>>
  tryRefund(id: string, fields?: object, key?: string): Promise<Answer<Refund & DeclineAnswer>>
  retrieve(id: string): Promise<Charge>
  /** The charge, once it is neither processing nor waiting for its customer. */
  settled(id: string): Promise<Charge>
  /** The types of a charge's events, oldest first. */
  eventsOf(id: string): Promise<Event['type'][]>
  /** The balance of each ledger account that is not zero. */
  balances(): Promise<Record<string, number>>
  /** One sample of the metrics; 0 if it does not exist. */
  metric(sample: string): Promise<number>
  /** The bank's payment of a charge. */
  stated(bank: string, id: string): Promise<StatedPayment[]>
  /** Replaces the routing rules. */
  route(document: object): Promise<void>
  /** Makes each bank notify the provider of its name about later outcomes. */
  notify(): Promise<void>
  /** Fails if the books do not balance or disagree with a bank's statement; then stops everything. */
  close(): Promise<void>
}

/** Short enough that a test may wait for it, and long enough that a busy machine meets it. */
export const DEADLINE_MS = 1_000

/** The entry of a provider at this bank; its lookups are final unless `more` changes that. */
export function atBank({ url, secret }: Pick<Simulator, 'url' | 'secret'>, more: object = {}) {
  return { kind: 'http', mode: 'test', url, secret, lookup: 'final', ...more }
}

/** Writes the providers' file of a folder, and returns the setting that names it. */
export function providersIn(folder: string, providers: object): { MINIPAY_PROVIDERS: string } {
  const file = join(folder, 'providers.json')
  writeFileSync(file, JSON.stringify(providers))
  return { MINIPAY_PROVIDERS: file }
}

/** A bank as the provider of every charge, for one test, with the settings for MiniPay. */
export async function onlyBank(t: TestContext, more: object = {}) {
  const folder = folderOf(t)
  const bank = await startSimulator(join(folder, 'bank.db'))
  atEnd(t, bank.kill)
  return {
    bank,
    env: providersIn(folder, { bank: atBank(bank, more) }),
    /** Of a new MiniPay. */
    database: join(folder, 'minipay.db'),
  }
}

/** Replaces the routing rules. */
export async function storeRules(url: string, document: object): Promise<void> {
  const { status, body } = await call(url, 'PUT', '/api/v1/routing', { document })
  assert.equal(status, 200, JSON.stringify(body))
}

/** Makes a bank notify the MiniPay at that URL, where it is the provider of this name. */
export async function notifyAt(bank: Simulator, url: string, provider: string): Promise<void> {
  await bank.control('PUT', '/notify', { url: `${url}/providers/${provider}/notifications` })
}

/** Starts the banks and a MiniPay with them as providers. */
export async function startWorld(options: WorldOptions): Promise<World> {
  const { banks: names, providers = {}, env = {}, deadlineMs = DEADLINE_MS } = options
  const dir = tempDir()
  const started = names.map((name) => startSimulator(join(dir.path, `${name}.db`)))
  const banks = new Map((await Promise.all(started)).map((bank, i) => [names[i] as string, bank]))
  const bank = (name: string) => banks.get(name) ?? assert.fail(`there is no bank ${name}`)
  const own = Object.fromEntries(names.map((name) => [name, { bank: name }]))
  const at = new Map<string, string>()
  const entries = Object.entries({ ...own, ...providers }).map(([name, settings]) => {
    if (!('bank' in settings)) return [name, settings]
    const { bank: where, ...rest } = settings as Instance
    // A provider with its own address is not at the bank.
    if (!('url' in rest)) at.set(name, where)
    return [name, atBank(bank(where), { deadline_ms: deadlineMs, ...rest })]
  })
  const settings = { ...providersIn(dir.path, Object.fromEntries(entries)), ...env }
  const server = await startServer(join(dir.path, 'minipay.db'), settings)
  const world = around(server, patient(client(server.url)), bank)
  return {
    ...world,
    async notify() {
      for (const name of names) await notifyAt(bank(name), server.url, name)
    },
    async close() {
      try {
        await assertAgreement(world, names, at)
      } finally {
        await server.stop()
        await Promise.all([...banks.values()].map((one) => one.kill()))
        dir.remove()
      }
    },
  }
}

/**
 * The client, with charges, captures, cancels and refunds that have ended: if the bank is so slow, as on a busy
 * machine, that MiniPay returns 202, the client reads the object until its outcome is known.
 */
function patient(api: Client): Client {
  const done = async <T extends { status: string }>(
    answer: Answer<T>,
    status: number,
    path: (body: T) => string,
  ) => {
    if (answer.status !== 202) {
      assert.equal(answer.status, status, JSON.stringify(answer.body))
      return answer.body
    }
    const now = await until(
      async () => (await api.get<T>(path(answer.body))).body,
      (body) => body.status !== 'processing',
    )
    assert.notEqual(now.status, 'failed', JSON.stringify(now))
    return now
  }
  const ofCharge = ({ id }: Charge) => `/api/v1/charges/${id}`
  const follow = async (id: string, what: string, fields: object, key?: string) =>
    done(await api.post<Charge>(`/api/v1/charges/${id}/${what}`, fields, keyed(key)), 200, ofCharge)
  return {
    ...api,
    charge: async (fields = {}, key) =>
      done(await api.post<Charge>('/api/v1/charges', { ...ORDER, ...fields }, keyed(key)), 201, ofCharge),
    refund: async (id, fields = {}, key) =>
      done(
        await api.post<Refund>('/api/v1/refunds', { transaction_id: id, ...fields }, keyed(key)),
        200,
        ({ refund_id }) => `/api/v1/refunds/${refund_id}`,
      ),
    capture: (id, fields = {}, key) => follow(id, 'capture', fields, key),
    cancel: (id, key) => follow(id, 'cancel', {}, key),
  }
}

const ORDER = { amount: 2500, currency: 'usd', customer: 'cus_42' }
const keyed = (key?: string): Record<string, string> => (key === undefined ? {} : { 'idempotency-key': key })

function around(server: RunningServer, api: Client, bank: World['bank']): Omit<World, 'notify' | 'close'> {
  const retrieve = async (id: string) => (await api.get<Charge>(`/api/v1/charges/${id}`)).body
  return {
    server,
    api,
    bank,
    tryCharge: (fields = {}, key) => api.post('/api/v1/charges', { ...ORDER, ...fields }, keyed(key)),
    tryRefund: (id, fields = {}, key) =>
      api.post('/api/v1/refunds', { transaction_id: id, ...fields }, keyed(key)),
    retrieve,
    settled: (id) => until(() => retrieve(id), isSettled),
    async eventsOf(id) {
      return (await eventsAfter(api)).filter(({ data }) => data.id === id).map(({ type }) => type)
    },
    async balances() {
      const { body } = await api.get<Page<LedgerAccount>>('/api/v1/ledger/accounts')
      const some = body.data.filter(({ balance }) => balance !== 0)
      return Object.fromEntries(
        some.map(({ account, currency, balance }) => [`${account} ${currency}`, balance]),
      )
    },
    async metric(sample) {
      const { body } = await api.get<string>('/metrics', { accept: 'text/plain' })
      const line = body.split('\n').find((text) => text.startsWith(`${sample} `))
      return Number(line?.slice(sample.length) ?? 0)
    },
    async stated(name, id) {
      return (await bank(name).statement()).payments.filter(({ transaction_id }) => transaction_id === id)
    },
    route: (document) => storeRules(server.url, document),
  }
}

export function isSettled({ status }: Pick<Charge, 'status'>): boolean {
  return status !== 'processing' && status !== 'requires_action'
}

/** A rule that sends charges with this name in `metadata.to` to these providers. */
export function ruleTo(name: string, providers: readonly string[], failoverOn: readonly string[] = []) {
  return {
    name,
    when: `'to' in metadata && metadata.to == '${name}'`,
    providers,
    failover_on: failoverOn,
  }
}

/**
 * Sends MiniPay a notification of a provider as its bank would: signed with the bank's secret, now, unless the test
 * changes that.
 */
export function sendNotification(
  { server, bank }: Pick<World, 'server' | 'bank'>,
  provider: string,
  body: { readonly id: string; readonly about: string; readonly reference: string },
  { secret = '', at = new Date(), to = provider } = {},
): Promise<Answer<{ status: string; code: string }>> {
  const text = JSON.stringify(body)
  const headers = {
    'webhook-id': body.id,
    'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
    'webhook-signature': new Webhook(secret || bank(provider).secret).sign(body.id, at, text),
  }
  return call(server.url, 'POST', `/providers/${to}/notifications`, text, headers)
}
