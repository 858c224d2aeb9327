import type { Capabilities, Outcome } from '../domain/attempt.ts'
import { MODES, type Mode } from '../domain/scope.ts'
import type { Egress } from '../net/egress.ts'
import { type HttpClient, type HttpResult, httpClient } from '../net/http-client.ts'
import { type FollowUpCall, type RemoteProvider, recoveryPlaces } from '../ports/provider.ts'
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

  async function call(
    operation: string,
    id: string,
    fields: object,
    signal: AbortSignal,
    apart = false,
  ): Promise<Outcome> {
    const result = await (apart ? ask : post)(operation, id, { reference: id, ...fields }, signal)
    if (result.kind === 'response') return outcomeOf(result, guard)
    return { kind: result.kind, reason: guard.scrub(result.reason) }
  }

  const followUp = (operation: string) => (asked: FollowUpCall, signal: AbortSignal, apart?: boolean) => {
    const { attemptId, chargeId, paymentReference: payment, amount, currency } = asked
    const fields = { transaction_id: chargeId, payment, amount, currency }
    return call(operation, attemptId, fields, signal, apart)
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
      const { attemptId, chargeId: transaction_id, paymentMethod: payment_method, ...rest } = asked
      const { amount, currency, customer, capture, description, metadata } = rest
      const money = { amount, currency }
      const fields = { customer, payment_method, capture, description, metadata }
      return call('authorize', attemptId, { transaction_id, ...money, ...fields }, signal, apart)
    },
    capture: followUp('capture'),
    cancel: followUp('cancel'),
    refund: followUp('refund'),
    async lookup({ attemptId }, signal) {
      return lookupOf(await ask('lookup', attemptId, { reference: attemptId }, signal), guard)
    },
    async dispute(reference, signal) {
      return disputeOf(await ask('lookup', reference, { dispute: reference }, signal), guard)
    },
    async notification(body, headers) {
      return isSigned(secret.key, headers, body, now()) ? notificationOf(body) : null
    },
    close: async () => void (await Promise.all([client.close(), aside.close()])),
  }
}

/** Sends a signed call; `id` names it in the signature. */
function poster(client: HttpClient, { url, secret }: HttpSettings, now: () => number) {
  const base = url.pathname.replace(/\/$/, '')
  return (operation: string, id: string, fields: object, signal: AbortSignal): Promise<HttpResult> => {
    // The body contains the operation, too, because the signature does not cover the path.
    const body = JSON.stringify({ operation, ...fields })
    const headers = {
      'content-type': 'application/json',
      'user-agent': 'MiniPay',
      ...signatureHeaders(secret.key, id, now(), body),
    }
    return client.send({ method: 'POST', path: `${base}/${operation}`, headers, body }, signal)
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
