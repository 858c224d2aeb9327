import { hash, randomBytes, randomUUID } from 'node:crypto'
import { type IdPrefix, idFactory } from '../domain/id.ts'
import type { InProcessProvider } from '../ports/provider.ts'
import type { Store } from '../ports/store.ts'

/** What every use case needs from the outside: made once by main, and by tests with a clock of their own. */
export type Context = {
  readonly store: Store
  readonly provider: InProcessProvider
  /** ms since 1970. */
  readonly now: () => number
  readonly newId: (prefix: IdPrefix) => string
  /** A key for a request that came without one. */
  readonly newKey: () => string
  readonly fingerprint: (text: string) => string
  /** The endpoints that are told of every event. */
  readonly endpoints: readonly string[]
  /** Called when a commit made deliveries, so that they need not wait for the next poll. */
  readonly onDeliveries: () => void
  /** How long a request waits for its twin with the same key, in ms. */
  readonly idempotencyWaitMs: number
  /** Requests that are running in this process, by scope and key. */
  readonly running: Map<string, Promise<unknown>>
}

type Chosen = Pick<Context, 'store' | 'provider' | 'endpoints' | 'onDeliveries' | 'idempotencyWaitMs'>

/** A context with real randomness; the clock is the machine's unless given. */
export function createContext(chosen: Chosen, now: () => number = Date.now): Context {
  return {
    ...chosen,
    now,
    newId: idFactory(now, random80),
    newKey: randomUUID,
    fingerprint,
    running: new Map(),
  }
}

function random80(): bigint {
  return BigInt(`0x${randomBytes(10).toString('hex')}`)
}

function fingerprint(text: string): string {
  return hash('sha256', text, 'base64url')
}
