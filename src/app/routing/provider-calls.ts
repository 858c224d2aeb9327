/** The calls in flight at each provider, and the places that limit them. */
import { type Provider, recoveryPlaces } from '../../ports/provider.ts'

/** How many calls of requests may wait for each place of a provider. */
const QUEUE = 3

/** Calls that begin something, and calls that resolve earlier calls: each have their own places. */
export type Lane = 'requests' | 'recovery'

export type ProviderCalls = {
  /** A call begins, and occupies a place until the returned function is called, once. */
  enter(provider: string, lane: Lane): () => void
  /**
   * True if a call may start. With `queued` it may also wait for a place: three requests for each place, and any number
   * of calls of recovery.
   */
  hasPlace(provider: Provider, lane: Lane, queued?: boolean): boolean
  /** Calls in flight at a provider; of both lanes unless one is given. */
  inFlight(provider: string, lane?: Lane): number
}

export function createProviderCalls(): ProviderCalls {
  const counts = { requests: new Map<string, number>(), recovery: new Map<string, number>() }
  const count = (provider: string, lane: Lane) => counts[lane].get(provider) ?? 0
  return {
    enter(provider, lane) {
      counts[lane].set(provider, count(provider, lane) + 1)
      return () => void counts[lane].set(provider, count(provider, lane) - 1)
    },
    hasPlace({ name, concurrency }, lane, queued = false) {
      if (lane === 'recovery') return queued || count(name, lane) < recoveryPlaces(concurrency).all
      return count(name, lane) < concurrency * (queued ? 1 + QUEUE : 1)
    },
    inFlight: (provider, lane) =>
      lane ? count(provider, lane) : count(provider, 'requests') + count(provider, 'recovery'),
  }
}
