/** The events of a replay. */
import type { EventType } from '../../domain/event.ts'
import type { WebhookEndpoint } from '../../domain/webhooks/endpoint.ts'
import type { Replay } from '../../domain/webhooks/replay.ts'
import type { Store, StoredEvent } from '../../ports/store.ts'
import type { EventPages } from './event-pages.ts'
import type { FormerPage } from './replay-run.ts'

type Parts = {
  readonly store: Pick<Store, 'failedDeliveriesOf' | 'storedDeliveries'>
  readonly pages: EventPages
  readonly endpoint: () => WebhookEndpoint
  readonly wants: (endpoint: WebhookEndpoint, type: EventType) => boolean
  readonly idOf: (eventId: string) => string
}

/** Events of a replay after a sequence, with their deliveries. Rejects with `StoreUnavailable`. */
export async function readFormer(
  { store, pages, endpoint, wants, idOf }: Parts,
  { scope, endpoint: id, kind, types, error, to }: Replay,
  after: number,
  limit: number,
): Promise<FormerPage> {
  if (kind === 'failed') {
    const { data, hasMore } = await store.failedDeliveriesOf(scope, id, { after, to, types, error, limit })
    return { fitting: data, readTo: hasMore ? endOf(data.map(({ event }) => event)) : to }
  }
  const { data: events, hasMore } = await pages.read(scope, { after, to, limit })
  const wanted = events.filter(({ type }) => (types ? types.includes(type) : wants(endpoint(), type)))
  const stored = await store.storedDeliveries(
    scope,
    wanted.map((event) => idOf(event.id)),
  )
  const byId = new Map(stored.map((delivery) => [delivery.id, delivery]))
  return {
    fitting: wanted.map((event) => ({ event, delivery: byId.get(idOf(event.id)) })),
    readTo: hasMore ? endOf(events) : to,
  }

  function endOf(page: readonly StoredEvent[]): number {
    return page.at(-1)?.sequence ?? after
  }
}
