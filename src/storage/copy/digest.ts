/** What rows hold in a few characters, computed at either end from what is stored there. */
import { createHash } from 'node:crypto'
import type { Columns, CopiedRow, LastKey, Table } from './tables.ts'

/**
 * Around a text, and twice for one in it: it is rare, so that few are rewritten. Nothing is around a number or a NULL,
 * and rows are told apart whatever their texts hold.
 */
const QUOTE = '\x1f'

/** SHA-256 of rows as one text: their columns with a comma behind each, in the order of the schema. */
export function digestOf(columns: Columns, rows: readonly CopiedRow[]): string {
  const parts = Object.entries(columns)
  let text = ''
  for (const row of rows) {
    for (const [column, type] of parts) {
      const value = row[column] ?? null
      if (value !== null) text += type === 'text' ? quoted(value as string) : value
      text += ','
    }
    text += '\n'
  }
  return createHash('sha256').update(text).digest('hex')
}

function quoted(text: string): string {
  const escaped = text.includes(QUOTE) ? text.replaceAll(QUOTE, QUOTE + QUOTE) : text
  return QUOTE + escaped + QUOTE
}

type Query = { readonly text: string; readonly values: readonly string[] }

/** The same of the rows behind one key, up to another; both ends are open where there is none. */
export function digestQuery(
  { name, key }: Table,
  columns: Columns,
  after: LastKey | null,
  last: LastKey | null,
): Query {
  const values: string[] = []
  const bound = (bounds: LastKey) =>
    bounds.map((value, i) => `$${values.push(String(value))}::${columns[key[i] as string]}`)
  const keys = key.join(', ')
  const conditions = [
    ...(after ? [`(${keys}) > (${bound(after).join(', ')})`] : []),
    ...(last ? [`(${keys}) <= (${bound(last).join(', ')})`] : []),
  ]
  const where = conditions.length > 0 ? `WHERE ${conditions.join(' AND ')}` : ''
  const row = Object.entries(columns)
    .map(([column, type]) => (type === 'text' ? quotedInSql(column) : column))
    .map((value) => `${value}, ','`)
    .join(', ')
  const text = `
    SELECT encode(sha256(convert_to(coalesce(string_agg(concat(${row}, E'\\n'), '' ORDER BY ${keys}), ''), 'UTF8')), 'hex')
      AS digest
    FROM ${name} ${where}`
  return { text, values }
}

function quotedInSql(column: string): string {
  return `chr(31) || replace(${column}, chr(31), chr(31) || chr(31)) || chr(31)`
}
