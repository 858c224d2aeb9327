import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Need } from './caller.ts'
import { errorBody, type Refusal } from './errors.ts'
import type { ParameterWords } from './faults.ts'
import { PAGE_HEADER } from './page-header.ts'
import { type Schema, strict } from './schema.ts'

export type { FastifyReply as Reply, FastifyRequest as Request } from 'fastify'

/** An endpoint as the server sees it: its address, the requests that it takes, and its handler. */
export type ServedEndpoint = {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** The path, with `:id` for a variable part. */
  readonly url: string
  /** Write includes read. */
  readonly permission: Need
  /** Its query parameters. `NoQuery` refuses all parameters; without a schema the handler gets them unchanged. */
  readonly query?: Schema
  readonly body?: Schema
  /** The handler gets the bytes of the body, of any type, unparsed. */
  readonly raw?: boolean
  /** Served even while too many other requests are in flight. */
  readonly vital?: boolean
  /** The handler takes long. The server starts one slow request in each turn of the event loop. */
  readonly slow?: boolean
  readonly handle: (request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply>
}

/** What a server serves. */
export type ServedApi = {
  readonly endpoints: readonly ServedEndpoint[]
  readonly parameterWords: ParameterWords
  /** What other APIs call our resources, with the ends of our paths. */
  readonly otherResourceNames: Readonly<Record<string, string>>
}

/** The query of an endpoint that takes no parameters. */
export const NoQuery = strict({})

const JSON_TYPE = 'application/json; charset=utf-8'

/** Sends JSON and a newline, so that a terminal shows its prompt on a line of its own. */
export function sendJson(reply: FastifyReply, status: number, text: string): FastifyReply {
  return reply.code(status).header('content-type', JSON_TYPE).send(`${text}\n`)
}

export function sendObject(reply: FastifyReply, object: unknown): FastifyReply {
  return sendJson(reply, 200, JSON.stringify(object))
}

/** The ways to send a key (RFC 6750, RFC 7617). */
const CHALLENGE = 'Bearer realm="MiniPay", Basic realm="MiniPay", charset="UTF-8"'

/** The dashboard has a form of its own: for Basic, its browser would open another. */
function challengeFor({ headers }: FastifyRequest): string {
  return headers[PAGE_HEADER] === undefined ? CHALLENGE : 'Bearer realm="MiniPay"'
}

export function sendRefusal(reply: FastifyReply, refusal: Refusal): FastifyReply {
  if (refusal.status === 401) reply.header('www-authenticate', challengeFor(reply.request))
  if (refusal.retryAfterS !== undefined) reply.header('retry-after', refusal.retryAfterS)
  if (refusal.headers) reply.headers(refusal.headers)
  return sendJson(reply, refusal.status, errorBody(refusal, reply.request.id))
}
