/** A cache of one value per scope, which other nodes may change, and this node too. */
import type { Scope } from '../ports/store.ts'

/** Changes of other nodes are visible after this time at the latest, in ms. */
const FRESH_MS = 1_000
const MAX_SCOPES = 1_000

export type ScopedCache<T> = {
  /**
   * The value of a scope, read at most a second ago: at once if it is cached, and otherwise a promise. Requests that
   * come during a load wait for the same load. Rejects as the load does; the next call then loads again.
   */
  get(scope: Scope): T | Promise<T>
  /** Call it after each write, also after a failed one: the next `get` reads the value again. */
  forget(scope: Scope): void
  /** The same for every scope. */
  clear(): void
}

export type ScopedCacheOptions<T> = {
  /** Reads a value. `before` is the value that was cached until now, if there is one: a load may return it. */
  readonly load: (scope: Scope, before: T | undefined) => Promise<T>
  /** ms since 1970. */
  readonly now: () => number
  /** The cache drops the scope that it loaded longest ago when it holds more than this many. */
  readonly maxScopes?: number
}

export function createScopedCache<T>(options: ScopedCacheOptions<T>): ScopedCache<T> {
  const { load, now, maxScopes = MAX_SCOPES } = options
  /** In the order in which they were loaded. */
  const cached = new Map<string, { readonly value: T; readonly readAt: number }>()
  const loading = new Map<string, Promise<T>>()

  function start(scope: Scope, key: string): Promise<T> {
    const readAt = now()
    const run = load(scope, cached.get(key)?.value)
      .then((value) => {
        // After a write, this load may have read the former value.
        if (loading.get(key) === run) keep(key, { value, readAt })
        return value
      })
      .finally(() => {
        if (loading.get(key) === run) loading.delete(key)
      })
    loading.set(key, run)
    return run
  }

  function keep(key: string, entry: { readonly value: T; readonly readAt: number }): void {
    cached.delete(key)
    cached.set(key, entry)
    const [oldest] = cached.keys()
    if (cached.size > maxScopes && oldest !== undefined) cached.delete(oldest)
  }

  return {
    get(scope) {
      const key = `${scope.accountId}/${scope.mode}`
      const entry = cached.get(key)
      // A clock that was set back must not make an old value look fresh.
      if (entry && Math.abs(now() - entry.readAt) < FRESH_MS) return entry.value
      return loading.get(key) ?? start(scope, key)
    },
    forget({ accountId, mode }) {
      const key = `${accountId}/${mode}`
      cached.delete(key)
      loading.delete(key)
    },
    clear() {
      cached.clear()
      loading.clear()
    },
  }
}
