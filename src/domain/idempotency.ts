import { type Rejection, reject } from './error.ts'

/** The APIs through which a request can come. */
export const SURFACES = ['minipay'] as const
export type Surface = (typeof SURFACES)[number]

/**
 * How a request ended, apart from any protocol: `created` made a new object, `done` changed one, `declined` was refused
 * by the provider, `unavailable` found no provider, and `accepted` has not ended: the response follows its object.
 */
export const ENDINGS = ['created', 'done', 'declined', 'unavailable', 'accepted'] as const
export type EndingKind = (typeof ENDINGS)[number]

/** The ending of a request as the record of its key keeps it. */
export type StoredEnding = {
  readonly kind: EndingKind
  /** The id of the charge, the refund or the alarm that the response shows. */
  readonly objectId: string
  /**
   * What the event of the same commit does not have, as `encodeFacts` writes it; null when the event has everything, and
   * for `accepted`. A replay must repeat the response: so it keeps why a capture or a cancel was refused, which is no fact
   * of the charge, and the object of an ending without an event.
   */
  readonly facts: string | null
}

/** What is remembered of the first request with a key. */
export type IdempotencyRecord = {
  readonly fingerprint: string
  readonly surface: Surface
  readonly ending: StoredEnding
}

/** A record with the data of the event with which its request ended; null without one. */
export type FoundRecord = IdempotencyRecord & { readonly event: string | null }

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

/** A rejection when the key was used for another request, or on another surface; undefined when it is the same request. */
export function keyReused(
  record: IdempotencyRecord,
  request: Pick<IdempotencyRecord, 'fingerprint' | 'surface'>,
): Rejection | undefined {
  if (record.fingerprint === request.fingerprint && record.surface === request.surface) return undefined
  return reject(
    'idempotency_key_reused',
    'This Idempotency-Key was already used with a different body or route. Use a new key for a new request.',
  )
}
