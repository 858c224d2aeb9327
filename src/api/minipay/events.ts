import { awaitEvents } from '../../app/events/follow.ts'
import { refusalOfPurged } from '../../app/events/purged.ts'
import { notFound } from '../../domain/not-found.ts'
import { onDeparture } from '../../http/departure.ts'
import { NoQuery, sendObject } from '../../http/endpoint.ts'
import { Refused, refuse } from '../../http/errors.ts'
import { createdRange, DEFAULT_LIMIT, sendPage } from '../../http/paging.ts'
import type { EventQuery, EventPage as FoundEvents } from '../../ports/store.ts'
import { scopeOf } from '../caller.ts'
import type { Endpoint, Services } from '../endpoint.ts'
import { sendRejection } from '../errors.ts'
import { EPOCH, EVENT } from '../openapi/example-objects.ts'
import { shows } from '../openapi/examples.ts'
import { chosenEvents, TOO_MANY_WAIT } from './event-queries.ts'
import { Event, EventPage, EventsQuery } from './event-schemas.ts'
import { streamEventsEndpoint } from './event-stream.ts'
import { eventId, idOf } from './fields.ts'
import { listResponse, sendCsv, wantsCsv } from './list-response.ts'
import { queryValidator } from './parameters.ts'
import { eventView } from './views.ts'

const validEventsQuery = queryValidator(EventsQuery)

const BEFORE_WAITS = refuse(
  'parameter_invalid',
  'The parameters before and wait exclude each other.',
  'before',
)

type Request = Parameters<Endpoint['handle']>[1]
type Reply = Parameters<Endpoint['handle']>[2]

const listEventsEndpoint: Endpoint = {
  id: 'listEvents',
  method: 'GET',
  url: '/api/v1/events',
  permission: 'webhooks:read',
  summary: 'List events, oldest or newest first, or wait for the next one',
  description:
    'Every change stores an event in the same commit. Events have numbers without gaps within an epoch. Keep the last sequence that you have read and send it as `after`: you miss no event, because a smaller number never appears later. With `wait`, the response comes as soon as there is an event. When `epoch` changes, the database was restored, and some events that you have read may be missing from it.',
  tag: 'Events and webhooks',
  query: EventsQuery,
  responses: listResponse('A page of events.', EventPage),
  errors: ['cursor_invalid', 'events_purged'],
  examples: shows('page', 'A page of events', {
    data: [EVENT],
    has_more: false,
    epoch: EPOCH,
    epoch_first_sequence: 1,
  }),
  async handle(services, request, reply) {
    const { context } = services
    const { after = 0, before, limit = DEFAULT_LIMIT, wait = 0, ...query } = validEventsQuery(request.query)
    if (before !== undefined && wait > 0) throw new Refused(BEFORE_WAITS)
    const scope = scopeOf(request)
    const times = createdRange(query)
    const chosen = await chosenEvents(context, scope, query)
    const until = before === undefined ? {} : { before }
    const storeQuery: EventQuery = { after, ...until, limit, ...times, ...(chosen ?? { types: [] }) }
    if (await wantsCsv(request, reply)) {
      const purged = await refusalOfPurged(context.store, scope, after)
      if (purged) return sendRejection(reply, purged)
      return sendCsv(services, request, reply, {
        ...{ query: storeQuery, schema: Event, view: eventView },
        read: (next) => context.store.events(scope, next),
        cursor: ({ sequence }) => sequence,
        following: (last) => (before === undefined ? { after: last } : { before: last }),
      })
    }
    const found =
      wait > 0 && chosen
        ? await longPoll(services, request, reply, { query: storeQuery, waitMs: wait * 1_000 })
        : await context.store.events(scope, storeQuery)
    // The next number follows, so nothing between was deleted. The newest events are there in any case.
    if (before === undefined && found.data[0]?.sequence !== after + 1) {
      const purged = await refusalOfPurged(context.store, scope, after)
      if (purged) return sendRejection(reply, purged)
    }
    const { id, firstSequence } = found.epoch
    return sendPage(reply, found, eventView, { beside: { epoch: id, epoch_first_sequence: firstSequence } })
  },
}

async function longPoll(
  { context, eventWaits, mayRead }: Services,
  request: Request,
  { raw }: Reply,
  { query, waitMs }: { readonly query: EventQuery; readonly waitMs: number },
): Promise<FoundEvents> {
  let [end, stopListening] = [() => {}, () => {}]
  const begin = () => {
    const wait = eventWaits.begin()
    if (!wait) throw new Refused(TOO_MANY_WAIT)
    end = wait.end
    stopListening = onDeparture(raw, end)
    // It takes a place of its own kind while it waits.
    request.leavePlace()
    return wait.signal
  }
  try {
    const { page, waited } = await awaitEvents(context, scopeOf(request), query, { waitMs, begin })
    // The key may have been revoked meanwhile.
    if (waited && !(await mayRead(request, 'webhooks:read')))
      throw new Refused(refuse('unauthenticated', 'The API key is no longer valid.', 'Authorization'))
    return page
  } finally {
    stopListening()
    end()
  }
}

const EventParams = idOf(eventId)

const retrieveEventEndpoint: Endpoint = {
  id: 'retrieveEvent',
  method: 'GET',
  url: '/api/v1/events/:id',
  permission: 'webhooks:read',
  summary: 'Retrieve an event',
  tag: 'Events and webhooks',
  params: EventParams,
  query: NoQuery,
  responses: { 200: { description: 'The event, as it was stored.', schema: Event } },
  errors: ['event_not_found'],
  examples: shows('event', 'An event', EVENT),
  async handle({ context }, request, reply) {
    const { id } = request.params as { id: string }
    const event = await context.store.event(scopeOf(request), id)
    if (!event) return sendRejection(reply, notFound('event', id))
    return sendObject(reply, eventView(event))
  },
}

export const eventEndpoints: readonly Endpoint[] = [
  listEventsEndpoint,
  retrieveEventEndpoint,
  streamEventsEndpoint,
]
