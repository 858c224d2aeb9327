/** The filters of lists, which both engines share. */
import type { AlarmQuery, ChargeQuery, RefundQuery } from '../ports/store.ts'

/** An optional filter on a column. */
export type ListFilter = {
  readonly column: string
  /** Several values: one of these. */
  readonly value: string | number | readonly string[] | undefined
  /** Equality unless given. */
  readonly is?: '>=' | '<=' | '<'
  /** The index that has the rows of each value in the order of their ids. */
  readonly index?: string
}

/** A filter that is given. */
export type Given = ListFilter & { readonly value: string | number | readonly string[] }

export const isGiven = (filter: ListFilter): filter is Given => filter.value !== undefined

/**
 * The most rows that a page looks at, when an index alone does not choose them. Then the page ends, and the next one
 * begins there: so a search for one charge in a million takes many short requests in place of a long one. Ten thousand
 * take SQLite 4 ms of CPU, in windows, and 8 by an index; PostgreSQL reads at worst a page for each row.
 */
export const MOST_SEARCHED = 10_000

const oneOrMany = <T extends string>(value: T | readonly T[] | undefined) =>
  typeof value === 'string' ? [value] : value

/**
 * A provider, an amount and a decline code have no index of their own. An index costs every charge a row, on the path of
 * money; and a page is mostly full soon, because most charges are at few providers, and operators ask for a status, a
 * customer or a time, too. Only failed charges have a decline code, so it is searched among those.
 */
export function chargeFilters(query: ChargeQuery): readonly ListFilter[] {
  const { declineCode } = query
  const asked = oneOrMany(query.status)
  const statuses = asked ?? (declineCode === undefined ? undefined : ['failed'])
  // `succeeded`, the status of most charges, has no index: the query reads the newest charges until the page is full.
  const byStatus = statuses?.includes('succeeded') ? undefined : 'charges_by_status'
  return [
    { column: 'customer', value: query.customer, index: 'customer_index' },
    { column: 'status', value: statuses, ...(byStatus && { index: byStatus }) },
    { column: 'currency', value: query.currency, index: 'charges_by_currency' },
    { column: 'provider', value: query.provider },
    { column: 'decline_code', value: declineCode },
    ...amounts(query),
  ]
}

export function refundFilters(query: RefundQuery): readonly ListFilter[] {
  const { declineCode } = query
  const statuses = oneOrMany(query.status) ?? (declineCode === undefined ? undefined : ['failed'])
  return [
    { column: 'transaction_id', value: query.chargeId, index: 'refunds_by_transaction' },
    { column: 'customer', value: query.customer, index: 'refunds_by_customer' },
    { column: 'status', value: statuses, index: 'refunds_by_status' },
    { column: 'currency', value: query.currency, index: 'refunds_by_currency' },
    { column: 'decline_code', value: declineCode },
    ...amounts(query),
  ]
}

/** A provider has no index of its own: alarms are few. */
export const alarmFilters = ({ chargeId, state, provider }: AlarmQuery): readonly ListFilter[] => [
  { column: 'transaction_id', value: chargeId, index: 'alarms_by_transaction' },
  { column: 'state', value: state, index: 'alarms_by_state' },
  { column: 'provider', value: provider },
]

const amounts = ({ amountFrom, amountTo }: Pick<ChargeQuery, 'amountFrom' | 'amountTo'>): ListFilter[] => [
  { column: 'amount', value: amountFrom, is: '>=' },
  { column: 'amount', value: amountTo, is: '<=' },
]
