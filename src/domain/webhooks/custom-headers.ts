/** The headers that a user adds to the webhooks of an endpoint. */
import { type Rejection, reject } from '../error.ts'

export const MAX_HEADERS = 20
const MAX_NAME = 100
export const MAX_HEADER_VALUE = 1_000
/** Of all names and values together. */
const MAX_CHARS = 4_000

/** RFC 9110, section 5.6.2. */
const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/
/** Visible ASCII, with spaces inside (RFC 9110, section 5.5); no tab, CR, LF or NUL. */
const VALUE = /^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/

/**
 * Names that MiniPay sets itself; those of one connection (RFC 9110, section 7.6.1), or that say how a message is framed; and
 * those by which a proxy could be misled.
 */
const RESERVED: ReadonlySet<string> = new Set([
  ...['host', 'user-agent', 'content-type', 'content-length', 'content-encoding', 'transfer-encoding', 'te'],
  ...['trailer', 'connection', 'keep-alive', 'upgrade', 'expect', 'proxy-connection', 'proxy-authenticate'],
  ...['proxy-authorization', 'http2-settings', 'stripe-signature', 'accept-encoding', 'date', 'forwarded'],
])
const RESERVED_PREFIXES = ['webhook-', 'x-webhook-', 'x-forwarded-', 'svix-', ':']

/**
 * The headers with their names in lower case. Rejections are `parameter_invalid` and name `headers`, or `headers.` with the
 * header: more than `MAX_HEADERS` or too long together; a name that HTTP does not allow, that MiniPay sets itself, or that
 * is given twice in different case; a value that is empty, too long, or not visible ASCII, such as one with CR or LF.
 */
export function describedHeaders(
  headers: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> | Rejection {
  const described: Record<string, string> = {}
  let chars = 0
  for (const [given, value] of Object.entries(headers)) {
    const name = given.toLowerCase()
    const wrong = faultOf(name, value) ?? (Object.hasOwn(described, name) ? 'is given twice' : undefined)
    if (wrong !== undefined)
      return NAME.test(given) && given.length <= MAX_NAME
        ? refused(`The header ${given} ${wrong}.`, `headers.${given}`)
        : refused(`The name of a header ${wrong}.`)
    chars += name.length + value.length
    described[name] = value
  }
  if (Object.keys(described).length > MAX_HEADERS) return refused(`Give at most ${MAX_HEADERS} headers.`)
  if (chars > MAX_CHARS) return refused(`The headers must have at most ${MAX_CHARS} characters together.`)
  return described
}

/** What is wrong, after the name of the header. */
function faultOf(name: string, value: string): string | undefined {
  if (!NAME.test(name) || name.length > MAX_NAME)
    return `must have 1 to ${MAX_NAME} letters, digits, or characters such as - and _`
  if (RESERVED.has(name) || RESERVED_PREFIXES.some((prefix) => name.startsWith(prefix)))
    return 'is one that MiniPay sets itself, or one of the connection'
  if (value.length > MAX_HEADER_VALUE || !VALUE.test(value))
    return `must have a value of 1 to ${MAX_HEADER_VALUE} visible ASCII characters, with spaces only between them`
  return undefined
}

const refused = (message: string, param = 'headers') => reject('parameter_invalid', message, param)
