/** The tables of a copy: the parts that both engines share, and their differences. */
import { AUDIT, NOUNS, PROVIDER_PAUSES } from '../columns.ts'
import { PLACE_COLUMNS } from '../hourly.ts'

export type Table = {
  readonly name: string
  /** The columns that identify a row, in the order in which the copy reads the rows. */
  readonly key: readonly string[]
  /** The SQL that the rows are read from, if the embedded database has no table of this name. */
  readonly from?: string
  /** Columns that only PostgreSQL has, as SQL for the embedded database. */
  readonly made?: Readonly<Record<string, string>>
  /** Columns that only the embedded database has. */
  readonly own?: readonly string[]
}

/** The owner of the copied leases: a node that never runs. The nodes that start later take over its work. */
export const FORMER_OWNER = 'the embedded database'

const made = { owner: `CASE WHEN t.token IS NOT NULL THEN '${FORMER_OWNER}' END` }

/**
 * SQLite finds the last numbers of a scope in its rows; PostgreSQL stores them in a table, also of a scope without rows:
 * its first event is in the newest epoch.
 */
const LAST_NUMBERS = `(
  SELECT account_id, live, max(max(event), (SELECT max(first_seq) - 1 FROM epochs)) AS event, max(transfer) AS transfer,
    max(audit) AS audit, 1 AS counted
  FROM (
    SELECT account_id, live, max(seq) AS event, 0 AS transfer, 0 AS audit FROM events GROUP BY account_id, live
    UNION ALL
    SELECT account_id, live, 0, max(seq), 0 FROM ledger_transfers GROUP BY account_id, live
    UNION ALL
    SELECT account_id, live, 0, 0, max(seq) FROM audit_log GROUP BY account_id, live
    UNION ALL
    SELECT a.id, m.column1, 0, 0, 0 FROM accounts a CROSS JOIN (VALUES (0), (1)) m)
  GROUP BY account_id, live)`

/** Rows that a new schema already contains: the copy replaces them. */
export const PREFILLED_TABLES: readonly string[] = ['accounts', 'epochs', 'chain_seal']

/**
 * Every table, in the order of the copy: when the copy of one table begins, those before it are complete. The columns
 * and their types are those of the PostgreSQL schema.
 */
export const TABLES: readonly Table[] = [
  { name: 'accounts', key: ['id'] },
  ...NOUNS.map(({ name, key }) => ({
    ...{ name, key },
    ...(name === 'attempts' && { made }),
    ...(name === 'charges' && { own: ['first_event', 'first_transfer'] }),
  })),
  { name: AUDIT.name, key: AUDIT.key },
  { name: 'dashboard_sessions', key: ['hash'] },
  { name: 'idempotency_keys', key: ['seq'] },
  { name: 'ledger_accounts', key: ['id'] },
  { name: 'ledger_transfers', key: ['debit_account_id', 'seq'], own: ['is_first'] },
  { name: 'ledger_slices', key: ['account_id', 'live', 'number'] },
  { name: 'ledger_checkpoints', key: ['ledger_account_id', 'slice'] },
  { name: 'ledger_days', key: ['ledger_account_id', 'day'] },
  { name: 'events', key: ['account_id', 'live', 'seq'] },
  { name: 'epochs', key: ['first_seq'] },
  { name: 'epoch_ends', key: ['first_seq', 'account_id', 'live'] },
  { name: 'webhook_cursors', key: ['account_id', 'live', 'endpoint'], made },
  { name: 'webhook_hours', key: ['account_id', 'live', 'endpoint', 'hour'] },
  { name: 'notifications', key: ['id'], made },
  { name: 'clock', key: ['id'] },
  { name: 'clock_marks', key: ['observed_ms'] },
  { name: 'rule_sets', key: ['account_id', 'live', 'version'] },
  { name: PROVIDER_PAUSES.name, key: PROVIDER_PAUSES.key },
  { name: 'velocity_counters', key: ['account_id', 'live', 'counter'] },
  { name: 'counters', key: ['account_id', 'live', 'name', 'currency'], made: { part: '0' } },
  {
    name: 'hourly_statistics',
    key: ['account_id', 'live', ...PLACE_COLUMNS],
    made: { part: '0' },
  },
  { name: 'chain_links', key: ['account_id', 'live', 'number'] },
  { name: 'chain_seal', key: ['id'] },
  { name: 'event_purges', key: ['account_id', 'live'] },
  { name: 'sequences', key: ['account_id', 'live'], from: LAST_NUMBERS },
]

/** A column's type, by its PostgreSQL name. */
export type ColumnType = 'integer' | 'smallint' | 'bigint' | 'text'
export type Columns = Readonly<Record<string, ColumnType>>

/** A row by its columns: a `bigint` is a text, which has all 64 bits. */
export type CopiedRow = Readonly<Record<string, string | number | null>>

/** The key of the last copied row: the copy continues after it. */
export type LastKey = readonly (string | number)[]

export function keyOf({ key }: Table, row: CopiedRow): LastKey {
  return key.map((column) => row[column] as string | number)
}
