import type { ErrorCode, Rejection } from '../domain/error.ts'
import { reject } from '../domain/error.ts'
import { StoreUnavailable } from '../ports/store.ts'

/** The one table from code to HTTP status. */
export const STATUS: Readonly<Record<ErrorCode, number>> = {
  invalid_json: 400,
  parameter_missing: 400,
  parameter_unknown: 400,
  parameter_invalid: 400,
  routing_rules_invalid: 400,
  amount_invalid: 400,
  currency_invalid: 400,
  card_number_refused: 400,
  cursor_invalid: 400,
  header_repeated: 400,
  idempotency_key_invalid: 400,
  bad_request: 400,
  notification_unverified: 400,
  card_declined: 402,
  provider_declined: 402,
  transaction_not_found: 404,
  refund_not_found: 404,
  alarm_not_found: 404,
  delivery_not_found: 404,
  attempt_not_found: 404,
  provider_not_found: 404,
  route_not_found: 404,
  method_not_allowed: 405,
  request_timeout: 408,
  idempotency_key_in_progress: 409,
  already_refunded: 409,
  routing_version_conflict: 409,
  charge_not_refundable: 409,
  refund_exceeds_remaining: 409,
  delivery_not_failed: 409,
  charge_disputed: 409,
  charge_in_doubt: 409,
  alarm_not_open: 409,
  charge_not_capturable: 409,
  capture_exceeds_authorized: 409,
  charge_not_cancelable: 409,
  provider_not_capable: 409,
  provider_not_configured: 409,
  attempt_not_open: 409,
  attempt_not_resolved: 409,
  payload_too_large: 413,
  unsupported_media_type: 415,
  idempotency_key_reused: 422,
  balance_limit_reached: 422,
  headers_too_large: 431,
  internal: 500,
  provider_unavailable: 502,
  store_unavailable: 503,
  overloaded: 503,
  shutting_down: 503,
}

/** Seconds after which a refused request may be worth repeating. */
export const RETRY_AFTER_S: Partial<Record<ErrorCode, number>> = {
  idempotency_key_in_progress: 1,
  provider_unavailable: 5,
  store_unavailable: 1,
  overloaded: 1,
  shutting_down: 5,
}

/** A refused request as an exception, for the places where the HTTP library offers no other way out. */
export class Refused extends Error {
  readonly rejection: Rejection
  constructor(rejection: Rejection) {
    super(rejection.message)
    this.rejection = rejection
  }
}

/** The body of every error: `error` is a sentence for people, as it always was; `code` is for programs. */
export function errorBody({ code, message, param, problems }: Rejection, requestId: string): string {
  return JSON.stringify({
    error: message,
    code,
    ...(param !== undefined && { param }),
    ...(problems && { problems }),
    request_id: requestId,
  })
}

/** The HTTP library's own errors in our words (https://fastify.dev/docs/latest/Reference/Errors/). */
const LIBRARY_ERRORS: Readonly<Record<string, Rejection>> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: reject(
    'unsupported_media_type',
    'Send the body as Content-Type: application/json.',
  ),
  FST_ERR_CTP_BODY_TOO_LARGE: reject('payload_too_large', 'The body is larger than 256 KiB.'),
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: reject(
    'bad_request',
    'The length of the body differs from Content-Length.',
  ),
  // What Node's parser takes beside HTTP's methods, as RTSP's.
  FST_ERR_NOT_FOUND: reject('bad_request', 'The method is not an HTTP method.'),
  FST_ERR_BAD_URL: reject('bad_request', 'The URL is not well-formed.'),
}

/** What to tell the client of an error that was thrown; undefined when it is a fault of ours. */
export function rejectionOf(error: unknown): Rejection | undefined {
  if (error instanceof Refused) return error.rejection
  if (error instanceof StoreUnavailable) {
    if (error.reason === 'overloaded') return reject('overloaded', 'Too many requests are waiting.')
    if (error.reason === 'closing') return reject('shutting_down', 'The server is stopping.')
    return reject('store_unavailable', 'The database takes no writes now. Retry with the same key.')
  }
  const code = (error as { code?: unknown } | null)?.code
  if (typeof code !== 'string') return undefined
  // No descriptor is free, of this process (EMFILE) or of the machine.
  if (code === 'EMFILE' || code === 'ENFILE')
    return reject('overloaded', 'Too many files and connections are open.')
  // A client that goes away in the middle of its body is answered like one whose body is malformed.
  if (code === 'ECONNRESET' || code === 'ERR_STREAM_PREMATURE_CLOSE')
    return reject('bad_request', 'The connection was cut before the request was complete.')
  return LIBRARY_ERRORS[code]
}
