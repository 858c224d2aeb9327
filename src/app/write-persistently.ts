import { sleep } from '../ports/runtime.ts'
import { StoreUnavailable } from '../ports/store.ts'
import type { Context } from './context.ts'

/** How long something that a provider said is held on to while the database can't take it, in ms. */
const HOLD_MS = 60_000

/**
 * Writes what a provider said, again and again for a minute: it is not let go of because the disk is full for a
 * moment. Then it rejects with `StoreUnavailable`, as it does at once while the store closes.
 */
export async function writePersistently<T>(context: Context, write: () => Promise<T>): Promise<T> {
  const { monotonic } = context.runtime
  const giveUpAt = monotonic() + HOLD_MS
  for (let waitMs = 100; ; waitMs = Math.min(waitMs * 2, 5_000)) {
    try {
      return await write()
    } catch (error) {
      const passing = error instanceof StoreUnavailable && error.reason !== 'closing'
      if (!passing || monotonic() > giveUpAt) throw error
      context.log.warn({ reason: error.reason }, 'The database cannot store an outcome; MiniPay retries.')
      await sleep(context.runtime, waitMs)
    }
  }
}
