/** Failed webhooks are put back by what they have in common, a bounded number a call. */
import type { EventType } from '../../domain/event.ts'
import { idFloor } from '../../domain/id.ts'
import type { Delivery, Scope } from '../../ports/store.ts'
import type { Context } from '../context.ts'

export type RetryFilter = {
  readonly eventType?: EventType
  readonly endpoint?: string
  /** HTTP status of the last response; null when the last attempt had none. */
  readonly lastStatus?: number | null
  /** ms since 1970, inclusive. */
  readonly createdFrom?: number
  /** ms since 1970, exclusive. */
  readonly createdUntil?: number
}

export type RetryRequest = {
  readonly filter: RetryFilter
  /** Only those after this one, oldest first. */
  readonly startingAfter?: string
  /** At most so many are put back. */
  readonly limit: number
  /** Counts, and changes nothing. */
  readonly dryRun: boolean
}

export type Retried = {
  /** How many were put back, or would be. */
  readonly queued: number
  /** Whether failed ones are left that were not looked at. */
  readonly hasMore: boolean
  /** The last delivery that was examined, after which the next call continues; null if there was none. */
  readonly last: string | null
}

/** Failed deliveries are read, and put back, in batches of this size, and no more than so many batches a call. */
const BATCH = 500
const BATCHES = 20
/** A delivery's id is made a moment before or after the time of its event. */
const ID_MARGIN_MS = 60_000

/**
 * Puts failed deliveries that fit the filter back, oldest first, each due at once with all its attempts. A delivery that
 * is not failed any more when its turn comes stays as it is. Rejects with `StoreUnavailable`; what was put back until
 * then stays so.
 */
export async function retryDeliveries(
  context: Context,
  scope: Scope,
  request: RetryRequest,
): Promise<Retried> {
  const { store } = context
  const { filter, limit, dryRun } = request
  const { setBackMs } = await store.clock()
  const range = rangeOf(filter, setBackMs)
  let after = request.startingAfter ?? range.after
  if (range.after > after) after = range.after
  let last: string | null = null
  let queued = 0
  let hasMore = true
  for (let batch = 0; batch < BATCHES && hasMore && queued < limit; batch++) {
    const found = await store.failedDeliveries(scope, { after, before: range.before, limit: BATCH })
    const { fitting, examined } = choose(found.data, filter, limit - queued)
    if (fitting.length > 0 && !dryRun) {
      queued += await store.retryDeliveries(scope, fitting, context.now())
      context.onDeliveries()
    } else queued += fitting.length
    last = found.data[examined - 1]?.id ?? last
    after = last ?? after
    hasMore = found.hasMore || examined < found.data.length
  }
  return { queued, hasMore, last }
}

/** Ids that hold every delivery of that time, both ends exclusive; ids may say a time that is so much later. */
function rangeOf(
  { createdFrom, createdUntil }: RetryFilter,
  laterMs: number,
): { after: string; before: string } {
  return {
    after: createdFrom === undefined ? 'dlv_' : idFloor('dlv', createdFrom - ID_MARGIN_MS),
    before: createdUntil === undefined ? 'dlv`' : idFloor('dlv', createdUntil + ID_MARGIN_MS + laterMs),
  }
}

/** The first `most` that fit, and how many were looked at for them. */
function choose(
  deliveries: readonly Delivery[],
  filter: RetryFilter,
  most: number,
): { fitting: string[]; examined: number } {
  const fitting: string[] = []
  let examined = 0
  for (const delivery of deliveries) {
    if (fitting.length === most) break
    examined++
    if (fits(delivery, filter)) fitting.push(delivery.id)
  }
  return { fitting, examined }
}

function fits(
  delivery: Delivery,
  { eventType, endpoint, lastStatus, createdFrom, createdUntil }: RetryFilter,
) {
  return (
    (eventType === undefined || delivery.eventType === eventType) &&
    (endpoint === undefined || delivery.endpoint === endpoint) &&
    (lastStatus === undefined || delivery.lastStatus === lastStatus) &&
    (createdFrom === undefined || delivery.createdAt >= createdFrom) &&
    (createdUntil === undefined || delivery.createdAt < createdUntil)
  )
}
