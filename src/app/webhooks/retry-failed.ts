/** Retries failed webhooks that match a filter, a bounded number a call. */
import type { Rejection } from '../../domain/error.ts'
import type { EventType } from '../../domain/event.ts'
import { idFloor } from '../../domain/id.ts'
import { canonicalJson } from '../../domain/idempotency.ts'
import type { Scope } from '../../domain/scope.ts'
import type { FailedDelivery } from '../../ports/store-webhooks.ts'
import type { Audit } from '../audit.ts'
import type { KeyedRequest } from '../execute.ts'
import { type Once, once, recordOf } from '../once.ts'
import type { WebhookContext } from './endpoints.ts'

export type RetryFilter = {
  readonly eventType?: EventType
  readonly endpoint?: string
  /** HTTP status of the last response; null if the last attempt had none. */
  readonly lastStatus?: number | null
  /** Why the last attempt failed. */
  readonly lastError?: string
  /** ms since 1970, inclusive. */
  readonly createdFrom?: number
  /** ms since 1970, exclusive. */
  readonly createdUntil?: number
}

export type RetryRequest = {
  readonly filter: RetryFilter
  /** Only those after this one, oldest first. */
  readonly startingAfter?: string
  /** Retries at most this many. */
  readonly limit: number
  /** Counts them, and changes nothing. */
  readonly dryRun: boolean
}

export type Retried = {
  /** How many were retried, or would be. */
  readonly queued: number
  /** Whether there are failed ones that this call did not examine. */
  readonly hasMore: boolean
  /** The last delivery that was examined, after which the next call continues; null if there was none. */
  readonly last: string | null
}

/** Reads and retries failed deliveries in batches of this size, at most this many batches a call. */
const BATCH = 500
const BATCHES = 20
/** The time in a delivery's id may differ from the time of its event by this much, in ms. */
const ID_MARGIN_MS = 60_000

/**
 * Retries failed deliveries that match the filter, oldest first: each is due at once, with all its attempts. Skips a
 * delivery that is no longer failed when its turn comes. Rejects with `StoreUnavailable`; then the batches before
 * remain retried. Each batch has its own entry in the audit log.
 *
 * With a key, a second request returns what the first did. A retry after a failure in the middle retries the others, and
 * counts only those. A dry run changes nothing, so its key stays new. Rejections: those of `once`.
 */
export function retryFailed(
  context: WebhookContext,
  scope: Scope,
  request: RetryRequest,
  audit: Audit,
  keyed: KeyedRequest | null = null,
): Promise<Once<Retried> | Rejection> {
  const { store, now } = context
  const key = request.dryRun ? null : keyed
  return once(context, key, {
    async work() {
      const retried = await retryBatches(context, scope, request, audit)
      if (!key) return retried
      const ending = { kind: 'done', objectId: '', facts: JSON.stringify(retried) } as const
      return (await store.addIdempotencyRecord(scope, recordOf(key, ending), now())) ? retried : undefined
    },
    earlier: ({ ending: { facts } }) => JSON.parse(facts ?? '') as Retried,
  })
}

async function retryBatches(
  context: WebhookContext,
  scope: Scope,
  request: RetryRequest,
  audit: Audit,
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
    const found = await store.failedWebhookDeliveries(scope, { after, before: range.before, limit: BATCH })
    const { fitting, examined } = choose(found.data, filter, limit - queued)
    if (fitting.length > 0 && !dryRun) {
      const entry = audit({ action: 'deliveries.retried', after: auditedRetry(fitting.length, filter) })
      queued += await store.retryWebhookDeliveries(scope, fitting, context.now(), entry)
      context.webhooks.wake()
    } else queued += fitting.length
    last = found.data[examined - 1]?.id ?? last
    after = last ?? after
    hasMore = found.hasMore || examined < found.data.length
  }
  return { queued, hasMore, last }
}

/** How many deliveries of the batch matched, and the filter. */
function auditedRetry(deliveries: number, { createdFrom, createdUntil, ...filter }: RetryFilter): string {
  return canonicalJson({
    deliveries,
    ...(filter.eventType !== undefined && { event_type: filter.eventType }),
    ...(filter.endpoint !== undefined && { endpoint: filter.endpoint }),
    ...(filter.lastStatus !== undefined && { last_status: filter.lastStatus }),
    ...(filter.lastError !== undefined && { last_error: filter.lastError }),
    ...(createdFrom !== undefined && { created_gte: new Date(createdFrom).toISOString() }),
    ...(createdUntil !== undefined && { created_lt: new Date(createdUntil).toISOString() }),
  })
}

/** The ids of all deliveries of that time, both ends exclusive; an id may contain a time that is later by that much. */
function rangeOf(
  { createdFrom, createdUntil }: RetryFilter,
  laterMs: number,
): { after: string; before: string } {
  return {
    after: createdFrom === undefined ? 'dlv_' : idFloor('dlv', createdFrom - ID_MARGIN_MS),
    before: createdUntil === undefined ? 'dlv`' : idFloor('dlv', createdUntil + ID_MARGIN_MS + laterMs),
  }
}

/** The first `most` that match, and how many were examined to find them. */
function choose(
  deliveries: readonly FailedDelivery[],
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
  delivery: FailedDelivery,
  { eventType, endpoint, lastStatus, lastError, createdFrom, createdUntil }: RetryFilter,
) {
  return (
    (eventType === undefined || delivery.eventType === eventType) &&
    (endpoint === undefined || delivery.endpoint === endpoint) &&
    (lastStatus === undefined || delivery.status === lastStatus) &&
    (lastError === undefined || delivery.error === lastError) &&
    (createdFrom === undefined || delivery.createdAt >= createdFrom) &&
    (createdUntil === undefined || delivery.createdAt < createdUntil)
  )
}
