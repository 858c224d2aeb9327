import { retryDeliveries } from '../../app/webhooks/retry-deliveries.ts'
import { reject } from '../../domain/error.ts'
import { isId } from '../../domain/id.ts'
import { notFound } from '../../domain/not-found.ts'
import { NoQuery, sendObject } from '../../http/endpoint.ts'
import { Refused, refuse } from '../../http/errors.ts'
import { checkCursor, createdRange, DEFAULT_LIMIT, sendPage } from '../../http/paging.ts'
import { auditing, auditOf, scopeOf } from '../caller.ts'
import type { Endpoint } from '../endpoint.ts'
import { sendRejection } from '../errors.ts'
import { DELIVERY, TIME } from '../openapi/example-objects.ts'
import { pageOf, shows } from '../openapi/examples.ts'
import { deliveryId, idOf, NoBody } from './fields.ts'
import { page } from './lists.ts'
import { bodyValidator, queryValidator } from './parameters.ts'
import { deliveryView } from './views.ts'
import {
  DeliveriesQuery,
  Delivery,
  Retried,
  type RetriedView,
  RetryBody,
} from './webhook-delivery-schemas.ts'

const validDeliveriesQuery = queryValidator(DeliveriesQuery)
const validRetry = bodyValidator(RetryBody)
const validNothing = bodyValidator(NoBody)
const MAX_RETRIED = 10_000

const listDeliveriesEndpoint: Endpoint = {
  id: 'listWebhookDeliveries',
  method: 'GET',
  url: '/api/v1/webhook_deliveries',
  permission: 'webhooks:read',
  summary: 'List webhook deliveries, newest first',
  tag: 'Events and webhooks',
  query: DeliveriesQuery,
  responses: { 200: { description: 'A page of deliveries.', schema: page(Delivery) } },
  errors: ['cursor_invalid'],
  examples: pageOf('deliveries', DELIVERY),
  async handle({ context }, request, reply) {
    const scope = scopeOf(request)
    const {
      limit = DEFAULT_LIMIT,
      starting_after: startingAfter,
      status,
    } = validDeliveriesQuery(request.query)
    const exists = async (id: string) => (await context.store.delivery(scope, id)) !== undefined
    await checkCursor('starting_after', startingAfter, 'dlv', exists)
    const query = {
      limit,
      ...(startingAfter !== undefined && { startingAfter }),
      ...(status !== undefined && { state: status }),
    }
    return sendPage(reply, await context.store.deliveries(scope, query), deliveryView)
  },
}

const retryDeliveryEndpoint: Endpoint = {
  id: 'retryWebhookDelivery',
  method: 'POST',
  url: '/api/v1/webhook_deliveries/:id/retry',
  permission: 'webhooks:write',
  summary: 'Retry a webhook delivery',
  description:
    'Queues a failed delivery again, with all its attempts. A pending delivery stays as it is, so this request needs no Idempotency-Key.',
  tag: 'Events and webhooks',
  params: idOf(deliveryId),
  query: NoQuery,
  body: NoBody,
  responses: { 200: { description: 'The delivery, which is pending.', schema: Delivery } },
  errors: ['delivery_not_found', 'delivery_not_failed'],
  examples: shows('retried', 'A failed delivery, queued again', {
    ...DELIVERY,
    status: 'pending',
    attempts: 0,
    next_attempt_at: TIME,
  }),
  async handle({ context }, request, reply) {
    const scope = scopeOf(request)
    const { id } = request.params as { id: string }
    validNothing(request.body ?? {})
    const entry = auditOf(context, request, {
      ...{ action: 'delivery.retried', object: id },
      ...{ before: '{"status":"failed"}', after: '{"status":"pending"}' },
    })
    const put = await context.store.retryDelivery(scope, id, context.now(), entry)
    const delivery = await context.store.delivery(scope, id)
    if (!delivery) return sendRejection(reply, notFound('delivery', id))
    if (!put && delivery.state === 'delivered')
      return sendRejection(reply, reject('delivery_not_failed', 'The webhook was delivered.'))
    context.onDeliveries()
    return sendObject(reply, deliveryView(delivery))
  },
}

const retryDeliveriesEndpoint: Endpoint = {
  id: 'retryWebhookDeliveries',
  method: 'POST',
  url: '/api/v1/webhook_deliveries/retry',
  permission: 'webhooks:write',
  summary: 'Retry failed webhook deliveries by filter',
  description:
    'Queues every failed delivery that matches, oldest first, with all its attempts. Without a filter it queues all of them. One call does a bounded amount of work: while `has_more` is true, call again with `next` as `starting_after`. A queued delivery is no longer failed, so this request needs no Idempotency-Key.',
  tag: 'Events and webhooks',
  query: NoQuery,
  body: RetryBody,
  responses: { 200: { description: 'The number of deliveries that were queued.', schema: Retried } },
  errors: ['cursor_invalid'],
  examples: [
    {
      name: 'retried',
      summary: 'Every failed delivery of one type',
      body: { event_type: 'payment.succeeded', last_status: 400 },
      status: 200,
      response: { queued: 1, has_more: false, next: null, dry_run: false },
    },
  ],
  async handle({ context }, request, reply) {
    const body = validRetry(request.body ?? {})
    const { starting_after: startingAfter, limit = MAX_RETRIED, dry_run: dryRun = false } = body
    if (startingAfter !== undefined && !isId('dlv', startingAfter))
      throw new Refused(
        refuse('cursor_invalid', 'starting_after must be the id of a delivery.', 'starting_after'),
      )
    const filter = {
      ...createdRange(body),
      ...(body.event_type !== undefined && { eventType: body.event_type }),
      ...(body.endpoint !== undefined && { endpoint: body.endpoint }),
      ...(body.last_status !== undefined && { lastStatus: body.last_status }),
    }
    const retry = { filter, limit, dryRun, ...(startingAfter !== undefined && { startingAfter }) }
    const audit = auditing(context, request)
    const { queued, hasMore, last } = await retryDeliveries(context, scopeOf(request), retry, audit)
    const next = hasMore ? last : null
    const view: RetriedView = { queued, has_more: hasMore, next, dry_run: dryRun }
    return sendObject(reply, view)
  },
}

export const webhookDeliveryEndpoints: readonly Endpoint[] = [
  listDeliveriesEndpoint,
  retryDeliveryEndpoint,
  retryDeliveriesEndpoint,
]
