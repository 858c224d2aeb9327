import type { Statement } from 'better-sqlite3'
import type { Charge, ChargeCounter, Metadata, Refund } from '../../domain/charge.ts'
import { CHARGE_COUNTERS } from '../../domain/charge.ts'
import type { EventType } from '../../domain/event.ts'
import { type IdPrefix, idFloor } from '../../domain/id.ts'
import type { IdempotencyRecord } from '../../domain/idempotency.ts'
import type {
  ChargeQuery,
  CurrencyTotals,
  Delivery,
  DeliveryQuery,
  DeliveryTotals,
  EntryQuery,
  LedgerAccount,
  LedgerEntry,
  Page,
  PageQuery,
  RefundQuery,
  Scope,
  StoredEvent,
} from '../../ports/store.ts'
import type { Connection } from './connection.ts'
import { FIND_KEY, type FoundKey, live, recordOf } from './rows.ts'

type Query = Statement<(string | number)[]>
type Stored<T> = Omit<T, 'metadata'> & { readonly metadata: string | null }

const CHARGE_COLUMNS = `id, version, amount, amount_refunded AS amountRefunded, currency, customer, status,
  payment_method AS paymentMethod, description, metadata, provider, provider_reference AS providerReference,
  decline_code AS declineCode, failure_message AS failureMessage, idempotency_key AS idempotencyKey,
  created_at AS createdAt`

const REFUND_COLUMNS = `id, transaction_id AS transactionId, amount, currency, customer, status, reason,
  description, metadata, idempotency_key AS idempotencyKey, created_at AS createdAt`

const DELIVERY_COLUMNS = `d.id, d.endpoint, d.event_seq AS eventSequence, e.type AS eventType, d.state,
  d.attempts, CASE d.state WHEN 'pending' THEN d.due_at END AS nextAttemptAt, d.last_status AS lastStatus,
  d.last_error AS lastError, d.created_at AS createdAt`

/** Reads over one read-only connection. Each is bounded by an index: none grows with the history. */
export function createQueries(db: Connection) {
  const prepared = new Map<string, Query>()
  /** Prepares each distinct text once. Texts are put together from constants here, never from input. */
  function sql(text: string): Query {
    let statement = prepared.get(text)
    if (!statement) {
      statement = db.prepare<(string | number)[]>(text)
      prepared.set(text, statement)
    }
    return statement
  }

  /** Several reads as of one commit: between two statements the writer may have made another. */
  function snapshot<T>(reads: () => T): T {
    return db.transaction(reads)()
  }

  return {
    idempotencyRecord(scope: Scope, key: string): IdempotencyRecord | undefined {
      const row = sql(FIND_KEY).raw().get(scope.accountId, live(scope), key) as FoundKey | undefined
      return row && recordOf(row)
    },

    charge(scope: Scope, id: string): Charge | undefined {
      const row = sql(
        `SELECT ${CHARGE_COLUMNS} FROM charges WHERE account_id = ? AND live = ? AND id = ?`,
      ).get(scope.accountId, live(scope), id) as Stored<Charge> | undefined
      return row && withMetadata(row)
    },

    charges(scope: Scope, query: ChargeQuery): Page<Charge> {
      const { status } = query
      // `succeeded`, which most charges are, has no index: the newest charges are read until the page is full.
      const filters: Filter[] = [
        ['customer', query.customer, 'charges_by_customer'],
        ['status', status, status === 'succeeded' ? undefined : 'charges_by_status'],
        ['currency', query.currency, 'charges_by_currency'],
      ]
      return page(sql, 'txn', CHARGE_COLUMNS, 'charges', scope, filters, query)
    },

    refund(scope: Scope, id: string): Refund | undefined {
      const row = sql(
        `SELECT ${REFUND_COLUMNS} FROM refunds WHERE account_id = ? AND live = ? AND id = ?`,
      ).get(scope.accountId, live(scope), id) as Stored<Refund> | undefined
      return row && withMetadata(row)
    },

    refunds(scope: Scope, query: RefundQuery): Page<Refund> {
      const filters: Filter[] = [
        ['transaction_id', query.transactionId, 'refunds_by_transaction'],
        ['customer', query.customer, 'refunds_by_customer'],
        ['status', query.status, 'refunds_by_status'],
        ['currency', query.currency, 'refunds_by_currency'],
      ]
      return page(sql, 're', REFUND_COLUMNS, 'refunds', scope, filters, query)
    },

    events(scope: Scope, query: { after: number; limit: number; type?: EventType }): Page<StoredEvent> {
      const { type } = query
      // As with charges: successes, which most events are, are read from the events themselves.
      const rare = type !== undefined && type !== 'payment.succeeded'
      const rows = sql(
        `SELECT seq AS sequence, id, type, created_at AS createdAt, data
         FROM events ${rare ? 'INDEXED BY events_by_type' : ''}
         WHERE account_id = ? AND live = ? AND seq > ? ${type === undefined ? '' : 'AND type = ?'}
           ${rare ? `AND type <> 'payment.succeeded'` : ''}
         ORDER BY seq LIMIT ?`,
      ).all(
        ...[scope.accountId, live(scope), query.after],
        ...(type === undefined ? [] : [type]),
        query.limit + 1,
      ) as StoredEvent[]
      return cut(rows, query.limit)
    },

    ledgerAccounts(scope: Scope): LedgerAccount[] {
      return sql(
        `SELECT code AS account, currency, balance FROM ledger_accounts
         WHERE account_id = ? AND live = ? ORDER BY code, currency`,
      )
        .safeIntegers()
        .all(scope.accountId, live(scope)) as LedgerAccount[]
    },

    ledgerEntries(scope: Scope, query: EntryQuery): Page<LedgerEntry> {
      const select = `SELECT e.seq AS sequence, e.transaction_id AS transactionId, a.code AS account, a.currency,
          e.amount, e.created_at AS createdAt
        FROM ledger_entries e JOIN ledger_accounts a ON a.id = e.ledger_account_id`
      const matches = (of: { account: string; currency: string }) =>
        (query.account ?? of.account) === of.account && (query.currency ?? of.currency) === of.currency
      const before = query.before ?? Number.MAX_SAFE_INTEGER
      if (query.transactionId !== undefined) {
        const rows = sql(
          `${select} WHERE e.account_id = ? AND e.live = ? AND e.transaction_id = ? AND e.seq < ? ORDER BY e.seq DESC`,
        ).all(scope.accountId, live(scope), query.transactionId, before) as LedgerEntry[]
        return cut(rows.filter(matches), query.limit)
      }
      // Entries are clustered by account: the newest of each account, merged, are the newest of all.
      const accounts = sql(
        `SELECT id, code AS account, currency FROM ledger_accounts WHERE account_id = ? AND live = ?`,
      ).all(scope.accountId, live(scope)) as { id: number; account: string; currency: string }[]
      const newest = sql(`${select} WHERE e.ledger_account_id = ? AND e.seq < ? ORDER BY e.seq DESC LIMIT ?`)
      const rows = accounts
        .filter(matches)
        .flatMap(({ id }) => newest.all(id, before, query.limit + 1) as LedgerEntry[])
        .sort((a, b) => b.sequence - a.sequence)
      return cut(rows, query.limit)
    },

    currencyTotals(scope: Scope): CurrencyTotals[] {
      const rows = sql(
        `SELECT name, currency, value FROM counters WHERE account_id = ? AND live = ? AND currency <> ''`,
      ).all(scope.accountId, live(scope)) as { name: ChargeCounter; currency: string; value: number }[]
      const zero = Object.fromEntries(Object.keys(CHARGE_COUNTERS).map((name) => [name, 0]))
      const byCurrency = new Map<string, Record<string, number>>()
      for (const { name, currency, value } of rows) {
        const totals = byCurrency.get(currency) ?? { ...zero }
        totals[name] = value
        byCurrency.set(currency, totals)
      }
      return [...byCurrency]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([currency, totals]) => ({ currency, ...(totals as Record<ChargeCounter, number>) }))
    },

    balances(scope: Scope) {
      return snapshot(() => ({ totals: this.currencyTotals(scope), accounts: this.ledgerAccounts(scope) }))
    },

    deliveryTotals(): DeliveryTotals {
      const rows = sql(
        `SELECT name, sum(value) AS value FROM counters WHERE name LIKE 'deliveries_%' GROUP BY name`,
      ).all() as { name: string; value: number }[]
      const of = (name: string) => rows.find((row) => row.name === `deliveries_${name}`)?.value ?? 0
      return {
        pending: of('pending'),
        delivered: of('delivered'),
        failed: of('failed'),
        retries: of('retried'),
      }
    },

    delivery(scope: Scope, id: string): Delivery | undefined {
      return sql(`SELECT ${DELIVERY_COLUMNS} FROM deliveries d
         JOIN events e ON e.account_id = d.account_id AND e.live = d.live AND e.seq = d.event_seq
         WHERE d.account_id = ? AND d.live = ? AND d.id = ?`).get(scope.accountId, live(scope), id) as
        | Delivery
        | undefined
    },

    deliveries(scope: Scope, query: DeliveryQuery): Page<Delivery> {
      const failed = query.state === 'failed' ? `AND d.state = 'failed'` : ''
      const after = query.startingAfter === undefined ? '' : 'AND d.id < ?'
      const rows = sql(
        `SELECT ${DELIVERY_COLUMNS} FROM deliveries d
         JOIN events e ON e.account_id = d.account_id AND e.live = d.live AND e.seq = d.event_seq
         WHERE d.account_id = ? AND d.live = ? ${failed} ${after} ORDER BY d.id DESC LIMIT ?`,
      ).all(
        ...[scope.accountId, live(scope)],
        ...(query.startingAfter === undefined ? [] : [query.startingAfter]),
        query.limit + 1,
      ) as Delivery[]
      return cut(rows, query.limit)
    },
  }
}

/** A column that must equal a value when one is given, and the index that finds it. */
type Filter = readonly [column: string, value: string | undefined, index: string | undefined]

/**
 * One page by id, over the index of the first filter that is given: without statistics SQLite would take the
 * primary key and read the whole history. Ids begin with their time, so a range of times is a range of ids.
 */
function page<T>(
  sql: (text: string) => Query,
  prefix: IdPrefix,
  columns: string,
  table: 'charges' | 'refunds',
  scope: Scope,
  filters: readonly Filter[],
  query: PageQuery,
): Page<T> {
  const where = ['account_id = ?', 'live = ?']
  const values: (string | number)[] = [scope.accountId, live(scope)]
  let index: string | undefined
  for (const [column, value, by] of filters) {
    if (value === undefined) continue
    where.push(`${column} = ?`)
    values.push(value)
    index ??= by
  }
  // Spelled out, so that the partial index on the other statuses can be used.
  if (index === 'charges_by_status') where.push(`status <> 'succeeded'`)
  const range = (condition: string, id: string | undefined) => {
    if (id === undefined) return
    where.push(condition)
    values.push(id)
  }
  range('id < ?', query.startingAfter)
  range('id > ?', query.endingBefore)
  range('id >= ?', query.createdFrom === undefined ? undefined : idFloor(prefix, query.createdFrom))
  range('id < ?', query.createdUntil === undefined ? undefined : idFloor(prefix, query.createdUntil))
  const backwards = query.endingBefore !== undefined
  const rows = sql(
    `SELECT ${columns} FROM ${table} ${index ? `INDEXED BY ${index}` : ''}
     WHERE ${where.join(' AND ')} ORDER BY id ${backwards ? 'ASC' : 'DESC'} LIMIT ?`,
  ).all(...values, query.limit + 1) as Stored<T & { metadata: Metadata }>[]
  const { data, hasMore } = cut(rows.map(withMetadata) as T[], query.limit)
  return { data: backwards ? data.toReversed() : data, hasMore }
}

/** One row more than asked was read, to know whether there are more. */
function cut<T>(rows: T[], limit: number): Page<T> {
  return { data: rows.slice(0, limit), hasMore: rows.length > limit }
}

function withMetadata<T extends { metadata: Metadata }>(row: Stored<T>): T {
  return { ...row, metadata: row.metadata === null ? {} : JSON.parse(row.metadata) } as T
}
