/** What the couriers of a process share. */
import type { DeliveryAttempt } from '../../domain/delivery.ts'
import type { EventType } from '../../domain/event.ts'
import type { IdPrefix } from '../../domain/id.ts'
import type { WebhookEndpoint } from '../../domain/webhooks/endpoint.ts'
import type { Log } from '../../ports/log.ts'
import type { Runtime } from '../../ports/runtime.ts'
import type { Scope, Store } from '../../ports/store.ts'
import type { DeliveryBatch, HeldCursor } from '../../ports/store-webhooks.ts'
import type { WebhookClient } from './client.ts'
import type { EventPages } from './event-pages.ts'
import type { MessageOf } from './message.ts'
import type { Overall } from './slots.ts'

export type CourierParts = {
  readonly store: Store
  readonly pages: EventPages
  /** A client for the endpoint's URL. */
  readonly client: (endpoint: WebhookEndpoint) => WebhookClient
  /** If it throws, the attempt fails with the error as its reason. */
  readonly message: MessageOf
  /** Whether this process can sign for an endpoint. If not, it leaves the version to others. Unless given, it can for all. */
  readonly opens?: ((endpoint: WebhookEndpoint) => boolean) | undefined
  /** Whether an endpoint gets the events of a type. */
  readonly wants: (endpoint: WebhookEndpoint, type: EventType) => boolean
  readonly overall: Overall
  /** The most webhooks in flight to one endpoint. */
  readonly concurrency: number
  /** The token of this process's cursors. */
  readonly token: string
  /** False once others may have the cursors: after an outage or a pause, until the next claim. */
  readonly holds: () => boolean
  readonly log: Log
  readonly runtime: Runtime
  /** ms since 1970. */
  readonly now: () => number
  readonly newId: (prefix: IdPrefix) => string
  /** SHA-256 in hex. */
  readonly sha256: (text: string) => string
  readonly onAttempt?: ((attempt: DeliveryAttempt, durationMs: number) => void) | undefined
  /** The courier has something to store. */
  readonly onResults: (courier: Courier) => void
  /** A batch stored an event. */
  readonly onEvent: (scope: Scope) => void
  /** A replay ended: there may be another one. */
  readonly onReplayEnd: () => void
}

/**
 * What became of a batch. `deleted`: the endpoint was deleted, and only the attempts were stored; `lost`: nothing was,
 * because this process no longer holds the cursor, or cannot store it.
 */
export type Fate = 'stored' | 'deleted' | 'lost'

/** Tells one endpoint of its events, while this process holds its cursor. */
export type Courier = {
  readonly endpoint: () => WebhookEndpoint
  /** The cursor as it was claimed or renewed. */
  update(held: HeldCursor): void
  /** It is ending, because its endpoint was disabled, and that is enabled again: continues if it can. */
  revive(held: HeldCursor): void
  /** Events of its scope may have been stored. */
  ring(): void
  /** Looks for work that no ring told of; `thorough` also for deliveries that were put back. */
  poll(thorough: boolean): void
  /** Somebody may have repaired the receiver: if the breaker is open, the next probe is due now. */
  probe(): void
  /** Begins no further attempt. */
  end(): void
  /** Gives up the attempts in flight: their events are sent again later. */
  cut(): Promise<void>
  /** Resolves once nothing is in flight, and everything that can be is stored. */
  ended(): Promise<void>
  isEnding(): boolean
  /** What is to be stored now, if anything; `confirm` must follow before the next call. */
  collect(): DeliveryBatch | undefined
  confirm(fate: Fate): void
  /** Whether the circuit breaker is open. */
  isOpen(): boolean
  /** The age of the oldest event that is not settled, in ms; 0 if none waits. */
  lagMs(): number
}
