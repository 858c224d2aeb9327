/** The statements of a group of commits. Each writes the rows of one scope to one table, any number of them. */
import type { Attempt } from '../../domain/attempt.ts'
import type { Scope } from '../../ports/store.ts'
import { ALARMS, ATTEMPTS, CHARGES, DISPUTES, REFUNDS } from '../columns.ts'
import type { Column, Rows, Table } from '../table.ts'
import type { Statement } from './batch.ts'
import { type Recordset, recordsetOf } from './recordset.ts'
import { live } from './rows.ts'

/** A statement for the rows of one scope, which is its first two parameters. */
export type Write<Row> = (scope: Scope, rows: readonly Row[]) => Statement

export function write<Row>({ values }: Recordset<Row>, text: string): Write<Row> {
  return (scope, rows) => ({ text, values: [scope.accountId, live(scope), ...values(rows)] })
}

export const SCOPE = '$1::integer, $2::smallint'

function insert<T>({ name, columns }: Table<T>): Write<T> {
  const rows = recordsetOf(columns)
  return write(
    rows,
    `
  INSERT INTO ${name} (account_id, live, ${rows.columns})
  SELECT ${SCOPE}, r.* FROM ${rows.from}`,
  )
}

/** The id, and the columns that change. */
export function changesIn<T>({ columns, changing }: Rows<T>): readonly Column<T>[] {
  return columns.slice(0, 1 + changing.length)
}

export function setChanges<T>({ changing }: Rows<T>): string {
  return changing.map((column) => `${column} = r.${column}`).join(', ')
}

function update<T>(table: Table<T>): Write<T> {
  const rows = recordsetOf(changesIn(table))
  return write(
    rows,
    `
  UPDATE ${table.name} t
  SET ${setChanges(table)}
  FROM ${rows.scoped}
  WHERE t.account_id = r.account_id AND t.live = r.live AND t.id = r.id`,
  )
}

/** Inserts rows, or updates existing ones. */
function put<T>({ name, columns, changing, key }: Table<T>): Write<T> {
  const rows = recordsetOf(columns)
  return write(
    rows,
    `
  INSERT INTO ${name} (account_id, live, ${rows.columns})
  SELECT ${SCOPE}, r.* FROM ${rows.from}
  ON CONFLICT (${key.join(', ')}) DO UPDATE
  SET ${changing.map((column) => `${column} = excluded.${column}`).join(', ')}`,
  )
}

export const insertCharges = insert(CHARGES)
export const updateCharges = update(CHARGES)
export const putRefunds = put(REFUNDS)
export const putDisputes = put(DISPUTES)
export const insertAlarms = insert(ALARMS)
export const updateAlarms = update(ALARMS)

/** The node that sends or resolves an attempt, while its lease lasts. */
const OWNER = 'CASE WHEN r.token IS NOT NULL THEN $3::text END'

/** A statement for attempts; its third parameter is the node. */
type AttemptWrite = (node: string) => Write<Attempt>

function writeAttempts({ values }: Recordset<Attempt>, text: string): AttemptWrite {
  return (node) => (scope, rows) => ({ text, values: [scope.accountId, live(scope), node, ...values(rows)] })
}

const NEW_ATTEMPTS = recordsetOf(ATTEMPTS.columns, 4)
export const insertAttempts = writeAttempts(
  NEW_ATTEMPTS,
  `
  INSERT INTO attempts (account_id, live, ${NEW_ATTEMPTS.columns}, owner)
  SELECT ${SCOPE}, r.*, ${OWNER} FROM ${NEW_ATTEMPTS.from}`,
)

const CHANGED_ATTEMPTS = recordsetOf(changesIn(ATTEMPTS), 4)
export const updateAttempts = writeAttempts(
  CHANGED_ATTEMPTS,
  `
  UPDATE attempts t
  SET ${setChanges(ATTEMPTS)}, owner = ${OWNER}
  FROM ${CHANGED_ATTEMPTS.scoped}
  WHERE t.account_id = r.account_id AND t.live = r.live AND t.id = r.id`,
)
