/** Our objects as events and answers show them, by the columns of their rows. */
import type { Json, Row } from './aggregate.ts'

export type View = {
  readonly name: 'charge' | 'refund' | 'dispute' | 'alarm'
  /** The column that each field shows. */
  readonly fields: Readonly<Record<string, string>>
  /** Fields that came with a later schema: older views have all of a group, or none. */
  readonly later: readonly (readonly string[])[]
  /** Fields that never change. */
  readonly fixed: readonly string[]
}

const named = (...fields: string[]) => Object.fromEntries(fields.map((field) => [field, field]))

const CHARGE_CAME_LATER = [
  ...['amount_captured', 'amount_refund_pending', 'amount_disputed', 'capture', 'redirect_url', 'expires_at'],
]
export const CHARGE: View = {
  name: 'charge',
  fields: {
    ...named(
      ...[
        'id',
        'amount',
        'amount_refunded',
        'currency',
        'customer',
        'status',
        'payment_method',
        'description',
      ],
      ...['metadata', 'provider', 'provider_reference', 'decline_code', 'failure_message', 'idempotency_key'],
      ...['created_at', ...CHARGE_CAME_LATER],
    ),
    cancel_requested: 'cancel_key',
  },
  later: [CHARGE_CAME_LATER, ['cancel_requested']],
  fixed: [
    ...['id', 'amount', 'currency', 'customer', 'capture', 'payment_method', 'description', 'metadata'],
    ...['idempotency_key', 'created_at'],
  ],
}

const REFUND_CAME_LATER = ['provider_reference', 'decline_code', 'failure_message']
export const REFUND: View = {
  name: 'refund',
  fields: {
    ...named(
      'amount',
      'currency',
      'customer',
      'status',
      'reason',
      'description',
      'metadata',
      'idempotency_key',
    ),
    ...named(...REFUND_CAME_LATER),
    id: 'transaction_id',
    refund_id: 'id',
    refunded_at: 'created_at',
  },
  later: [REFUND_CAME_LATER],
  fixed: [
    ...['id', 'refund_id', 'currency', 'customer', 'reason', 'description', 'metadata'],
    ...['idempotency_key', 'refunded_at'],
  ],
}

export const DISPUTE: View = {
  name: 'dispute',
  fields: named(
    ...['id', 'transaction_id', 'amount', 'amount_booked', 'currency', 'customer', 'status', 'reason'],
    ...['provider', 'provider_reference', 'created_at'],
  ),
  later: [['amount_booked']],
  fixed: ['id', 'transaction_id', 'customer', 'provider', 'provider_reference', 'created_at'],
}

export const ALARM: View = {
  name: 'alarm',
  fields: {
    ...named(
      'id',
      'transaction_id',
      'attempt_id',
      'dispute_id',
      'kind',
      'provider',
      'said',
      'amount',
      'currency',
    ),
    ...named('message', 'in_doubt', 'opened_at', 'closed_at', 'reason'),
    provider_reference: 'reference',
    status: 'state',
  },
  later: [],
  fixed: [
    ...['id', 'transaction_id', 'attempt_id', 'dispute_id', 'kind', 'provider', 'said', 'amount', 'currency'],
    ...['message', 'opened_at', 'provider_reference'],
  ],
}

/** Columns of yes or no. */
const FLAGS = new Set(['capture', 'in_doubt'])

/** What a view shows of a column. */
export function shown(row: Row, column: string): unknown {
  const value = row[column] ?? null
  if (column === 'metadata') return value ?? '{}'
  if (FLAGS.has(column)) return value === 1
  // The key of the request to cancel; the view says only that there is one.
  if (column === 'cancel_key') return value !== null
  return value !== null && column.endsWith('_at') ? timeOf(Number(value)) : value
}

/** RFC 3339; the number itself where no calendar has it. */
export function timeOf(ms: number): string {
  const time = new Date(ms)
  return Number.isNaN(time.getTime()) ? String(ms) : time.toISOString()
}

/** True when a field of a view is what the row says. */
export function shows(said: unknown, row: Row, column: string): boolean {
  if (column === 'metadata') return JSON.stringify(said) === (row['metadata'] ?? '{}')
  return said === shown(row, column)
}

/** Why something is not such a view, as the end of a sentence; undefined when it has all the fields and no others. */
export function misshapen({ name, fields, later }: View, said: unknown, also?: string): string | undefined {
  if (typeof said !== 'object' || said === null || Array.isArray(said)) return `shows no ${name}`
  for (const field in said)
    if (fields[field] === undefined && field !== also) return `shows a ${name} with ${field}, which none has`
  for (const group of later) {
    const there = group.filter((field) => field in said).length
    if (there !== 0 && there !== group.length) return `shows a ${name} without some of ${group.join(', ')}`
  }
  const lacks = Object.keys(fields).find(
    (field) => !(field in said) && !later.some((group) => group.includes(field)),
  )
  return lacks && `shows a ${name} without ${lacks}`
}

/** The first of the fields in which a view differs from the row, as the end of a sentence; one that it lacks does not. */
export function differs(
  { name, fields }: View,
  said: Json,
  row: Row,
  which: readonly string[] = Object.keys(fields),
): string | undefined {
  for (const field of which) {
    const column = fields[field] as string
    if (field in said && !shows(said[field], row, column))
      return `says that ${field} of the ${name} ${row['id']} is ${inWords(said[field])}, and its row ${inWords(shown(row, column))}`
  }
  return undefined
}

export function inWords(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return text.length > 80 ? `${text.slice(0, 80)}…` : text
}
