import { setTimeout as delay } from 'node:timers/promises'
import { type DeliveryAttempt, judgeAttempt } from '../domain/delivery.ts'
import type { Log } from '../ports/log.ts'
import { type ClaimedDelivery, type Settlement, type Store, StoreUnavailable } from '../ports/store.ts'
import { signatureHeaders } from '../signing.ts'
import { type Loop, startLoop } from './loop.ts'
import { wakeTimes } from './wake-times.ts'
import { webhookBody } from './webhook-body.ts'
import { DEADLINE_MS, type WebhookClient, type WebhookMessage } from './webhook-client.ts'

const POLL_MS = 1_000
/** A settlement may wait this long for the database, and is tried again so long after it was refused. */
const SETTLE_MS = 10_000
const SETTLE_AGAIN_MS = 200
/** A claim waits for its slot at most ten seconds, and then outlives the slowest attempt and its settlement. */
export const LEASE_MS = 10_000 + DEADLINE_MS + SETTLE_MS
/** A target that answers within this gets so many claimed ahead for each of its slots. */
const QUICK_MS = 500
const AHEAD = 4
/** However badly a target does, this many deliveries are tried at once. */
const MIN_CONCURRENCY = 4

export type DeliverOptions = {
  readonly store: Store
  readonly endpoint: string
  readonly client: WebhookClient
  readonly secret: Buffer | null
  /** Deliveries in flight at once to this endpoint. */
  readonly concurrency: number
  /** Deliveries in flight at once over all endpoints: a counter that all of them share. */
  readonly overall: { inFlight: number; readonly limit: number }
  readonly newToken: () => string
  readonly log: Log
  readonly onAttempt?: (attempt: DeliveryAttempt, durationMs: number) => void
  readonly now?: () => number
  /** How often it looks for due deliveries that nothing woke it for, in ms. */
  readonly pollMs?: number
}

export type Deliverer = {
  wake(): void
  /** False when its runs have failed, or not ended, for a while. */
  alive(): boolean
  /** Claims nothing more, waits up to `graceMs` for what is in flight, then cuts and releases it. */
  stop(graceMs: number): Promise<void>
}

type Held = { readonly delivery: ClaimedDelivery; readonly leaseUntil: number }

/**
 * Delivers one endpoint's webhooks: claims due deliveries, posts as many at once as may fly, and settles each
 * under its claim. It claims ahead of the free slots, and a slot is free again with the answer, not with the settlement:
 * so the slots wait for the receiver only, never for the disk. A target that does not answer gets fewer at once,
 * down to four, and more again as it does.
 */
export function startDeliverer(options: DeliverOptions): Deliverer {
  const { store, endpoint, client, overall, log } = options
  const now = options.now ?? Date.now
  /** Claimed and waiting for a slot. */
  const ready: Held[] = []
  /** The ids of all that is claimed and not yet settled: nothing in here is ever started a second time. */
  const held = new Set<string>()
  const ongoing = new Set<Promise<void>>()
  let flying = 0
  let concurrency = options.concurrency
  let stopping = false
  let cut = false
  /** More may be due than was claimed: the end of each delivery starts another claim. */
  let moreDue = false
  /** How long attempts took of late, in ms: each counts for an eighth. */
  let usualMs = 0
  /** How many to claim beyond the free slots: a claim waits for the disk, and a quick target should not. */
  const ahead = () => (usualMs < QUICK_MS ? AHEAD * concurrency : concurrency)
  /** How many may be claimed now; less than nothing while more fly than a target that fails may still have. */
  const room = () => concurrency + ahead() - flying - ready.length
  /** A claim is a write: wait until it is worth one. */
  const isWorthClaiming = () => room() >= concurrency / 2

  const loop: Loop = startLoop(`deliver ${endpoint}`, options.pollMs ?? POLL_MS, log, async () => {
    fly()
    if (!isWorthClaiming()) {
      moreDue = true
      return
    }
    const limit = room()
    const token = options.newToken()
    const leaseUntil = now() + LEASE_MS
    const claimed = await store.claimDeliveries({ endpoint, limit, now: now(), leaseUntil, token })
    moreDue = claimed.length === limit
    // A process that was paused past its lease may claim what it still holds: let that lease end.
    for (const delivery of claimed) {
      if (held.has(delivery.id)) continue
      held.add(delivery.id)
      ready.push({ delivery, leaseUntil })
    }
    fly()
  })

  /** A retry comes when it is due, not at the poll after it. Those that another process put back wait for the poll. */
  const retries = wakeTimes(loop.wake, now)

  /** Fills the free slots. What was claimed for slots that a silent target has lost goes back. */
  function fly(): void {
    while (ready.length > 0 && !stopping && flying < concurrency && overall.inFlight < overall.limit) {
      const { delivery, leaseUntil } = ready.shift() as Held
      if (now() < leaseUntil - DEADLINE_MS - SETTLE_MS) track(delivery, deliver(delivery))
      else track(delivery, release(delivery))
    }
    while (ready.length > (stopping ? 0 : AHEAD * concurrency)) {
      const { delivery } = ready.pop() as Held
      track(delivery, release(delivery))
    }
    if (moreDue && ready.length < ahead() / 2 && isWorthClaiming()) loop.wake()
  }

  function track({ id }: ClaimedDelivery, work: Promise<unknown>): void {
    const done = work
      .catch((error) => {
        log.warn(
          { delivery: id, err: error },
          'A delivery could not be settled; MiniPay sends it again when its lease ends.',
        )
      })
      .then(() => {
        held.delete(id)
        ongoing.delete(done)
      })
    ongoing.add(done)
  }

  const release = ({ id, token }: ClaimedDelivery) => store.releaseDelivery(id, token)

  async function post(delivery: ClaimedDelivery): Promise<DeliveryAttempt> {
    const started = performance.now()
    flying++
    overall.inFlight++
    try {
      const attempt = await client.send(message(delivery, options.secret, now()))
      const ms = performance.now() - started
      usualMs += (ms - usualMs) / 8
      options.onAttempt?.(attempt, ms)
      concurrency =
        attempt.kind === 'answered'
          ? Math.min(options.concurrency, concurrency + 1)
          : Math.max(Math.min(MIN_CONCURRENCY, options.concurrency), concurrency >> 1)
      return attempt
    } finally {
      flying--
      overall.inFlight--
      fly()
    }
  }

  async function deliver(delivery: ClaimedDelivery): Promise<void> {
    const { id, token } = delivery
    const attempt = await post(delivery)
    if (cut && attempt.kind === 'no_answer') return void (await release(delivery))
    const verdict = judgeAttempt(attempt, delivery.attempts + 1, now())
    const status = attempt.kind === 'answered' ? attempt.status : null
    const error = attempt.kind === 'answered' ? null : attempt.error
    if (verdict.state === 'failed')
      log.warn(
        { delivery: id, event: delivery.eventId, endpoint, status, error },
        'A webhook failed for good; it can be retried.',
      )
    await settle({ id, token, verdict, status, error })
    if (verdict.state === 'pending') retries.add(verdict.retryAt)
  }

  /**
   * Retries while the database is unavailable and the lease may still be valid; otherwise the receiver would get the
   * webhook twice.
   */
  async function settle(settlement: Settlement): Promise<void> {
    const until = performance.now() + SETTLE_MS
    for (;;) {
      try {
        return void (await store.settleDelivery(settlement))
      } catch (error) {
        if (!(error instanceof StoreUnavailable) || stopping || performance.now() > until) throw error
        await delay(SETTLE_AGAIN_MS)
      }
    }
  }

  return {
    wake: loop.wake,
    alive: loop.alive,
    async stop(graceMs) {
      stopping = true
      retries.stop()
      await loop.stop()
      fly()
      const settled = Promise.allSettled(ongoing)
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

function message(delivery: ClaimedDelivery, secret: Buffer | null, at: number): WebhookMessage {
  const body = webhookBody(delivery)
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
