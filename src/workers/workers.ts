/** All background work of a process: it starts and stops together. */
import type { ServingClock } from '../app/clock.ts'
import type { Context } from '../app/context.ts'
import { within } from '../ports/runtime.ts'
import { startKeyUses } from './access-keys.ts'
import { startClockWatch } from './clock.ts'
import { startLedgerSlices } from './ledger-slices.ts'
import type { Loop } from './loop.ts'
import { startNotifications } from './notifications.ts'
import { startPurge } from './purge.ts'
import { startRecovery } from './recover.ts'
import { type Retention, startRetention } from './retention.ts'
import { type Dispatcher, type DispatcherOptions, startDispatcher } from './webhooks/dispatcher.ts'

export type WorkersOptions = {
  readonly clock: ServingClock
  /** How long an idempotency key is kept, in ms. */
  readonly keyRetentionMs: number
  readonly retention: Retention
  readonly webhooks: DispatcherOptions
}

export type Workers = {
  start(): void
  /** Looks for webhook endpoints and deliveries that changed now, without waiting for the next poll. */
  wakeWebhooks(): void
  /** Probes a webhook endpoint whose breaker is open: a test has shown that its receiver works. */
  probeWebhooks: Dispatcher['probe']
  /** The webhook endpoints whose cursors this process holds; none before `start`. */
  heldEndpoints: Dispatcher['held']
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
  const { runtime, background } = context
  const { clock, keyRetentionMs, retention, webhooks } = options
  const providers = [...context.providers.values()]
  let dispatcher: Dispatcher | undefined
  let notifications: Loop | undefined
  const loops: Loop[] = []
  let stopped = false
  return {
    start() {
      dispatcher = startDispatcher(webhooks)
      if (providers.some(({ remote }) => remote)) notifications = startNotifications(context)
      loops.push(
        ...providers.map((provider) => startRecovery(context, provider)),
        ...(notifications ? [notifications] : []),
        startKeyUses(context),
        startPurge(context, keyRetentionMs, clock),
        startRetention(context, retention, clock),
        startClockWatch(context, clock),
        startLedgerSlices(context),
      )
    },
    wakeWebhooks: () => dispatcher?.wake(),
    probeWebhooks: (endpoint) => dispatcher?.probe(endpoint),
    heldEndpoints: () => dispatcher?.held() ?? [],
    wakeNotifications: () => notifications?.wake(),
    alive: () => !stopped && (dispatcher?.alive() ?? true) && loops.every((loop) => loop.alive()),
    async stop(graceMs) {
      stopped = true
      const ended = Promise.all(loops.map((loop) => loop.stop())).then(() => background.ended())
      await Promise.all([within(runtime, graceMs, ended), dispatcher?.stop(graceMs)])
      await Promise.all(providers.map((provider) => provider.remote && provider.close()))
      await ended
    },
  }
}
