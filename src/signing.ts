/** Signatures of Standard Webhooks (https://www.standardwebhooks.com), which both directions use. */
import { createHmac, timingSafeEqual } from 'node:crypto'

/** How far the time of a message may be from ours, in ms, before or after. */
export const TOLERANCE_MS = 300_000

/** The key of a secret: base64 after `whsec_`, 24 to 64 bytes; undefined when it is not one. */
export function secretKey(secret: string): Buffer | undefined {
  if (!/^whsec_[A-Za-z0-9+/]+={0,2}$/.test(secret)) return undefined
  const key = Buffer.from(secret.slice('whsec_'.length), 'base64')
  return key.length < 24 || key.length > 64 ? undefined : key
}

/** The headers that sign a message; `at` is in ms since 1970. */
export function signatureHeaders(key: Buffer, id: string, at: number, body: string): Record<string, string> {
  const timestamp = String(Math.floor(at / 1000))
  return {
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': `v1,${sign(key, id, timestamp, body).toString('base64')}`,
  }
}

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
  const expected = sign(key, id, timestamp, body)
  return signatures.split(' ').some((signature) => {
    const [version, text] = signature.split(',')
    const given = Buffer.from(version === 'v1' && text ? text : '', 'base64')
    return given.length === expected.length && timingSafeEqual(given, expected)
  })
}

function sign(key: Buffer, id: string, timestamp: string, body: string | Buffer): Buffer {
  return createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest()
}
