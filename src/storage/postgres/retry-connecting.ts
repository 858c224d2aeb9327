import { setTimeout as delay } from 'node:timers/promises'
import type { Log } from '../../ports/log.ts'
import { meaningOf, unreachableError } from './errors.ts'

/** The server may be starting at the same time as MiniPay. */
const PATIENCE_MS = 15_000
const AGAIN_MS = 200

export type RetryOptions = {
  /** Called with the first failure, and with every different one: the error, and when the retries end. */
  readonly log?: Pick<Log, 'warn'>
  /** Ends the wait at once. */
  readonly signal?: AbortSignal | undefined
}

/**
 * Retries for a while if the server is unreachable. Rejects with the last error; or with the signal's reason, at once.
 */
export async function retryConnecting<T>(
  work: () => Promise<T>,
  { log, signal }: RetryOptions = {},
): Promise<T> {
  const startedAt = performance.now()
  const until = new Date(Date.now() + PATIENCE_MS).toISOString()
  let loggedCause: string | undefined
  const leave = () => {
    if (!signal?.aborted) return
    log?.warn({ cause: loggedCause }, 'MiniPay stops before it could use PostgreSQL.')
    throw signal.reason
  }
  for (;;) {
    try {
      return await unlessAborted(work, signal)
    } catch (error) {
      leave()
      if (!isOutage(error) || performance.now() > startedAt + PATIENCE_MS) throw error
      const cause = unreachableError(error).message
      if (cause !== loggedCause)
        log?.warn({ cause, until }, 'MiniPay cannot use PostgreSQL yet. It retries until the time given.')
      loggedCause = cause
      await delay(AGAIN_MS, undefined, { signal }).catch(leave)
    }
  }
}

async function unlessAborted<T>(work: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return work()
  signal.throwIfAborted()
  const { promise: aborted, reject } = Promise.withResolvers<never>()
  const abort = () => reject(signal.reason)
  signal.addEventListener('abort', abort)
  try {
    return await Promise.race([work(), aborted])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

const FINAL = ['SchemaMismatch', 'UnfinishedCopy', 'UnfitServer']

/** Bugs of MiniPay, refusals of the server (a wrong password, an unknown database) and mismatches are final. */
function isOutage(error: unknown): boolean {
  if (FINAL.includes((error as Error).name)) return false
  const meaning = meaningOf(error)
  return meaning === 'lost' || meaning === 'unavailable'
}
