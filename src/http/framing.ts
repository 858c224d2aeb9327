/**
 * Requests that MiniPay and a proxy in front of it could read differently: where a request ends, for which host it is,
 * or in which version. MiniPay refuses them and closes the connection, because what follows could be the rest of
 * somebody's request (request smuggling). Node's parser refuses most such forms by itself: both lengths at once, folded
 * lines, control characters, spaces before a colon, and malformed lengths and chunks.
 */
import type { IncomingMessage } from 'node:http'
import { type Refusal, refuse } from './errors.ts'

/** Headers that may appear once only; a second value would be ignored, or joined to the first. */
const SINGLE_HEADERS = new Set(['idempotency-key', 'content-type', 'content-length', 'authorization', 'host'])
/** RFC 9110, 7.2: a name or an address, and a port. */
const HOST = /^(?:[\w.-]+|\[[\da-f:.]+\])(?::\d{1,5})?$/i
/** RFC 9112, 3.2.2: a whole URL as the target, as for a proxy; its authority. */
const ABSOLUTE = /^https?:\/\/([^/?#]*)/i
/** Methods whose body has no meaning (RFC 9110, 9.3.1): a proxy may take it for the next request. */
const BODILESS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS'])

/** The most header lines of a request. */
export const MAX_HEADER_LINES = 100

/** The refusal of a request whose head is ambiguous, after which its connection must be closed. */
export function refusalOfFraming(request: IncomingMessage): Refusal | undefined {
  const { headers, httpVersion } = request
  // Node's parser also accepts 0.9 and 2.0.
  if (httpVersion !== '1.1' && httpVersion !== '1.0')
    return refuse('bad_request', 'The only supported versions are HTTP/1.1 and HTTP/1.0.')
  if (request.rawHeaders.length > 2 * MAX_HEADER_LINES)
    return refuse('headers_too_large', `The request has more than ${MAX_HEADER_LINES} headers.`)
  return (
    refusalOfTarget(request) ?? refusalOfLength(request) ?? refusalOfRepeated(headers, request.rawHeaders)
  )
}

function refusalOfTarget({ method, headers, httpVersion, url = '' }: IncomingMessage): Refusal | undefined {
  const { host } = headers
  if (host === undefined && httpVersion === '1.1') return refuse('bad_request', 'The Host header is missing.')
  if (host !== undefined && !HOST.test(host)) return refuse('bad_request', 'The Host header is malformed.')
  if (url.includes('#')) return refuse('bad_request', 'The URL of a request has no fragment.')
  if (url.startsWith('/') || (url === '*' && method === 'OPTIONS')) return undefined
  const authority = ABSOLUTE.exec(url)?.[1]
  if (authority === undefined) return refuse('bad_request', 'The URL of a request begins with a slash.')
  if (host !== undefined && authority.toLowerCase() !== host.toLowerCase())
    return refuse('bad_request', 'The Host header differs from the host in the URL.')
  return undefined
}

function refusalOfLength({ method = '', headers, httpVersion }: IncomingMessage): Refusal | undefined {
  const coding = headers['transfer-encoding']
  const length = headers['content-length']
  if (coding === undefined && (length === undefined || length === '0')) return undefined
  // HTTP/1.0 has no chunks (RFC 9112, 6.1).
  if (coding !== undefined && (coding !== 'chunked' || httpVersion === '1.0'))
    return refuse('bad_request', 'The only supported Transfer-Encoding is chunked, in HTTP/1.1.')
  if (BODILESS.has(method)) return refuse('bad_request', `A ${method} request has no body.`)
  return undefined
}

function refusalOfRepeated(
  headers: IncomingMessage['headers'],
  rawHeaders: readonly string[],
): Refusal | undefined {
  let names = 0
  for (const _ in headers) names++
  // The usual case: as many names as lines.
  if (names * 2 === rawHeaders.length) return undefined
  let seen: string[] | undefined
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = (rawHeaders[i] as string).toLowerCase()
    if (!SINGLE_HEADERS.has(name)) continue
    if (seen?.includes(name))
      return refuse('header_repeated', `The header ${name} was sent more than once.`, name)
    seen ??= []
    seen.push(name)
  }
  return undefined
}

/** The refusal of a body with trailers that name what only a head may have (RFC 9110, 6.5.1). */
export function refusalOfTrailers({ rawTrailers }: IncomingMessage): Refusal | undefined {
  if (rawTrailers.length === 0) return undefined
  return refuse('bad_request', 'MiniPay accepts no trailers after a body.')
}
