/** The HTTP clients of webhook endpoints. */
import type { DeliveryAttempt } from '../../domain/delivery.ts'
import { isRejection, type Rejection, reject } from '../../domain/error.ts'
import { DEFAULT_ENDPOINT, type WebhookEndpoint } from '../../domain/webhooks/endpoint.ts'
import { checkTarget } from '../../net/check-target.ts'
import { createDeadlines } from '../../net/deadlines.ts'
import type { Egress } from '../../net/egress.ts'
import { httpUrl } from '../../net/http-url.ts'
import { createPoster, type Poster, type PosterOptions, type PostResult } from '../../net/poster.ts'
import {
  allOrNone,
  allowedOf,
  createResolveName,
  type ResolveName,
  targetLookup,
} from '../../net/resolve-name.ts'
import { addressFault, type TargetPolicy } from '../../net/target-policy.ts'
import type { Runtime, Timer } from '../../ports/runtime.ts'
import { readableAnswer } from './answer.ts'

/** Time-out for look-up, connection, request and response together, in ms. */
export const DEADLINE_MS = 10_000
/** How long the body of a response may take after its headers, in ms. */
export const BODY_MS = 500
/** Connections of an endpoint that was sent nothing for this time are closed, in ms. */
const IDLE_MS = 60_000
/** The most endpoints with open connections, unless more have an attempt in flight. */
const MOST_OPEN = 256

export type WebhookMessage = {
  readonly headers: Record<string, string>
  readonly body: string | Buffer
}

export type WebhookClient = {
  /** The receiver's host and port, such as `shop.example:8443`, for the log: the path may contain a secret. */
  readonly host: string
  /** Posts a message once. Never rejects: every failure is an attempt without a response. */
  send(message: WebhookMessage): Promise<DeliveryAttempt>
  /** Cuts the requests in flight: their attempts end without a response. It sends no more. */
  destroy(): Promise<void>
}

export type WebhookClients = {
  /** A client of this endpoint and its present URL. Its connections are its own. */
  of(endpoint: Pick<WebhookEndpoint, 'id' | 'url'>): WebhookClient
  /** Destroys every client. */
  destroy(): Promise<void>
}

export type WebhookClientsOptions = {
  /** The rule for the endpoint of the setting `webhookTarget`, which the operator chose. */
  readonly operator: Pick<Egress, 'forbids'>
  /** The rule for every other endpoint. */
  readonly policy: TargetPolicy
  /** The most connections to one endpoint. */
  readonly connections: number
  readonly runtime: Pick<Runtime, 'after' | 'monotonic' | 'nextTurn'>
  /** `DEADLINE_MS` unless given. */
  readonly deadlineMs?: number
  /** `MOST_OPEN` unless given. */
  readonly mostOpen?: number
  /** That of `createResolveName` unless given. */
  readonly resolveName?: ResolveName
}

type Rule = Pick<PosterOptions, 'lookup' | 'forbids'>
/** The connections of a client. */
type Open = { readonly poster: Poster; usedAt: number }

export function createWebhookClients(options: WebhookClientsOptions): WebhookClients {
  const { operator, policy, connections, runtime, deadlineMs = DEADLINE_MS, mostOpen = MOST_OPEN } = options
  const deadlines = createDeadlines(runtime, deadlineMs)
  const bodyDeadlines = createDeadlines(runtime, BODY_MS)
  const { monotonic } = runtime
  const timing = { connections, deadlines, bodyDeadlines, deadlineMs, monotonic }
  const resolveName = options.resolveName ?? createResolveName()
  const operators: Rule = {
    lookup: targetLookup(allowedOf(operator), resolveName),
    forbids: operator.forbids,
  }
  const registered: Rule = {
    lookup: targetLookup(allOrNone(policy), resolveName),
    forbids: (address) => addressFault(address, policy) !== undefined,
  }
  /** The one that was used longest ago comes first. */
  const open = new Map<WebhookClient, Open>()
  let sweeping: Timer | undefined
  let isDestroyed = false

  async function close(client: WebhookClient): Promise<void> {
    const found = open.get(client)
    open.delete(client)
    if (open.size === 0) stopTimers()
    await found?.poster.close()
  }

  /** Without connections there is nothing to wait for, and no timer shall keep the process alive. */
  function stopTimers(): void {
    sweeping?.cancel()
    sweeping = undefined
    deadlines.stop()
    bodyDeadlines.stop()
  }

  function sweep(): void {
    const before = runtime.monotonic() - IDLE_MS
    for (const [client, { poster, usedAt }] of open)
      if (poster.inFlight === 0 && usedAt <= before) void close(client)
    sweeping = open.size > 0 ? runtime.after(IDLE_MS, sweep) : undefined
  }

  /** Closes the connections that were used longest ago, and carry no attempt. */
  function closeIdle(besides: WebhookClient): void {
    for (const [client, { poster }] of open)
      if (client !== besides && poster.inFlight === 0) return void close(client)
  }

  function posterOf(client: WebhookClient, origin: string, rule: Rule): Poster {
    const found = open.get(client) ?? { poster: createPoster(origin, { ...timing, ...rule }), usedAt: 0 }
    found.usedAt = runtime.monotonic()
    open.delete(client)
    open.set(client, found)
    if (open.size > mostOpen) closeIdle(client)
    sweeping ??= runtime.after(IDLE_MS, sweep)
    return found.poster
  }

  function clientOf({ id, url: text }: Pick<WebhookEndpoint, 'id' | 'url'>): WebhookClient {
    const isOperators = id === DEFAULT_ENDPOINT
    const url = isOperators ? operatorsTarget(text, operator) : checkTarget(text, policy)
    const rule = isOperators ? operators : registered
    if (isRejection(url)) return refusing(text, `not sent: ${url.message}`)
    const path = `${url.pathname}${url.search}`
    let isClosed = false
    const client: WebhookClient = {
      host: url.host,
      send({ headers, body }) {
        if (isClosed || isDestroyed) return Promise.resolve(CLOSED)
        return posterOf(client, url.origin, rule).post(path, headers, body).then(attemptOf)
      },
      async destroy() {
        isClosed = true
        await close(client)
      },
    }
    return client
  }

  return {
    of: clientOf,
    async destroy() {
      isDestroyed = true
      await Promise.all([...open.keys()].map(close))
    },
  }
}

function operatorsTarget(text: string, { forbids }: Pick<Egress, 'forbids'>): URL | Rejection {
  const url = httpUrl(text)
  if (url === null) return reject('parameter_invalid', 'The URL is malformed.')
  return forbids(url.hostname)
    ? reject('parameter_invalid', `The address ${url.hostname} is not allowed.`)
    : url
}

const CLOSED: DeliveryAttempt = { kind: 'no_answer', error: 'the client is closed' }

/** A client of an endpoint whose URL is not allowed, or no longer. */
function refusing(url: string, error: string): WebhookClient {
  return {
    host: URL.parse(url)?.host ?? '',
    send: async () => ({ kind: 'no_answer', error }),
    async destroy() {},
  }
}

function attemptOf(result: PostResult): DeliveryAttempt {
  if (result.kind === 'failed') return { kind: 'no_answer', error: result.reason }
  const { status, retryAfter, beginning, isCut } = result
  const answer = beginning === null ? '[compressed]' : readableAnswer(beginning)
  return {
    ...{ kind: 'response', status },
    ...(retryAfter !== undefined && { retryAfter }),
    ...(answer !== null && { answer }),
    ...(isCut && { cut: true as const }),
  }
}
