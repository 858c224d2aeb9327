/** Lists as CSV (RFC 4180): the columns of a schema, and the lines of its objects. */
import { currencyExponent, decimalText } from '../domain/money.ts'
import { componentOf, type ObjectSchema, type Schema } from './schema.ts'

/** One column: its name, and the cell of an object. */
export type Column = {
  readonly name: string
  readonly cell: (object: Readonly<Record<string, unknown>>) => string
}

/**
 * A spreadsheet takes a text that begins with one of these for a formula, and a formula can call a program. Some skip
 * spaces before, and read full-width forms.
 */
const FORMULA = /^[\s\uFEFF]*[=+\-@＝＋－＠]|^[\t\r]/
/** Some spreadsheets part cells at semicolons or tabs, too. */
const NEEDS_QUOTES = /[",;\t\r\n]/

/**
 * A text as a cell. A text that a spreadsheet would run gets a leading `'`, which spreadsheets show as the text that
 * follows it.
 */
function textCell(text: string): string {
  const safe = FORMULA.test(text) ? `'${text}` : text
  return NEEDS_QUOTES.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}

/** Any value of JSON as a cell: null is empty, objects and arrays are their JSON. */
function cellOf(value: unknown): string {
  if (value === null || value === undefined) return ''
  if (typeof value === 'string') return textCell(value)
  if (JSON.isRawJSON(value)) return JSON.stringify(value)
  if (typeof value === 'object') return textCell(JSON.stringify(value))
  return String(value)
}

const TOTALS: readonly string[] = ['balance', 'debits', 'credits', 'closing_balance']

/** `amount`, `amount_refunded`, `balance`, `debits` and the like: sums in minor units of the object's currency. */
const isAmount = (name: string, schema: Schema) =>
  (name === 'amount' || name.startsWith('amount_') || TOTALS.includes(name)) && holdsInteger(schema)

function holdsInteger(schema: Schema): boolean {
  const { type, anyOf } = schema as { readonly type?: unknown; readonly anyOf?: readonly Schema[] }
  return type === 'integer' || (anyOf ?? []).some(holdsInteger)
}

function decimalCell(amount: unknown, currency: unknown): string {
  const exponent = typeof currency === 'string' ? currencyExponent(currency) : undefined
  if (exponent === undefined) return ''
  if (JSON.isRawJSON(amount)) return decimalText(BigInt(JSON.stringify(amount)), exponent)
  return typeof amount === 'number' ? decimalText(amount, exponent) : ''
}

/**
 * The columns of objects with this schema: one for each field, in its order. After each amount, which is in minor
 * units, comes the same in major units, as `amount_decimal`.
 */
export function columnsOf(schema: ObjectSchema): readonly Column[] {
  const properties = Object.entries(schema.properties as Readonly<Record<string, Schema>>)
  const hasCurrency = properties.some(([name]) => name === 'currency')
  return properties.flatMap(([name, field]) => {
    const column: Column = { name, cell: (object) => cellOf(object[name]) }
    if (!hasCurrency || !isAmount(name, componentOf(field)?.schema ?? field)) return [column]
    const decimal = (object: Readonly<Record<string, unknown>>) =>
      decimalCell(object[name], object['currency'])
    return [column, { name: `${name}_decimal`, cell: decimal }]
  })
}

const END = '\r\n'

export const headerLine = (columns: readonly Column[]) => columns.map(({ name }) => name).join() + END

export const csvLine = (columns: readonly Column[], object: object) =>
  columns.map(({ cell }) => cell(object as Readonly<Record<string, unknown>>)).join() + END
