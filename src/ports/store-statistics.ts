/** The part of the store port for statistics and for what needs attention; see ports/store. */

import type { Scope } from '../domain/scope.ts'
import type { CallKind, CallState } from '../domain/statistics.ts'

/** The dimensions by which statistics can be split. */
export const DIMENSIONS = ['provider', 'currency', 'kind', 'state', 'declineCode'] as const
export type Dimension = (typeof DIMENSIONS)[number]

export type StatisticsQuery = {
  /** Hours since 1970: the first, and the one after the last. */
  readonly from: number
  readonly until: number
  /** The hours of a bucket; buckets begin at multiples of it since 1970. Null: one bucket for all. */
  readonly bucketHours: number | null
  readonly by: readonly Dimension[]
  readonly provider?: string
  readonly currency?: string
  readonly kind?: CallKind
  /** The most rows; one more shows that there are more. */
  readonly limit: number
}

/** The calls of one bucket. A dimension by which the query does not split is null. */
export type StatisticsRow = {
  /** Hours since 1970 in which the bucket begins. */
  readonly hour: number
  readonly provider: string | null
  readonly currency: string | null
  readonly kind: CallKind | null
  readonly state: CallState | null
  /** Also null unless declined. */
  readonly declineCode: string | null
  readonly calls: number
  /** In minor units; a sum over currencies unless the query splits by them. */
  readonly amount: bigint
  /** How many of them ended within each of `DURATION_BOUNDS_MS`. */
  readonly durations: readonly number[]
}

/** What waits for a person in a scope. */
export type AttentionTotals = {
  /** Attempts in these states. */
  readonly unknown: number
  readonly pending: number
  /** Of the oldest thousand unknown attempts: those that became so before a time, and when the first one did. */
  readonly overdue: number
  readonly oldestUnknownSince: number | null
  /** Webhook deliveries that failed, of endpoints that are not deleted. */
  readonly failedDeliveries: number
  /** Webhook endpoints that MiniPay disabled, and enabled ones whose attempts have been failing. */
  readonly disabledEndpoints: number
  readonly failingEndpoints: number
  /** Open disputes, and those whose evidence is due before a time: of each a thousand at most. */
  readonly openDisputes: number
  /** Those with a deadline for evidence. */
  readonly disputesToAnswer: number
  readonly dueDisputes: number
  /** When the next evidence is due, in ms since 1970. */
  readonly nextDueAt: number | null
  readonly openAlarms: number
}

export type StatisticsStore = {
  /** Times are in ms since 1970. Indexes and counters bound each part. */
  attention(scope: Scope, overdueBefore: number, dueBefore: number): Promise<AttentionTotals>
  /** Sorted by hour, and within it by the dimensions. Buckets without calls have no row. */
  statistics(scope: Scope, query: StatisticsQuery): Promise<StatisticsRow[]>
}
