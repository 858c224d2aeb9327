/** The last step of a delivery: judge the attempt, and store its result under the token of the claim. */
import { type DeliveryAttempt, type DeliveryVerdict, judgeAttempt } from '../domain/delivery.ts'
import type { Log } from '../ports/log.ts'
import { type Runtime, sleep } from '../ports/runtime.ts'
import {
  type ClaimedDelivery,
  type DeliverySettlement,
  type Store,
  StoreUnavailable,
} from '../ports/store.ts'
import { DELIVERY_SETTLE_MS } from './claim-deliveries.ts'

/** The wait before another try to store a settlement, in ms. */
const SETTLE_AGAIN_MS = 200

export type SettleOptions = {
  readonly store: Pick<Store, 'settleDelivery'>
  readonly endpoint: string
  /** The receiver's host and port. */
  readonly host: string
  readonly log: Log
  readonly runtime: Pick<Runtime, 'monotonic' | 'after'>
  /** ms since 1970. */
  readonly now: () => number
  /** True once a stop began: the settlement of a failed write is then left to the next process. */
  readonly isStopping: () => boolean
}

/** Stores the result of an attempt. Logs a delivery that failed for good. Rejects when the store refuses for too long. */
export async function settleDelivery(
  options: SettleOptions,
  delivery: ClaimedDelivery,
  attempt: DeliveryAttempt,
): Promise<DeliveryVerdict> {
  const { endpoint, host, log, now } = options
  const { id, token, eventId } = delivery
  const verdict = judgeAttempt(attempt, delivery.attempts + 1, now())
  const status = attempt.kind === 'response' ? attempt.status : null
  const error = attempt.kind === 'response' ? null : attempt.error
  if (verdict.state === 'failed')
    log.warn(
      { delivery: id, event: eventId, endpoint, host, status, error },
      'A webhook failed for good. When the receiver works again, send failed webhooks with: minipay webhooks retry',
    )
  await persist(options, { id, token, verdict, status, error })
  return verdict
}

/**
 * Retries while the database is unavailable and the lease may still be valid; otherwise the receiver would get the
 * webhook twice.
 */
async function persist(
  { store, runtime, isStopping }: SettleOptions,
  settlement: DeliverySettlement,
): Promise<void> {
  const until = runtime.monotonic() + DELIVERY_SETTLE_MS
  for (;;) {
    try {
      return void (await store.settleDelivery(settlement))
    } catch (error) {
      if (!(error instanceof StoreUnavailable) || isStopping() || runtime.monotonic() > until) throw error
      await sleep(runtime, SETTLE_AGAIN_MS)
    }
  }
}
