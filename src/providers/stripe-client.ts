import { AsyncLocalStorage } from 'node:async_hooks'
import { createRequire } from 'node:module'
import type Stripe from 'stripe'
import type { Egress } from '../net/egress.ts'
import { type HttpClient, httpClient } from '../net/http-client.ts'
import type { CallSignal } from '../ports/runtime.ts'
import type { StripeErrorFields } from './stripe-errors.ts'
import { objectAt, textAt } from './stripe-responses.ts'

export type StripeAccount = {
  readonly apiKey: string
  readonly protocol: 'https' | 'http'
  readonly host: string
  readonly port: number
  /** The version of Stripe's API; null for the one that the SDK was made for. */
  readonly apiVersion: string | null
  readonly concurrency: number
  /** The allowed addresses; unless given, all but special-purpose addresses. */
  readonly egress?: Egress
}

/** The result of one call: Stripe's response, Stripe's refusal, or no response that counts. */
export type StripeReply =
  | { readonly kind: 'response'; readonly response: unknown }
  | {
      readonly kind: 'refused'
      readonly error: StripeErrorFields
      readonly message: string
      /** The current payment intent, if the error contains one. */
      readonly payment: unknown
      /** Stripe repeats its earlier response to this idempotency key. */
      readonly replayed: boolean
    }
  | { readonly kind: 'not_sent'; readonly reason: string }
  | { readonly kind: 'unknown'; readonly reason: string }

export type StripeClient = {
  /** One call by the SDK; never rejects. */
  send(signal: CallSignal, call: (stripe: Stripe) => Promise<unknown>): Promise<StripeReply>
  readonly webhooks: Stripe['webhooks']
  /** ms since 1970. */
  now(): number
  close(): Promise<void>
}

/** A call without a response, on its way through the SDK. */
class NoResponse extends Error {
  readonly kind: 'not_sent' | 'unknown'
  constructor(kind: 'not_sent' | 'unknown', reason: string) {
    super(reason)
    this.kind = kind
  }
}

/**
 * The official SDK over our own HTTP client. The SDK is loaded with the first account that is configured: in
 * its CommonJS form, which takes 28 MB and 130 ms where the other takes 38 MB and 200 ms. Unless connections are `kept`
 * each call has a new one.
 */
export function stripeClient(account: StripeAccount, now: () => number, kept = true): StripeClient {
  const { protocol, host, port, concurrency } = account
  const http = httpClient(new URL(`${protocol}://${host}:${port}`), concurrency, {
    kept,
    ...(account.egress && { egress: account.egress }),
  })
  // The SDK's interface to an HTTP client has no abort signal: the call's own signal is passed beside it.
  const signals = new AsyncLocalStorage<CallSignal>()
  const Constructor = createRequire(import.meta.url)('stripe') as typeof import('stripe').default
  const stripe = new Constructor(account.apiKey, {
    protocol,
    host,
    port,
    // Only the core decides whether to repeat a call.
    maxNetworkRetries: 0,
    telemetry: false,
    httpClient: sdkClient(http, account.apiVersion, () => signals.getStore()),
  })
  return {
    send: (signal, call) =>
      signals
        .run(signal, () => call(stripe))
        .then(
          (response) => ({ kind: 'response', response }),
          (error: unknown) => replyOf(error),
        ),
    webhooks: stripe.webhooks,
    now,
    close: () => http.close(),
  }
}

/** Stripe's own interface to HTTP. It must never throw an error with a code after which the SDK sends again. */
function sdkClient(
  http: HttpClient,
  apiVersion: string | null,
  signalOf: () => CallSignal | undefined,
): Stripe.HttpClient {
  const version = apiVersion === null ? {} : { 'stripe-version': apiVersion }
  return {
    getClientName: () => 'minipay',
    async makeRequest(_host, _port, path, method, headers, body) {
      const signal = signalOf()
      if (!signal) throw new NoResponse('not_sent', 'a call without a deadline')
      const fields = { ...plain(headers), ...version }
      const result = await http.send(
        { method: method === 'POST' ? 'POST' : 'GET', path, headers: fields, body: body || null },
        signal,
      )
      if (result.kind !== 'response') throw new NoResponse(result.kind, result.reason)
      return {
        getStatusCode: () => result.status,
        getHeaders: () => kept(result.header),
        getRawResponse: () => ({}),
        toStream: () => {
          throw new NoResponse('unknown', 'no call streams')
        },
        // The SDK accepts any JSON as Stripe's, and crashes on a number.
        toJSON: async () => parse(result.status, result.body.toString()),
      }
    },
  }
}

/** Header fields as the SDK gives them, which may be lists or numbers, as texts; our client writes the length itself. */
function plain(headers: Record<string, string | number | string[]>): Record<string, string> {
  const fields = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), String(value)] as const)
  return Object.fromEntries(fields.filter(([name]) => name !== 'content-length'))
}

/** Only the fields that are used: the SDK prints some of the others. */
function kept(header: (name: string) => string | undefined): Record<string, string> {
  const replayed = header('idempotent-replayed')
  return replayed === undefined ? {} : { 'idempotent-replayed': replayed }
}

/** The body of a response if it is Stripe's: an object, with Stripe's error unless the status is 200. */
function parse(status: number, body: string): object {
  const json: unknown = JSON.parse(body)
  const wellFormed =
    typeof json === 'object' &&
    json !== null &&
    (status === 200 ? !('error' in json) : textAt(objectAt(json, 'error'), 'type'))
  if (!wellFormed) throw new Error(`status ${status} with a body that is not Stripe's`)
  return json
}

/** The fields of an error that the SDK threw, if they are Stripe's own. Any other error may have been sent. */
function replyOf(error: unknown): StripeReply {
  const { detail, raw, headers, statusCode } = error as Partial<Stripe.errors.StripeError>
  if (detail instanceof NoResponse) return { kind: detail.kind, reason: detail.message }
  if (typeof statusCode !== 'number' || textAt(raw, 'type') === null)
    return { kind: 'unknown', reason: reasonOf(error) }
  return {
    kind: 'refused',
    error: {
      status: statusCode,
      type: textAt(raw, 'type') ?? '',
      code: textAt(raw, 'code') ?? '',
      declineCode: textAt(raw, 'decline_code') ?? '',
      param: textAt(raw, 'param') ?? '',
    },
    message: textAt(raw, 'message') ?? `Stripe returned the status ${statusCode}.`,
    payment: objectAt(raw, 'payment_intent'),
    replayed: headers?.['idempotent-replayed'] === 'true',
  }
}

/** The SDK's message is "Invalid JSON received"; its cause has the details. */
function reasonOf(error: unknown): string {
  const exception = objectAt(objectAt(error, 'raw'), 'exception')
  const cause = exception instanceof Error ? exception : error
  return cause instanceof Error ? cause.message : 'the SDK failed'
}
