/** How many webhooks are sent at once: as many as the receiver handles. */
import type { DeliveryAttempt } from '../domain/delivery.ts'
import type { Runtime } from '../ports/runtime.ts'

/** For a receiver that responds within this time, MiniPay claims `AHEAD` deliveries ahead for each slot. */
const QUICK_MS = 500
const AHEAD = 4
/** A receiver that does not respond keeps this many slots. */
const MIN_CONCURRENCY = 4

/** Webhooks in flight over all endpoints: a counter that all deliverers share. */
export type Overall = { inFlight: number; readonly limit: number }

export type WebhookSlots = {
  /** True if another webhook may be sent now. */
  free(): boolean
  /** How many deliveries are worth claiming beyond the free slots, because a claim waits for the disk. */
  ahead(): number
  /** The most deliveries that may wait for a slot. */
  mostWaiting(): number
  /** How many deliveries to claim while `waiting` wait; negative if a slow receiver has lost slots that are in use. */
  room(waiting: number): number
  /** True if there is room enough for a claim, which is a write. */
  isWorthClaiming(waiting: number): boolean
  /** Occupies a slot while it sends one webhook. */
  send(post: () => Promise<DeliveryAttempt>): Promise<DeliveryAttempt>
}

export type SlotOptions = {
  /** Slots of this endpoint while its receiver responds. */
  readonly concurrency: number
  readonly overall: Overall
  readonly runtime: Pick<Runtime, 'monotonic'>
  readonly onAttempt?: (attempt: DeliveryAttempt, durationMs: number) => void
}

/** A receiver that does not respond loses half of its slots each time, down to four; each response gives one back. */
export function createWebhookSlots(options: SlotOptions): WebhookSlots {
  const { concurrency: most, overall, runtime, onAttempt } = options
  let inFlight = 0
  let concurrency = most
  /** A moving average of the time that an attempt takes, in ms: each attempt counts for an eighth. */
  let usualMs = 0
  const ahead = () => (usualMs < QUICK_MS ? AHEAD * concurrency : concurrency)
  const room = (waiting: number) => concurrency + ahead() - inFlight - waiting

  function learn(attempt: DeliveryAttempt, ms: number): void {
    usualMs += (ms - usualMs) / 8
    concurrency =
      attempt.kind === 'response'
        ? Math.min(most, concurrency + 1)
        : Math.max(Math.min(MIN_CONCURRENCY, most), concurrency >> 1)
  }

  return {
    free: () => inFlight < concurrency && overall.inFlight < overall.limit,
    ahead,
    mostWaiting: () => AHEAD * concurrency,
    room,
    isWorthClaiming: (waiting) => room(waiting) >= concurrency / 2,
    async send(post) {
      const started = runtime.monotonic()
      inFlight++
      overall.inFlight++
      try {
        const attempt = await post()
        const ms = runtime.monotonic() - started
        learn(attempt, ms)
        onAttempt?.(attempt, ms)
        return attempt
      } finally {
        inFlight--
        overall.inFlight--
      }
    },
  }
}
