/** Finds out who makes each request. */
import type { Authenticated, Keyring } from '../app/access/keyring.ts'
import { FAILURES, type RateLimits } from '../app/access/rate-limits.ts'
import type { Sessions } from '../app/access/sessions.ts'
import type { Permission } from '../domain/access/permissions.ts'
import { refusalOfHost, refusalOfOrigin } from '../http/browsers.ts'
import { type Authenticate, type Caller, isRefusal } from '../http/caller.ts'
import type { Request } from '../http/endpoint.ts'
import { type Refusal, refuse } from '../http/errors.ts'
import { refusalOfFailures, tryAgainIn } from '../http/limits.ts'
import type { AllowedOrigins } from '../http/origins.ts'
import { BACKGROUND_HEADER, pageProof, refusalOfOtherPage, sessionSecret } from '../http/session-cookie.ts'
import type { Runtime } from '../ports/runtime.ts'
import { keylessCaller } from './caller.ts'
import { credentialsOf, isForwarded } from './credentials.ts'

/**
 * MiniPay sends every 401, and the 429 in its place, this long after the request came, in ms, or after a multiple of it: so its time does not
 * show whether a key is malformed, unknown, revoked or expired. A look-up takes a few ms.
 */
const REFUSED_AFTER_MS = 50

export type AuthenticateOptions = {
  readonly keyring: Pick<Keyring, 'authenticate' | 'anyKey'>
  /** Without it, no request is authenticated by a cookie. */
  readonly sessions?: Pick<Sessions, 'find'> | undefined
  readonly runtime: Pick<Runtime, 'monotonic' | 'after'>
  /** The server can be reached from this machine alone: it needs no key before one was made. */
  readonly onLoopback: boolean
  /** No request needs a key. */
  readonly insecureNoAuth: boolean
  readonly allowedOrigins: AllowedOrigins
  readonly rates: Pick<RateLimits, 'failure' | 'isBlocked' | 'takeLookUp'>
}

type Found = Caller | Refusal | 'no key' | 'wrong key'

/**
 * Authenticates requests by their API keys. A request without one is served where none is needed, in test mode. A
 * request with one is served with that key or refused. All refusals of keys are the same, and take the same time.
 */
export function createAuthenticate(options: AuthenticateOptions): Authenticate {
  const { runtime } = options
  return (request, permission) => {
    if (permission === null) return openCaller(request)
    const arrivedAt = runtime.monotonic()
    const settle = (found: Found) =>
      found === 'no key' || found === 'wrong key'
        ? inTime(runtime, arrivedAt, refusalOfKey(options, found, request))
        : found
    const found = find(options, request)
    return found instanceof Promise ? found.then(settle) : settle(found)
  }
}

/**
 * Whether a request to an endpoint that is open to all may also see what needs a permission. A wrong key is counted and
 * takes its time, as everywhere. False while the database is unavailable.
 */
export function createMayRead(
  authenticate: Authenticate,
  { onLoopback, insecureNoAuth }: Pick<AuthenticateOptions, 'onLoopback' | 'insecureNoAuth'>,
): (request: Request, permission: Permission) => Promise<boolean> {
  return async (request, permission) => {
    // A health check without a key does not wait for a refusal.
    const { authorization, cookie } = request.headers
    if (authorization === undefined && cookie === undefined && !onLoopback && !insecureNoAuth) return false
    try {
      const found = await authenticate(request, permission)
      return !isRefusal(found) && found.permissions.has(permission)
    } catch {
      return false
    }
  }
}

/** The caller; a refusal of a page; or why the request has no valid key. */
function find(options: AuthenticateOptions, request: Request): Found | Promise<Found> {
  const { keyring, allowedOrigins, rates } = options
  const { authorization } = request.headers
  if (authorization === undefined) return findSession(options, request) ?? findKeyless(options, request)
  const credentials = credentialsOf(authorization)
  if (!credentials) return 'wrong key'
  const admit = (found: Authenticated | undefined): Found => {
    if (!found) return 'wrong key'
    // A browser that knows a user name repeats it for every page.
    const refused = credentials.scheme === 'basic' ? refusalOfOrigin(request, allowedOrigins) : undefined
    return refused ?? keyedCaller(request, found)
  }
  const { address } = request.client
  // Clients may share their address with an attacker: their keys still work, also ones that this node does not know yet.
  const mayRead = () => !rates.isBlocked(address) || rates.takeLookUp()
  const found = keyring.authenticate(credentials.text, address, mayRead)
  return found instanceof Promise ? found.then(admit) : admit(found)
}

/**
 * The caller of a session's cookie; undefined without a cookie. One that is not of a session here may be of another
 * MiniPay that had this host and port before: then the request is served as without it. A cookie without the proof of its
 * session is refused like a wrong key: a server on another port of this host may have it.
 */
function findSession(options: AuthenticateOptions, request: Request): Promise<Found> | undefined {
  const secret = options.sessions && sessionSecret(request)
  if (!options.sessions || secret === undefined) return undefined
  const { host = '' } = request.headers
  const { address } = request.client
  const refused = refusalOfOtherPage(request)
  const active = !refused && request.headers[BACKGROUND_HEADER] === undefined
  const proof = pageProof(request)
  const { rates, sessions } = options
  const mayRead = () => !rates.isBlocked(address) || rates.takeLookUp()
  const about = { address, host: host.toLowerCase(), proof, active }
  return sessions.find(secret, about, mayRead).then(async (found) => {
    if (found === 'other host') return OTHER_HOST
    if (found === 'no proof') return refused ?? 'wrong key'
    if (found) return refused ?? { ...keyedCaller(request, found.by), sessionId: found.id }
    const keyless = await findKeyless(options, request)
    return keyless === 'no key' ? 'wrong key' : keyless
  })
}

function findKeyless(options: AuthenticateOptions, request: Request): Found | Promise<Found> {
  const { keyring, onLoopback, insecureNoAuth, allowedOrigins } = options
  const admit = (keyNeeded: boolean): Found =>
    keyNeeded
      ? 'no key'
      : (refusalOfHost(request, onLoopback ? 'loopback' : 'local', allowedOrigins) ??
        refusalOfOrigin(request, allowedOrigins) ??
        keylessCaller(request))
  if (insecureNoAuth) return admit(false)
  if (!onLoopback || isForwarded(request.headers)) return 'no key'
  const made = keyring.anyKey()
  return made instanceof Promise ? made.then(admit) : admit(made)
}

function keyedCaller({ client, id }: Request, { key, permissions }: Authenticated): Caller {
  return {
    ...{ scope: key.scope, actor: key.id, permissions, keyId: key.id },
    ...{ rateLimit: key.rateLimit, address: client.address, requestId: id },
  }
}

/** The caller of an endpoint that is open to all: it may do nothing else. */
function openCaller(request: Request): Caller {
  return { ...keylessCaller(request), permissions: NOTHING }
}

const NOTHING: Caller['permissions'] = new Set()

/** The name of another host, which its owner lets point to MiniPay's address (DNS rebinding); or a stolen cookie. */
const OTHER_HOST = refuse(
  'dashboard_origin_required',
  'This session of the dashboard began under another address of the server. Sign in again.',
  'Host',
)

const UNAUTHENTICATED = refuse(
  'unauthenticated',
  'Send a valid API key of this server, as in: Authorization: Bearer mp_test_….',
  'Authorization',
)

/** The one refusal of all invalid keys, or of an address that sent too many of them. */
function refusalOfKey(
  { rates }: AuthenticateOptions,
  found: 'no key' | 'wrong key',
  { client }: Request,
): Refusal {
  if (found === 'no key') return UNAUTHENTICATED
  const taken = rates.failure(client.address)
  return taken.allowed ? UNAUTHENTICATED : refusalOfFailures(FAILURES, taken)
}

/**
 * The key that a person typed into a form; or why not, at the fixed time, and counted against the address, as with a
 * key in a request. Rejects with `StoreUnavailable`.
 */
export async function checkTypedKey(
  options: AuthenticateOptions,
  request: Request,
  typed: string,
): Promise<Authenticated | Refusal> {
  const { keyring, rates, runtime } = options
  const arrivedAt = runtime.monotonic()
  const { address } = request.client
  const mayRead = () => !rates.isBlocked(address) || rates.takeLookUp()
  const found = await keyring.authenticate(typed, address, mayRead)
  if (found) return found
  const refusal = refusalOfKey(options, 'wrong key', request)
  const { retryAfterS } = refusal
  const message =
    retryAfterS === undefined
      ? 'This is not a valid API key of this server.'
      : `Too many wrong keys came from this address. ${tryAgainIn({ retryAfterS })}`
  return inTime(runtime, arrivedAt, { ...refusal, message, param: 'key' })
}

/** A refusal at its fixed time. */
function inTime(
  { monotonic, after }: AuthenticateOptions['runtime'],
  arrivedAt: number,
  refusal: Refusal,
): Promise<Refusal> {
  const passed = monotonic() - arrivedAt
  const waitMs = REFUSED_AFTER_MS * (Math.floor(passed / REFUSED_AFTER_MS) + 1) - passed
  return new Promise((resolve) => void after(waitMs, () => resolve(refusal)))
}
