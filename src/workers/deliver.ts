import { type DeliveryAttempt, judgeAttempt } from '../domain/delivery.ts'
import type { Log } from '../ports/log.ts'
import type { ClaimedDelivery, Store } from '../ports/store.ts'
import { type Loop, startLoop } from './loop.ts'
import { DEADLINE_MS, signatureHeaders, type WebhookClient, type WebhookMessage } from './webhook-client.ts'

const POLL_MS = 1_000
/** A claim outlives the slowest attempt with room for its settlement; then it may be claimed again. */
export const LEASE_MS = DEADLINE_MS + 20_000
/** However badly a target does, this many deliveries are tried at once. */
const MIN_CONCURRENCY = 4

export type DeliverOptions = {
  readonly store: Store
  readonly endpoint: string
  readonly client: WebhookClient
  readonly secret: Buffer | null
  /** Deliveries in flight at once to this endpoint. */
  readonly concurrency: number
  /**
   * Deliveries in flight at once over all endpoints: counters that all of them share. `claiming` is room
   * that a claim under way may fill.
   */
  readonly overall: { inFlight: number; claiming: number; readonly limit: number }
  readonly newToken: () => string
  readonly log: Log
  readonly onAttempt?: (attempt: DeliveryAttempt, durationMs: number) => void
  readonly now?: () => number
}

export type Deliverer = {
  wake(): void
  /** Claims nothing more, waits up to `graceMs` for what is in flight, then cuts and releases it. */
  stop(graceMs: number): Promise<void>
}

/**
 * Delivers one endpoint's webhooks: claims as many due deliveries as may fly, posts them and settles each
 * under its claim. A target that does not answer gets fewer at once, down to four, and more again as it does.
 */
export function startDeliverer(options: DeliverOptions): Deliverer {
  const { store, endpoint, client, overall, log } = options
  const now = options.now ?? Date.now
  const inFlight = new Map<string, Promise<void>>()
  let concurrency = options.concurrency
  let cut = false

  /** More may be due than was claimed: whoever settles a delivery asks again. */
  let moreDue = false

  const room = () =>
    Math.min(concurrency - inFlight.size, overall.limit - overall.inFlight - overall.claiming)

  const loop: Loop = startLoop(`deliver ${endpoint}`, POLL_MS, log, async () => {
    // A claim is a write: wait until it is worth one.
    const limit = room()
    if (limit <= 0 || (inFlight.size > 0 && limit < concurrency / 4)) {
      moreDue = true
      return
    }
    const token = options.newToken()
    overall.claiming += limit
    let claimed: ClaimedDelivery[]
    try {
      claimed = await store.claimDeliveries({
        endpoint,
        limit,
        now: now(),
        leaseUntil: now() + LEASE_MS,
        token,
      })
    } finally {
      overall.claiming -= limit
    }
    for (const delivery of claimed) {
      // A process that was paused past its lease may claim what it still has in flight: let that lease end.
      if (!inFlight.has(delivery.id)) start(delivery)
    }
    moreDue = claimed.length === limit
  })

  function start(delivery: ClaimedDelivery): void {
    overall.inFlight++
    inFlight.set(
      delivery.id,
      deliver(delivery)
        .catch((error) =>
          log.warn(
            { delivery: delivery.id, err: error },
            'A delivery could not be settled; its lease runs out.',
          ),
        )
        .finally(() => {
          overall.inFlight--
          inFlight.delete(delivery.id)
          if (moreDue || inFlight.size === 0) loop.wake()
        }),
    )
  }

  async function deliver(delivery: ClaimedDelivery): Promise<void> {
    const started = performance.now()
    const attempt = await client.send(message(delivery, options.secret, now()))
    options.onAttempt?.(attempt, performance.now() - started)
    if (cut && attempt.kind === 'no_answer') {
      await store.releaseDelivery(delivery.id, delivery.token)
      return
    }
    concurrency =
      attempt.kind === 'answered'
        ? Math.min(options.concurrency, concurrency + 1)
        : Math.max(Math.min(MIN_CONCURRENCY, options.concurrency), concurrency >> 1)
    const verdict = judgeAttempt(attempt, delivery.attempts + 1, now())
    const status = attempt.kind === 'answered' ? attempt.status : null
    const error = attempt.kind === 'answered' ? null : attempt.error
    if (verdict.state === 'failed')
      log.warn(
        { delivery: delivery.id, event: delivery.eventId, endpoint, status, error },
        'A webhook failed for good; it can be retried.',
      )
    await store.settleDelivery({ id: delivery.id, token: delivery.token, verdict, status, error })
  }

  return {
    wake: loop.wake,
    async stop(graceMs) {
      await loop.stop()
      const settled = Promise.allSettled(inFlight.values())
      const { promise: late, resolve } = Promise.withResolvers<void>()
      const timer = setTimeout(resolve, graceMs)
      await Promise.race([settled, late])
      clearTimeout(timer)
      cut = true
      await client.destroy()
      await settled
    },
  }
}

type TransactionData = {
  id: string
  amount: number
  currency: string
  customer: string
  status: string
  refund?: { refund_id: string; amount: number }
}

/** The original's body: five fields of the transaction; a refund adds which and how much. */
export function webhookBody(data: string): string {
  const { id, amount, currency, customer, status, refund } = JSON.parse(data) as TransactionData
  const body = { id, amount, currency, customer, status }
  return JSON.stringify(
    refund ? { ...body, refund_id: refund.refund_id, refund_amount: refund.amount } : body,
  )
}

function message(delivery: ClaimedDelivery, secret: Buffer | null, at: number): WebhookMessage {
  const body = webhookBody(delivery.data)
  return {
    headers: {
      'content-type': 'application/json',
      'user-agent': 'MiniPay',
      'x-webhook-event': delivery.eventType,
      'x-webhook-delivery': delivery.id,
      ...(secret && signatureHeaders(secret, delivery.eventId, at, body)),
    },
    body,
  }
}
