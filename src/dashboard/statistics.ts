/** Sums of the rows of `GET /statistics`. */
import type { StatisticsRowView } from '../api/minipay/statistics-schemas.ts'
import type { Minor } from './format.ts'

/** What became of attempts. A decline and a call that was not sent are both failures; a pending one has no outcome yet. */
export type Outcomes = {
  readonly attempts: number
  readonly succeeded: number
  readonly failed: number
  /** Unknown or pending. */
  readonly open: number
}

/** Of rows that were split by status. */
export function outcomesOf(rows: readonly StatisticsRowView[]): Outcomes {
  const sum = (...statuses: readonly (string | null)[]) =>
    rows.reduce((all, { status, attempts }) => all + (statuses.includes(status) ? attempts : 0), 0)
  const [succeeded, failed, open] = [sum('succeeded'), sum('declined', 'not_sent'), sum('unknown', 'pending')]
  return { attempts: succeeded + failed + open, succeeded, failed, open }
}

/** The rows by a name, in the order of their first rows. */
export function rowsBy<K extends string | null>(
  rows: readonly StatisticsRowView[],
  nameOf: (row: StatisticsRowView) => K,
): Map<K, StatisticsRowView[]> {
  return Map.groupBy(rows, nameOf)
}

/** The sum of the amounts of rows that were split by currency. */
export function amountOf(rows: readonly StatisticsRowView[]): bigint {
  // Large sums arrive as big integers.
  return rows.reduce((sum, { amount }) => sum + BigInt((amount as Minor | null) ?? 0), 0n)
}

/** Attempts that take money, or hold it: the others follow them. */
export const isPayment = ({ kind }: StatisticsRowView): boolean => kind === 'sale' || kind === 'authorize'
/** Attempts that bring money in. */
export const takesMoney = ({ kind, status }: StatisticsRowView): boolean =>
  status === 'succeeded' && (kind === 'sale' || kind === 'capture')
export const isRefund = ({ kind, status }: StatisticsRowView): boolean =>
  status === 'succeeded' && kind === 'refund'

/** The statuses of payments whose attempt succeeded, and of those whose outcome is known. */
export const TAKEN = ['succeeded', 'authorized', 'partially_refunded', 'refunded', 'canceled'] as const
export const KNOWN = [...TAKEN, 'failed'] as const

export const BUCKET_MS = { hour: 3_600_000, day: 86_400_000 } as const

/** The beginnings of all buckets between two times, in ms since 1970: also of those without attempts. */
export function bucketsBetween(from: string, to: string, bucket: 'hour' | 'day'): number[] {
  const ms = BUCKET_MS[bucket]
  const first = Date.parse(from)
  return Array.from({ length: Math.ceil((Date.parse(to) - first) / ms) }, (_, i) => first + i * ms)
}
