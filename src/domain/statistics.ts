/** Statistics of provider calls: how each is counted, in the hour in which it began. */
import type { Attempt } from './attempt.ts'
import type { Charge } from './charge.ts'

export const HOUR_MS = 3_600_000
export const DAY_HOURS = 24

/** The kinds of calls: those of attempts, and `sale`, an authorization that also takes the money. */
export const CALL_KINDS = ['sale', 'authorize', 'capture', 'cancel', 'refund'] as const
export type CallKind = (typeof CALL_KINDS)[number]

/** The states of counted calls. An attempt is counted once it is no longer being sent. */
export const CALL_STATES = ['pending', 'unknown', 'succeeded', 'declined', 'not_sent'] as const
export type CallState = (typeof CALL_STATES)[number]

/** Upper bounds of the buckets in which durations are counted, in ms, inclusive. A last bucket has the longer ones. */
export const DURATION_BOUNDS_MS = [25, 50, 100, 150, 200, 300, 500, 750, 1_000, 2_000, 5_000, 10_000] as const
export const DURATION_BUCKETS = DURATION_BOUNDS_MS.length + 1

/**
 * The duration of a longer call is not counted, in ms: an authorization that expires ends days after its response.
 */
export const MAX_DURATION_MS = 120_000

/** Where a call is counted. */
export type CallPlace = {
  /** Hours since 1970, in which the call began. */
  readonly hour: number
  readonly provider: string
  readonly currency: string
  readonly kind: CallKind
  readonly state: CallState
  /** Empty unless declined. */
  readonly declineCode: string
}

/** How one call is counted. */
export type CountedCall = CallPlace & {
  /** In minor units. */
  readonly amount: number
  /** The bucket of its duration; null unless the response of the call gave the outcome. */
  readonly bucket: number | null
}

/** The facts of an attempt that decide how it is counted. */
export type CallFacts = Pick<
  Attempt,
  | 'kind'
  | 'provider'
  | 'currency'
  | 'state'
  | 'amount'
  | 'declineCode'
  | 'resolvedBy'
  | 'startedAt'
  | 'endedAt'
>

/** How an attempt is counted; null while it is being sent. `capture` is the charge's. */
export function countedCall(attempt: CallFacts, capture: boolean): CountedCall | null {
  const { kind, state, declineCode } = attempt
  if (state === 'sending') return null
  return {
    hour: hourOf(attempt.startedAt),
    provider: attempt.provider,
    currency: attempt.currency,
    kind: callKind(kind, capture),
    state,
    declineCode: declineCode ?? '',
    amount: attempt.amount,
    bucket: bucketOf(attempt),
  }
}

/** The facts of a charge that was decided at once. */
export type DecidedCharge = Pick<
  Charge,
  'amount' | 'currency' | 'capture' | 'provider' | 'status' | 'declineCode' | 'createdAt'
>

/** How a charge that was decided at once, without an attempt, is counted: as one call. */
export function countedCharge(charge: DecidedCharge): CountedCall {
  const failed = charge.status === 'failed'
  return {
    hour: hourOf(charge.createdAt),
    provider: charge.provider,
    currency: charge.currency,
    kind: callKind('authorize', charge.capture),
    state: failed ? 'declined' : 'succeeded',
    declineCode: (failed && charge.declineCode) || '',
    amount: charge.amount,
    bucket: null,
  }
}

export function hourOf(ms: number): number {
  return Math.floor(ms / HOUR_MS)
}

function callKind(kind: Attempt['kind'], capture: boolean): CallKind {
  return kind === 'authorize' && capture ? 'sale' : kind
}

function bucketOf({ resolvedBy, startedAt, endedAt }: CallFacts): number | null {
  if (resolvedBy !== 'answer' || endedAt === null) return null
  const ms = endedAt - startedAt
  if (ms < 0 || ms > MAX_DURATION_MS) return null
  const bucket = DURATION_BOUNDS_MS.findIndex((bound) => ms <= bound)
  return bucket < 0 ? DURATION_BOUNDS_MS.length : bucket
}

/**
 * The duration within which this share of the counted calls ended, in ms: an estimate, on a straight line through its
 * bucket. In the last bucket, its lower bound. Null without calls.
 */
export function durationOf(buckets: readonly number[], share: number): number | null {
  const all = buckets.reduce((sum, calls) => sum + calls, 0)
  if (all <= 0) return null
  const wanted = share * all
  let below = 0
  for (const [i, calls] of buckets.entries()) {
    const bound = DURATION_BOUNDS_MS[i]
    if (below + calls < wanted || calls <= 0) {
      below += calls
      continue
    }
    const from = i === 0 ? 0 : (DURATION_BOUNDS_MS[i - 1] as number)
    if (bound === undefined) return from
    return Math.round(from + (bound - from) * ((wanted - below) / calls))
  }
  return DURATION_BOUNDS_MS.at(-1) as number
}
