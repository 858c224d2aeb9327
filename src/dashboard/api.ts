/** Calls of MiniPay's public API from the page. */
import { signal } from '@preact/signals'
import { proof } from './preferences.ts'
import { type Query, queryString } from './router.ts'

const API = '/api/v1'

/** True once the server refused a request because no person is signed in: the page then shows the form. */
export const signedOut = signal(false)
/** True while the page shows a new key, which the reader must store before signing in with it. */
export const signInHeld = signal(false)

export type Problem = {
  readonly path: string
  readonly message: string
  /** In a condition of routing rules. */
  readonly position?: { readonly line: number; readonly column: number; readonly offset: number } | null
}

/** A response that is an error, or no response at all: then `status` is 0 and `code` is `unreachable`. */
export class ApiError extends Error {
  readonly status: number
  readonly code: string
  /** The field, parameter or header that is wrong. */
  readonly param: string | undefined
  readonly problems: readonly Problem[]
  readonly requestId: string | undefined
  /** The whole response. */
  readonly body: Readonly<Record<string, unknown>>

  constructor(status: number, body: Readonly<Record<string, unknown>>, requestId: string | undefined) {
    super(typeof body['error'] === 'string' ? body['error'] : `MiniPay responded with ${status}.`)
    this.status = status
    this.code = String(body['code'] ?? 'unknown')
    this.param = typeof body['param'] === 'string' ? body['param'] : undefined
    this.problems = Array.isArray(body['problems']) ? body['problems'] : []
    this.requestId = typeof body['request_id'] === 'string' ? body['request_id'] : requestId
    this.body = body
  }
}

export type Options = {
  readonly query?: Query | undefined
  readonly body?: unknown
  /** The Idempotency-Key. */
  readonly key?: string | undefined
  readonly signal?: AbortSignal | undefined
}

/**
 * Sends a request; resolves with the JSON of a response below 400. Throws `ApiError`, or an `AbortError` when `signal`
 * is aborted. `path` follows `/api/v1`, unless it begins with `/dashboard`.
 */
export async function request<T>(method: string, path: string, options: Options = {}): Promise<T> {
  const { query, body, key, signal: abort } = options
  const headers = ownHeaders()
  if (body !== undefined) headers['content-type'] = 'application/json'
  if (key !== undefined) headers['idempotency-key'] = key
  const response = await respond(addressOf(path, query), {
    ...{ method, headers },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    ...(abort && { signal: abort }),
  })
  const parsed = parsedOr(await response.text())
  if (parsed === undefined) throw unreachable('Something else responded in the place of MiniPay.')
  return parsed as T
}

/** Resolves with a response below 400, whose body is not read. Throws as `request`. */
export async function respond(url: string, init: RequestInit): Promise<Response> {
  const response = await fetch(url, init).catch((error: unknown) => {
    if (error instanceof DOMException && error.name === 'AbortError') throw error
    throw unreachable('MiniPay did not respond. Check the connection, and whether the server runs.')
  })
  const { ok, status, headers } = response
  if (ok) return response
  if (status === 401 && !url.startsWith('/dashboard')) signedOut.value = true
  const body = Object(parsedOr(await response.text()) ?? {})
  throw new ApiError(status, body, headers.get('x-request-id') ?? undefined)
}

/** How long after the last input the page's requests no longer count as a person's, in ms. */
const IDLE_MS = 60_000
let lastInput = 0
if (typeof document !== 'undefined')
  for (const type of ['pointerdown', 'keydown'])
    document.addEventListener(type, ({ timeStamp }) => {
      lastInput = timeStamp
    })

/** The headers of every request of the page. */
export function ownHeaders(inBackground = performance.now() - lastInput > IDLE_MS): Record<string, string> {
  return {
    // Pages of other origins cannot send it without a preflight, which MiniPay does not allow them.
    'x-minipay-dashboard': proof() ?? '1',
    // An open page without a reader does not keep its session alive.
    ...(inBackground && { 'x-minipay-background': '1' }),
  }
}

/** The address of an endpoint, such as for a list as CSV. */
export function addressOf(path: string, query?: Query): string {
  return (path.startsWith('/dashboard') ? path : API + path) + queryString(query)
}

function unreachable(message: string): ApiError {
  return new ApiError(0, { error: message, code: 'unreachable' }, undefined)
}

/** The JSON of a response; undefined if it is none, such as the page of a proxy. */
function parsedOr(text: string): unknown {
  try {
    return text === '' ? {} : parseJson(text)
  } catch {
    return undefined
  }
}

/** Errors of our own code are shown as well, with their text. */
export function asApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error
  return new ApiError(0, { error: String(error), code: 'page_error' }, undefined)
}

type Change = Omit<Options, 'body' | 'query'>

/** The endpoints of `/api/v1`: `api.get<ChargeView>('/charges/txn_…')`. All of them throw `ApiError`. */
export const api = {
  get: <T>(path: string, query?: Query, options?: { signal?: AbortSignal }) =>
    request<T>('GET', path, { query, ...options }),
  post: <T>(path: string, body?: unknown, options?: Change) => request<T>('POST', path, { body, ...options }),
  put: <T>(path: string, body: unknown, options?: Change) => request<T>('PUT', path, { body, ...options }),
  patch: <T>(path: string, body: unknown, options?: Change) =>
    request<T>('PATCH', path, { body, ...options }),
  remove: <T>(path: string, options?: Change) => request<T>('DELETE', path, options),
}

type Source = { readonly source?: string }

/** An integer that JavaScript's number cannot hold exactly becomes a BigInt; every other value is as usual. */
export function parseJson(text: string): unknown {
  // Most responses have no such number, and the reviver makes parsing ten times slower.
  if (!/\d{16}/.test(text)) return JSON.parse(text)
  const revive = (_key: string, value: unknown, context?: Source) =>
    typeof value === 'number' && !Number.isSafeInteger(value) && /^-?\d+$/.test(context?.source ?? '')
      ? BigInt(context?.source as string)
      : value
  return JSON.parse(text, revive as (key: string, value: unknown) => unknown)
}
