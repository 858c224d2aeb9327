/**
 * Requests that a web page may have made a browser send. A browser on the operator's machine reaches what the operator
 * reaches, and any page can make it send requests: those without a body need no preflight, so closed CORS only hides
 * their responses. So MiniPay refuses such a request where nothing in it proves that the page may send it, which
 * is where it needs no key, or where the browser added the key by itself (HTTP Basic).
 */
import { isIP } from 'node:net'
import type { FastifyRequest } from 'fastify'
import { type Refusal, refuse } from './errors.ts'
import { type AllowedOrigins, isAllowed } from './origins.ts'

/** `localhost`, 127.0.0.0/8 or [::1], with any port or none. */
const LOOPBACK_HOST = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d{1,5})?$/i
const HOST_AND_PORT = /^(\[[\da-f:.]+\]|[^:[\]]+)(?::\d{1,5})?$/i

/**
 * The refusal of a Host that a page could have reached by DNS rebinding: the page's own domain, which its owner lets
 * point to MiniPay's address. With `names` `loopback` it must be one of loopback's own names; with `local` it may also be
 * an IP address or a name without a dot, which no owner of a page can have. Hosts of allowed origins are always
 * accepted. No browser sends a request without Host.
 */
export function refusalOfHost(
  { headers }: FastifyRequest,
  names: 'loopback' | 'local',
  allowed: AllowedOrigins,
): Refusal | undefined {
  const { host } = headers
  if (host === undefined || LOOPBACK_HOST.test(host) || allowed === 'every') return undefined
  if (names === 'local' && isLocalName(host)) return undefined
  if (allowed.has(`http://${host}`.toLowerCase()) || allowed.has(`https://${host}`.toLowerCase()))
    return undefined
  return refuse(
    'host_not_allowed',
    'Without an API key, MiniPay serves this machine alone: call it as localhost or 127.0.0.1, or see --allowed-origins.',
    'Host',
  )
}

function isLocalName(host: string): boolean {
  const name = HOST_AND_PORT.exec(host)?.[1]
  if (name === undefined) return false
  return name.startsWith('[') ? isIP(name.slice(1, -1)) === 6 : isIP(name) === 4 || !name.includes('.')
}

/**
 * The refusal of a request from a page of another origin that is not allowed. Browsers send `Origin` with everything
 * but a plain GET or HEAD, and `Sec-Fetch-Site` with every request to loopback or over TLS
 * (https://www.w3.org/TR/fetch-metadata/).
 */
export function refusalOfOrigin({ headers }: FastifyRequest, allowed: AllowedOrigins): Refusal | undefined {
  if (allowed === 'every') return undefined
  const { origin, host, 'sec-fetch-site': site } = headers
  if (origin !== undefined) {
    if (isAllowed(allowed, origin) || isOwn(origin, host)) return undefined
  } else if (site !== 'cross-site' && site !== 'same-site') return undefined
  return refuse(
    'origin_not_allowed',
    'A web page of another origin may not call MiniPay; see --allowed-origins.',
    origin === undefined ? 'Sec-Fetch-Site' : 'Origin',
  )
}

/** Whether the page came from the host that it calls. A proxy may have taken the TLS off. */
export function isOwn(origin: string, host: string | undefined): boolean {
  return host !== undefined && (origin === `http://${host}` || origin === `https://${host}`)
}
