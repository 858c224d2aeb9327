import { hash, randomFillSync, randomUUID } from 'node:crypto'
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

/** Random bytes are drawn a page at a time: each draw is a call out of JavaScript. */
const pool = new Uint8Array(4090)
let drawn = pool.length

function random80(): bigint {
  if (drawn === pool.length) {
    randomFillSync(pool)
    drawn = 0
  }
  let bits = 0n
  for (const end = drawn + 10; drawn < end; drawn++) bits = (bits << 8n) | BigInt(pool[drawn] as number)
  return bits
}

/** A request's canonical text while it is short, which nearly all are, and else its SHA-256. */
function fingerprint(text: string): string {
  return text.length <= 160 ? text : hash('sha256', text, 'base64url')
}
