/** Reads each charge with everything that belongs to it, in one pass over the tables, each sorted by charge. */
import { type ChargePart, factsIn } from '../../domain/snapshot.ts'
import type { View } from './views.ts'

/** A row by its columns. */
export type Row = Readonly<Record<string, string | number | null>>

/** A JSON object. */
export type Json = Readonly<Record<string, unknown>>

/** The facts of an event, with their usual values. */
export type EventFacts = { readonly charge: Json } & {
  readonly [Name in Exclude<ChargePart, 'charge'>]?: Json
}

/** An event as stored, and its facts; null if its data is not an object in MiniPay's JSON form. */
export type AuditedEvent = {
  readonly seq: number
  readonly id: string
  readonly type: string
  readonly at: number
  readonly text: string
  /** The object of its text, without the usual values that the text leaves out. */
  readonly shown: Json | null
  readonly data: EventFacts | null
}

export type Aggregate = {
  /**
   * Has the columns of its idempotency record as `key_…`, as refunds and attempts do; these are null if the record is
   * gone.
   */
  readonly charge: Row
  readonly refunds: readonly Row[]
  readonly disputes: readonly Row[]
  readonly attempts: readonly Row[]
  readonly alarms: readonly Row[]
  readonly closings: readonly Row[]
  readonly events: readonly AuditedEvent[]
  /**
   * The transfers of the charge, its refunds and its disputes, by `transaction_id`; `debit` and `credit` are the codes
   * of the accounts.
   */
  readonly transfers: readonly Row[]
}

/** An object of an aggregate, its view, and its row. */
export type Subject = { readonly view: View; readonly row: Row }

/** The columns of an idempotency record, joined to the row that has its key. */
const KEY = `k.seq AS key_seq, k.fingerprint AS key_fingerprint, k.surface AS key_surface,
  k.ending AS key_ending, k.object_id AS key_object, k.facts AS key_facts, k.event_seq AS key_event, k.created_at AS key_at`
/** Joins the record `k` that has the key of a row. */
export const keyOf = (row: string): string => `LEFT JOIN idempotency_keys k
  ON k.account_id = ${row}.account_id AND k.live = ${row}.live AND k.key = ${row}.idempotency_key`
const TRANSFER = `t.account_id, t.live, t.seq, t.transaction_id, t.amount, t.created_at, d.code AS debit,
  c.code AS credit, d.currency`
const ACCOUNTS_OF_TRANSFER = `JOIN ledger_accounts d ON d.id = t.debit_account_id
  JOIN ledger_accounts c ON c.id = t.credit_account_id`
const transfersOf = (table: string) => `SELECT x.transaction_id AS whose, ${TRANSFER}
  FROM ${table} x
  JOIN ledger_transfers t ON t.account_id = x.account_id AND t.live = x.live AND t.transaction_id = x.id
  ${ACCOUNTS_OF_TRANSFER}
  ORDER BY x.account_id, x.live, x.transaction_id, x.id, t.seq`
const childrenIn = (table: string) =>
  `SELECT x.transaction_id AS whose, x.* FROM ${table} x ORDER BY x.account_id, x.live, x.transaction_id, x.id`

/** The position of the charge's id in an event's data: its first field. */
export const chargeIdIn = (data = 'data') => `substr(${data}, 18, 30)`
/** The condition that an event has a webhook endpoint in place of a charge. */
export const IS_OF_ENDPOINT = `substr(data, 1, 12) = '{"endpoint":'`

/** The SQL of a source. */
export type SourceText = (bytes: string, keyOf: (row: string) => string) => string

/**
 * The sources of aggregates: rows with `account_id`, `live` and a charge's id in `whose`, sorted by these. Both engines
 * run the SQL; `bytes` makes PostgreSQL sort a text by its bytes, and `keyOf` lets SQLite find keys by their hashes.
 */
export const SOURCES = {
  charges: (_, keyOf) => `SELECT c.id AS whose, c.*, ${KEY} FROM charges c ${keyOf('c')}
    ORDER BY c.account_id, c.live, c.id`,
  refunds: (_, keyOf) => `SELECT r.transaction_id AS whose, r.*, ${KEY} FROM refunds r ${keyOf('r')}
    ORDER BY r.account_id, r.live, r.transaction_id, r.id`,
  disputes: () => childrenIn('disputes'),
  attempts: (_, keyOf) => `SELECT t.transaction_id AS whose, t.*, ${KEY}
    FROM attempts t ${keyOf('t')} AND t.kind IN ('capture', 'cancel')
    ORDER BY t.account_id, t.live, t.transaction_id, t.id`,
  alarms: () => childrenIn('alarms'),
  /** The records of requests that closed an alarm: no other row has their key. */
  closings: (bytes) => `SELECT ${chargeIdIn('e.data')} AS whose, k.account_id, k.live,
      k.key AS idempotency_key, k.event_seq AS id, e.created_at, ${KEY}
    FROM events e JOIN idempotency_keys k
      ON k.account_id = e.account_id AND k.live = e.live AND k.event_seq = e.seq
    WHERE e.type = 'alarm.closed'
    ORDER BY e.account_id, e.live, ${chargeIdIn('e.data')}${bytes}, e.seq`,
  events: (bytes) => `SELECT ${chargeIdIn()} AS whose, account_id, live, seq, id, type, data, created_at
    FROM events WHERE NOT ${IS_OF_ENDPOINT} ORDER BY account_id, live, ${chargeIdIn()}${bytes}, seq`,
  transfersOfCharges: () => `SELECT t.transaction_id AS whose, ${TRANSFER}
    FROM ledger_transfers t ${ACCOUNTS_OF_TRANSFER}
    WHERE t.transaction_id >= 'txn_' AND t.transaction_id < 'txn\`'
    ORDER BY t.account_id, t.live, t.transaction_id, t.seq`,
  transfersOfRefunds: () => transfersOf('refunds'),
  transfersOfDisputes: () => transfersOf('disputes'),
} as const satisfies Readonly<Record<string, SourceText>>
export type Source = keyof typeof SOURCES
const NAMES = Object.keys(SOURCES) as Source[]

/** Yields the name of a source, and receives its next rows; an empty batch ends the source. */
export type Reading<T> = Generator<Source, T, readonly Row[]>

/** The rows of one source, of which the next few are in memory. */
class Tape {
  readonly source: Source
  #rows: readonly Row[] = []
  #at = 0
  #ended = false

  constructor(source: Source) {
    this.source = source
  }

  /** True if the next row must be requested. */
  get needsRows(): boolean {
    return this.#at === this.#rows.length && !this.#ended
  }

  fill(rows: readonly Row[]): void {
    this.#rows = rows
    this.#at = 0
    this.#ended = rows.length === 0
  }

  get head(): Row | undefined {
    return this.#rows[this.#at]
  }

  next(): Row {
    return this.#rows[this.#at++] as Row
  }
}

/** Negative if the charge of `a` sorts before that of `b`. */
function compareCharges(a: Row, b: Row): number {
  return (
    Number(a['account_id']) - Number(b['account_id']) ||
    Number(a['live']) - Number(b['live']) ||
    (a['whose'] === b['whose'] ? 0 : String(a['whose']) < String(b['whose']) ? -1 : 1)
  )
}

/**
 * Passes every aggregate to `look`, and returns the first sentence that it returns. Also returns a sentence about a row
 * that belongs to no charge.
 */
export function* aggregates(look: (aggregate: Aggregate) => string | undefined): Reading<string | undefined> {
  const tapes = Object.fromEntries(NAMES.map((name) => [name, new Tape(name)])) as Record<Source, Tape>
  const all = Object.values(tapes)
  for (;;) {
    for (const tape of all) if (tape.needsRows) tape.fill(yield tape.source)
    const first = tapes.charges.head
    const stray = all.find(({ head }) => head && (!first || compareCharges(head, first) < 0))
    if (stray?.head) return strayRow(stray.source, stray.head)
    if (!first) return undefined
    const rows = Object.fromEntries(NAMES.map((name) => [name, [] as Row[]])) as Record<Source, Row[]>
    for (const tape of all)
      while (tape.head && compareCharges(tape.head, first) === 0) {
        rows[tape.source].push(tape.next())
        if (tape.needsRows) tape.fill(yield tape.source)
      }
    const problem = look(aggregateOf(rows))
    if (problem !== undefined) return problem
  }
}

function strayRow(source: Source, row: Row): string {
  return source === 'events'
    ? `The event ${row['seq']} shows ${row['whose']}, which is not there.`
    : `A row of ${source} belongs to ${row['whose']}, which is not there.`
}

function aggregateOf(rows: Record<Source, Row[]>): Aggregate {
  const { charges, refunds, disputes, attempts, alarms, closings, events } = rows
  return {
    charge: charges[0] as Row,
    refunds,
    disputes,
    attempts,
    alarms,
    closings,
    events: events.map(eventOf),
    transfers: [...rows.transfersOfCharges, ...rows.transfersOfRefunds, ...rows.transfersOfDisputes],
  }
}

function eventOf({ seq, id, type, data, created_at }: Row): AuditedEvent {
  const shown = jsonOf(String(data))
  return {
    seq: Number(seq),
    id: String(id),
    type: String(type),
    at: Number(created_at),
    text: String(data),
    shown,
    data: shown && (factsIn(shown) as EventFacts),
  }
}

/** The object of a text that `JSON.stringify` wrote; null for any other text. */
export function jsonOf(text: string): Json | null {
  try {
    const value: unknown = JSON.parse(text)
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
    return isObject && JSON.stringify(value) === text ? (value as Json) : null
  } catch (error) {
    if (error instanceof SyntaxError) return null
    throw error
  }
}
