/** The cookie of the dashboard's sessions, and the proof that its own page sends a request. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { SESSION_MS } from '../domain/access/dashboard-session.ts'
import { isOwn } from './browsers.ts'
import { type Refusal, refuse } from './errors.ts'
import { PAGE_HEADER } from './page-header.ts'

/** Requests that the page sends by itself, without a person who acts, do not keep a session alive. */
export const BACKGROUND_HEADER = 'x-minipay-background'

const NAME = 'minipay_session'
/** Browsers accept this name over TLS alone, and from no other host (RFC 6265bis). */
const SECURE_NAME = `__Host-${NAME}`

/** Cookies do not distinguish the ports of a host, so the plain name does: two MiniPays each keep their session. */
function nameOf({ client, headers: { host = '' } }: FastifyRequest): string {
  if (client.secure) return SECURE_NAME
  const port = /:(\d+)$/.exec(host)?.[1]
  return port === undefined ? NAME : `${NAME}_${port}`
}

/** The secret in the request's cookie; undefined without one. */
export function sessionSecret(request: FastifyRequest): string | undefined {
  const { cookie } = request.headers
  if (cookie === undefined) return undefined
  const name = nameOf(request)
  for (const part of cookie.split(';')) {
    const at = part.indexOf('=')
    if (part.slice(0, at).trim() === name) return part.slice(at + 1).trim()
  }
  return undefined
}

/** Sets the cookie; with an empty secret, the browser forgets it. */
export function setSessionCookie(request: FastifyRequest, reply: FastifyReply, secret: string): void {
  const seconds = secret === '' ? 0 : SESSION_MS / 1_000
  const secure = request.client.secure ? '; Secure' : ''
  reply.header(
    'set-cookie',
    `${nameOf(request)}=${secret}; Path=/; HttpOnly; SameSite=Strict; Max-Age=${seconds}${secure}`,
  )
}

const PROOF = /^[0-9a-f]{64}$/
/** The value of the page's header before a person has signed in. */
const WITHOUT_PROOF = '1'

/** The proof in the page's header: the second secret of a session. Undefined without one. */
export function pageProof({ headers }: FastifyRequest): string | undefined {
  const value = headers[PAGE_HEADER]
  return typeof value === 'string' && PROOF.test(value) ? value : undefined
}

/**
 * The refusal of a request that no browser sends for the dashboard's own page. A cookie proves nothing: `SameSite` does
 * not tell the ports of a host apart, and retries, cancels and captures have no body, so that browsers send them for any
 * page without asking first. Browsers send `Sec-Fetch-Site` to loopback and over TLS
 * (https://www.w3.org/TR/fetch-metadata/); elsewhere, their own `Origin` or the page's header shows the page.
 */
export function refusalOfOtherPage(request: FastifyRequest): Refusal | undefined {
  const { origin, host, 'sec-fetch-site': site, [PAGE_HEADER]: mark } = request.headers
  const marked = mark === WITHOUT_PROOF || pageProof(request) !== undefined
  const own = origin === undefined ? marked : isOwn(origin, host)
  const same = site === undefined ? own : site === 'same-origin'
  if (same && marked) return undefined
  return refuse(
    'dashboard_origin_required',
    'Sessions of the dashboard are for its own page. Send an API key with other requests.',
    same ? 'X-MiniPay-Dashboard' : site === undefined ? 'Origin' : 'Sec-Fetch-Site',
  )
}
