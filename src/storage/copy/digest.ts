/** A digest of rows: each engine computes it from its own stored rows, and both results must be the same. */
import { createHash } from 'node:crypto'
import type { Columns, CopiedRow, LastKey, Table } from './tables.ts'

/**
 * Encloses each text; inside a text it is doubled. It is a rare character, so few texts need that. Numbers and NULL
 * have none around them, so different rows always give different text.
 */
const QUOTE = '\x1f'

/** SHA-256 of rows as one text: their columns in the order of the schema, each followed by a comma. */
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

/** The same digest for the rows between two keys; without a key, that end is open. */
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
