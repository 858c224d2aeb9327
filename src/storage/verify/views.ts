/** The objects of snapshots, and the columns of their rows. */
import { type ChargePart, fieldsOf } from '../../domain/snapshot.ts'
import { ALARMS, CHARGES, DISPUTES, NOUNS, REFUNDS } from '../columns.ts'
import type { Table } from '../table.ts'
import type { Json, Row } from './aggregate.ts'

export type View = {
  readonly name: ChargePart
  /** The column of each field. */
  readonly fields: Readonly<Record<string, string>>
  /** Fields that every snapshot has. */
  readonly always: readonly string[]
  /** Fields that never change. */
  readonly fixed: readonly string[]
}

/** `fixed` adds fields that never change although their columns may. */
function viewOf<T>(name: ChargePart, { columns }: Table<T>, fixed: readonly (keyof T & string)[] = []): View {
  const { always, usual } = fieldsOf(name)
  const listed = columns.filter(({ property }) => [...always, ...usual].includes(property))
  return {
    name,
    fields: Object.fromEntries(listed.map(({ property, name }) => [property, name])),
    always,
    fixed: [...listed.filter(({ changes }) => !changes).map(({ property }) => property), ...fixed],
  }
}

export const CHARGE = viewOf('charge', CHARGES)
export const REFUND = viewOf('refund', REFUNDS)
export const DISPUTE = viewOf('dispute', DISPUTES)
export const ALARM = viewOf('alarm', ALARMS, ['message'])

/** Boolean columns. */
const FLAGS = new Set(
  NOUNS.flatMap(({ columns }) => columns.filter(({ type }) => type === 'smallint').map(({ name }) => name)),
)

/** The fact in a column. */
export function factOf(row: Row, column: string): unknown {
  const value = row[column] ?? null
  if (column === 'metadata') return value ?? '{}'
  return FLAGS.has(column) ? value === 1 : value
}

/** RFC 3339; the number itself for a time outside the calendar. */
export function timeOf(ms: number): string {
  const time = new Date(ms)
  return Number.isNaN(time.getTime()) ? String(ms) : time.toISOString()
}

/** True if the row has the value of a snapshot's field. */
function hasValue(object: unknown, row: Row, column: string): boolean {
  if (column === 'metadata') return JSON.stringify(object) === (row['metadata'] ?? '{}')
  return object === factOf(row, column)
}

/** Why a value is not such an object, as the end of a sentence; undefined if it has all its fields and no others. */
export function shapeProblem({ name, fields, always }: View, object: unknown): string | undefined {
  if (typeof object !== 'object' || object === null || Array.isArray(object)) return `shows no ${name}`
  for (const field in object)
    if (fields[field] === undefined) return `shows a ${name} with ${field}, which none has`
  const missing = always.find((field) => !(field in object))
  return missing && `shows a ${name} without ${missing}`
}

/** The first field in which an object differs from its row, as the end of a sentence. */
export function difference(
  { name, fields }: View,
  object: Json,
  row: Row,
  which: readonly string[] = Object.keys(fields),
): string | undefined {
  for (const field of which) {
    const column = fields[field] as string
    if (!hasValue(object[field], row, column))
      return `says that ${column} of the ${name} ${row['id']} is ${inWords(object[field])}, and its row ${inWords(factOf(row, column))}`
  }
  return undefined
}

export function inWords(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value ?? null)
  return text.length > 80 ? `${text.slice(0, 80)}…` : text
}
