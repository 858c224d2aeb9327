import { createCharge } from '../app/create-charge.ts'
import { cancelCharge, captureCharge } from '../app/follow-up.ts'
import { attemptView, chargeView } from '../app/present.ts'
import { attemptsOf } from '../app/story.ts'
import { reject } from '../domain/error.ts'
import { currencyWithdrawn, parseCurrency } from '../domain/money.ts'
import type { ChargeQuery } from '../ports/store.ts'
import { Refused } from './errors.ts'
import { pageQuery, sendPage } from './paging.ts'
import { keyed, type Route, scopeOf, sendAnswer, sendObject, sendRejection } from './route.ts'
import {
  Attempt,
  CaptureBody,
  Charge,
  ChargeBody,
  ChargesQuery,
  DeclineAnswer,
  FollowUpDeclineAnswer,
  IdParams,
  NoBody,
  NoQuery,
  page,
  UnavailableAnswer,
} from './schemas.ts'
import { bodyValidator, queryValidator } from './validate.ts'

const validBody = bodyValidator(ChargeBody)
const validQuery = queryValidator(ChargesQuery)

/** What 202 says of a charge or a refund. */
const PROCESSING =
  'It is not known yet how it ends: its status is `processing`, or `requires_action` with a `redirect_url`. An event tells its end; so does retrieving it, or repeating this request.'

export const createChargeRoute: Route = {
  method: 'POST',
  url: '/api/v1/charges',
  summary: 'Charge a customer',
  description:
    'Sent again with the same Idempotency-Key and body, it answers 200 with the same object, and nobody is charged again.',
  tag: 'Charges',
  query: NoQuery,
  body: ChargeBody,
  keyed: true,
  answers: {
    201: { description: 'The charge was made, or its money is held.', schema: Charge },
    200: { description: 'The stored answer of the first request with this key.', schema: Charge },
    202: { description: PROCESSING, schema: Charge },
    402: { description: 'The provider declined; the failed charge is stored.', schema: DeclineAnswer },
    502: {
      description: 'No provider could take it; the failed charge is stored, unless none had a place free.',
      schema: UnavailableAnswer,
    },
  },
  errors: ['amount_invalid', 'currency_invalid', 'balance_limit_reached', 'provider_unavailable'],
  async handle(http, request, reply) {
    const body = validBody(request.body)
    const currency = currencyToCharge(body.currency)
    const command = {
      amount: body.amount,
      currency,
      customer: body.customer,
      capture: body.capture ?? true,
      paymentMethod: body.payment_method ?? null,
      description: body.description ?? null,
      metadata: body.metadata ?? {},
    }
    const answer = await createCharge(
      http.context,
      keyed(http, request, 'POST /api/v1/charges', body),
      command,
    )
    return sendAnswer(reply, answer)
  },
}

export const retrieveChargeRoute: Route = {
  method: 'GET',
  url: '/api/v1/charges/:id',
  summary: 'Retrieve a charge',
  tag: 'Charges',
  params: IdParams,
  query: NoQuery,
  answers: { 200: { description: 'The charge as it is now.', schema: Charge } },
  errors: ['transaction_not_found'],
  async handle({ context }, request, reply) {
    const { id } = request.params as { id: string }
    const charge = await context.store.charge(scopeOf(request), id)
    if (!charge)
      return sendRejection(reply, reject('transaction_not_found', 'There is no such transaction.', 'id'))
    return sendObject(reply, chargeView(charge))
  },
}

export const listChargesRoute: Route = {
  method: 'GET',
  url: '/api/v1/charges',
  summary: 'List charges, newest first',
  tag: 'Charges',
  query: ChargesQuery,
  answers: { 200: { description: 'A page of charges.', schema: page(Charge) } },
  errors: ['cursor_invalid', 'currency_invalid'],
  async handle({ context }, request, reply) {
    const scope = scopeOf(request)
    const query = validQuery(request.query)
    const exists = async (id: string) => (await context.store.charge(scope, id)) !== undefined
    const storeQuery: ChargeQuery = {
      ...(await pageQuery('txn', query, exists)),
      ...(query.status !== undefined && { status: query.status }),
    }
    return sendPage(reply, await context.store.charges(scope, storeQuery), chargeView, {
      backwards: query.ending_before !== undefined,
    })
  },
}

const validCapture = bodyValidator(CaptureBody)
const validNothing = bodyValidator(NoBody)

/** What captures and cancels answer. */
const FOLLOW_UP_ANSWERS = {
  202: { description: PROCESSING, schema: Charge },
  402: { description: 'The provider declined; the charge is as it was.', schema: FollowUpDeclineAnswer },
  502: {
    description: 'The provider did not take it, or cannot be asked now; the charge is as it was.',
    schema: UnavailableAnswer,
  },
}
const FOLLOW_UP_ERRORS = [
  'charge_in_doubt',
  'transaction_not_found',
  'provider_not_capable',
  'provider_not_configured',
  'provider_unavailable',
  'balance_limit_reached',
] as const

export const captureChargeRoute: Route = {
  method: 'POST',
  url: '/api/v1/charges/:id/capture',
  summary: 'Capture an authorized charge',
  description: 'Wholly, or in part with `amount`; what is not captured is released.',
  tag: 'Charges',
  params: IdParams,
  query: NoQuery,
  body: CaptureBody,
  keyed: true,
  answers: { 200: { description: 'The charge, captured.', schema: Charge }, ...FOLLOW_UP_ANSWERS },
  errors: ['amount_invalid', 'charge_not_capturable', 'capture_exceeds_authorized', ...FOLLOW_UP_ERRORS],
  async handle(http, request, reply) {
    const { id } = request.params as { id: string }
    const body = validCapture(request.body ?? {})
    const keyedRequest = keyed(http, request, `POST /api/v1/charges/${id}/capture`, body)
    return sendAnswer(reply, await captureCharge(http.context, keyedRequest, id, body.amount))
  },
}

export const cancelChargeRoute: Route = {
  method: 'POST',
  url: '/api/v1/charges/:id/cancel',
  summary: 'Cancel a charge that was not captured',
  description:
    'What is held for it is released. A charge that waits for its customer can be canceled too. While it is processing the wish is kept (202): once it is known what became of the charge, it is canceled or refunded.',
  tag: 'Charges',
  params: IdParams,
  query: NoQuery,
  body: NoBody,
  keyed: true,
  answers: { 200: { description: 'The charge, canceled.', schema: Charge }, ...FOLLOW_UP_ANSWERS },
  errors: ['charge_not_cancelable', ...FOLLOW_UP_ERRORS],
  async handle(http, request, reply) {
    const { id } = request.params as { id: string }
    const body = validNothing(request.body ?? {})
    const keyedRequest = keyed(http, request, `POST /api/v1/charges/${id}/cancel`, body)
    return sendAnswer(reply, await cancelCharge(http.context, keyedRequest, id))
  },
}

export const listChargeAttemptsRoute: Route = {
  method: 'GET',
  url: '/api/v1/charges/:id/attempts',
  summary: "A charge's story: every call to a provider, oldest first",
  description:
    'Each with the rule that chose its provider, the providers that were passed over and why, and how it ended.',
  tag: 'Charges',
  params: IdParams,
  query: NoQuery,
  answers: { 200: { description: 'Every attempt.', schema: page(Attempt) } },
  errors: ['transaction_not_found'],
  async handle({ context }, request, reply) {
    const { id } = request.params as { id: string }
    const attempts = await attemptsOf(context, scopeOf(request), id)
    if (!attempts)
      return sendRejection(reply, reject('transaction_not_found', 'There is no such transaction.', 'id'))
    return sendObject(reply, { data: attempts.map(attemptView), has_more: false })
  },
}

/** A currency that is in use, in lower case. Throws `Refused` for any other code. */
function currencyToCharge(code: string): string {
  const currency = parseCurrency(code)
  const withdrawn = currency && currencyWithdrawn(currency)
  if (currency !== undefined && withdrawn === undefined) return currency
  const reason = withdrawn
    ? `ISO 4217 withdrew this currency on ${withdrawn}.`
    : 'The currency is not an ISO 4217 code with a minor unit.'
  throw new Refused(reject('currency_invalid', reason, 'currency'))
}
