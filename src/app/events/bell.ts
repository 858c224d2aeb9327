/**
 * Wakes those who wait for events. It carries no event: who is woken reads the store, and reads it now and then without
 * a ring too, because a ring may be missing (a commit of another node whose message was lost).
 */
import type { Runtime } from '../../ports/runtime.ts'
import type { Scope } from '../../ports/store.ts'

export type EventBell = {
  /** A commit of this process stored an event of this scope. */
  ring(scope: Scope): void
  /** Any scope may have new events: another node reported some. */
  ringAll(): void
  /** Calls `listener` at each ring, with null at a ring for every scope, until the returned function is called. */
  on(listener: (scope: Scope | null) => void): () => void
  /**
   * Waits from now on: true at the next ring for the scope, false after `timeoutMs` or once `signal` is aborted. Call it
   * before the read whose result decides whether to wait, or a ring between the two is missed.
   */
  next(scope: Scope, timeoutMs: number, signal?: AbortSignal): Promise<boolean>
}

type Listener = (scope: Scope | null) => void

export function createEventBell({ after }: Pick<Runtime, 'after'>): EventBell {
  const everywhere = new Set<Listener>()
  /** By scope, so that a ring costs nothing for those who wait for other accounts. */
  const waiting = new Map<string, Set<() => void>>()

  function wake(name: string): void {
    const woken = waiting.get(name)
    waiting.delete(name)
    if (woken) for (const end of woken) end()
  }

  return {
    ring(scope) {
      wake(nameOf(scope))
      for (const listener of everywhere) listener(scope)
    },
    ringAll() {
      for (const name of [...waiting.keys()]) wake(name)
      for (const listener of everywhere) listener(null)
    },
    on(listener) {
      // Its own function, so that a listener that is added twice is also removed twice.
      const own: Listener = (scope) => listener(scope)
      everywhere.add(own)
      return () => void everywhere.delete(own)
    },
    next(scope, timeoutMs, signal) {
      if (signal?.aborted) return Promise.resolve(false)
      const name = nameOf(scope)
      const { promise, resolve } = Promise.withResolvers<boolean>()
      const end = (rung: boolean) => {
        timer.cancel()
        signal?.removeEventListener('abort', giveUp)
        const here = waiting.get(name)
        if (here?.delete(ringing) && here.size === 0) waiting.delete(name)
        resolve(rung)
      }
      const ringing = () => end(true)
      const giveUp = () => end(false)
      const timer = after(timeoutMs, giveUp)
      signal?.addEventListener('abort', giveUp)
      const here = waiting.get(name) ?? new Set()
      waiting.set(name, here.add(ringing))
      return promise
    },
  }
}

function nameOf({ accountId, mode }: Scope): string {
  return `${accountId}/${mode}`
}
