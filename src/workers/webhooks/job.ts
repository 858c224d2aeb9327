import type { Delivery, DeliveryReason } from '../../domain/webhooks/delivery.ts'
import type { StoredEvent } from '../../ports/store.ts'
import type { Place, Window } from './window.ts'

/** An event to send to one endpoint. */
export type Job = {
  readonly event: StoredEvent
  /** The id of the delivery. */
  readonly id: string
  /** The id of the charge that the event is about; null if it is about none. */
  readonly object: string | null
  readonly why: DeliveryReason
  /** The revision and the attempts of its delivery, as read; null: it is not stored. */
  stored: Pick<Delivery, 'revision' | 'attempts'> | null
  /** Its place in the window of a cursor or a replay; null for a delivery that was due. */
  readonly place: Place | null
  /** The window of that place. */
  readonly window: Window | null
}

/** The charge that a snapshot begins with. */
const CHARGE = /^\{"charge":\{"id":"([^"]+)"/

export function objectOf({ data }: Pick<StoredEvent, 'data'>): string | null {
  return CHARGE.exec(data)?.[1] ?? null
}
