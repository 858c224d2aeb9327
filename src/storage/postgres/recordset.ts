/**
 * Many rows as one array for each column: PostgreSQL reads these in a third of the time that JSON takes. Each `unnest` is in
 * a SELECT list. In FROM, the server would first store each array as a table: a commit through a provider would take it a
 * quarter more CPU time.
 */
import type { Column, ColumnType } from '../table.ts'

export type Value = string | number | bigint | null

/** How a column is read from a row. */
type Read<Row> = readonly [type: ColumnType, value: (row: Row) => Value]

/** Rows of one scope as a table `r` of a statement, and their parameters, which follow the scope's two. */
export type Recordset<Row> = {
  /** Such as `(SELECT unnest($3::integer[]) AS version, unnest($4::text[]) AS id) AS r`. */
  readonly from: string
  /**
   * The same with the scope's columns, to join by them. OFFSET 0 hides from the planner that they are two constants:
   * otherwise it would read all of a scope that was small when it planned, for as long as it keeps the plan.
   */
  readonly scoped: string
  /** Such as `version, id`. */
  readonly columns: string
  values(rows: readonly Row[]): string[]
}

/** `first` is the number of the first array's parameter. */
export function recordset<Row>(columns: Readonly<Record<string, Read<Row>>>, first = 3): Recordset<Row> {
  const entries = Object.entries(columns)
  const arrays = entries.map(([name, [type]], i) => `unnest($${i + first}::${type}[]) AS ${name}`).join(', ')
  return {
    columns: Object.keys(columns).join(', '),
    from: `(SELECT ${arrays}) AS r`,
    scoped: `(SELECT $1::integer AS account_id, $2::smallint AS live, ${arrays} OFFSET 0) AS r`,
    values: (rows) => entries.map(([, [type, value]]) => arrayOf(rows, value, type === 'text')),
  }
}

/** The same, for the columns of a noun. */
export function recordsetOf<Row>(columns: readonly Column<Row>[], first?: number): Recordset<Row> {
  return recordset(readsOf(columns), first)
}

export function readsOf<Row>(columns: readonly Column<Row>[]): Readonly<Record<string, Read<Row>>> {
  return Object.fromEntries(columns.map(({ name, type, read }) => [name, [type, read]]))
}

/** The text of an array (https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO). */
function arrayOf<Row>(rows: readonly Row[], read: (row: Row) => Value, quoted: boolean): string {
  let text = '{'
  for (const row of rows) {
    const value = read(row)
    if (text.length > 1) text += ','
    if (value === null) text += 'NULL'
    else if (quoted) text += quotedText(value as string)
    else text += value
  }
  return `${text}}`
}

/** Characters that JSON writes in another way than an array: control characters, and halves of a surrogate pair. */
const OTHERWISE_IN_JSON = /[^ -\ud7ff\ue000-\uffff]/

/** Most texts with quotes are JSON. An array quotes them as JSON does, which takes a third of the time of `replace`. */
function quotedText(text: string): string {
  if (!text.includes('"') && !text.includes('\\')) return `"${text}"`
  return OTHERWISE_IN_JSON.test(text) ? `"${text.replace(/["\\]/g, '\\$&')}"` : JSON.stringify(text)
}
