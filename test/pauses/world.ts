import { join } from 'node:path'
import { fill } from '../../bench/fill.ts'
import { CURRENCY_EXPONENTS } from '../../src/domain/currencies.ts'
import { openWriter } from '../../src/storage/sqlite/open.ts'
import { tempDir } from '../kit/folders.ts'
import { call } from '../kit/http.ts'
import { startPeer } from '../kit/peer.ts'
import { startReceiver } from '../kit/receiver.ts'
import { newSecret } from '../kit/simulator.ts'
import { atBank, providersIn } from '../kit/world.ts'
import { type MeteredServer, startMetered } from './meter.ts'
import { type ConditionKind, ruleSetOf } from './rule-sets.ts'

export type Ask = {
  readonly method: string
  readonly path: string
  /** Sent as it is. */
  readonly body?: string
  readonly headers?: Readonly<Record<string, string>>
}

export type PausesWorld = {
  readonly server: MeteredServer
  /** Ids of objects that are there. */
  readonly ids: Readonly<Record<'charge' | 'refund' | 'held' | 'endpoint', string>>
  /** Answers the status, when the whole answer was read. */
  send(ask: Ask): Promise<number>
  charge(fields: object): Ask
  simulation(kind: ConditionKind): Ask
  readonly longAnswers: readonly string[]
  /** What the provider and the receiver answer from now on. */
  answerWith(body: string): void
  /** Resolves when so many more webhooks were answered. */
  heardWebhooks(count: number): Promise<void>
  close(): Promise<void>
}

const CHARGES = 100_000
const MIB = 1024 * 1024
/** As much as one charge can hold. */
export const MOST_METADATA = Object.fromEntries(
  Array.from({ length: 50 }, (_, i) => [`key_${i}`.padEnd(40, 'x'), '1 "2" '.repeat(83)]),
)

const long = (head: string, piece: string, tail: string) =>
  head + piece.repeat(Math.floor((MIB - head.length - tail.length) / piece.length)) + tail

export async function startPausesWorld(): Promise<PausesWorld> {
  const dir = tempDir()
  fillHistory(join(dir.path, 'minipay.db'))
  let answer = ''
  const peer = await startPeer(() => answer)
  const receiver = await startReceiver((_webhook, response) => response.end(answer || 'ok'))
  const remote = atBank({ url: peer.url, secret: newSecret() })
  const server = await startMetered(dir.path, {
    ...providersIn(dir.path, { sandbox: { kind: 'sandbox' }, remote }),
    WEBHOOK_TARGET: receiver.url,
    MINIPAY_PROVIDER_WAIT_MS: '1000',
  })
  const made = await makeLargeRows(server.url, receiver.url)
  return {
    server,
    ids: made,
    async send({ method, path, body, headers }) {
      const response = await fetch(server.url + path, {
        method,
        headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
        ...(body !== undefined && { body }),
      })
      await response.arrayBuffer()
      return response.status
    },
    charge: (fields) => ({
      method: 'POST',
      path: '/api/v1/charges',
      body: JSON.stringify({ amount: 100, currency: 'usd', customer: 'cus_1', ...fields }),
    }),
    simulation: (kind) => ({
      method: 'POST',
      path: '/api/v1/routing/simulate',
      body: JSON.stringify({
        rules: ruleSetOf(kind),
        charge: { amount: 1, currency: 'usd', customer: 'c', metadata: MOST_METADATA },
        last: 20,
      }),
    }),
    longAnswers: [
      long('{"status":"', '1 ', '"}'),
      long('{"status":"declined","decline_code":"x","message":"', '1,234,567,890,123,', '"}'),
      long('', '[', ''),
      long('{"status":[', '{"a":1},', '0]}'),
      long('{', '"a":1,', '"b":2}'),
      long('', '\u200d', '').slice(0, MIB / 3),
    ],
    answerWith(body) {
      answer = body
    },
    heardWebhooks: (count) => receiver.waitForRequests(receiver.received.length + count),
    async close() {
      await server.stop()
      await Promise.all([peer.close(), receiver.close()])
      dir.remove()
    },
  }
}

/** A hundred thousand charges of one customer, whose webhooks all failed for good. */
function fillHistory(file: string): void {
  fill(file, { charges: CHARGES, story: 'undelivered', perCustomer: CHARGES }, Date.now())
  const db = openWriter(file)
  db.exec(`
    INSERT INTO webhook_deliveries (account_id, live, id, endpoint, event_seq, event_id, event_type, state, attempts,
      revision, tries, created_at, settled_at)
    SELECT account_id, live, 'dlv_' || substr(id, 5), 'default', seq, id, type, 'failed', 9, 0,
      '[{"at":1,"ms":1,"status":500,"error":"No.","answer":null,"why":"event"}]', created_at, created_at
    FROM events ORDER BY seq;
    INSERT INTO counters (account_id, live, name, currency, value) VALUES (1, 0, 'deliveries_failed', '', ${CHARGES});
    UPDATE webhook_cursors SET failed = ${CHARGES}, position = ${CHARGES}, reach = ${CHARGES}`)
  db.close()
}

/** A page of charges and refunds of the largest size, one charge in each currency, and one that is held. */
async function makeLargeRows(url: string, hook: string): Promise<PausesWorld['ids']> {
  const post = async (path: string, body: object) => {
    const answer = await call<{ id: string; refund_id: string }>(url, 'POST', path, body)
    if (answer.status >= 400 && answer.status !== 400) throw new Error(JSON.stringify(answer.body))
    return answer.body
  }
  const charge = { amount: 100, currency: 'usd', customer: 'cus_1' }
  for (const currency of CURRENCY_EXPONENTS.keys()) await post('/api/v1/charges', { ...charge, currency })
  const large = { metadata: MOST_METADATA, description: '1 "2" '.repeat(166) }
  let [refund, last] = ['', '']
  for (let i = 0; i < 20; i++) {
    const { id } = await post('/api/v1/charges', { ...charge, ...large })
    refund = (await post('/api/v1/refunds', { transaction_id: id, amount: 1, ...large })).refund_id
    last = id
  }
  const held = await post('/api/v1/charges', { ...charge, ...large, capture: false })
  let endpoint = ''
  for (let i = 0; i < 100; i++) {
    endpoint = (await post('/api/v1/webhook_endpoints', { url: hook, ...large })).id
    await post(`/api/v1/webhook_endpoints/${endpoint}/disable`, {})
  }
  return { charge: last, refund, held: held.id, endpoint }
}
