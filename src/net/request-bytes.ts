/** The bytes of requests of HTTP/1.1 (RFC 9112). */

export type RequestHead = {
  readonly method: string
  /** The authority of the URL: its host, and its port if that is not the scheme's. */
  readonly host: string
  /** With its query. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  /** False: the connection ends with the response. */
  readonly kept: boolean
}

/** Headers that MiniPay itself writes, or that would change how the request is framed. */
const OWN = /^(?:host|connection|content-length|transfer-encoding|keep-alive|upgrade|expect|te|trailer)$/i
const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/
const PATH = /^\/[\x21-\x7e]*$/

/** Names that HTTP allows and MiniPay does not write itself: most requests have the same few. */
const allowed = new Set<string>()
const MOST_NAMES = 1_000

function isAllowed(name: string): boolean {
  if (allowed.has(name)) return true
  if (!NAME.test(name) || OWN.test(name)) return false
  if (allowed.size < MOST_NAMES) allowed.add(name)
  return true
}

/** A request; a text is of bytes, in Latin-1. */
export type Request = Buffer | string

/** Null if HTTP does not allow one of the headers. */
function headerLines(headers: Readonly<Record<string, string>>): string | null {
  let lines = ''
  for (const name in headers) {
    const value = headers[name] as string
    if (!isAllowed(name) || !VALUE.test(value)) return null
    lines += `${name}: ${value}\r\n`
  }
  return lines
}

/**
 * Null if HTTP does not allow the path or one of the headers. A text is the cheapest to write to a socket; its body must be
 * ASCII.
 */
export function requestBytes(
  { method, host, path, headers, kept }: RequestHead,
  body: string | Buffer | null,
): Request | null {
  const lines = headerLines(headers)
  if (!PATH.test(path) || lines === null) return null
  let head = `${method} ${path} HTTP/1.1\r\nhost: ${host}\r\nconnection: ${kept ? 'keep-alive' : 'close'}\r\n${lines}`
  // Without a body, only a method that usually has one names its length (RFC 9110, 8.6).
  if (body === null) return `${head}${method === 'POST' ? 'content-length: 0\r\n' : ''}\r\n`
  const length = Buffer.byteLength(body)
  head += `content-length: ${length}\r\n\r\n`
  if (typeof body === 'string' && length === body.length) return head + body
  return Buffer.concat([Buffer.from(head, 'latin1'), typeof body === 'string' ? Buffer.from(body) : body])
}
