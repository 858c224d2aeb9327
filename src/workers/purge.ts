import type { ServingClock } from '../app/clock.ts'
import type { Context } from '../app/context.ts'
import { SESSION_IDLE_MS } from '../domain/access/dashboard-session.ts'
import { type Loop, startLoop } from './loop.ts'

const INTERVAL_MS = 60_000
/** Records deleted by one write: small, so that no request waits long behind it. */
const BATCH = 500
/** How long a counter is kept after it counts no more, in ms: the clock of another node may be behind. */
const COUNTER_MS = 60_000
/** A commit that was in progress at a mark, for up to this many ms, may have a record with a smaller number. */
const UNDER_WAY_MS = 120_000

/**
 * Deletes idempotency keys and settled notifications older than `retentionMs`, ended sessions, and counters of velocity limits that
 * count no more, in batches, once a minute. The age of keys is observed time, which a clock that is set does not change: a key that is deleted too early charges a second time.
 */
export function startPurge(
  { store, log, runtime }: Pick<Context, 'store' | 'log' | 'runtime'>,
  retentionMs: number,
  clock: Pick<ServingClock, 'now' | 'trusted' | 'observed'>,
): Loop {
  let stopping = false
  const loop = startLoop({ name: 'purge', intervalMs: INTERVAL_MS, log, runtime }, async () => {
    const unused = clock.trusted() - SESSION_IDLE_MS
    while (!stopping && (await store.purgeDashboardSessions(unused, BATCH)) === BATCH);
    while (!stopping && (await store.purgeVelocityCounters(clock.trusted() - COUNTER_MS, BATCH)) === BATCH);
    const mark = await store.markAt(clock.observed() - retentionMs - UNDER_WAY_MS)
    if (!mark) return
    const before = Math.min(mark.wallMs, clock.trusted())
    while (!stopping && (await store.purgeIdempotency(mark.lastKey, BATCH)) === BATCH);
    while (!stopping && (await store.purgeNotifications(before, BATCH)) === BATCH);
  })
  return {
    ...loop,
    stop() {
      stopping = true
      return loop.stop()
    },
  }
}
