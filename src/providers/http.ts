import type { Capabilities, Outcome } from '../domain/attempt.ts'
import { MODES, type Mode } from '../domain/scope.ts'
import type { Egress } from '../net/egress.ts'
import { type HttpClient, type HttpResult, httpClient } from '../net/http-client.ts'
import { type FollowUpCall, type RemoteProvider, recoveryPlaces } from '../ports/provider.ts'
import type { CallSignal } from '../ports/runtime.ts'
import { isSigned, signatureHeaders } from '../signing.ts'
import type { Create } from './fields.ts'
import { disputeOf, type Guard, lookupOf, notificationOf, outcomeOf } from './http-responses.ts'
import { leakFinder, scrubber } from './scrub.ts'

/** A processor promises to know a reference for 24 h; MiniPay uses one hour less, for clocks and queues. */
const IDEMPOTENCY_WINDOW_MS = 23 * 3_600_000
/** A response of the protocol has some hundred bytes. */
const MAX_ANSWER_BYTES = 64 * 1024

export type HttpSettings = {
  readonly mode: Mode
  readonly url: URL
  readonly secret: { readonly text: string; readonly key: Buffer }
  readonly deadlineMs: number
  readonly concurrency: number
  readonly capabilities: Capabilities
  /** The allowed addresses; unless given, all but special-purpose addresses. */
  readonly egress?: Egress
}

/**
 * Any processor that speaks the protocol of docs/provider-protocol.md: five signed JSON calls. Our reference,
 * the attempt's id, is the idempotency key of each.
 */
export function createHttpProvider(
  name: string,
  settings: HttpSettings,
  now: () => number = Date.now,
): RemoteProvider {
  const { url, secret, concurrency, deadlineMs, capabilities } = settings
  const bounds = { maxBodyBytes: MAX_ANSWER_BYTES, ...(settings.egress && { egress: settings.egress }) }
  const client = httpClient(url, concurrency, bounds)
  const aside = httpClient(url, recoveryPlaces(concurrency).all, { ...bounds, kept: false })
  const guard: Guard = { scrub: scrubber([secret.text]), leaks: leakFinder([secret.text]) }
  const post = poster(client, settings, now)
  const ask = poster(aside, settings, now)

  /** `body` begins with the operation and the reference, in this order. */
  function call(body: SignedBody, signal: CallSignal, apart = false): Promise<Outcome> {
    return (apart ? ask : post)(body, signal).then((result) =>
      result.kind === 'response'
        ? outcomeOf(result, body.reference, guard)
        : { kind: result.kind, reason: guard.scrub(result.reason) },
    )
  }

  const followUp = (operation: string) => (asked: FollowUpCall, signal: CallSignal, apart?: boolean) => {
    const { attemptId: reference, chargeId, paymentReference: payment, amount, currency } = asked
    return call({ operation, reference, transaction_id: chargeId, payment, amount, currency }, signal, apart)
  }

  return {
    remote: true,
    name,
    kind: 'http',
    mode: settings.mode,
    capabilities,
    deadlineMs,
    concurrency,
    authorize(asked, signal, apart) {
      const { amount, currency, customer, capture, description, metadata } = asked
      const body = {
        operation: 'authorize',
        reference: asked.attemptId,
        transaction_id: asked.chargeId,
        amount,
        currency,
        customer,
        payment_method: asked.paymentMethod,
        capture,
        description,
        metadata,
      }
      return call(body, signal, apart)
    },
    capture: followUp('capture'),
    cancel: followUp('cancel'),
    refund: followUp('refund'),
    async lookup({ attemptId: reference }, signal) {
      return lookupOf(await ask({ operation: 'lookup', reference }, signal), reference, guard)
    },
    async dispute(reference, signal) {
      const body = { operation: 'lookup', reference: undefined, dispute: reference }
      return disputeOf(await ask(body, signal, reference), guard)
    },
    async notification(body, headers) {
      return isSigned(secret.key, headers, body, now()) ? notificationOf(body) : null
    },
    close: async () => void (await Promise.all([client.close(), aside.close()])),
  }
}

/** The body contains the operation, because the signature does not cover the path. */
type SignedBody = {
  readonly operation: string
  readonly reference: string | undefined
  readonly [field: string]: unknown
}

/** Sends a signed call; `id`, the reference unless given, names it in the signature. */
function poster(client: HttpClient, { url, secret }: HttpSettings, now: () => number) {
  const base = url.pathname.replace(/\/$/, '')
  return (fields: SignedBody, signal: CallSignal, id = fields.reference ?? ''): Promise<HttpResult> => {
    const body = JSON.stringify(fields)
    const headers = signatureHeaders(secret.key, id, now(), body)
    headers['content-type'] = 'application/json'
    headers['user-agent'] = 'MiniPay'
    return client.send({ method: 'POST', path: `${base}/${fields.operation}`, headers, body }, signal)
  }
}

/** An instance of the kind `http`. */
export const create: Create = (name, fields, { now, egress }) => {
  const settings: HttpSettings = {
    // A processor that moves money is the usual one, and the safe guess: no test reaches it.
    mode: fields.oneOf('mode', MODES, 'live'),
    url: fields.target('url', egress),
    egress,
    secret: fields.secret('secret'),
    deadlineMs: fields.integer('deadline_ms', 100, 300_000, 20_000),
    concurrency: fields.integer('concurrency', 1, 10_000, 128),
    capabilities: {
      idempotencyWindowMs: fields.boolean('idempotent', true) ? IDEMPOTENCY_WINDOW_MS : 0,
      lookup: fields.oneOf('lookup', ['none', 'eventual', 'final'], 'eventual'),
      void: fields.boolean('void', true),
      partialCapture: fields.boolean('partial_capture', true),
    },
  }
  fields.end()
  return createHttpProvider(name, settings, now)
}
