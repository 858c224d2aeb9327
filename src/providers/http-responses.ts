import type { Outcome } from '../domain/attempt.ts'
import { holdsCardNumber } from '../domain/cards/card-numbers.ts'
import { DISPUTE_STATES } from '../domain/charge.ts'
import type { HttpResult } from '../net/http-client.ts'
import { httpUrl } from '../net/http-url.ts'
import type {
  DisputeLookup,
  LookupOutcome,
  NotificationSubject,
  VerifiedNotification,
} from '../ports/provider.ts'
import { rfc3339 } from './rfc3339.ts'

/**
 * Interprets a response of the protocol (docs/provider-protocol.md). Only a complete JSON body of the known form
 * counts. Any other response to a request that the processor may have read leaves the outcome unknown.
 */

type HttpResponse = Extract<HttpResult, { kind: 'response' }>
type Json = Readonly<Record<string, unknown>>
/** Keeps our secrets out of the processor's texts: see providers/scrub. */
export type Guard = { readonly scrub: (text: string) => string; readonly leaks: (text: string) => boolean }

/**
 * A processor refuses with these statuses before it looks at the reference: not authenticated, no such route or
 * method, too large, not JSON, too many. They apply to this request alone.
 */
const AT_THE_DOOR: ReadonlySet<number> = new Set([401, 403, 404, 405, 413, 415, 429])

/**
 * The outcome of an authorize, capture, cancel or refund under our `reference`. If the response is to another call, closes
 * its connection.
 */
export function outcomeOf(response: HttpResponse, reference: string | undefined, guard: Guard): Outcome {
  const body = parse(response.body)
  if (body && isToAnother(body, reference)) return misdirected(response)
  if (response.status === 200) return (body && statedOutcome(body, guard)) ?? unreadable(response)
  const refused = body && refusal(body)
  if (refused && response.status >= 400 && response.status < 500) {
    const reason = guard.scrub(`refused (${refused.code}): ${refused.message}`)
    // This reference was used for another call, possibly ours with other fields: its outcome is unknown.
    if (refused.code === 'reference_reused') return { kind: 'unknown', reason }
    return AT_THE_DOOR.has(response.status)
      ? { kind: 'not_sent', reason }
      : { kind: 'not_sent', reason, refused: true }
  }
  // A bare status may come from a proxy, so it gives no information about the processor.
  return unreadable(response)
}

/**
 * The result of a lookup. If the lookup itself was refused or never arrived, the outcome of the call stays unknown;
 * `not_sent` tells the core that the processor is unreachable.
 */
export function lookupOf(result: HttpResult, reference: string, guard: Guard): LookupOutcome {
  if (result.kind !== 'response')
    return { kind: result.kind, reason: `lookup: ${guard.scrub(result.reason)}` }
  const body = result.status === 200 ? parse(result.body) : undefined
  if (body && isToAnother(body, reference)) return misdirected(result)
  if (body?.['status'] === 'not_found') return { kind: 'not_found' }
  return (body && statedOutcome(body, guard)) ?? unreadable(result)
}

/** The status of a dispute. */
export function disputeOf(result: HttpResult, guard: Guard): DisputeLookup {
  if (result.kind !== 'response') return { kind: 'unknown', reason: guard.scrub(result.reason) }
  const body = result.status === 200 ? parse(result.body) : undefined
  if (body?.['status'] === 'not_found') return { kind: 'not_found' }
  const status = DISPUTE_STATES.find((one) => one === body?.['status'])
  const reference = name(body?.['dispute'], guard)
  const paymentReference = name(body?.['payment'], guard)
  const money = body && moneyOf(body)
  const evidenceDueAt = timeOf(body?.['evidence_due_at'])
  if (!status || !reference || !paymentReference || !money || evidenceDueAt === undefined)
    return unreadable(result)
  const reason = typeof body['reason'] === 'string' ? guard.scrub(body['reason']) : null
  return { kind: 'dispute', reference, paymentReference, ...money, reason, status, evidenceDueAt }
}

/** The object of a notification with a verified signature; null if it does not have the known form. */
export function notificationOf(bytes: Buffer): VerifiedNotification | null {
  const body = parse(bytes.toString())
  const id = name(body?.['id'])
  const reference = name(body?.['reference'])
  if (!body || !id || !reference) return null
  return { id, subject: subjectOf(body['about'], reference) }
}

function subjectOf(about: unknown, reference: string): NotificationSubject {
  if (about === 'attempt') return { about, attemptId: reference }
  if (about === 'payment' || about === 'refund' || about === 'dispute') return { about, reference }
  return { about: 'nothing' }
}

/** Undefined if the body does not have the form of a response. */
function statedOutcome(body: Json, guard: Guard): Outcome | undefined {
  const reference = name(body['reference'], guard)
  switch (body['status']) {
    case 'succeeded': {
      const money = moneyOf(body)
      const expiresAt = timeOf(body['expires_at'])
      if (!reference || !money || expiresAt === undefined) return undefined
      return { kind: 'succeeded', reference, ...money, expiresAt }
    }
    case 'declined': {
      const code = body['decline_code']
      if (typeof code !== 'string' || code === '') return undefined
      const message = typeof body['message'] === 'string' ? body['message'] : ''
      if (/^[a-z0-9_]{1,64}$/.test(code) && !holdsCardNumber(code) && !guard.leaks(code))
        return {
          kind: 'declined',
          declineCode: code,
          message: guard.scrub(message || code),
          reference: reference ?? null,
        }
      const words = guard.scrub(`${code}: ${message}`)
      return {
        kind: 'declined',
        declineCode: 'generic_decline',
        message: words,
        reference: reference ?? null,
      }
    }
    case 'pending': {
      const redirectUrl = urlOf(body['redirect_url'], guard)
      if (redirectUrl === undefined || (!reference && !absent(body['reference']))) return undefined
      return { kind: 'pending', reference: reference ?? null, redirectUrl }
    }
    default:
      return undefined
  }
}

/**
 * A processor or a proxy that once responds twice to a request would make each later response on that connection count for
 * the next request. A response that names its request shows that.
 */
function isToAnother(body: Json, reference: string | undefined): boolean {
  const named = body['request_reference']
  return !absent(named) && named !== reference
}

function misdirected({ cut }: HttpResponse): { readonly kind: 'unknown'; readonly reason: string } {
  cut()
  return { kind: 'unknown', reason: 'the response is to another call' }
}

function unreadable({ status, body }: HttpResponse): { readonly kind: 'unknown'; readonly reason: string } {
  const words = body === '' ? 'without a body' : parse(body) ? 'in a form we do not know' : 'that is not JSON'
  return { kind: 'unknown', reason: `responded ${status} ${words}` }
}

function parse(text: string): Json | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : undefined
  } catch {
    return undefined
  }
}

function refusal(body: Json): { readonly code: string; readonly message: string } | undefined {
  const { status, code, message } = body
  if (status !== 'refused' || typeof code !== 'string') return undefined
  return { code, message: typeof message === 'string' ? message : '' }
}

const absent = (value: unknown): value is null | undefined => value === null || value === undefined

/** A reference: 1 to 255 visible ASCII characters, kept as it is, so that one with a secret of ours is none. */
function name(value: unknown, guard?: Guard): string | undefined {
  if (typeof value !== 'string' || !/^[\x21-\x7e]{1,255}$/.test(value)) return undefined
  return guard?.leaks(value) ? undefined : value
}

/**
 * The outcome exactly as the response states it, with a lower-case currency code. The core compares it with the
 * request.
 */
function moneyOf(body: Json): { readonly amount: number; readonly currency: string } | undefined {
  const { amount, currency } = body
  if (typeof amount !== 'number' || !Number.isSafeInteger(amount) || amount < 0) return undefined
  if (typeof currency !== 'string' || !/^[A-Za-z]{3}$/.test(currency)) return undefined
  return { amount, currency: currency.toLowerCase() }
}

/** ms since 1970 from a time of the protocol; null if absent, undefined if it is not a time. */
function timeOf(value: unknown): number | null | undefined {
  if (absent(value)) return null
  return typeof value === 'string' ? rfc3339(value) : undefined
}

function urlOf(value: unknown, guard: Guard): string | null | undefined {
  if (absent(value)) return null
  if (typeof value !== 'string' || value.length > 2_048) return undefined
  return httpUrl(value) && !guard.leaks(value) ? value : undefined
}
