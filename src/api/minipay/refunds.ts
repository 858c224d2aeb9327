import { createRefund } from '../../app/payments/create-refund.ts'
import { REFUND_STATUSES } from '../../domain/charge.ts'
import { notFound } from '../../domain/not-found.ts'
import { NoQuery, sendObject } from '../../http/endpoint.ts'
import type { RefundQuery } from '../../ports/store.ts'
import { scopeOf } from '../caller.ts'
import { type Endpoint, keyed } from '../endpoint.ts'
import { sendRejection } from '../errors.ts'
import { REFUND } from '../openapi/example-objects.ts'
import { pageOf, shows } from '../openapi/examples.ts'
import { sendResult } from './endings.ts'
import { idOf, refundId } from './fields.ts'
import { listResponse, sendList } from './list-response.ts'
import { page, pageQuery, searchedQuery, statusesIn } from './lists.ts'
import { bodyValidator, queryValidator } from './parameters.ts'
import { CREATE_REFUND } from './refund-examples.ts'
import {
  Refund,
  RefundBody,
  RefundDeclineResponse,
  RefundsQuery,
  RefundUnavailableResponse,
} from './refund-schemas.ts'
import { refundView } from './views.ts'

const validBody = bodyValidator(RefundBody)
const validQuery = queryValidator(RefundsQuery)

const createRefundEndpoint: Endpoint = {
  id: 'createRefund',
  method: 'POST',
  url: '/api/v1/refunds',
  permission: 'refunds:write',
  summary: 'Refund a charge, wholly or in part',
  description:
    'Without an amount, MiniPay refunds the whole remainder. The refunds of a charge never exceed it, even if they run at the same time.',
  tag: 'Refunds',
  query: NoQuery,
  body: RefundBody,
  keyed: 'refund-1234',
  responses: {
    200: { description: 'The refund.', schema: Refund },
    202: {
      description:
        'The outcome is not known yet, and the status is `processing`. An event follows with the outcome; to poll, retrieve the refund or repeat this request.',
      schema: Refund,
    },
    402: { description: 'The provider declined. No money moved.', schema: RefundDeclineResponse },
    502: {
      description: 'The provider did not do it, or cannot be called now. No money moved.',
      schema: RefundUnavailableResponse,
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
  examples: CREATE_REFUND,
  async handle(services, request, reply) {
    const body = validBody(request.body)
    const command = {
      amount: body.amount,
      reason: body.reason ?? null,
      description: body.description ?? null,
      metadata: body.metadata ?? {},
    }
    const keyedRequest = keyed(services, request, 'POST /api/v1/refunds', body)
    return sendResult(reply, await createRefund(services.context, keyedRequest, body.transaction_id, command))
  },
}

const retrieveRefundEndpoint: Endpoint = {
  id: 'retrieveRefund',
  method: 'GET',
  url: '/api/v1/refunds/:id',
  permission: 'refunds:read',
  summary: 'Retrieve a refund',
  tag: 'Refunds',
  params: idOf(refundId),
  query: NoQuery,
  responses: { 200: { description: 'The refund.', schema: Refund } },
  errors: ['refund_not_found'],
  examples: shows('refund', 'A refund', REFUND),
  async handle({ context }, request, reply) {
    const { id } = request.params as { id: string }
    const refund = await context.store.refund(scopeOf(request), id)
    if (!refund) return sendRejection(reply, notFound('refund', id))
    return sendObject(reply, refundView(refund))
  },
}

const listRefundsEndpoint: Endpoint = {
  id: 'listRefunds',
  method: 'GET',
  url: '/api/v1/refunds',
  permission: 'refunds:read',
  summary: 'List refunds, newest first',
  description: 'Cursors are the `refund_id` of refunds.',
  tag: 'Refunds',
  query: RefundsQuery,
  responses: listResponse('A page of refunds.', page(Refund)),
  errors: ['cursor_invalid', 'currency_invalid'],
  examples: pageOf('refunds', REFUND),
  async handle(services, request, reply) {
    const { store } = services.context
    const scope = scopeOf(request)
    const query = validQuery(request.query)
    const exists = async (id: string) => (await store.refund(scope, id)) !== undefined
    const status = statusesIn(query.status, REFUND_STATUSES)
    const storeQuery: RefundQuery = {
      ...(await pageQuery('re', query, exists)),
      ...searchedQuery(query),
      ...(status && { status }),
      ...(query.transaction_id !== undefined && { chargeId: query.transaction_id }),
    }
    return sendList(services, request, reply, {
      ...{ query: storeQuery, schema: Refund, view: refundView },
      read: (next) => store.refunds(scope, next),
      cursor: ({ id }) => id,
      following: (startingAfter) => ({ startingAfter }),
    })
  },
}

export const refundEndpoints: readonly Endpoint[] = [
  createRefundEndpoint,
  listRefundsEndpoint,
  retrieveRefundEndpoint,
]
