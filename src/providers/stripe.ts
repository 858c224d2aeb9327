import type { Capabilities, Outcome } from '../domain/attempt.ts'
import { MODES, type Mode } from '../domain/scope.ts'
import {
  type AuthorizeCall,
  type DisputeLookup,
  type FollowUpCall,
  type LookupCall,
  type LookupOutcome,
  type RemoteProvider,
  recoveryPlaces,
} from '../ports/provider.ts'
import type { CallSignal } from '../ports/runtime.ts'
import type { Create, Fields } from './fields.ts'
import { scrubber } from './scrub.ts'
import { toStripe } from './stripe-amount.ts'
import { type StripeAccount, type StripeClient, type StripeReply, stripeClient } from './stripe-client.ts'
import { errorMeaning } from './stripe-errors.ts'
import { readNotification } from './stripe-notifications.ts'
import {
  type CalledObject,
  hasMore,
  membersOf,
  objectAt,
  readDispute,
  readPayment,
  readRefund,
  textAt,
} from './stripe-responses.ts'

export type StripeSettings = StripeAccount & {
  /** The mode of `apiKey`. */
  readonly mode: Mode
  /** Of the webhook endpoint that points at us: `whsec_…`. */
  readonly notificationSecret: string
  /**
   * The page that Stripe sends customers back to; null if customers cannot be sent to Stripe, so that no payment waits
   * for them.
   */
  readonly returnUrl: string | null
  /** The charges' customers are Stripe's own (`cus_…`), and are sent. */
  readonly sendCustomer: boolean
  readonly deadlineMs: number
}

const HOST = 'api.stripe.com'
/** Stripe's own pages of a payment for people. */
const PAGES: Readonly<Record<Mode, string>> = {
  live: 'https://dashboard.stripe.com/payments/{reference}',
  test: 'https://dashboard.stripe.com/test/payments/{reference}',
}

const CAPABILITIES: Capabilities = {
  // Stripe keeps a key for at least 24 hours (https://docs.stripe.com/api/idempotent_requests).
  idempotencyWindowMs: 23 * 60 * 60 * 1000,
  // Its search is a minute behind, or up to an hour in an outage (https://docs.stripe.com/search).
  lookup: 'eventual',
  void: true,
  partialCapture: true,
}

/** A Stripe account from its settings. */
export const create: Create = (name, fields, { now, egress }) => {
  const apiKey = fields.text('api_key')
  const settings: StripeSettings = {
    apiKey,
    mode: modeOf(apiKey, fields),
    notificationSecret: fields.text('notification_secret'),
    apiVersion: fields.has('api_version') ? fields.text('api_version') : null,
    protocol: fields.oneOf('protocol', ['https', 'http'], 'https'),
    host: fields.text('host', HOST),
    port: fields.integer('port', 1, 65_535, 443),
    returnUrl: fields.has('return_url') ? fields.url('return_url').href : null,
    sendCustomer: fields.boolean('send_customer', false),
    deadlineMs: fields.integer('deadline_ms', 100, 120_000, 30_000),
    concurrency: fields.integer('concurrency', 1, 1_000, 64),
    egress,
  }
  fields.end()
  return createStripe(name, settings, now)
}

/**
 * The mode of a secret or restricted key (https://docs.stripe.com/keys), which the setting may repeat but not
 * contradict. A key of another form does not show its mode, so the setting must.
 */
function modeOf(apiKey: string, fields: Fields): Mode {
  const shown = MODES.find((mode) => apiKey.startsWith(`sk_${mode}_`) || apiKey.startsWith(`rk_${mode}_`))
  const mode = fields.oneOf('mode', MODES, shown)
  if (shown !== undefined && mode !== shown)
    fields.refuse('mode', `is ${mode}, but api_key is a key of Stripe's ${shown} mode`)
  return mode
}

/** A Stripe account as a provider: payment intents, with the attempt's id as idempotency key and in the metadata. */
export function createStripe(
  name: string,
  settings: StripeSettings,
  now: () => number = Date.now,
): RemoteProvider {
  const client = stripeClient(settings, now)
  const places = recoveryPlaces(settings.concurrency).all
  const aside = stripeClient({ ...settings, concurrency: places }, now, false)
  const by = (apart?: boolean) => (apart ? aside : client)
  const scrub = scrubber([settings.apiKey, settings.notificationSecret])
  const scrubbed = <Result extends LookupOutcome | DisputeLookup>(response: Result): Result => ({
    ...response,
    ...('reason' in response && response.reason !== null ? { reason: scrub(response.reason) } : {}),
    ...('message' in response ? { message: scrub(response.message) } : {}),
  })
  return {
    remote: true,
    name,
    kind: 'stripe',
    mode: settings.mode,
    capabilities: CAPABILITIES,
    ...(settings.host === HOST && { paymentUrl: PAGES[settings.mode] }),
    deadlineMs: settings.deadlineMs,
    concurrency: settings.concurrency,
    authorize: async (call, signal, apart) => scrubbed(await authorize(by(apart), settings, call, signal)),
    capture: async (call, signal, apart) => scrubbed(await capture(by(apart), call, signal)),
    cancel: async (call, signal, apart) => scrubbed(await cancel(by(apart), call, signal)),
    refund: async (call, signal, apart) => scrubbed(await refund(by(apart), call, signal)),
    lookup: async (call, signal) => scrubbed(await lookup(aside, call, signal)),
    dispute: async (reference, signal) => scrubbed(await dispute(aside, reference, signal)),
    notification: async (body, headers) =>
      readNotification(client.webhooks, settings, body, headers['stripe-signature'], now()),
    close: async () => void (await Promise.all([client.close(), aside.close()])),
  }
}

/** Creates and confirms a payment intent at once. */
async function authorize(
  client: StripeClient,
  { returnUrl, sendCustomer }: StripeSettings,
  call: AuthorizeCall,
  signal: CallSignal,
): Promise<Outcome> {
  const { attemptId, chargeId, currency, paymentMethod } = call
  const units = toStripe(call.amount, currency)
  if (!units.ok) return declined(units.declineCode, units.message)
  if (paymentMethod === null) return declined('invalid_payment_method', 'Stripe needs a payment method.')
  const reply = await client.send(signal, (stripe) =>
    stripe.paymentIntents.create(
      {
        amount: units.amount,
        currency,
        confirm: true,
        capture_method: call.capture ? 'automatic' : 'manual',
        payment_method: paymentMethod,
        // Without a return URL, Stripe declines payments that need the customer to act.
        ...(returnUrl === null
          ? {
              automatic_payment_methods: { enabled: true, allow_redirects: 'never' },
              error_on_requires_action: true,
            }
          : { automatic_payment_methods: { enabled: true }, return_url: returnUrl }),
        ...(sendCustomer ? { customer: call.customer } : {}),
        ...(call.description === null ? {} : { description: call.description }),
        metadata: { minipay_attempt: attemptId, minipay_transaction: chargeId },
        expand: ['latest_charge'],
      },
      { idempotencyKey: attemptId },
    ),
  )
  return settle(client, lookupOf('authorize', call, null), reply, signal)
}

/** Captures once: Stripe releases the rest. */
async function capture(client: StripeClient, call: FollowUpCall, signal: CallSignal): Promise<Outcome> {
  const units = toStripe(call.amount, call.currency)
  if (!units.ok) return declined(units.declineCode, units.message)
  const reply = await client.send(signal, (stripe) =>
    stripe.paymentIntents.capture(
      call.paymentReference,
      { amount_to_capture: units.amount },
      { idempotencyKey: call.attemptId },
    ),
  )
  return settle(client, lookupOf('capture', call, call.paymentReference), reply, signal)
}

async function cancel(client: StripeClient, call: FollowUpCall, signal: CallSignal): Promise<Outcome> {
  const reply = await client.send(signal, (stripe) =>
    stripe.paymentIntents.cancel(call.paymentReference, {}, { idempotencyKey: call.attemptId }),
  )
  return settle(client, lookupOf('cancel', call, call.paymentReference), reply, signal)
}

async function refund(client: StripeClient, call: FollowUpCall, signal: CallSignal): Promise<Outcome> {
  const units = toStripe(call.amount, call.currency)
  if (!units.ok) return declined(units.declineCode, units.message)
  const reply = await client.send(signal, (stripe) =>
    stripe.refunds.create(
      {
        payment_intent: call.paymentReference,
        amount: units.amount,
        metadata: { minipay_attempt: call.attemptId, minipay_transaction: call.chargeId },
      },
      { idempotencyKey: call.attemptId },
    ),
  )
  return settle(client, lookupOf('refund', call, call.paymentReference), reply, signal)
}

/** A lookup of the call in progress, without any reference yet. */
function lookupOf(
  kind: LookupCall['kind'],
  call: AuthorizeCall | FollowUpCall,
  paymentReference: string | null,
): LookupCall {
  const { attemptId, chargeId, amount, currency } = call
  return { kind, attemptId, chargeId, providerReference: null, paymentReference, amount, currency }
}

/** The outcome of a call from Stripe's response. */
async function settle(
  client: StripeClient,
  asked: LookupCall,
  reply: StripeReply,
  signal: CallSignal,
): Promise<Outcome> {
  if (reply.kind === 'not_sent' || reply.kind === 'unknown') return reply
  if (reply.kind === 'response') return outcomeOfLookup(readObject(client, asked, reply.response))
  const meaning = errorMeaning(reply.error)
  if (meaning.kind === 'not_sent') return { kind: 'not_sent', reason: reply.message }
  if (meaning.kind === 'unknown') {
    // Stripe repeats its own errors as long as it keeps the key, and refuses the key with other parameters, such as
    // another return_url. So a resend gives no new information, but a lookup may.
    if (reply.replayed || reply.error.type === 'idempotency_error')
      return outcomeOfLookup(await lookup(client, asked, signal))
    return { kind: 'unknown', reason: `Stripe responded ${reply.error.status}: ${reply.message}` }
  }
  if (reply.error.code === 'payment_intent_unexpected_state') {
    const state = readObject(client, asked, reply.payment)
    if (state.kind !== 'not_found' && state.kind !== 'unknown') return state
  }
  const reference = textAt(reply.payment, 'id')
  return { kind: 'declined', declineCode: meaning.declineCode, message: reply.message, reference }
}

function readObject({ now }: StripeClient, asked: CalledObject, response: unknown): LookupOutcome {
  return asked.kind === 'refund' ? readRefund(asked, response) : readPayment(asked, response, now())
}

function outcomeOfLookup(response: LookupOutcome): Outcome {
  if (response.kind !== 'not_found') return response
  return { kind: 'unknown', reason: 'Stripe does not say what became of it' }
}

function declined(declineCode: string, message: string): Outcome {
  return { kind: 'declined', declineCode, message, reference: null }
}

/** By reference if it is known; otherwise a payment by search, and a refund in the list of its payment's refunds. */
async function lookup(client: StripeClient, call: LookupCall, signal: CallSignal): Promise<LookupOutcome> {
  const { kind, attemptId, providerReference } = call
  const payment = kind === 'authorize' ? (providerReference ?? call.paymentReference) : call.paymentReference
  if (kind === 'refund' && providerReference === null)
    return payment === null ? { kind: 'not_found' } : findRefund(client, call, payment, signal)
  if (kind === 'refund') {
    const reply = await client.send(signal, (stripe) => stripe.refunds.retrieve(providerReference ?? ''))
    return lookupResult(reply, (response) => readRefund(call, response))
  }
  if (payment === null) return findPayment(client, call, attemptId, signal)
  const reply = await client.send(signal, (stripe) =>
    stripe.paymentIntents.retrieve(payment, { expand: ['latest_charge'] }),
  )
  return lookupResult(reply, (response) =>
    readPayment({ ...call, paymentReference: payment }, response, client.now()),
  )
}

async function findPayment(
  client: StripeClient,
  call: LookupCall,
  attemptId: string,
  signal: CallSignal,
): Promise<LookupOutcome> {
  const reply = await client.send(signal, (stripe) =>
    stripe.paymentIntents.search({
      query: `metadata['minipay_attempt']:'${attemptId}'`,
      limit: 2,
      expand: ['data.latest_charge'],
    }),
  )
  return lookupResult(reply, (response) => {
    const payments = membersOf(response)
    if (payments === null) return NO_LIST
    const [first, second] = payments
    if (second !== undefined) return { kind: 'unknown', reason: 'Stripe has two payments of this attempt' }
    return first === undefined ? { kind: 'not_found' } : readPayment(call, first, client.now())
  })
}

const NO_LIST = { kind: 'unknown', reason: 'Stripe returned something that is not a list' } as const

/** Refunds cannot be searched; those of one payment are listed, the newest first, and the list is up to date. */
async function findRefund(
  client: StripeClient,
  call: LookupCall,
  payment: string,
  signal: CallSignal,
): Promise<LookupOutcome> {
  let after: string | undefined
  for (;;) {
    const page = {
      payment_intent: payment,
      limit: 100,
      ...(after === undefined ? {} : { starting_after: after }),
    }
    const reply = await client.send(signal, (stripe) => stripe.refunds.list(page))
    if (reply.kind !== 'response') return lookupResult(reply, () => ({ kind: 'not_found' }))
    const refunds = membersOf(reply.response)
    if (refunds === null) return NO_LIST
    const ours = refunds.find(
      (refund) => textAt(objectAt(refund, 'metadata'), 'minipay_attempt') === call.attemptId,
    )
    if (ours !== undefined) return readRefund(call, ours)
    after = textAt(refunds.at(-1), 'id') ?? undefined
    if (after === undefined || !hasMore(reply.response)) return { kind: 'not_found' }
  }
}

/** The result of a read: "no such object" is `not_found`; any other failure leaves the outcome unknown. */
function lookupResult<Result>(
  reply: StripeReply,
  read: (response: unknown) => Result,
): Result | { readonly kind: 'not_found' } | { readonly kind: 'unknown'; readonly reason: string } {
  if (reply.kind === 'response') return read(reply.response)
  if (reply.kind !== 'refused') return { kind: 'unknown', reason: reply.reason }
  if (reply.error.status === 404 && reply.error.code === 'resource_missing') return { kind: 'not_found' }
  return { kind: 'unknown', reason: `Stripe responded ${reply.error.status}: ${reply.message}` }
}

async function dispute(client: StripeClient, reference: string, signal: CallSignal): Promise<DisputeLookup> {
  const reply = await client.send(signal, (stripe) => stripe.disputes.retrieve(reference))
  return lookupResult(reply, readDispute)
}
