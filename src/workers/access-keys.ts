import type { Context } from '../app/context.ts'
import { type Loop, startLoop } from './loop.ts'

const INTERVAL_MS = 60_000

/** Stores the last uses of access keys once a minute, and once more when it stops. */
export function startKeyUses({ keyring, log, runtime }: Pick<Context, 'keyring' | 'log' | 'runtime'>): Loop {
  const loop = startLoop({ name: 'key uses', intervalMs: INTERVAL_MS, log, runtime }, keyring.flushUses)
  return {
    ...loop,
    async stop() {
      await loop.stop()
      // A database that is unavailable now loses a minute of last uses, and must not stop the stop.
      await keyring.flushUses().catch(() => {})
    },
  }
}
