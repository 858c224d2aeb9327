import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Rejection } from '../domain/error.ts'
import { errorBody, RETRY_AFTER_S, STATUS } from './errors.ts'
import { type Schema, strict } from './schema.ts'

export type { FastifyReply as Reply, FastifyRequest as Request } from 'fastify'

/** An endpoint as the server sees it: its address, the requests that it takes, and its handler. */
export type ServedEndpoint = {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** The path, with `:id` for a variable part. */
  readonly url: string
  /** Its query parameters. `NoQuery` refuses all parameters; without a schema the handler sees them as they came. */
  readonly query?: Schema
  readonly body?: Schema
  /** The handler gets the bytes of the body, of any type, unparsed. */
  readonly raw?: boolean
  /** The handler takes long. The server starts one slow request in each turn of the event loop. */
  readonly slow?: boolean
  readonly handle: (request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply>
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

export function sendRejection(reply: FastifyReply, rejection: Rejection): FastifyReply {
  const retryAfter = RETRY_AFTER_S[rejection.code]
  if (retryAfter !== undefined) reply.header('retry-after', retryAfter)
  return sendJson(reply, STATUS[rejection.code], errorBody(rejection, reply.request.id))
}
