/**
 * The target of a copy, a PostgreSQL database: one copy at a time has its lease, and continues where the last one
 * stopped.
 */
import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { ClientConfig } from 'pg'
import { copiedEntry } from '../epoch-audit.ts'
import { NOW } from '../postgres/clock.ts'
import { append, begin } from '../postgres/epochs.ts'
import { DEAD_AFTER_MS, freeLeasesOf } from '../postgres/nodes.ts'
import { type Recordset, recordset } from '../postgres/recordset.ts'
import { startBeat } from './beat.ts'
import { digestQuery } from './digest.ts'
import {
  type Columns,
  type CopiedRow,
  FORMER_OWNER,
  keyOf,
  type LastKey,
  PREFILLED_TABLES,
  TABLES,
  type Table,
} from './tables.ts'

/** A copy without a heartbeat for this long, in ms, is dead: another copy may continue. */
const LEASE_MS = 3_000
const LOOK_AGAIN_MS = 250
/** Columns whose values the database generates. */
const NUMBERED = [
  ['idempotency_keys', 'seq'],
  ['ledger_accounts', 'id'],
  ['accounts', 'id'],
] as const

/** Runs statements on one connection, one after another. Rejects with a sentence if the connection breaks. */
export type RunStatement = <R extends object>(
  text: string,
  values?: readonly (string | number | null)[],
) => Promise<{ readonly rows: R[]; readonly rowCount: number | null }>

/** The position of a copy: the last row, and the number of rows so far. */
export type CopyPosition = {
  readonly table: string | null
  readonly lastKey: LastKey | null
  readonly copied: number
}

export type Target = {
  /** The position at which the copy continues. */
  readonly place: CopyPosition
  columns(table: Table): Promise<Columns>
  /** Stores rows and the new position in one statement: both or neither. */
  put(table: Table, columns: Columns, rows: readonly CopiedRow[]): Promise<void>
  /** The digest of the rows between two keys, as `digestOf` computes it; without a key, that end is open. */
  digest(table: Table, columns: Columns, after: LastKey | null, last: LastKey | null): Promise<string>
  /** Sets the database's next numbers, and collects the statistics for its query plans. */
  settle(): Promise<void>
  /**
   * Ends the leases of the former owner and lets nodes serve. Begins a new epoch of event numbers, unless the numbers
   * continue.
   */
  finish(goesOn: boolean): Promise<void>
  /** Lets another copy continue. */
  release(): Promise<void>
}

/**
 * Claims the database for a copy of the source with that fingerprint. If the copy was finished before, returns that
 * time in ms since 1970. Waits for the lease of a copy that crashed. Throws a sentence if nodes serve the database, if
 * it contains anything else, or while another copy is running. `name` is the database's name in that sentence.
 */
export async function takeTarget(
  ask: RunStatement,
  hosts: readonly ClientConfig[],
  name: string,
  fingerprint: string,
): Promise<Target | { readonly doneAt: number }> {
  const token = randomUUID()
  let lastHeartbeatAt: string | undefined
  for (;;) {
    const taken = await inTransaction(ask, () => take(ask, name, fingerprint, token))
    if (!('leasedAt' in taken)) return 'doneAt' in taken ? taken : targetOf(ask, hosts, name, token, taken)
    if (lastHeartbeatAt !== undefined && lastHeartbeatAt !== taken.leasedAt)
      throw new Error(`Another copy into ${name} is running. Wait until it has ended.`)
    lastHeartbeatAt = taken.leasedAt
    await delay(LOOK_AGAIN_MS)
  }
}

type CopyRow = {
  source: string
  leased: boolean
  seen_at: string
  at_table: string | null
  last_key: string | null
  copied: string
  done_at: string | null
}

/**
 * Locks the schema's row meanwhile: a starting node registers itself, and then waits for this check to end. Locks the
 * copy's row too: so this check waits for another copy that is storing rows, and for the heartbeat after them.
 */
async function take(
  ask: RunStatement,
  name: string,
  fingerprint: string,
  token: string,
): Promise<CopyPosition | { readonly leasedAt: string } | { readonly doneAt: number }> {
  await ask('SELECT number FROM schema_version FOR UPDATE')
  const { rows } = await ask<CopyRow>(
    `SELECT source, token IS NOT NULL AND seen_at >= ${NOW} - ${LEASE_MS} AS leased, seen_at, at_table, last_key, copied,
       done_at
     FROM copies FOR UPDATE`,
  )
  const copy = rows[0]
  if (copy && copy.source !== fingerprint) throw otherSource(name, copy.done_at !== null)
  if (copy && copy.done_at !== null) return { doneAt: Number(copy.done_at) }
  if (copy?.leased) return { leasedAt: copy.seen_at }
  await refuseNodes(ask, name)
  if (copy) {
    await ask(`UPDATE copies SET token = $1, seen_at = ${NOW}`, [token])
    const lastKey = copy.last_key === null ? null : (JSON.parse(copy.last_key) as LastKey)
    return { table: copy.at_table, lastKey, copied: Number(copy.copied) }
  }
  await refuseOtherRows(ask, name)
  // The source has its own version of the rows that a new schema contains.
  for (const table of PREFILLED_TABLES) await ask(`DELETE FROM ${table}`)
  await ask(`INSERT INTO copies (one, source, token, seen_at, copied) VALUES (1, $1, $2, ${NOW}, 0)`, [
    fingerprint,
    token,
  ])
  return { table: null, lastKey: null, copied: 0 }
}

function otherSource(name: string, done: boolean): Error {
  return new Error(
    done
      ? `${name} is not empty: another database was copied into it, or this one before it changed. Copy into an empty one.`
      : `${name} contains an unfinished copy of another database, or of this one before it changed. ` +
          'Create a new, empty database, and copy again.',
  )
}

async function refuseNodes(ask: RunStatement, name: string): Promise<void> {
  const { rows } = await ask(`SELECT id FROM nodes WHERE seen_at >= ${NOW} - ${DEAD_AFTER_MS} LIMIT 1`)
  if (rows.length > 0)
    throw new Error(
      `MiniPay nodes serve ${name}, or did a moment ago. Stop its nodes, and copy into an empty database.`,
    )
}

async function refuseOtherRows(ask: RunStatement, name: string): Promise<void> {
  for (const table of TABLES) {
    if (PREFILLED_TABLES.includes(table.name)) continue
    const { rows } = await ask(`SELECT 1 FROM ${table.name} LIMIT 1`)
    if (rows.length > 0)
      throw new Error(
        `${name} is not empty: it has ${table.name.replace('_', ' ')}. Copy into an empty database.`,
      )
  }
}

function targetOf(
  ask: RunStatement,
  hosts: readonly ClientConfig[],
  name: string,
  token: string,
  place: CopyPosition,
): Target {
  const beat = startBeat(hosts, token)
  const lost = () => new Error(`Another copy into ${name} took over.`)
  return {
    place,
    columns: (table) => columnsOf(ask, table),
    async put(table, columns, rows) {
      if (!(await put(ask, token, table, columns, rows))) throw lost()
    },
    async digest(table, columns, after, last) {
      const { text, values } = digestQuery(table, columns, after, last)
      const { rows } = await ask<{ digest: string }>(text, values)
      return rows[0]?.digest ?? ''
    },
    async settle() {
      for (const [table, column] of NUMBERED)
        await ask(
          `SELECT setval(pg_get_serial_sequence($1, $2), last) FROM (SELECT max(${column}) AS last FROM ${table}) AS x
           WHERE last IS NOT NULL`,
          [table, column],
        )
      for (const table of TABLES) await ask(`ANALYZE ${table.name}`)
    },
    finish: (goesOn) =>
      inTransaction(ask, async () => {
        const { rows } = await ask<{ done_at: string }>(FINISH, [token])
        if (!rows[0]) throw lost()
        if (goesOn) await append(ask, copiedEntry(Number(rows[0].done_at)))
        else await begin(ask, 'copied', null)
        for (const { text, values } of freeLeasesOf(FORMER_OWNER)) await ask(text, values)
      }),
    async release() {
      await beat.stop()
      await ask(RELEASE, [token]).catch(() => {})
    },
  }
}

const FINISH = `UPDATE copies SET done_at = ${NOW}, token = NULL WHERE token = $1 RETURNING done_at`
const RELEASE = 'UPDATE copies SET token = NULL WHERE token = $1'

/** Those that the database does not generate. */
async function columnsOf(ask: RunStatement, { name }: Table): Promise<Columns> {
  const { rows } = await ask<{ name: string; type: Columns[string] }>(
    `SELECT column_name AS name, data_type AS type FROM information_schema.columns
     WHERE table_schema = current_schema() AND table_name = $1 AND is_generated = 'NEVER'
     ORDER BY ordinal_position`,
    [name],
  )
  return Object.fromEntries(rows.map((column) => [column.name, column.type]))
}

/** False if another copy has the database: then nothing was written. */
async function put(
  ask: RunStatement,
  token: string,
  source: Table,
  columns: Columns,
  rows: readonly CopiedRow[],
): Promise<boolean> {
  const { name } = source
  const table = tableOf(columns)
  const values = table.values(rows)
  const parameter = (value: string | number) => `$${values.push(String(value))}`
  const last = rows.at(-1) as CopiedRow
  const { rowCount } = await ask(
    `WITH leased AS (
       UPDATE copies
       SET at_table = ${parameter(name)},
         last_key = ${parameter(JSON.stringify(keyOf(source, last)))},
         copied = copied + ${parameter(rows.length)}::bigint,
         seen_at = ${NOW}
       WHERE token = ${parameter(token)} AND done_at IS NULL
       RETURNING one)
     INSERT INTO ${name} (${table.columns})
     SELECT ${table.columns} FROM ${table.from} CROSS JOIN leased`,
    values,
  )
  return rowCount === rows.length
}

function tableOf(columns: Columns): Recordset<CopiedRow> {
  const readers = Object.entries(columns).map(
    ([name, type]) => [name, [type, (row: CopiedRow) => row[name] ?? null]] as const,
  )
  return recordset<CopiedRow>(Object.fromEntries(readers), 1)
}

async function inTransaction<T>(ask: RunStatement, work: () => Promise<T>): Promise<T> {
  await ask('BEGIN')
  try {
    const result = await work()
    await ask('COMMIT')
    return result
  } catch (error) {
    await ask('ROLLBACK').catch(() => {})
    throw error
  }
}
