import { holdsCardNumber } from '../cards/card-numbers.ts'
import type { EventType } from '../event.ts'
import { encodeHex } from '../id.ts'

/** Why an attempt was made: the event is new, the schedule said so, a replay, or a person's request. */
export type DeliveryReason = 'event' | 'retry' | 'replay' | 'manual'

/** One attempt to deliver an event. */
export type DeliveryTry = {
  /** When it began, in ms since 1970. */
  readonly at: number
  /** Its duration. */
  readonly ms: number
  /** The HTTP status; null without a response. */
  readonly status: number | null
  /** Why it failed, in words; null if it succeeded. */
  readonly error: string | null
  /** The first 500 characters of the response's body; null without one. */
  readonly answer: string | null
  readonly why: DeliveryReason
}

export const DELIVERY_STATES = ['pending', 'delivered', 'failed'] as const
/** `failed`: in the dead letter; a person or a replay can send it again. */
export type DeliveryState = (typeof DELIVERY_STATES)[number]

/** The newest attempts that a delivery keeps. */
export const KEPT_TRIES = 30

/**
 * One event on its way to one webhook endpoint. It is stored once its first attempt ended, or while it waits for an
 * earlier one of its object; retries and replays add attempts to it.
 */
export type Delivery = {
  /** `dlv_…`; see `deliveryIdOf`. */
  readonly id: string
  /** The id of the webhook endpoint. */
  readonly endpoint: string
  readonly eventSequence: number
  readonly eventId: string
  readonly eventType: EventType
  /** The id of the charge that the event is about; null if it is about none. */
  readonly object: string | null
  readonly state: DeliveryState
  /** Attempts since it was last put back or replayed. */
  readonly attempts: number
  /** The time of the next attempt, in ms since 1970; null when it is settled, or waits for another one of its object. */
  readonly dueAt: number | null
  /** Grows whenever it is put back. */
  readonly revision: number
  /** Every attempt, the oldest first; the newest `KEPT_TRIES` of them. */
  readonly tries: readonly DeliveryTry[]
  /** When its event was stored, in ms since 1970. */
  readonly createdAt: number
  /** ms since 1970; null while it is pending. */
  readonly settledAt: number | null
}

const PREFIX = 'evt_'
const TIME_DIGITS = 10

/** The digits of time in the id of an event, which the ids of its deliveries have, too. */
export function eventTimeOf(eventId: string): string {
  return eventId.slice(PREFIX.length, PREFIX.length + TIME_DIGITS)
}

/**
 * The id of an event's delivery to an endpoint: always the same, so that neither a crash nor a replay makes a second
 * one. It begins with the time of the event's id; the rest is a hash. `sha256` returns SHA-256 in hex. The id never
 * looks like a card number, because the API refuses those.
 */
export function deliveryIdOf(endpoint: string, eventId: string, sha256: (text: string) => string): string {
  const time = eventTimeOf(eventId)
  for (let again = 0; ; again++) {
    const text = again === 0 ? `${endpoint} ${eventId}` : `${endpoint} ${eventId} ${again}`
    const id = `dlv_${time}${encodeHex(sha256(text))}`
    if (!holdsCardNumber(id)) return id
  }
}
