import { listAttempts } from '../../app/attempts/list-attempts.ts'
import { cancelCharge } from '../../app/payments/cancel-charge.ts'
import { captureCharge } from '../../app/payments/capture-charge.ts'
import { createCharge } from '../../app/payments/create-charge.ts'
import { CHARGE_STATUSES } from '../../domain/charge.ts'
import { notFound } from '../../domain/not-found.ts'
import { readCurrency } from '../../domain/order.ts'
import { NoQuery, sendObject } from '../../http/endpoint.ts'
import { Refused } from '../../http/errors.ts'
import type { ChargeQuery } from '../../ports/store.ts'
import { scopeOf } from '../caller.ts'
import { type Endpoint, keyed } from '../endpoint.ts'
import { refusalOf, sendRejection } from '../errors.ts'
import { ATTEMPT, CHARGE } from '../openapi/example-objects.ts'
import { pageOf, shows } from '../openapi/examples.ts'
import { Attempt } from './attempt-schemas.ts'
import { CANCEL_CHARGE, CAPTURE_CHARGE, CREATE_CHARGE } from './charge-examples.ts'
import {
  CaptureBody,
  Charge,
  ChargeBody,
  ChargesQuery,
  DeclineResponse,
  FollowUpDeclineResponse,
  UnavailableResponse,
} from './charge-schemas.ts'
import { sendResult } from './endings.ts'
import { chargeId, idOf, NoBody } from './fields.ts'
import { listResponse, sendList } from './list-response.ts'
import { page, pageQuery, searchedQuery, statusesIn } from './lists.ts'
import { bodyValidator, queryValidator } from './parameters.ts'
import { attemptView, chargeView } from './views.ts'

const ChargeParams = idOf(chargeId)
const validBody = bodyValidator(ChargeBody)
const validQuery = queryValidator(ChargesQuery)

/** The description of 202 for a charge. */
const PROCESSING =
  'The outcome is not known yet. The status is `processing`, or `requires_action` with a `redirect_url`. An event follows with the outcome; to poll, retrieve the charge or repeat this request.'

const createChargeEndpoint: Endpoint = {
  id: 'createCharge',
  method: 'POST',
  url: '/api/v1/charges',
  permission: 'charges:write',
  summary: 'Charge a customer',
  description:
    'A repeated request with the same Idempotency-Key and body returns 200 with the same charge. The customer is charged once.',
  tag: 'Charges',
  query: NoQuery,
  body: ChargeBody,
  keyed: 'order-1234',
  responses: {
    201: { description: 'The charge succeeded, or with `capture: false` it is authorized.', schema: Charge },
    200: {
      description: 'The result of an earlier request with the same Idempotency-Key.',
      schema: Charge,
    },
    202: { description: PROCESSING, schema: Charge },
    402: { description: 'The provider declined. The failed charge is stored.', schema: DeclineResponse },
    502: {
      description:
        'No provider took the charge. MiniPay stores and returns the failed charge. If all providers were busy, it stores nothing.',
      schema: UnavailableResponse,
    },
  },
  errors: ['amount_invalid', 'currency_invalid', 'balance_limit_reached', 'provider_unavailable'],
  examples: CREATE_CHARGE,
  async handle(services, request, reply) {
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
    const result = await createCharge(
      services.context,
      keyed(services, request, 'POST /api/v1/charges', body),
      command,
    )
    return sendResult(reply, result, 'card_declined')
  },
}

const retrieveChargeEndpoint: Endpoint = {
  id: 'retrieveCharge',
  method: 'GET',
  url: '/api/v1/charges/:id',
  permission: 'charges:read',
  summary: 'Retrieve a charge',
  tag: 'Charges',
  params: ChargeParams,
  query: NoQuery,
  responses: { 200: { description: 'The charge.', schema: Charge } },
  errors: ['transaction_not_found'],
  examples: shows('charge', 'A charge', CHARGE),
  async handle({ context }, request, reply) {
    const { id } = request.params as { id: string }
    const charge = await context.store.charge(scopeOf(request), id)
    if (!charge) return sendRejection(reply, notFound('transaction', id))
    return sendObject(reply, chargeView(charge))
  },
}

const listChargesEndpoint: Endpoint = {
  id: 'listCharges',
  method: 'GET',
  url: '/api/v1/charges',
  permission: 'charges:read',
  summary: 'List charges, newest first',
  tag: 'Charges',
  query: ChargesQuery,
  responses: listResponse('A page of charges.', page(Charge)),
  errors: ['cursor_invalid', 'currency_invalid'],
  examples: pageOf('charges', CHARGE),
  async handle(services, request, reply) {
    const { store } = services.context
    const scope = scopeOf(request)
    const query = validQuery(request.query)
    const exists = async (id: string) => (await store.charge(scope, id)) !== undefined
    const status = statusesIn(query.status, CHARGE_STATUSES)
    const storeQuery: ChargeQuery = {
      ...(await pageQuery('txn', query, exists)),
      ...searchedQuery(query),
      ...(status && { status }),
      ...(query.provider !== undefined && { provider: query.provider }),
    }
    return sendList(services, request, reply, {
      ...{ query: storeQuery, schema: Charge, view: chargeView },
      read: (next) => store.charges(scope, next),
      cursor: ({ id }) => id,
      following: (startingAfter) => ({ startingAfter }),
    })
  },
}

const validCapture = bodyValidator(CaptureBody)
const validNothing = bodyValidator(NoBody)

/** The responses to captures and cancels. */
const FOLLOW_UP_RESPONSES = {
  202: { description: PROCESSING, schema: Charge },
  402: { description: 'The provider declined. The charge is unchanged.', schema: FollowUpDeclineResponse },
  502: {
    description: 'The provider did not do it, or cannot be called now. The charge is unchanged.',
    schema: UnavailableResponse,
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

const captureChargeEndpoint: Endpoint = {
  id: 'captureCharge',
  method: 'POST',
  url: '/api/v1/charges/:id/capture',
  permission: 'charges:write',
  summary: 'Capture an authorized charge',
  description: 'Captures everything, or the `amount` that you give. The provider releases the rest.',
  tag: 'Charges',
  params: ChargeParams,
  query: NoQuery,
  body: CaptureBody,
  keyed: 'capture-1234',
  responses: { 200: { description: 'The captured charge.', schema: Charge }, ...FOLLOW_UP_RESPONSES },
  errors: ['amount_invalid', 'charge_not_capturable', 'capture_exceeds_authorized', ...FOLLOW_UP_ERRORS],
  examples: CAPTURE_CHARGE,
  async handle(services, request, reply) {
    const { id } = request.params as { id: string }
    const body = validCapture(request.body ?? {})
    const keyedRequest = keyed(services, request, `POST /api/v1/charges/${id}/capture`, body)
    return sendResult(reply, await captureCharge(services.context, keyedRequest, id, body.amount))
  },
}

const cancelChargeEndpoint: Endpoint = {
  id: 'cancelCharge',
  method: 'POST',
  url: '/api/v1/charges/:id/cancel',
  permission: 'charges:write',
  summary: 'Cancel a charge that was not captured',
  description:
    'Releases the authorized money. A charge in `requires_action` can be canceled, too. While a charge is `processing`, MiniPay stores the request and returns 202. It cancels or refunds the charge once it knows the outcome.',
  tag: 'Charges',
  params: ChargeParams,
  query: NoQuery,
  body: NoBody,
  keyed: 'cancel-1234',
  responses: { 200: { description: 'The canceled charge.', schema: Charge }, ...FOLLOW_UP_RESPONSES },
  errors: ['charge_not_cancelable', ...FOLLOW_UP_ERRORS],
  examples: CANCEL_CHARGE,
  async handle(services, request, reply) {
    const { id } = request.params as { id: string }
    const body = validNothing(request.body ?? {})
    const keyedRequest = keyed(services, request, `POST /api/v1/charges/${id}/cancel`, body)
    return sendResult(reply, await cancelCharge(services.context, keyedRequest, id))
  },
}

const listChargeAttemptsEndpoint: Endpoint = {
  id: 'listChargeAttempts',
  method: 'GET',
  url: '/api/v1/charges/:id/attempts',
  permission: 'charges:read',
  summary: "List a charge's attempts, oldest first",
  description:
    'Every call to a provider for this charge: the rule that chose the provider, the providers that MiniPay skipped and the reasons, and the outcome.',
  tag: 'Charges',
  params: ChargeParams,
  query: NoQuery,
  responses: { 200: { description: 'Every attempt of the charge.', schema: page(Attempt) } },
  errors: ['transaction_not_found'],
  examples: pageOf('attempts', ATTEMPT),
  async handle({ context }, request, reply) {
    const { id } = request.params as { id: string }
    const attempts = await listAttempts(context, scopeOf(request), id)
    if (!attempts) return sendRejection(reply, notFound('transaction', id))
    return sendObject(reply, { data: attempts.map(attemptView), has_more: false })
  },
}

/** The lower-case code of a currency in use. Throws `Refused` for any other code. */
function currencyToCharge(code: string): string {
  const currency = readCurrency(code)
  if (typeof currency === 'string') return currency
  throw new Refused(refusalOf(currency))
}

export const chargeEndpoints: readonly Endpoint[] = [
  createChargeEndpoint,
  listChargesEndpoint,
  retrieveChargeEndpoint,
  captureChargeEndpoint,
  cancelChargeEndpoint,
  listChargeAttemptsEndpoint,
]
