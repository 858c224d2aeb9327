/** How an endpoint does: its circuit breaker, and for how long it has failed. */
import { breakerAfter, CLOSED, probedAt, type WebhookBreaker } from '../../domain/webhooks/breaker.ts'
import { type Failing, failingAfter } from '../../domain/webhooks/failing.ts'
import { type Judgement, policyOf } from '../../domain/webhooks/schedule.ts'
import type { Runtime } from '../../ports/runtime.ts'
import type { HeldCursor } from '../../ports/store-webhooks.ts'

export type Consequence = 'warn' | 'gone' | 'failing'

export type Condition = {
  /** Null while the breaker is closed; `probeAt` in ms of the monotonic clock. */
  open(): WebhookBreaker['open']
  /** Ends a pause, and the next probe is due now if the breaker is open: somebody may have repaired the receiver. */
  probeNow(): void
  /** The receiver takes nothing for so long, in ms. */
  pause(ms: number): void
  /** How long that lasts yet, in ms; 0: not. */
  pausedMs(): number
  failing(): Failing
  /** Whether that differs from what is stored. */
  isNew(): boolean
  /** It is stored, or will be with the batch of this state. */
  stored(failing: Failing): void
  /**
   * After an attempt: what MiniPay does to the endpoint. `probe`: it was sent while the breaker was open; `responded`: see
   * `respondsItself`.
   */
  learn(
    verdict: Judgement,
    attempt: {
      readonly probe: boolean
      readonly responded: boolean
      readonly disableAfterMs: number | null
    },
  ): Consequence | null
}

export type ConditionOptions = {
  readonly failing: Failing
  /** The longest wait for a probe, in ms. */
  readonly maxProbeMs: number
  readonly runtime: Pick<Runtime, 'monotonic'>
  /** ms since 1970. */
  readonly now: () => number
}

export function createCondition({ failing: first, maxProbeMs, runtime, now }: ConditionOptions): Condition {
  let breaker = CLOSED
  let failing = first
  let stored = first
  let pausedUntil = Number.NEGATIVE_INFINITY
  return {
    open: () => breaker.open,
    probeNow() {
      pausedUntil = Number.NEGATIVE_INFINITY
      breaker = probedAt(breaker, runtime.monotonic())
    },
    pause(ms) {
      if (ms > 0) pausedUntil = Math.max(pausedUntil, runtime.monotonic() + ms)
    },
    pausedMs: () => Math.max(0, pausedUntil - runtime.monotonic()),
    failing: () => failing,
    isNew: () => failing !== stored,
    stored(state) {
      stored = state
    },
    learn(verdict, { probe, responded, disableAfterMs }) {
      const at = now()
      const succeeded = verdict.state === 'delivered'
      const waitMs = verdict.state === 'pending' ? verdict.retryAt - at : null
      // A receiver that refuses single messages takes others, and soon.
      const works = succeeded || (verdict.state === 'failed' && verdict.refused === true)
      const outcome = { succeeded: works, probe, waitMs, responded }
      breaker = breakerAfter(breaker, outcome, runtime.monotonic(), maxProbeMs)
      const after = failingAfter(failing, succeeded, disableAfterMs, at)
      failing = after.failing
      if (verdict.state === 'failed' && verdict.gone) return 'gone'
      return after.consequence === 'disable' ? 'failing' : after.consequence
    },
  }
}

/** The condition of an endpoint that this process begins to serve, or whose receiver is another one now. */
export function conditionOf(
  { runtime, now }: Pick<ConditionOptions, 'runtime' | 'now'>,
  { endpoint, failingSince: since, warnedAt }: HeldCursor,
): Condition {
  return createCondition({ failing: { since, warnedAt }, ...policyOf(endpoint), runtime, now })
}
