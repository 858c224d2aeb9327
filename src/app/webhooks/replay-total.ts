/** How many events a replay sends, counted when it starts. */
import { type WebhookEndpoint, wants } from '../../domain/webhooks/endpoint.ts'
import type { Replay } from '../../domain/webhooks/replay.ts'
import type { Store } from '../../ports/store.ts'
import type { FailedEvent } from '../../ports/store-webhooks.ts'

/** Reads this many rows at a time, at most this many times. */
const BATCH = 500
const BATCHES = 20

/**
 * The events that fit a replay now; null if more than 10,000 rows have to be read to count them. Others may retry some of
 * them before it does, and a delivery that is in flight may fail and join them. Rejects with `StoreUnavailable`.
 */
export async function totalOf(
  store: Pick<Store, 'eventTypes' | 'failedEvents'>,
  endpoint: WebhookEndpoint,
  { kind, types, error, from, to }: Pick<Replay, 'kind' | 'types' | 'error' | 'from' | 'to'>,
): Promise<number | null> {
  const { scope, id } = endpoint
  const fits = ({ type, error: failedWith }: Omit<FailedEvent, 'sequence'>) =>
    (types ? types.includes(type) : kind === 'failed' || wants(endpoint, type)) &&
    (error === null || failedWith === error)
  let after = from
  let total = 0
  for (let batch = 0; batch < BATCHES; batch++) {
    const query = { after, to, limit: BATCH }
    const { data, hasMore } =
      kind === 'failed' ? await store.failedEvents(scope, id, query) : await store.eventTypes(scope, query)
    total += data.filter((event) => fits({ error: null, ...event })).length
    if (!hasMore) return total
    after = data.at(-1)?.sequence ?? to
  }
  return null
}
