/** Deliveries of an event, or of the events of a charge. */
import { type Delivery, eventTimeOf } from '../../domain/webhooks/delivery.ts'
import type { Page, Scope, Store, StoredEvent } from '../../ports/store.ts'
import type { WebhookDeliveryQuery } from '../../ports/store-webhooks.ts'

/** The most events of a charge whose deliveries are found: the newest ones. */
export const MOST_EVENTS = 100

/** A delivery must be about all that are given. */
export type About = {
  /** `evt_…` */
  readonly event?: string | undefined
  /** The sequence of the event. */
  readonly sequence?: number | undefined
  /** `txn_…` */
  readonly charge?: string | undefined
}

/**
 * A page of deliveries, newest first. No index has their events: the ids of deliveries begin with the time of their
 * event, so those of an event are found by that, and those of a charge by its events. Rejects with `StoreUnavailable`.
 */
export async function findDeliveries(
  store: Store,
  scope: Scope,
  query: WebhookDeliveryQuery,
  { event: id, sequence, charge }: About,
): Promise<Page<Delivery>> {
  if (id !== undefined || sequence !== undefined) {
    const event =
      id === undefined ? await numbered(store, scope, sequence ?? 0) : await store.event(scope, id)
    if (!event || (sequence !== undefined && event.sequence !== sequence)) return NONE
    if (charge !== undefined && !(await isOf(store, scope, event.id, charge))) return NONE
    const found = { eventTime: eventTimeOf(event.id), eventSequence: event.sequence }
    return store.webhookDeliveries(scope, { ...query, ...found })
  }
  if (charge === undefined) return store.webhookDeliveries(scope, query)
  return ofCharge(store, scope, query, charge)
}

const NONE: Page<Delivery> = { data: [], hasMore: false }

async function numbered(store: Store, scope: Scope, sequence: number): Promise<StoredEvent | undefined> {
  return (await store.events(scope, { after: Math.max(0, sequence - 1), limit: 1 })).data[0]
}

async function eventsOf(store: Store, scope: Scope, charge: string) {
  const newest = { after: 0, before: Number.MAX_SAFE_INTEGER, limit: MOST_EVENTS }
  return (await store.events(scope, { ...newest, object: { id: charge } })).data
}

async function isOf(store: Store, scope: Scope, event: string, charge: string): Promise<boolean> {
  return (await eventsOf(store, scope, charge)).some(({ id }) => id === event)
}

/** Events of the same time are read together, because the ids of their deliveries mix. */
async function ofCharge(
  store: Store,
  scope: Scope,
  { limit, ...query }: WebhookDeliveryQuery,
  charge: string,
): Promise<Page<Delivery>> {
  const events = await eventsOf(store, scope, charge)
  const times = [...new Set(events.map(({ id }) => eventTimeOf(id)))].sort().reverse()
  const backwards = query.endingBefore !== undefined
  const found: Delivery[] = []
  for (const eventTime of backwards ? times.toReversed() : times) {
    const missing = limit - found.length
    if (missing === 0 && !(await some(store, scope, { ...query, limit: 1, object: charge, eventTime })))
      continue
    if (missing === 0) return { data: found, hasMore: true }
    const own = { ...query, limit: missing, object: charge, eventTime }
    const { data, hasMore } = await store.webhookDeliveries(scope, own)
    if (backwards) found.unshift(...data)
    else found.push(...data)
    if (hasMore) return { data: found, hasMore: true }
  }
  return { data: found, hasMore: false }
}

async function some(store: Store, scope: Scope, query: WebhookDeliveryQuery): Promise<boolean> {
  return (await store.webhookDeliveries(scope, query)).data.length > 0
}
