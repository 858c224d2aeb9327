/** The messages between the main thread and the thread that sends webhooks. */
import type { DeliveryAttempt } from '../domain/delivery.ts'
import type { Stamp } from '../workers/webhooks/message.ts'

/** Grows with each change of these messages: a thread that starts late may be of files that an upgrade has replaced. */
export const FORMAT = 2

/** The rules of the clients, as values that can be sent. */
export type SenderData = {
  /** `FORMAT` of the main thread. */
  readonly format: number
  /** The operator's exceptions: addresses and networks. */
  readonly allowed: readonly string[]
  /** See `TargetPolicy`. */
  readonly local: boolean
  readonly ports: readonly number[] | null
  /** The most connections to one endpoint. */
  readonly connections: number
}

/**
 * What the thread is to do, one task after another, in one flat array: to clone that takes half the time of an array of
 * arrays. A task is its kind, the number of a client, and
 *
 * - `open`: the endpoint's id and URL.
 * - `stamp`: the stamp of the client's next messages.
 * - `send`: the number of the attempt, the delivery and the time, then the event: its sequence, id, type, time, data and
 *   epoch. The thread makes the message: an event is a third of its message, and main has less to do.
 * - `close`, `end`: nothing. At `end` no client is open.
 */
export type ToSender = readonly (string | number | Stamp)[]
export const TASK_LENGTHS = { open: 4, stamp: 3, send: 11, close: 2, end: 2 } as const
export type TaskKind = keyof typeof TASK_LENGTHS

/**
 * Pairs: the number of an attempt and how it ended, as a status alone for a response without anything else; or the negative
 * number of a client that is closed, and null. The first message is empty: it says that the thread has started.
 */
export type FromSender = readonly (number | DeliveryAttempt | null)[]
