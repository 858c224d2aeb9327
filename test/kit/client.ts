/** A client of a running server that checks every response against the OpenAPI document. */
import assert from 'node:assert/strict'
import { setTimeout } from 'node:timers/promises'
import type { AlarmView as Alarm } from '../../src/api/minipay/alarm-schemas.ts'
import type { AttemptView as Attempt } from '../../src/api/minipay/attempt-schemas.ts'
import type { BalanceView as Balance } from '../../src/api/minipay/balance-schemas.ts'
import type { ChargeView as Charge, DeclineResponse } from '../../src/api/minipay/charge-schemas.ts'
import type { DeliveryView as Delivery } from '../../src/api/minipay/delivery-schemas.ts'
import type { DisputeView as Dispute } from '../../src/api/minipay/dispute-schemas.ts'
import type { ErrorResponse } from '../../src/api/minipay/error-schemas.ts'
import type { EventView } from '../../src/api/minipay/event-schemas.ts'
import type {
  LedgerAccountView as LedgerAccount,
  LedgerEntryView as LedgerEntry,
} from '../../src/api/minipay/ledger-schemas.ts'
import type { RefundView as Refund } from '../../src/api/minipay/refund-schemas.ts'
import type { MetricsView as MetricsAnswer } from '../../src/api/operations-schemas.ts'
import type { Static } from '../../src/http/schema.ts'
import { assertDocumented } from './documented.ts'
import { type Answer, call, readAll } from './http.ts'
import { PATIENCE_MS } from './until.ts'

export type {
  Alarm,
  Attempt,
  Balance,
  Charge,
  Delivery,
  Dispute,
  LedgerAccount,
  LedgerEntry,
  MetricsAnswer,
  Refund,
}
export type ErrorAnswer = Static<typeof ErrorResponse>
export type DeclineAnswer = Static<typeof DeclineResponse>
/** Every event shows a charge; that of a refund adds the refund, that of a dispute the dispute, that of an alarm the alarm. */
export type Event = Omit<EventView, 'data'> & {
  readonly data: Charge & { readonly refund?: Refund; readonly dispute?: Dispute; readonly alarm?: Alarm }
}
export type Page<T> = { readonly data: T[]; readonly has_more: boolean }

export type Client = {
  readonly url: string
  get<T>(path: string, headers?: Record<string, string>): Promise<Answer<T>>
  /** Sends a string as it is, and anything else as JSON. */
  post<T>(path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer<T>>
  put<T>(path: string, body?: unknown): Promise<Answer<T>>
  request<T>(
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<Answer<T>>
  /** Makes a charge of 2500 usd unless `fields` change it; fails if the response is not 201. */
  charge(fields?: object, key?: string): Promise<Charge>
  /** Fails if the response is not 200. */
  refund(chargeId: string, fields?: object, key?: string): Promise<Refund>
  /** Fails if the response is not 200; so does a cancel. */
  capture(id: string, fields?: object, key?: string): Promise<Charge>
  cancel(id: string, key?: string): Promise<Charge>
  /** The attempts of a charge. */
  attempts(id: string): Promise<Attempt[]>
}

/** A client of the server at that URL, such as http://127.0.0.1:54321; it sends `own` headers with every request. */
export function client(url: string, own: Readonly<Record<string, string>> = {}): Client {
  async function checked<T>(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answer<T>> {
    const answer = await call<T>(url, method, path, body, { ...own, ...headers })
    assertDocumented(method, path, answer)
    return answer
  }
  async function done<T>(path: string, status: number, body: object, key?: string): Promise<T> {
    const answer = await checked<T>('POST', path, body, key === undefined ? {} : { 'idempotency-key': key })
    assert.equal(answer.status, status, JSON.stringify(answer.body))
    return answer.body
  }
  return {
    url,
    get: (path, headers) => checked('GET', path, undefined, headers),
    post: (path, body, headers) => checked('POST', path, body, headers),
    put: (path, body) => checked('PUT', path, body),
    request: checked,
    charge: (fields = {}, key) =>
      done('/api/v1/charges', 201, { amount: 2500, currency: 'usd', customer: 'cus_42', ...fields }, key),
    refund: (id, fields = {}, key) => done('/api/v1/refunds', 200, { transaction_id: id, ...fields }, key),
    capture: (id, fields = {}, key) => done(`/api/v1/charges/${id}/capture`, 200, fields, key),
    cancel: (id, key) => done(`/api/v1/charges/${id}/cancel`, 200, {}, key),
    async attempts(id) {
      const { status, body } = await checked<Page<Attempt>>('GET', `/api/v1/charges/${id}/attempts`)
      assert.equal(status, 200, JSON.stringify(body))
      return body.data
    },
  }
}

/** Every object of a list, page by page. */
export function all<T extends { id: string }>(
  { get }: Pick<Client, 'get'>,
  path: string,
  cursor: (item: T) => string = (item) => item.id,
): Promise<T[]> {
  return readAll<T>(get, path, (last) => (last ? `&starting_after=${cursor(last)}` : ''))
}

/** Every event after a sequence, oldest first. */
export function eventsAfter({ get }: Pick<Client, 'get'>, after = 0): Promise<Event[]> {
  return readAll<Event>(get, '/api/v1/events', (last) => `&after=${last?.sequence ?? after}`)
}

/** The stored state of a server, from its lists and counters: to compare before and after a refused request. */
export async function stored({ get }: Pick<Client, 'get'>): Promise<object> {
  const [metrics, balance, accounts, entries, events] = await Promise.all([
    get<MetricsAnswer>('/metrics'),
    get<Balance>('/api/v1/balance'),
    get<Page<LedgerAccount>>('/api/v1/ledger/accounts'),
    get<Page<LedgerEntry>>('/api/v1/ledger/entries?limit=1'),
    eventsAfter({ get }),
  ])
  const { total_charges, total_refunds } = metrics.body
  return {
    total_charges,
    total_refunds,
    balance: balance.body,
    accounts: accounts.body.data,
    last_entry: entries.body.data[0] ?? null,
    last_event: events.at(-1) ?? null,
  }
}

/** Repeats a request until the response meets the condition; after three minutes fails with the last response. */
export async function until<T>(ask: () => Promise<T>, condition: (answer: T) => boolean): Promise<T> {
  for (const giveUpAt = Date.now() + PATIENCE_MS; ; ) {
    const answer = await ask()
    if (condition(answer)) return answer
    assert.ok(Date.now() < giveUpAt, `still waiting; the last answer was ${JSON.stringify(answer)}`)
    await setTimeout(20)
  }
}
