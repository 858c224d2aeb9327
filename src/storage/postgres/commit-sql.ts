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

/** Changes the rows of a recordset, which has their ids. */
const updateOf = <T>(table: Table<T>, rows: Recordset<T>, changes = setChanges(table)) => `
  UPDATE ${table.name} t
  SET ${changes}
  FROM ${rows.scoped}
  WHERE t.account_id = r.account_id AND t.live = r.live AND t.id = r.id`

/**
 * The same changes; the division by zero ends the transaction if the stored row is not as assumed. As a condition of the
 * update it would not, and would give the planner another reason to scan the table.
 */
const changesIf = <T>(table: Rows<T>, number: string, assumed: string) =>
  setChanges(table).replace(`${number} = r.${number}`, `${number} = r.${number} / (${assumed})::integer`)

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

const CHANGED_CHARGES = recordsetOf(changesIn(CHARGES))
/** Their rows were read and locked before. */
export const updateCharges = write(CHANGED_CHARGES, updateOf(CHARGES, CHANGED_CHARGES))
/** Fails unless each has the version before. */
export const updateAssumedCharges = write(
  CHANGED_CHARGES,
  updateOf(CHARGES, CHANGED_CHARGES, changesIf(CHARGES, 'version', 't.version = r.version - 1')),
)

export const putRefunds = put(REFUNDS)
export const putDisputes = put(DISPUTES)
export const insertAlarms = insert(ALARMS)
const ALARM_CHANGES = recordsetOf(changesIn(ALARMS))
export const updateAlarms = write(ALARM_CHANGES, updateOf(ALARMS, ALARM_CHANGES))

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
const WITH_OWNER = `, owner = ${OWNER}`
/** Their rows were read and locked before. */
export const updateAttempts = writeAttempts(
  CHANGED_ATTEMPTS,
  updateOf(ATTEMPTS, CHANGED_ATTEMPTS, setChanges(ATTEMPTS) + WITH_OWNER),
)
/** Fails unless each is being sent. */
export const updateAssumedAttempts = writeAttempts(
  CHANGED_ATTEMPTS,
  updateOf(ATTEMPTS, CHANGED_ATTEMPTS, changesIf(ATTEMPTS, 'lookups', `t.state = 'sending'`) + WITH_OWNER),
)
