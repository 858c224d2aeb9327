import type { Context } from '../app/context.ts'
import type { EventWaits } from '../app/events/waits.ts'
import type { KeyedRequest } from '../app/execute.ts'
import type { ProviderCheck } from '../app/routing/provider-check.ts'
import type { Permission } from '../domain/access/permissions.ts'
import { cardRefused, holdsCardNumber } from '../domain/cards/card-numbers.ts'
import { reject } from '../domain/error.ts'
import { canonicalRequest, isIdempotencyKey } from '../domain/idempotency.ts'
import type { Reply, Request, ServedEndpoint } from '../http/endpoint.ts'
import { Refused } from '../http/errors.ts'
import type { Schema } from '../http/schema.ts'
import type { SystemFacts } from '../ports/store-system.ts'
import { scopeOf } from './caller.ts'
import { type ApiErrorCode, refusalOf } from './errors.ts'
import type { Example } from './openapi/examples.ts'

/** What a caller may know of the server itself. */
export type ServerFacts = {
  readonly version: string
  /** The API reference is served. */
  readonly withDocs: boolean
  /** No request needs a key. */
  readonly insecureNoAuth: boolean
  /** The address under which others reach it; null: not configured. */
  readonly publicUrl: string | null
  /** Seconds since it listens. */
  readonly uptimeS: () => number
  /** The settings without secrets and paths, by the names of their flags. */
  readonly settings: Readonly<Record<string, unknown>>
}

/** The services that handlers use: the core's context, and what only the process as a whole knows. */
export type Services = {
  readonly context: Context
  readonly server: ServerFacts
  /** All metrics as Prometheus's text, and its content type. */
  readonly prometheus: () => Promise<{ type: string; text: string }>
  /** About the database, a few seconds old at most. */
  readonly systemFacts: () => Promise<SystemFacts>
  /** Finds providers that the database needs and the configuration lacks. */
  readonly providerCheck: ProviderCheck
  /** Whether the background work runs. */
  readonly working: () => boolean
  /** Whether a request to an endpoint that is open to all may see what needs this permission. */
  readonly mayRead: (request: Request, permission: Permission) => Promise<boolean>
  /** How long an attempt is unknown before it counts as overdue, in ms. */
  readonly unknownAgeMs: number
  /** The long polls and event streams of this process. */
  readonly eventWaits: EventWaits
  /** The CSV exports of this process. */
  readonly exports: EventWaits
  /** Called for each notification of a provider, with what MiniPay did with it. */
  readonly onNotification: (provider: string, result: 'stored' | 'duplicate' | 'refused') => void
}

export type EndpointResponse = {
  readonly description: string
  /** The schema of its JSON. */
  readonly schema: Schema
  /** The content type, if it is not JSON. */
  readonly type?: string
  /** The content type of the same response as text, for clients that prefer it. */
  readonly text?: string
}

/** An endpoint of the API: its handler and its documentation. */
export type Endpoint = Omit<ServedEndpoint, 'handle' | 'slow'> & {
  /** The operation's id, a verb and a noun. Generated clients name their function after it. */
  readonly id: string
  readonly summary: string
  readonly description?: string
  readonly tag: string
  readonly params?: Schema
  /** An example of its Idempotency-Key. Without one, the endpoint takes no key. */
  readonly keyed?: string
  /** Uses no data of the store, so it never fails with `store_unavailable`. */
  readonly storeless?: boolean
  readonly responses: Readonly<Record<number, EndpointResponse>>
  /** The codes of its own errors. `errorsOf` adds those that all endpoints of its kind share. */
  readonly errors: readonly ApiErrorCode[]
  /** Requests and their responses, the most usual first. */
  readonly examples: readonly Example[]
  readonly handle: (services: Services, request: Request, reply: Reply) => Promise<Reply>
}

/**
 * The request's Idempotency-Key, or a new one, with the fingerprint of the operation and its body. Throws `Refused`
 * for a malformed key.
 */
export function keyed(
  { context }: Services,
  request: Request,
  operation: string,
  body: unknown,
): KeyedRequest {
  return {
    scope: scopeOf(request),
    key: idempotencyKey(request) ?? context.newKey(),
    fingerprint: context.fingerprint(canonicalRequest(operation, body)),
    surface: 'minipay',
    requestId: request.id,
  }
}

/** As `keyed`, for a request that moves no money: null without an Idempotency-Key. */
export function keyedIfAsked(
  services: Services,
  request: Request,
  operation: string,
  body: unknown,
): KeyedRequest | null {
  return request.headers['idempotency-key'] === undefined ? null : keyed(services, request, operation, body)
}

/**
 * Throws `Refused` for a request with an Idempotency-Key to an endpoint that makes something but cannot return it twice.
 * Ignoring the key would make a second thing where the client counts on one.
 */
export function refuseIdempotencyKey({ headers }: Request): void {
  if (headers['idempotency-key'] === undefined) return
  const message =
    'This endpoint takes no Idempotency-Key; its documentation says what to do after a lost response.'
  throw new Refused(refusalOf(reject('parameter_unknown', message, 'Idempotency-Key')))
}

function idempotencyKey(request: Request): string | undefined {
  const key = request.headers['idempotency-key']
  if (key === undefined) return undefined
  if (typeof key !== 'string' || !isIdempotencyKey(key))
    throw new Refused(
      refusalOf(
        reject(
          'idempotency_key_invalid',
          'An Idempotency-Key is 1 to 255 visible ASCII characters.',
          'Idempotency-Key',
        ),
      ),
    )
  if (holdsCardNumber(key)) throw new Refused(refusalOf(cardRefused('Idempotency-Key')))
  return key
}
