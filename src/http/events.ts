import { deliveryView, eventView } from '../app/present.ts'
import { reject } from '../domain/error.ts'
import { DeliveriesQuery, Delivery, EventPage, EventsQuery } from './event-schemas.ts'
import { checkCursor, DEFAULT_LIMIT, sendPage } from './paging.ts'
import { type Route, scopeOf, sendObject, sendRejection } from './route.ts'
import { IdParams, NoQuery, page } from './schemas.ts'
import { queryValidator } from './validate.ts'

const validEventsQuery = queryValidator(EventsQuery)
const validDeliveriesQuery = queryValidator(DeliveriesQuery)

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
