/**
 * What is replayed: operations as plain data. They name what earlier operations made by braces, which each server's
 * player fills in with that server's own: `{txn:17}` is the charge that operation 17 made, `{txn:17.3}` that of the
 * fourth request of a race.
 */

export type Request = {
  readonly method: string
  readonly path: string
  readonly key?: string
  readonly headers?: Readonly<Record<string, string>>
  /** As it is sent, once its braces are filled in. */
  readonly body?: string
}

/**
 * What sets the requests of a race apart when they have been answered. `each`: every one is about something of its own.
 * `alike`: nothing but their keys, so that whoever was first does not matter. `either`: two bodies under one key, `…-a`
 * and `…-b`, of which one wins.
 */
export type RaceKind = 'each' | 'alike' | 'either'

export type Operation =
  | { readonly kind: 'send'; readonly request: Request }
  /** At once; nothing else is under way. */
  | { readonly kind: 'race'; readonly of: RaceKind; readonly requests: readonly Request[] }
  /** A list to its end, page by page. */
  | { readonly kind: 'walk'; readonly path: string; readonly limit: number }
  /** A word to the bank, which it must take. */
  | { readonly kind: 'bank'; readonly path: string; readonly body: object }
  /** Asked again until the answer's text matches. */
  | { readonly kind: 'await'; readonly path: string; readonly match: string }
  /** Whatever was made before and whatever is made after do not share a time. */
  | { readonly kind: 'tick' }
  /** Every webhook has come to its end; then the counters are read. */
  | { readonly kind: 'quiet' }
  /** Everything there is to read. */
  | { readonly kind: 'census' }
  /** Stopped, and started again with these providers. */
  | { readonly kind: 'restart'; readonly providers: Providers }

/** The sandbox in process alone, or beside a bank that is asked over the network. */
export type Providers = 'sandbox' | 'bank'

export type Log = {
  readonly seed: number
  readonly operations: readonly Operation[]
}

/** How many requests a log has clients send. */
export function requestsOf({ operations }: Log): number {
  return operations.reduce(
    (sum, operation) =>
      sum + (operation.kind === 'race' ? operation.requests.length : operation.kind === 'send' ? 1 : 0),
    0,
  )
}

/** One line a reader can find the operation by. */
export function inWords(operation: Operation): string {
  return JSON.stringify(operation)
}
