import { holdsCardNumber } from '../domain/cards/card-numbers.ts'

/** Long enough for every usual form of trace id, short enough for each line of a log. */
const ID = /^[\w.-]{1,128}$/
/** The beginnings of secrets of ours and of providers'. */
const SECRET = /(?:mp|sk|rk)_(?:test|live)_|whsec_/

/**
 * The id that a client gave its request in X-Request-Id, so that its own logs and MiniPay's name the request alike.
 * Undefined if there is none, or none that a log may contain: 1 to 128 letters, digits, `.`, `_` and `-`, without a card
 * number and a secret.
 */
export function broughtId(header: string | readonly string[] | undefined): string | undefined {
  if (typeof header !== 'string' || !ID.test(header)) return undefined
  return SECRET.test(header) || holdsCardNumber(header) ? undefined : header
}
