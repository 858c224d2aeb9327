import { isIP } from 'node:net'
import { type Rejection, reject } from '../domain/error.ts'
import { MAX_URL } from '../domain/webhooks/described.ts'
import { bareAddress } from './addresses.ts'
import { addressFault, isLoopbackAddress, type TargetPolicy } from './target-policy.ts'

/** RFC 1035, section 2.3.4: 253 characters in labels of 63. Underscores are in names of service discovery. */
const NAME =
  /^(?=.{1,253}$)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/
/** Names that every machine resolves to loopback: RFC 6761, section 6.3, and the usual hosts files. */
const LOOPBACK_NAME =
  /(?:^|\.)localhost$|^(?:localhost[46]?|ip6-localhost|ip6-loopback)(?:\.localdomain[46]?)?$/

/**
 * The URL of a webhook endpoint, or why it cannot be one: a sentence about the field `url`. An address in each spelling
 * that the URL parser takes (decimal, octal, hexadecimal, short, in other scripts) is checked as the address that it
 * means. A host name is resolved, and its addresses are checked, at each connection.
 */
export function checkTarget(text: string, policy: TargetPolicy): Rejection | URL {
  const wrong = textFault(text)
  if (wrong !== undefined) return refuse(wrong)
  const url = URL.parse(text)
  if (url === null) return refuse('The URL is malformed, or its host is not valid.')
  const fault =
    partsFault(url, policy) ?? hostFault(bareAddress(url.hostname), policy) ?? portFault(url, policy)
  return fault === undefined ? url : refuse(fault)
}

function refuse(sentence: string): Rejection {
  return reject('parameter_invalid', sentence, 'url')
}

/** What the URL parser would silently repair, and other programs would read in another way. */
function textFault(text: string): string | undefined {
  if (text === '') return 'The URL is empty.'
  if (text.length > MAX_URL) return `The URL must have at most ${MAX_URL} characters.`
  if (/[\s\p{C}\\]/u.test(text))
    return 'The URL must not contain spaces, control characters, invisible characters or backslashes.'
  if (!/^https?:\/\/[^/]/i.test(text))
    return 'The URL must begin with https://, as https://shop.example/webhooks does.'
  if (/^https?:\/\/[^/?#]*@/i.test(text)) return 'The URL must not contain a user name or password.'
  return text.includes('#') ? 'The URL must not have a fragment (#).' : undefined
}

function partsFault(url: URL, { local }: TargetPolicy): string | undefined {
  if (url.href.length > MAX_URL) return `The URL must have at most ${MAX_URL} characters when it is encoded.`
  if (url.protocol === 'http:' && !local)
    return 'The URL must begin with https://. The operator of the server can allow http:// with --local-targets.'
  return undefined
}

function hostFault(host: string, policy: TargetPolicy): string | undefined {
  if (isIP(host) !== 0) {
    const fault = addressFault(host, policy)
    return fault && `The address ${host} is ${fault}. ${ALLOWED_HOSTS}`
  }
  if (host.endsWith('.')) return 'The host of the URL must not end with a dot.'
  if (LOOPBACK_NAME.test(host))
    return addressFault('127.0.0.1', policy) && `The host ${host} is loopback. ${ALLOWED_HOSTS}`
  return NAME.test(host) ? undefined : 'The host of the URL is not a valid name.'
}

const ALLOWED_HOSTS =
  'Public addresses are allowed, and those that the operator of the server allows with --allowed-targets or --local-targets.'

function portFault(url: URL, { ports, local }: TargetPolicy): string | undefined {
  const port = url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port)
  if (port === 0) return 'The port of the URL must be 1 to 65535.'
  if (ports === null || ports.has(port)) return undefined
  const host = bareAddress(url.hostname)
  if (
    local &&
    (LOOPBACK_NAME.test(host) || isLoopbackAddress(host) || (port === 80 && url.protocol === 'http:'))
  )
    return undefined
  const list = [...ports].sort((a, b) => a - b).join(', ')
  return `The URL has port ${port}. Allowed ports are ${list}; the operator of the server sets them with --webhook-ports.`
}
