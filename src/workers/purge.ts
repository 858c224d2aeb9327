import type { Log } from '../ports/log.ts'
import type { Store } from '../ports/store.ts'
import { type Loop, startLoop } from './loop.ts'

const INTERVAL_MS = 60_000
/** Records deleted by one write: small, so that no request waits long behind it. */
const BATCH = 500

/** Forgets idempotency keys and settled notifications older than `retentionMs`, a batch at a time, once a minute. */
export function startPurge(store: Store, retentionMs: number, log: Log, now: () => number = Date.now): Loop {
  let stopping = false
  const loop = startLoop('purge', INTERVAL_MS, log, async () => {
    const before = now() - retentionMs
    while (!stopping && (await store.purgeIdempotency(before, BATCH)) === BATCH);
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
