import { type Rejection, reject } from './error.ts'

/** What is remembered of the first request with a key. */
export type IdempotencyRecord = {
  readonly fingerprint: string
  readonly answer: StoredAnswer
}

/**
 * How a request ended, apart from any protocol: `created` made a new object, `done` changed one,
 * `declined` was refused by the provider, `unavailable` found no provider, and `accepted` has not ended: its
 * object is still `processing`, and the answer changes with it. `body` is the JSON that was answered.
 */
export type StoredAnswer = {
  readonly kind: 'created' | 'done' | 'declined' | 'unavailable' | 'accepted'
  readonly body: string
}

/** A request of so many UTF-16 code units or fewer is its own fingerprint; of a longer one it is a hash. */
export const PLAIN_FINGERPRINT = 160

/** 1 to 255 visible ASCII characters (0x21 to 0x7e): no spaces, so a header sent twice cannot pass as one key. */
export function isIdempotencyKey(value: string): boolean {
  return /^[\x21-\x7e]{1,255}$/.test(value)
}

/**
 * The text that two requests share exactly when they ask for the same: operation, then the parsed body with
 * the keys of every object in order. White space and key order in the original text do not matter.
 */
export function canonicalRequest(operation: string, body: unknown): string {
  return `${operation} ${canonicalJson(body)}`
}

/** JSON with sorted keys. The input is parsed JSON whose depth the caller has bounded. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join()}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const object = value as Record<string, unknown>
  if (isFlatAndSorted(object)) return JSON.stringify(object)
  let text = ''
  for (const key of Object.keys(object).sort())
    text += `${text && ','}${JSON.stringify(key)}:${canonicalJson(object[key])}`
  return `{${text}}`
}

/** True when `JSON.stringify` alone writes the canonical text, in a fifth of the time; most requests are such. */
function isFlatAndSorted(object: Record<string, unknown>): boolean {
  let last = ''
  for (const key in object) {
    if (key < last || typeof object[key] === 'object') return false
    last = key
  }
  return true
}

/** What the first request answered, when this is the same request; a rejection when the key was for another. */
export function replay(record: IdempotencyRecord, fingerprint: string): StoredAnswer | Rejection {
  if (record.fingerprint === fingerprint) return record.answer
  return reject(
    'idempotency_key_reused',
    'This Idempotency-Key was already used with a different body or route. Use a new key for a new request.',
  )
}
