/** Requests that the server refuses before it looks for their endpoint, and those that name none. */
import { holdsCardNumber } from '../domain/cards/card-numbers.ts'
import type { Reply, Request, ServedApi } from './endpoint.ts'
import { type Refusal, refuse } from './errors.ts'
import { cardRefusal } from './json-body.ts'
import { nearEndpoint } from './near-endpoint.ts'

/** The refusal of a card number in the URL. */
export function refusalOfUrl({ url }: Request): Refusal | undefined {
  // The endpoints' own URLs have few digits: only ids and queries can contain a card number.
  if (/\d(?:\D*\d){11}/.test(url) && holdsCardNumber(decoded(url))) return cardRefusal(undefined)
  return undefined
}

/** A body in an encoding or a character set that MiniPay does not read, which the bytes alone may not show. */
export function refusalOfEncoding({ headers }: Request): Refusal | undefined {
  const coded = headers['content-encoding'] !== undefined && headers['content-encoding'] !== 'identity'
  const type = headers['content-type'] as string
  if (!coded && (!type.includes('charset') || /charset="?utf-?8"?/i.test(type))) return undefined
  return refuse(
    'unsupported_media_type',
    'Send the body as plain UTF-8 JSON, without a Content-Encoding and without another charset.',
  )
}

/** The URL with its escapes resolved; unlike `decodeURIComponent`, one bad escape does not hide the rest. */
function decoded(url: string): string {
  return url
    .replaceAll('+', ' ')
    .replace(/(?:%[0-9a-f]{2})+/gi, (escapes) => Buffer.from(escapes.replaceAll('%', ''), 'hex').toString())
}

/** 405 with the methods that the path has, or 404. */
export function refusalOfUnknownEndpoint(
  { endpoints, otherResourceNames }: ServedApi,
  request: Request,
  reply: Reply,
): Refusal {
  const path = (request.url.split('?')[0] as string).replace(/(?<=.)\/$/, '')
  const methods = endpoints
    .filter(({ url }) => new RegExp(`^${url.replace(/:[^/]+/g, '[^/]+').replace('*', '.*')}$`).test(path))
    .map((r) => r.method)
  if (methods.length === 0) {
    const near = nearEndpoint(path, [...new Set(endpoints.map(({ url }) => url))], otherResourceNames)
    const meant = near === undefined ? '' : ` Did you mean ${near}?`
    const docs = endpoints.some(({ url }) => url === '/docs') ? ' See /docs.' : ''
    return refuse('route_not_found', `There is no such route.${meant}${docs}`)
  }
  const allowed = [...methods, ...(methods.includes('GET') ? ['HEAD'] : []), 'OPTIONS']
  reply.header('allow', allowed.join(', '))
  return refuse('method_not_allowed', `This route supports ${allowed.join(', ')}.`)
}
