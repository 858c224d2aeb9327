/** The messages between the main thread and the thread that sends webhooks. */
import type { DeliveryAttempt } from '../domain/delivery.ts'

/** Grows with each change of these messages: a thread that starts late may be of files that an upgrade has replaced. */
export const FORMAT = 1

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
 * What the thread is to do, one after another: each the five values `kind, client, attempt, first, second`. To clone one
 * flat array takes half the time of an array of arrays. Clients and attempts have numbers.
 *
 * - `open`: an endpoint's id and URL.
 * - `send`: the lines of the headers, and the body.
 * - `close`: nothing.
 * - `end`: nothing; no client is open.
 */
export type ToSender = readonly (string | number | Buffer)[]
export const TASK_LENGTH = 5

/**
 * Pairs: the number of an attempt and how it ended, as a status alone for a response without anything else; or the negative
 * number of a client that is closed, and null. The first message is empty: it says that the thread has started.
 */
export type FromSender = readonly (number | DeliveryAttempt | null)[]
