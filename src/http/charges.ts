import { createCharge } from '../app/create-charge.ts'
import { chargeView } from '../app/present.ts'
import { reject } from '../domain/error.ts'
import { parseCurrency } from '../domain/money.ts'
import type { ChargeQuery } from '../ports/store.ts'
import { Refused } from './errors.ts'
import { pageQuery, pageView } from './paging.ts'
import { keyed, type Route, scopeOf, sendAnswer, sendObject, sendRejection } from './route.ts'
import { Charge, ChargeBody, ChargesQuery, DeclineAnswer, IdParams, NoQuery, page } from './schemas.ts'
import { bodyValidator, queryValidator } from './validate.ts'

const validBody = bodyValidator(ChargeBody)
const validQuery = queryValidator(ChargesQuery)

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
    201: { description: 'The charge was made.', schema: Charge },
    200: { description: 'The stored answer of the first request with this key.', schema: Charge },
    402: { description: 'The provider declined; the failed charge is stored.', schema: DeclineAnswer },
  },
  errors: ['amount_invalid', 'currency_invalid', 'balance_limit_reached'],
  async handle(http, request, reply) {
    const body = validBody(request.body)
    const currency = parseCurrency(body.currency)
    if (currency === undefined)
      throw new Refused(
        reject('currency_invalid', 'The currency is not an ISO 4217 code with a minor unit.', 'currency'),
      )
    const command = {
      amount: body.amount,
      currency,
      customer: body.customer,
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
    return sendObject(reply, pageView(await context.store.charges(scope, storeQuery), chargeView))
  },
}
