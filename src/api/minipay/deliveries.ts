/** Webhook deliveries: listed, shown with their attempts, and put back. */
import { groupFailures } from '../../app/webhooks/failures.ts'
import { findDeliveries } from '../../app/webhooks/find-deliveries.ts'
import { retryDelivery } from '../../app/webhooks/retry-delivery.ts'
import { retryFailed } from '../../app/webhooks/retry-failed.ts'
import { isRejection } from '../../domain/error.ts'
import { isId } from '../../domain/id.ts'
import { notFound } from '../../domain/not-found.ts'
import type { Delivery as StoredDelivery } from '../../domain/webhooks/delivery.ts'
import { NoQuery, sendObject } from '../../http/endpoint.ts'
import { Refused, refuse } from '../../http/errors.ts'
import { checkCursor, createdRange, DEFAULT_LIMIT } from '../../http/paging.ts'
import type { WebhookDeliveryQuery } from '../../ports/store-webhooks.ts'
import { auditing, scopeOf } from '../caller.ts'
import { type Endpoint, keyedIfAsked } from '../endpoint.ts'
import { sendRejection } from '../errors.ts'
import { TIME } from '../openapi/example-objects.ts'
import { pageOf, shows } from '../openapi/examples.ts'
import { DELIVERY, DELIVERY_WITH_ATTEMPTS } from '../openapi/webhook-objects.ts'
import {
  DeliveriesQuery,
  Delivery,
  type DeliveryView,
  DeliveryWithAttempts,
  type DeliveryWithAttemptsView,
  Failures,
  FailuresQuery,
  type FailuresView,
  Retried,
  type RetriedView,
  RetryBody,
} from './delivery-schemas.ts'
import { sendOnce } from './endings.ts'
import { deliveryId, idOf, NoBody } from './fields.ts'
import { listResponse, sendList } from './list-response.ts'
import { oneCursor, page } from './lists.ts'
import { bodyValidator, queryValidator } from './parameters.ts'
import { timeOrNull, timestamp } from './views.ts'
import { attemptView } from './webhook-endpoint-view.ts'

const validQuery = queryValidator(DeliveriesQuery)
const validFailures = queryValidator(FailuresQuery)
const validRetry = bodyValidator(RetryBody)
const validNothing = bodyValidator(NoBody)
const MAX_RETRIED = 10_000
const TAG = 'Events and webhooks'

const listDeliveriesEndpoint: Endpoint = {
  id: 'listWebhookDeliveries',
  method: 'GET',
  url: '/api/v1/webhook_deliveries',
  permission: 'webhooks:read',
  summary: 'List webhook deliveries, newest first',
  description:
    'A delivery is in the list from its first attempt on. Events that wait for theirs are the `backlog` of their endpoint.',
  tag: TAG,
  query: DeliveriesQuery,
  responses: listResponse('A page of deliveries.', page(Delivery)),
  errors: ['cursor_invalid'],
  examples: pageOf('deliveries', DELIVERY),
  async handle(services, request, reply) {
    const { store } = services.context
    const scope = scopeOf(request)
    const query = oneCursor(validQuery(request.query))
    const { limit = DEFAULT_LIMIT, starting_after: startingAfter, ending_before: endingBefore } = query
    const { endpoint, event_type: eventType, status, last_error: error } = query
    const exists = async (id: string) => (await store.webhookDelivery(scope, id)) !== undefined
    await checkCursor('starting_after', startingAfter, 'dlv', exists)
    await checkCursor('ending_before', endingBefore, 'dlv', exists)
    const storeQuery: WebhookDeliveryQuery = {
      limit,
      ...(startingAfter !== undefined && { startingAfter }),
      ...(endingBefore !== undefined && { endingBefore }),
      ...(endpoint !== undefined && { endpoint }),
      ...(eventType !== undefined && { eventType }),
      ...(status !== undefined && { state: status }),
      ...(error !== undefined && { error }),
      ...createdRange(query),
    }
    return sendList(services, request, reply, {
      ...{ query: storeQuery, schema: Delivery, view: deliveryView },
      read: (next) =>
        findDeliveries(store, scope, next, {
          ...{ event: query.event_id, sequence: query.event_sequence, charge: query.transaction_id },
        }),
      cursor: ({ id }) => id,
      following: (startingAfter) => ({ startingAfter }),
    })
  },
}

const listFailuresEndpoint: Endpoint = {
  id: 'listWebhookFailures',
  method: 'GET',
  url: '/api/v1/webhook_deliveries/failures',
  permission: 'webhooks:read',
  summary: 'Count failed webhook deliveries by endpoint and error',
  description:
    'Counts the newest 10,000 failed deliveries of the account and mode. A replay with `last_error` sends those of one group again.',
  tag: TAG,
  query: FailuresQuery,
  responses: { 200: { description: 'The groups, the largest first.', schema: Failures } },
  errors: [],
  examples: shows('failures', 'One endpoint with one error', {
    data: [
      {
        ...{
          endpoint: DELIVERY.endpoint,
          last_error: DELIVERY.last_error,
          last_status: DELIVERY.last_status,
        },
        ...{ count: 1, oldest_created_at: TIME, newest_created_at: TIME },
      },
    ],
    has_more: false,
  }),
  async handle({ context: { store } }, request, reply) {
    const { endpoint } = validFailures(request.query)
    const { groups, hasMore } = await groupFailures(store, scopeOf(request), endpoint)
    const data = groups.map(({ endpoint, error, status, count, oldest, newest }) => ({
      ...{ endpoint, last_error: error, last_status: status, count },
      ...{ oldest_created_at: timestamp(oldest), newest_created_at: timestamp(newest) },
    }))
    return sendObject(reply, { data, has_more: hasMore } satisfies FailuresView)
  },
}

const retrieveDeliveryEndpoint: Endpoint = {
  id: 'retrieveWebhookDelivery',
  method: 'GET',
  url: '/api/v1/webhook_deliveries/:id',
  permission: 'webhooks:read',
  summary: 'Retrieve a webhook delivery, with its attempts',
  tag: TAG,
  params: idOf(deliveryId),
  query: NoQuery,
  responses: { 200: { description: 'The delivery, with its attempts.', schema: DeliveryWithAttempts } },
  errors: ['delivery_not_found'],
  examples: shows('delivery', 'A delivery that failed for good', DELIVERY_WITH_ATTEMPTS),
  async handle({ context }, request, reply) {
    const { id } = request.params as { id: string }
    const delivery = await context.store.webhookDelivery(scopeOf(request), id)
    if (!delivery) return sendRejection(reply, notFound('delivery', id))
    const made = delivery.tries.map((attempt) => ({ ...attemptView(attempt), reason: attempt.why }))
    const view: DeliveryWithAttemptsView = { ...deliveryView(delivery), attempts_made: made }
    return sendObject(reply, view)
  },
}

const retryDeliveryEndpoint: Endpoint = {
  id: 'retryWebhookDelivery',
  method: 'POST',
  url: '/api/v1/webhook_deliveries/:id/retry',
  permission: 'webhooks:write',
  summary: 'Retry a webhook delivery',
  description:
    'Puts a delivery back, in any state and any number of times: MiniPay sends it again at once, and by the schedule if that fails. So this request needs no Idempotency-Key; sent twice, it may send the webhook twice.',
  tag: TAG,
  params: idOf(deliveryId),
  query: NoQuery,
  body: NoBody,
  responses: { 200: { description: 'The delivery, which is pending.', schema: Delivery } },
  errors: ['delivery_not_found', 'webhook_endpoint_not_found'],
  examples: shows('retried', 'A failed delivery, queued again', {
    ...DELIVERY,
    ...{ status: 'pending', attempts: 0, next_attempt_at: TIME, settled_at: null },
  }),
  async handle({ context }, request, reply) {
    const { id } = request.params as { id: string }
    validNothing(request.body ?? {})
    const retried = await retryDelivery(context, scopeOf(request), id, auditing(context, request))
    if (isRejection(retried)) return sendRejection(reply, retried)
    return sendObject(reply, deliveryView(retried))
  },
}

const retryDeliveriesEndpoint: Endpoint = {
  id: 'retryWebhookDeliveries',
  method: 'POST',
  url: '/api/v1/webhook_deliveries/retry',
  permission: 'webhooks:write',
  summary: 'Retry failed webhook deliveries by filter',
  description:
    'Queues every failed delivery that matches, oldest first, with all its attempts. Without a filter it queues all of them. One call does a bounded amount of work: while `has_more` is true, call again with `next` as `starting_after`. A request that is sent again with its Idempotency-Key returns the response of the first; without one, it queues what failed again meanwhile. A dry run ignores the key. For one endpoint, a replay does the same in the background.',
  tag: TAG,
  query: NoQuery,
  body: RetryBody,
  keyed: 'retry-1234',
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
  async handle(services, request, reply) {
    const { context } = services
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
      ...(body.last_error !== undefined && { lastError: body.last_error }),
    }
    const retry = { filter, limit, dryRun, ...(startingAfter !== undefined && { startingAfter }) }
    const audit = auditing(context, request)
    const asked = keyedIfAsked(services, request, 'POST /api/v1/webhook_deliveries/retry', body)
    const retried = await retryFailed(context, scopeOf(request), retry, audit, asked)
    if (isRejection(retried)) return sendRejection(reply, retried)
    const { queued, hasMore, last } = retried.value
    const view: RetriedView = { queued, has_more: hasMore, next: hasMore ? last : null, dry_run: dryRun }
    return sendOnce(reply, retried, view, 200)
  },
}

function deliveryView(delivery: StoredDelivery): DeliveryView {
  const last = delivery.tries.at(-1)
  return {
    id: delivery.id,
    endpoint: delivery.endpoint,
    event_id: delivery.eventId,
    event_sequence: delivery.eventSequence,
    event_type: delivery.eventType,
    transaction_id: delivery.object,
    status: delivery.state,
    attempts: delivery.attempts,
    next_attempt_at: timeOrNull(delivery.dueAt),
    last_status: last?.status ?? null,
    last_error: last?.error ?? null,
    created_at: timestamp(delivery.createdAt),
    settled_at: timeOrNull(delivery.settledAt),
  }
}

export const deliveryEndpoints: readonly Endpoint[] = [
  listDeliveriesEndpoint,
  listFailuresEndpoint,
  retrieveDeliveryEndpoint,
  retryDeliveryEndpoint,
  retryDeliveriesEndpoint,
]
