import { deliveryView, eventView } from '../app/present.ts'
import { retryDeliveries } from '../app/retry-deliveries.ts'
import { reject } from '../domain/error.ts'
import { isId } from '../domain/id.ts'
import { DeliveriesQuery, Delivery, EventPage, EventsQuery, Retried, RetryBody } from './event-schemas.ts'
import { checkCursor, createdRange, DEFAULT_LIMIT, sendPage } from './paging.ts'
import { type Route, scopeOf, sendObject, sendRejection } from './route.ts'
import { IdParams, NoQuery, page } from './schemas.ts'
import { bodyValidator, queryValidator } from './validate.ts'

const validEventsQuery = queryValidator(EventsQuery)
const validDeliveriesQuery = queryValidator(DeliveriesQuery)
const validRetry = bodyValidator(RetryBody)
const MAX_RETRIED = 10_000

export const listEventsRoute: Route = {
  method: 'GET',
  url: '/api/v1/events',
  summary: 'Events after a sequence, oldest first',
  description:
    'Every change stores an event in its own commit, numbered without gaps within an epoch. Keep the last sequence you have seen and pass it as `after`: nothing is missed, and no smaller number appears later. Another `epoch` than before means that the database was restored: events that you have seen may not have happened there.',
  tag: 'Events and webhooks',
  query: EventsQuery,
  answers: { 200: { description: 'A page of events.', schema: EventPage } },
  errors: ['cursor_invalid'],
  async handle({ context }, request, reply) {
    const { after = 0, limit = DEFAULT_LIMIT, type } = validEventsQuery(request.query)
    const query = { after, limit, ...(type !== undefined && { type }) }
    const found = await context.store.events(scopeOf(request), query)
    const { id, firstSequence } = found.epoch
    return sendPage(reply, found, eventView, { beside: { epoch: id, epoch_first_sequence: firstSequence } })
  },
}

export const listDeliveriesRoute: Route = {
  method: 'GET',
  url: '/api/v1/webhook_deliveries',
  summary: 'Webhook deliveries, newest first',
  tag: 'Events and webhooks',
  query: DeliveriesQuery,
  answers: { 200: { description: 'A page of deliveries.', schema: page(Delivery) } },
  errors: ['cursor_invalid'],
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

export const retryDeliveryRoute: Route = {
  method: 'POST',
  url: '/api/v1/webhook_deliveries/:id/retry',
  summary: 'Send a failed webhook again',
  description:
    'Puts it back with all its attempts. While it is pending, asking again changes nothing: it takes no Idempotency-Key.',
  tag: 'Events and webhooks',
  params: IdParams,
  query: NoQuery,
  answers: { 200: { description: 'The delivery, pending again.', schema: Delivery } },
  errors: ['delivery_not_found', 'delivery_not_failed'],
  async handle({ context }, request, reply) {
    const scope = scopeOf(request)
    const { id } = request.params as { id: string }
    const put = await context.store.retryDelivery(scope, id, context.now())
    const delivery = await context.store.delivery(scope, id)
    if (!delivery)
      return sendRejection(reply, reject('delivery_not_found', 'There is no such delivery.', 'id'))
    if (!put && delivery.state === 'delivered')
      return sendRejection(reply, reject('delivery_not_failed', 'The webhook was delivered.'))
    context.onDeliveries()
    return sendObject(reply, deliveryView(delivery))
  },
}

export const retryDeliveriesRoute: Route = {
  method: 'POST',
  url: '/api/v1/webhook_deliveries/retry',
  summary: 'Send failed webhooks again, by what they have in common',
  description:
    'Puts every failed delivery that fits back, oldest first, each with all its attempts; without a filter, all of them. A call does a bounded amount of work: while `has_more`, call again with `next` as `starting_after`. It takes no Idempotency-Key: what is pending again is not failed.',
  tag: 'Events and webhooks',
  query: NoQuery,
  body: RetryBody,
  answers: { 200: { description: 'How many were put back.', schema: Retried } },
  errors: ['cursor_invalid'],
  async handle({ context }, request, reply) {
    const body = validRetry(request.body ?? {})
    const { starting_after: startingAfter, limit = MAX_RETRIED, dry_run: dryRun = false } = body
    if (startingAfter !== undefined && !isId('dlv', startingAfter))
      return sendRejection(
        reply,
        reject('cursor_invalid', 'starting_after must be the id of a delivery.', 'starting_after'),
      )
    const filter = {
      ...createdRange(body),
      ...(body.event_type !== undefined && { eventType: body.event_type }),
      ...(body.endpoint !== undefined && { endpoint: body.endpoint }),
      ...(body.last_status !== undefined && { lastStatus: body.last_status }),
    }
    const { queued, hasMore, last } = await retryDeliveries(context, scopeOf(request), {
      ...{ filter, limit, dryRun },
      ...(startingAfter !== undefined && { startingAfter }),
    })
    return sendObject(reply, { queued, has_more: hasMore, next: hasMore ? last : null, dry_run: dryRun })
  },
}
