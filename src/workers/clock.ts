import { leaseUntil } from '../app/attempts/lease.ts'
import type { ServingClock } from '../app/clock.ts'
import type { Context } from '../app/context.ts'
import { MAX_WAIT_MS } from '../domain/webhooks/schedule.ts'
import type { Log } from '../ports/log.ts'
import { every } from '../ports/runtime.ts'
import { type Store, StoreUnavailable } from '../ports/store.ts'
import type { Queue } from '../ports/store-clock.ts'
import { type Loop, startLoop } from './loop.ts'
import { notificationLeaseMs } from './notifications.ts'

const LOOK_MS = 1_000
const KEEP_MS = 60_000
/** The rows that one write reads: few, so that no request waits long behind it. */
const BATCH = 500
/** The longest wait of work in a queue, in ms. Held authorizations wait for their expiry. */
const LONGEST_MS = 4_500_000
/** The longest wait of a webhook, with its jitter, in ms. */
const LONGEST_WEBHOOK_MS = 2 * MAX_WAIT_MS

/**
 * Compares the clock every second. Stores the observed time and corrects due times once a minute and after each step.
 */
export function startClockWatch(context: Context, clock: ServingClock): Loop {
  const { log, runtime } = context
  let setBack = clock.movedAtStartMs < 0
  const loop = startLoop({ name: 'clock', intervalMs: KEEP_MS, log, runtime }, async () => {
    await clock.keep()
    const all = setBack
    const moved = await bringDueTimesForward(context, all)
    if (all) setBack = false
    if (moved > 0) {
      log.warn({ moved }, 'The clock was set back; waiting work is due now.')
      context.webhooks.wake()
    }
  })
  clock.onStep((movedMs) => {
    if (movedMs < 0) setBack = true
    loop.wake()
  })
  const looks = every(runtime, LOOK_MS, clock.look)
  return {
    ...loop,
    async stop() {
      looks.cancel()
      await loop.stop()
      await saveClockAtStop(clock, log)
    },
  }
}

async function saveClockAtStop(clock: ServingClock, log: Log): Promise<void> {
  try {
    await clock.keep()
  } catch (error) {
    if (!(error instanceof StoreUnavailable)) throw error
    log.warn({ reason: error.reason }, 'The last minute of observed time could not be stored.')
  }
}

type Work = {
  readonly queue: Queue
  readonly name: string
  /** The end of a lease that begins now. */
  readonly leaseUntil: number
}

function queuesOf(context: Context, now: number): Work[] {
  const { providers } = context
  const attempts = (queue: Queue) =>
    [...providers].map(([name, provider]) => ({ queue, name, leaseUntil: leaseUntil(provider, now) }))
  return [
    { queue: 'deliveries', name: '', leaseUntil: now },
    { queue: 'notifications', name: '', leaseUntil: now + notificationLeaseMs(context) },
    ...attempts('unknown'),
    ...attempts('waiting'),
  ]
}

/**
 * Corrects work that is due too late: after the clock was `setBack`, all waiting work; otherwise, work that waits
 * longer than any may. Returns the number of rows.
 */
export async function bringDueTimesForward(context: Context, setBack: boolean): Promise<number> {
  const { store } = context
  const now = context.now()
  let moved = 0
  for (const work of queuesOf(context, now)) {
    // Authorizations wait for days, and there may be very many: they are read only when necessary.
    if (work.queue === 'waiting' && !setBack) continue
    const longest = work.queue === 'deliveries' ? LONGEST_WEBHOOK_MS : LONGEST_MS
    moved += await changeQueue(store, work, setBack ? now : now + longest, now)
  }
  return moved
}

async function changeQueue(store: Store, work: Work, latest: number, now: number): Promise<number> {
  let moved = 0
  for (let after: { dueAt: number; id: string } | null = { dueAt: latest, id: '' }; after; ) {
    const times = { latest, now, latestHeld: now + LONGEST_MS }
    const done = await store.bringForward({ ...work, ...times, after, limit: BATCH })
    moved += done.moved
    after = done.last
  }
  return moved
}
