import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Context } from '../app/context.ts'
import type { Answer, KeyedRequest } from '../app/execute.ts'
import type { ProviderCheck } from '../app/provider-check.ts'
import { holdsCardNumber } from '../domain/card-numbers.ts'
import { type ErrorCode, isRejection, type Rejection, reject } from '../domain/error.ts'
import { canonicalRequest, isIdempotencyKey } from '../domain/idempotency.ts'
import { DEFAULT_SCOPE, type Scope } from '../ports/store.ts'
import { errorBody, RETRY_AFTER_S, Refused, STATUS } from './errors.ts'
import { cardRefused } from './json-body.ts'
import { type Schema, strict } from './schema.ts'

/** What handlers work with, beside the core's context. */
export type Http = {
  readonly context: Context
  /** Prometheus's text, and its content type. */
  readonly prometheus: () => Promise<{ type: string; text: string }>
  /** What of the database needs providers that are not configured. */
  readonly providerCheck: ProviderCheck
  /** Whether the background work runs. */
  readonly working: () => boolean
  /** Called when a provider's notification came: what became of it, and that there is one to act on. */
  readonly onNotification: (provider: string, result: 'stored' | 'duplicate' | 'refused') => void
}

export type RouteAnswer = {
  readonly description: string
  /** Of its JSON. */
  readonly schema: Schema
  /** The content type of the same answer as text, for clients that prefer it. */
  readonly text?: string
}

/** One line of the route table: a handler, and the schemas that document it. */
export type Route = {
  /** The id of the operation, a verb and a noun: generated clients name their function after it. */
  readonly id: string
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  readonly url: string
  readonly summary: string
  readonly description?: string
  readonly tag: string
  readonly params?: Schema
  readonly query?: Schema
  readonly body?: Schema
  /** Takes an Idempotency-Key. */
  readonly keyed?: boolean
  /** Its body is taken as it came, of any type: the handler gets the bytes. */
  readonly raw?: boolean
  /** It reads and writes nothing in the store, so it never answers that the store is unavailable. */
  readonly storeless?: boolean
  readonly answers: Readonly<Record<number, RouteAnswer>>
  /** The codes that this route can answer beside those that every route can. */
  readonly errors: readonly ErrorCode[]
  readonly handle: (http: Http, request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply>
}

/** The query of a route that takes no parameters. */
export const NoQuery = strict({})

/** Whose data a request is about. */
export function scopeOf(_request: FastifyRequest): Scope {
  return DEFAULT_SCOPE
}

const JSON_TYPE = 'application/json; charset=utf-8'

/** Sends JSON and a newline, so that a terminal's prompt stands below it. */
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

/**
 * Sends what a use case answered: 201 when it was just created, 200 when done or replayed, 202 while it is
 * processing, 402 when it was declined, 502 when no provider took it.
 */
export function sendAnswer(reply: FastifyReply, answer: Answer | Rejection): FastifyReply {
  if (isRejection(answer)) return sendRejection(reply, answer)
  const { kind, body, replayed } = answer
  if (replayed) reply.header('idempotent-replayed', 'true')
  if (kind === 'declined' || kind === 'unavailable') {
    const status = kind === 'declined' ? STATUS.card_declined : STATUS.provider_unavailable
    return sendJson(reply, status, `${body.slice(0, -1)},"request_id":"${reply.request.id}"}`)
  }
  if (kind === 'accepted') return sendJson(reply, 202, body)
  return sendJson(reply, kind === 'created' && !replayed ? 201 : 200, body)
}

/** The request's key, or a new one, with the fingerprint of what it asks for. Throws `Refused` for a bad key. */
export function keyed(http: Http, request: FastifyRequest, operation: string, body: unknown): KeyedRequest {
  const { context } = http
  return {
    scope: scopeOf(request),
    key: idempotencyKey(request) ?? context.newKey(),
    fingerprint: context.fingerprint(canonicalRequest(operation, body)),
  }
}

function idempotencyKey(request: FastifyRequest): string | undefined {
  const key = request.headers['idempotency-key']
  if (key === undefined) return undefined
  if (typeof key !== 'string' || !isIdempotencyKey(key))
    throw new Refused(
      reject(
        'idempotency_key_invalid',
        'An Idempotency-Key is 1 to 255 visible ASCII characters.',
        'Idempotency-Key',
      ),
    )
  if (holdsCardNumber(key)) throw new Refused(cardRefused('Idempotency-Key'))
  return key
}
