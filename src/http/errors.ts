import { ERROR_CODES } from '../domain/error.ts'
import type { Problem } from '../domain/routing/rule-set.ts'
import { StoreUnavailable } from '../ports/store.ts'

/** A code for clients: its status, its meaning, and whether the same request can succeed later. */
export type ErrorMeaning = {
  readonly status: number
  readonly meaning: string
  /** Seconds after which a client may repeat the request. */
  readonly retryAfterS?: number
}

/** The codes of HTTP itself: the request is malformed, names nothing, or cannot be served now. */
export const HTTP_ERRORS = {
  bad_request: { status: 400, meaning: 'The request is not well-formed HTTP.' },
  header_repeated: { status: 400, meaning: 'The request repeats a header that may appear only once.' },
  request_timeout: { status: 408, meaning: 'The request did not arrive in time.' },
  headers_too_large: {
    status: 431,
    meaning: 'The request line and headers are larger than 16 KiB, or there are more than 100 headers.',
  },
  unauthenticated: { status: 401, meaning: 'The request has no valid API key.' },
  permission_denied: { status: 403, meaning: ERROR_CODES.permission_denied },
  host_not_allowed: {
    status: 403,
    meaning:
      'A request without an API key calls MiniPay by a name that is not one of this machine; see `--allowed-origins`.',
  },
  origin_not_allowed: {
    status: 403,
    meaning: 'The request comes from a web page of another origin; see `--allowed-origins`.',
  },
  dashboard_origin_required: {
    status: 403,
    meaning: 'A session of the dashboard serves requests of its own page alone.',
  },
  route_not_found: { status: 404, meaning: 'No such route.' },
  method_not_allowed: {
    status: 405,
    meaning: 'The route exists, but not with this method; see the Allow header.',
  },
  rate_limited: {
    status: 429,
    meaning:
      'The API key sends too many requests or sign-ins, or the address too many without a valid key; retry later.',
    retryAfterS: 1,
  },
  unsupported_media_type: { status: 415, meaning: 'The body must be application/json.' },
  payload_too_large: { status: 413, meaning: 'The body is larger than the limit.' },
  invalid_json: {
    status: 400,
    meaning:
      'The body is not valid JSON, is not UTF-8, or holds a NUL, a lone surrogate, a `__proto__` key or a name that contains a backslash.',
  },
  card_number_refused: {
    status: 400,
    meaning: ERROR_CODES.card_number_refused,
  },
  parameter_missing: { status: 400, meaning: ERROR_CODES.parameter_missing },
  parameter_unknown: { status: 400, meaning: ERROR_CODES.parameter_unknown },
  parameter_invalid: { status: 400, meaning: ERROR_CODES.parameter_invalid },
  cursor_invalid: {
    status: 400,
    meaning:
      'The pagination cursor is not the id of an object in this list, or the request has both cursors.',
  },
  store_unavailable: {
    status: 503,
    meaning: 'The database takes no writes now. Retry with the same Idempotency-Key.',
    retryAfterS: 1,
  },
  overloaded: { status: 503, meaning: ERROR_CODES.overloaded, retryAfterS: 1 },
  shutting_down: { status: 503, meaning: 'The server is shutting down; retry the request.', retryAfterS: 5 },
  internal: { status: 500, meaning: 'An error in MiniPay. The log has the cause under the request id.' },
} as const satisfies Readonly<Record<string, ErrorMeaning>>

export type HttpErrorCode = keyof typeof HTTP_ERRORS

/** A refused request as HTTP sends it: a sentence for people, a code for programs, the parameter that is wrong. */
export type Refusal = Pick<ErrorMeaning, 'status' | 'retryAfterS'> & {
  readonly code: string
  readonly message: string
  readonly param?: string
  /** Further headers of its response. */
  readonly headers?: Readonly<Record<string, string>>
  /** Every mistake, where the request has several. */
  readonly problems?: readonly Problem[]
}

/** A refusal with one of HTTP's own codes. */
export function refuse(code: HttpErrorCode, message: string, param?: string): Refusal {
  const { status, retryAfterS }: ErrorMeaning = HTTP_ERRORS[code]
  return {
    ...{ status, code, message },
    ...(retryAfterS !== undefined && { retryAfterS }),
    ...(param !== undefined && { param }),
  }
}

/** A refusal as an exception, for places from which the HTTP library offers no other way out. */
export class Refused extends Error {
  readonly refusal: Refusal
  constructor(refusal: Refusal) {
    super(refusal.message)
    this.refusal = refusal
  }
}

/** The body of every error: `error` is a sentence for people, `code` is for programs. */
export function errorBody({ code, message, param, problems }: Refusal, requestId: string): string {
  return JSON.stringify({
    error: message,
    code,
    ...(param !== undefined && { param }),
    ...(problems && { problems }),
    request_id: requestId,
  })
}

/** The HTTP library's own errors in our words (https://fastify.dev/docs/latest/Reference/Errors/). */
const LIBRARY_ERRORS: Readonly<Record<string, Refusal>> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: refuse(
    'unsupported_media_type',
    'Send the body as Content-Type: application/json.',
  ),
  FST_ERR_CTP_BODY_TOO_LARGE: refuse('payload_too_large', 'The body is larger than 256 KiB.'),
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: refuse(
    'bad_request',
    'The length of the body differs from Content-Length.',
  ),
  // Node's parser also accepts methods of other protocols, such as RTSP.
  FST_ERR_NOT_FOUND: refuse('bad_request', 'The method is not an HTTP method.'),
  FST_ERR_BAD_URL: refuse('bad_request', 'The URL is not well-formed.'),
}

/** The rejection for an error that was thrown; undefined for a bug. */
export function refusalOfError(error: unknown): Refusal | undefined {
  if (error instanceof Refused) return error.refusal
  if (error instanceof StoreUnavailable) {
    if (error.reason === 'overloaded') return refuse('overloaded', 'Too many requests are waiting.')
    if (error.reason === 'closing') return refuse('shutting_down', 'The server is stopping.')
    return refuse('store_unavailable', 'The database takes no writes now. Retry with the same key.')
  }
  const code = (error as { code?: unknown } | null)?.code
  if (typeof code !== 'string') return undefined
  // No file descriptor is free, in this process (EMFILE) or on the machine (ENFILE).
  if (code === 'EMFILE' || code === 'ENFILE')
    return refuse('overloaded', 'Too many files and connections are open.')
  // A client that disconnects in the middle of its body gets the response for a malformed one.
  if (code === 'ECONNRESET' || code === 'ERR_STREAM_PREMATURE_CLOSE')
    return refuse('bad_request', 'The connection was cut before the request was complete.')
  return LIBRARY_ERRORS[code]
}
