import { sleep } from '../ports/runtime.ts'
import { StoreUnavailable } from '../ports/store.ts'
import type { Context } from './context.ts'

/** How long MiniPay retries to store a provider's report while the database is unavailable, in ms. */
const HOLD_MS = 60_000

/**
 * Writes a provider's report, with retries for a minute, so that a disk that is full for a moment does not lose it.
 * Then rejects with `StoreUnavailable`; at once if the store is closing.
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
