import { setTimeout as delay } from 'node:timers/promises'
import { meaningOf } from './errors.ts'

/** A server may be starting together with us. */
const PATIENCE_MS = 15_000

/** Tries again for a while when the server can't be reached; rejects with what it failed with last. */
export async function patiently<T>(work: () => Promise<T>): Promise<T> {
  const until = performance.now() + PATIENCE_MS
  for (;;) {
    try {
      return await work()
    } catch (error) {
      if (!isOutage(error) || performance.now() > until) throw error
      await delay(200)
    }
  }
}

const FINAL = ['SchemaMismatch', 'UnfinishedCopy']

/** Faults of ours, refusals of the server (a wrong password, an unknown database) and mismatches are final. */
function isOutage(error: unknown): boolean {
  if (FINAL.includes((error as Error).name)) return false
  const meaning = meaningOf(error)
  return meaning === 'lost' || meaning === 'unavailable'
}
