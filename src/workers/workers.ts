/** All background work of a process: it starts and stops together. */
import type { ServingClock } from '../app/clock.ts'
import type { Context } from '../app/context.ts'
import { within } from '../ports/runtime.ts'
import { startKeyUses } from './access-keys.ts'
import { startClockWatch } from './clock.ts'
import { type Deliverer, type DeliverOptions, startDeliverer } from './deliver.ts'
import type { Loop } from './loop.ts'
import { startNotifications } from './notifications.ts'
import { startPurge } from './purge.ts'
import { startRecovery } from './recover.ts'
import { type Retention, startRetention } from './retention.ts'

export type WorkersOptions = {
  readonly clock: ServingClock
  /** How long an idempotency key is kept, in ms. */
  readonly keyRetentionMs: number
  readonly retention: Retention
  /** The webhook endpoint, if there is one. */
  readonly webhooks: Omit<DeliverOptions, 'store' | 'log' | 'runtime' | 'now'> | undefined
}

export type Workers = {
  start(): void
  /** Delivers due webhooks now, without waiting for the next poll. */
  wakeDeliverer(): void
  /** Handles stored notifications now, without waiting for the next poll. */
  wakeNotifications(): void
  /** False once a worker has failed, or not ended a run, for a while, and after a stop. */
  alive(): boolean
  /**
   * Begins no new work and waits up to `graceMs` for work in progress. Then it cuts webhooks and provider calls that are
   * still in flight; their leases bring them back after the next start.
   */
  stop(graceMs: number): Promise<void>
}

/** The workers over a context; none runs before `start`. */
export function createWorkers(context: Context, options: WorkersOptions): Workers {
  const { store, log, runtime, now, background } = context
  const { clock, keyRetentionMs, retention, webhooks } = options
  const providers = [...context.providers.values()]
  let deliverer: Deliverer | undefined
  let notifications: Loop | undefined
  const loops: Loop[] = []
  let stopped = false
  return {
    start() {
      if (webhooks) deliverer = startDeliverer({ ...webhooks, store, log, runtime, now })
      if (providers.some(({ remote }) => remote)) notifications = startNotifications(context)
      loops.push(
        ...providers.map((provider) => startRecovery(context, provider)),
        ...(notifications ? [notifications] : []),
        startKeyUses(context),
        startPurge(context, keyRetentionMs, clock),
        startRetention(context, retention, clock),
        startClockWatch(context, clock),
      )
    },
    wakeDeliverer: () => deliverer?.wake(),
    wakeNotifications: () => notifications?.wake(),
    alive: () => !stopped && (deliverer?.alive() ?? true) && loops.every((loop) => loop.alive()),
    async stop(graceMs) {
      stopped = true
      const ended = Promise.all(loops.map((loop) => loop.stop())).then(() => background.ended())
      await Promise.all([within(runtime, graceMs, ended), deliverer?.stop(graceMs)])
      await Promise.all(providers.map((provider) => provider.remote && provider.close()))
      await ended
    },
  }
}
