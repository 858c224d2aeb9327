/** How many requests MiniPay takes: at once from everyone, and per second with one API key. */
import type { FastifyReply } from 'fastify'
import type { RateLimits } from '../app/access/rate-limits.ts'
import type { Rate, Taken } from '../domain/token-bucket.ts'
import type { Caller } from './caller.ts'
import { type Refusal, Refused, refuse } from './errors.ts'

/** The bound on requests in flight: those whose body has arrived and whose handler has not ended. */
export type InFlight = {
  /** The refusal of one more request, or undefined. */
  refusal(): Refusal | undefined
  /**
   * Runs a handler, and counts it until it ends, or calls `leave` before. Throws `Refused` if there are too many by now.
   */
  run<T>(handle: (leave: () => void) => Promise<T>): Promise<T>
}

/**
 * A request that waits behind too many others would take long and then find no client. So MiniPay refuses it at once,
 * while the others keep their latency. A body that arrives slowly takes no place.
 */
export function boundInFlight(most: number): InFlight {
  let count = 0
  const refusal = () => (count < most ? undefined : refuse('overloaded', 'Too many requests are in flight.'))
  return {
    refusal,
    run(handle) {
      // Bodies of many requests may have arrived since their heads.
      const overloaded = refusal()
      if (overloaded) throw new Refused(overloaded)
      count++
      let counts = true
      const leave = () => {
        if (counts) count--
        counts = false
      }
      return handle(leave).then(
        (value) => {
          leave()
          return value
        },
        (error) => {
          leave()
          throw error
        },
      )
    },
  }
}

/**
 * Takes a token for a request of an API key, and sets the fields of draft-ietf-httpapi-ratelimit-headers-10. The refusal
 * if the key has no token left. A request without a key has no limit.
 */
export function refusalOfRate(
  rates: Pick<RateLimits, 'request'>,
  { keyId, rateLimit }: Caller,
  reply: FastifyReply,
): Refusal | undefined {
  const taken = keyId === null ? undefined : rates.request(keyId, rateLimit)
  if (!taken) return undefined
  if (!taken.allowed) return tooMany('key', taken.rate, taken, 'This API key sends too many requests.')
  reply.headers(rateHeaders('key', taken.rate, taken))
  return undefined
}

/** The refusal of an address with too many failures. */
export function refusalOfFailures(rate: Rate, taken: Taken): Refusal {
  return tooMany('failures', rate, taken, 'Too many requests from this address had no valid API key.')
}

/** The refusal of a sign-in to the dashboard with a key that had too many. A person reads it. */
export function refusalOfSignIns(rate: Rate, taken: Taken): Refusal {
  return tooMany('sign_ins', rate, taken, `This API key has signed in too often. ${tryAgainIn(taken)}`)
}

/** When a person may try again, as a sentence. */
export function tryAgainIn({ retryAfterS }: Pick<Taken, 'retryAfterS'>): string {
  return `Try again in ${retryAfterS === 1 ? 'a second' : `${retryAfterS} seconds`}.`
}

function tooMany(policy: string, rate: Rate, taken: Taken, message: string): Refusal {
  const headers = rateHeaders(policy, rate, taken)
  return { ...refuse('rate_limited', message), retryAfterS: taken.retryAfterS, headers }
}

/** A policy is `q` requests in `w` seconds, here a full bucket; its state is `r` requests that remain, and `t` seconds until all do. */
function rateHeaders(
  policy: string,
  { burst, perSecond }: Rate,
  { remaining, fullInS }: Taken,
): Readonly<Record<string, string>> {
  return {
    'ratelimit-policy': `"${policy}";q=${burst};w=${Math.ceil(burst / perSecond)}`,
    ratelimit: `"${policy}";r=${remaining};t=${fullInS}`,
  }
}
