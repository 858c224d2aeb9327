/** The API key in the headers of a request. */

/** A Bearer token, or the user name of HTTP Basic, which browsers repeat by themselves; `text` is what should be a key. */
export type Credentials = { readonly scheme: 'bearer' | 'basic'; readonly text: string }

/** RFC 9110, 11.4: a scheme, one space or more, and a token68. */
const AUTHORIZATION = /^(bearer|basic) +([\w.~+/-]+=*)$/i

/**
 * The credentials of an Authorization header; undefined if it is malformed or has another scheme. The password of HTTP
 * Basic is ignored: most clients send an empty one (RFC 7617).
 */
export function credentialsOf(authorization: string): Credentials | undefined {
  const [, scheme = '', value = ''] = AUTHORIZATION.exec(authorization) ?? []
  if (scheme === '') return undefined
  if (scheme.toLowerCase() === 'bearer') return { scheme: 'bearer', text: value }
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(value)) return undefined
  const pair = Buffer.from(value, 'base64').toString('latin1')
  const colon = pair.indexOf(':')
  return colon < 0 ? undefined : { scheme: 'basic', text: pair.slice(0, colon) }
}

/** Headers that proxies add to a request that they pass on. */
const FORWARDED = [
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-forwarded-port',
  'x-real-ip',
  'via',
  'cf-connecting-ip',
  'true-client-ip',
] as const

/** Whether a proxy passed the request on: its client may be on any machine. */
export function isForwarded(headers: Readonly<Record<string, unknown>>): boolean {
  return FORWARDED.some((name) => headers[name] !== undefined)
}
