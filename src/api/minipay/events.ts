import { DEFAULT_LIMIT, sendPage } from '../../http/paging.ts'
import { scopeOf } from '../caller.ts'
import type { Endpoint } from '../endpoint.ts'
import { CHARGE, EPOCH, TIME } from '../openapi/example-objects.ts'
import { shows } from '../openapi/examples.ts'
import { EventPage, EventsQuery } from './event-schemas.ts'
import { queryValidator } from './parameters.ts'
import { eventView } from './views.ts'

const validEventsQuery = queryValidator(EventsQuery)

const listEventsEndpoint: Endpoint = {
  id: 'listEvents',
  method: 'GET',
  url: '/api/v1/events',
  permission: 'webhooks:read',
  summary: 'List events, oldest first',
  description:
    'Every change stores an event in the same commit. Events have numbers without gaps within an epoch. Keep the last sequence that you have read and send it as `after`: you miss no event, because a smaller number never appears later. When `epoch` changes, the database was restored, and some events that you have read may be missing from it.',
  tag: 'Events and webhooks',
  query: EventsQuery,
  responses: { 200: { description: 'A page of events.', schema: EventPage } },
  errors: ['cursor_invalid'],
  examples: shows('page', 'A page of events', {
    data: [
      {
        sequence: 1,
        epoch: EPOCH,
        id: 'evt_01kasw5v8g001ne3r5yx2tb4qd',
        type: 'payment.succeeded',
        created_at: TIME,
        request_id: 'req_01kasw5v8g007ne3r5yx2tb4qd',
        idempotency_key: CHARGE.idempotency_key,
        data: CHARGE,
        previous_attributes: null,
      },
    ],
    has_more: false,
    epoch: EPOCH,
    epoch_first_sequence: 1,
  }),
  async handle({ context }, request, reply) {
    const { after = 0, limit = DEFAULT_LIMIT, type } = validEventsQuery(request.query)
    const query = { after, limit, ...(type !== undefined && { types: [type] }) }
    const found = await context.store.events(scopeOf(request), query)
    const { id, firstSequence } = found.epoch
    return sendPage(reply, found, eventView, { beside: { epoch: id, epoch_first_sequence: firstSequence } })
  },
}

export const eventEndpoints: readonly Endpoint[] = [listEventsEndpoint]
