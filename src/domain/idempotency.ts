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
   * The facts that the event of the same commit lacks, as `encodeFacts` writes them; null if the event has everything,
   * and for `accepted`. A replay must repeat the response: so this keeps the reason for a refused capture or cancel,
   * which is not part of the charge, and the object of an ending without an event.
   */
  readonly facts: string | null
}

/** The stored record of the first request with a key. */
export type IdempotencyRecord = {
  readonly fingerprint: string
  readonly surface: Surface
  readonly ending: StoredEnding
}

/** A record with the data of the event with which its request ended; null without one. */
export type FoundRecord = IdempotencyRecord & { readonly event: string | null }

/** A request of at most this many UTF-16 code units is its own fingerprint; a longer one has a hash. */
export const PLAIN_FINGERPRINT = 160

/** 1 to 255 visible ASCII characters (0x21 to 0x7e): no spaces, so a header sent twice cannot pass as one key. */
export function isIdempotencyKey(value: string): boolean {
  return /^[\x21-\x7e]{1,255}$/.test(value)
}

/**
 * A text that two requests share exactly if they request the same: the operation, then the parsed body with the keys of
 * every object in order. White space and key order in the original text do not matter.
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

/** True if `JSON.stringify` alone writes the canonical text, in a fifth of the time; most requests are such. */
function isFlatAndSorted(object: Record<string, unknown>): boolean {
  let last = ''
  for (const key in object) {
    if (key < last || typeof object[key] === 'object') return false
    last = key
  }
  return true
}

/** A rejection if the key was used for another request, or through another API; undefined if it is the same request. */
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
