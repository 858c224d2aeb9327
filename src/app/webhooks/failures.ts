/** What failed, grouped by endpoint and error. */
import type { Scope } from '../../domain/scope.ts'
import type { Store } from '../../ports/store.ts'

/** Reads failed deliveries in batches of this size, at most this many batches. */
const BATCH = 500
const BATCHES = 20
/** The most groups: the rest is counted in none. */
const MOST_GROUPS = 200

export type Failures = {
  readonly endpoint: string
  /** Why the last attempt failed, in words. */
  readonly error: string | null
  readonly status: number | null
  readonly count: number
  /** When the oldest and the newest of their events were stored, in ms since 1970. */
  readonly oldest: number
  readonly newest: number
}

/**
 * The newest failed deliveries, as many as one call reads, by endpoint and error, the largest group first. `hasMore`: it
 * did not read all. Rejects with `StoreUnavailable`.
 */
export async function groupFailures(
  store: Store,
  scope: Scope,
  endpoint?: string,
): Promise<{ readonly groups: readonly Failures[]; readonly hasMore: boolean }> {
  const groups = new Map<string, Failures>()
  let [before, hasMore] = ['dlv`', true]
  for (let batch = 0; batch < BATCHES && hasMore; batch++) {
    const query = { after: 'dlv_', before, limit: BATCH, newestFirst: true }
    const page = await store.failedWebhookDeliveries(scope, query)
    for (const { error, status, createdAt, ...delivery } of page.data) {
      if (endpoint !== undefined && delivery.endpoint !== endpoint) continue
      const name = JSON.stringify([delivery.endpoint, error])
      const known = groups.get(name)
      if (!known && groups.size >= MOST_GROUPS) continue
      groups.set(name, {
        ...{ endpoint: delivery.endpoint, error, status, count: (known?.count ?? 0) + 1 },
        oldest: Math.min(known?.oldest ?? createdAt, createdAt),
        newest: Math.max(known?.newest ?? createdAt, createdAt),
      })
    }
    before = page.data.at(-1)?.id ?? before
    hasMore = page.hasMore
  }
  return { groups: [...groups.values()].sort((a, b) => b.count - a.count), hasMore }
}
