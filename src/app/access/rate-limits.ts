/** The limits of requests per API key, and of failed authentication per address. Each node has its own. */
import { addressOf } from '../../domain/access/networks.ts'
import { type Rate, type Taken, takeToken } from '../../domain/token-bucket.ts'
import type { Runtime } from '../../ports/runtime.ts'

/** Failures that an address may have: ten at once, then one a second. */
export const FAILURES: Rate = { burst: 10, perSecond: 1 }
/**
 * Sign-ins to the dashboard that a key may have: twenty at once, for people who share it, then one every ten seconds. Each
 * stores a session and an entry of the audit log, which MiniPay never deletes.
 */
export const SIGN_INS: Rate = { burst: 20, perSecond: 0.1 }
/** Look-ups of unknown keys that this node makes for all addresses with too many failures. */
const LOOK_UPS: Rate = { burst: 20, perSecond: 20 }
/** The most keys, and the most addresses, whose buckets are kept; beyond it, those that were used least recently go. */
const MAX_BUCKETS = 10_000

export type RateLimits = {
  /**
   * Takes a token for a request of a key. `perSecond` is the key's own limit; null is that of all keys. Undefined if
   * neither limits the key.
   */
  request(keyId: string, perSecond: number | null): (Taken & { readonly rate: Rate }) | undefined
  /** Takes a token for a sign-in to the dashboard with a key. */
  signIn(keyId: string): Taken
  /** Counts a failed authentication from an IP address. Not allowed once there were too many. */
  failure(address: string): Taken
  /** Whether the address has had too many failures, without counting one. */
  isBlocked(address: string): boolean
  /** Takes one of the look-ups that a node makes for all blocked addresses; false if none is left. */
  takeLookUp(): boolean
}

/** `perSecond` is the limit of each key, in requests a second; 0 for none. */
export function createRateLimits(perSecond: number, { monotonic }: Pick<Runtime, 'monotonic'>): RateLimits {
  const keys = createBuckets()
  const addresses = createBuckets()
  const signIns = createBuckets()
  let lookUpsFullAt = Number.NEGATIVE_INFINITY
  return {
    request(keyId, ownPerSecond) {
      const limit = ownPerSecond ?? perSecond
      if (limit === 0) return undefined
      const rate = { burst: Math.max(1, limit), perSecond: limit }
      return { ...keys.take(keyId, rate, monotonic()), rate }
    },
    signIn: (keyId) => signIns.take(keyId, SIGN_INS, monotonic()),
    failure: (address) => addresses.take(neighbourhoodOf(address), FAILURES, monotonic()),
    isBlocked: (address) => addresses.isEmpty(neighbourhoodOf(address), FAILURES, monotonic()),
    takeLookUp() {
      const { allowed, fullAt } = takeToken(LOOK_UPS, lookUpsFullAt, monotonic())
      lookUpsFullAt = fullAt
      return allowed
    },
  }
}

type Buckets = {
  take(name: string, rate: Rate, now: number): Taken
  isEmpty(name: string, rate: Rate, now: number): boolean
}

function createBuckets(): Buckets {
  /** When each bucket will be full, the least recently used first. */
  const fullAt = new Map<string, number>()
  return {
    take(name, rate, now) {
      const taken = takeToken(rate, fullAt.get(name) ?? Number.NEGATIVE_INFINITY, now)
      fullAt.delete(name)
      fullAt.set(name, taken.fullAt)
      if (fullAt.size > MAX_BUCKETS) fullAt.delete(fullAt.keys().next().value as string)
      return taken
    },
    isEmpty(name, rate, now) {
      const at = fullAt.get(name)
      return at !== undefined && !takeToken(rate, at, now).allowed
    },
  }
}

/** An IPv4 address, or the 64 bits of an IPv6 one that belong to one customer of a network (RFC 6177). */
function neighbourhoodOf(address: string): string {
  if (!address.includes(':')) return address
  const number = addressOf(address)
  return number === undefined || number >> 32n === 0xffffn ? address : `${(number >> 64n).toString(16)}::/64`
}
