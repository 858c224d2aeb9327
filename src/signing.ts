/**
 * Signatures of Standard Webhooks (https://www.standardwebhooks.com), which both directions use, and the signature of
 * Stripe's webhooks (https://docs.stripe.com/webhooks#verify-manually).
 */
import { timingSafeEqual } from 'node:crypto'
import { hmacSha256 } from './hmac.ts'

/** How far the time of a message may be from ours, in ms, before or after. */
export const TOLERANCE_MS = 300_000

/** The key of a secret: base64 after `whsec_`, 24 to 64 bytes; undefined when it is not one. */
export function secretKey(secret: string): Buffer | undefined {
  if (!/^whsec_[A-Za-z0-9+/]+={0,2}$/.test(secret)) return undefined
  const key = Buffer.from(secret.slice('whsec_'.length), 'base64')
  return key.length < 24 || key.length > 64 ? undefined : key
}

/**
 * The headers that sign a message; `at` is in ms since 1970. With several keys each signs, the first one first: a
 * receiver that has any of them can verify the message.
 */
export function signatureHeaders(
  keys: Buffer | readonly Buffer[],
  id: string,
  at: number,
  body: string | Buffer,
): Record<string, string> {
  const timestamp = secondsOf(at)
  const signed = (key: Buffer) => `v1,${hmacSha256(key, `${id}.${timestamp}.`, body, 'base64')}`
  const signatures = Buffer.isBuffer(keys) ? signed(keys) : keys.map(signed).join(' ')
  return {
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': signatures,
  }
}

/**
 * The `Stripe-Signature` of a body, with one `v1` a secret. The key is the bytes of the secret's whole text, `whsec_` included,
 * where Standard Webhooks takes the bytes behind it: so one secret passes both verifiers.
 */
export function stripeSignature(secrets: readonly Buffer[], at: number, body: string | Buffer): string {
  const timestamp = secondsOf(at)
  const signatures = secrets.map((secret) => `v1=${hmacSha256(secret, `${timestamp}.`, body, 'hex')}`)
  return [`t=${timestamp}`, ...signatures].join(',')
}

const secondsOf = (ms: number) => String(Math.floor(ms / 1000))

/** True when one of the signatures is ours and the time is near `now`. Header names are lower case. */
export function isSigned(
  key: Buffer,
  headers: Readonly<Record<string, string | string[] | undefined>>,
  body: Buffer,
  now: number,
): boolean {
  const id = headers['webhook-id']
  const timestamp = headers['webhook-timestamp']
  const signatures = headers['webhook-signature']
  if (typeof id !== 'string' || typeof timestamp !== 'string' || typeof signatures !== 'string') return false
  if (!/^\d{1,12}$/.test(timestamp) || Math.abs(now - Number(timestamp) * 1000) > TOLERANCE_MS) return false
  const expected = hmacSha256(key, `${id}.${timestamp}.`, body, 'buffer') as Buffer
  return signatures.split(' ').some((signature) => {
    const [version, text] = signature.split(',')
    const given = Buffer.from(version === 'v1' && text ? text : '', 'base64')
    return given.length === expected.length && timingSafeEqual(given, expected)
  })
}
