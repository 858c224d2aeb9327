import { createRefund } from '../app/follow-up.ts'
import { refundView } from '../app/present.ts'
import { reject } from '../domain/error.ts'
import type { RefundQuery } from '../ports/store.ts'
import { pageQuery, sendPage } from './paging.ts'
import { keyed, type Route, scopeOf, sendAnswer, sendObject, sendRejection } from './route.ts'
import {
  IdParams,
  NoQuery,
  page,
  Refund,
  RefundBody,
  RefundDeclineAnswer,
  RefundsQuery,
  RefundUnavailableAnswer,
} from './schemas.ts'
import { bodyValidator, queryValidator } from './validate.ts'

const validBody = bodyValidator(RefundBody)
const validQuery = queryValidator(RefundsQuery)

export const createRefundRoute: Route = {
  method: 'POST',
  url: '/api/v1/refunds',
  summary: 'Refund a charge, wholly or in part',
  description:
    'Without an amount, everything that is left. Refunds at the same moment never sum past the charge.',
  tag: 'Refunds',
  query: NoQuery,
  body: RefundBody,
  keyed: true,
  answers: {
    200: { description: 'The refund.', schema: Refund },
    202: {
      description: 'It is not known yet whether the provider pays it: its status is `processing`.',
      schema: Refund,
    },
    402: { description: 'The provider declined; nothing moved.', schema: RefundDeclineAnswer },
    502: {
      description: 'The provider did not take it, or cannot be asked now; nothing moved.',
      schema: RefundUnavailableAnswer,
    },
  },
  errors: [
    'amount_invalid',
    'transaction_not_found',
    'already_refunded',
    'charge_not_refundable',
    'refund_exceeds_remaining',
    'charge_disputed',
    'charge_in_doubt',
    'provider_not_configured',
    'provider_unavailable',
    'balance_limit_reached',
  ],
  async handle(http, request, reply) {
    const body = validBody(request.body)
    const command = {
      amount: body.amount,
      reason: body.reason ?? null,
      description: body.description ?? null,
      metadata: body.metadata ?? {},
    }
    const keyedRequest = keyed(http, request, 'POST /api/v1/refunds', body)
    return sendAnswer(reply, await createRefund(http.context, keyedRequest, body.transaction_id, command))
  },
}

export const retrieveRefundRoute: Route = {
  method: 'GET',
  url: '/api/v1/refunds/:id',
  summary: 'Retrieve a refund by its refund_id',
  tag: 'Refunds',
  params: IdParams,
  query: NoQuery,
  answers: { 200: { description: 'The refund.', schema: Refund } },
  errors: ['refund_not_found'],
  async handle({ context }, request, reply) {
    const { id } = request.params as { id: string }
    const refund = await context.store.refund(scopeOf(request), id)
    if (!refund) return sendRejection(reply, reject('refund_not_found', 'There is no such refund.', 'id'))
    return sendObject(reply, refundView(refund))
  },
}

export const listRefundsRoute: Route = {
  method: 'GET',
  url: '/api/v1/refunds',
  summary: 'List refunds, newest first',
  description: 'Cursors are refund ids.',
  tag: 'Refunds',
  query: RefundsQuery,
  answers: { 200: { description: 'A page of refunds.', schema: page(Refund) } },
  errors: ['cursor_invalid', 'currency_invalid'],
  async handle({ context }, request, reply) {
    const scope = scopeOf(request)
    const query = validQuery(request.query)
    const exists = async (id: string) => (await context.store.refund(scope, id)) !== undefined
    const storeQuery: RefundQuery = {
      ...(await pageQuery('re', query, exists)),
      ...(query.status !== undefined && { status: query.status }),
      ...(query.transaction_id !== undefined && { transactionId: query.transaction_id }),
    }
    return sendPage(reply, await context.store.refunds(scope, storeQuery), refundView, {
      backwards: query.ending_before !== undefined,
    })
  },
}
