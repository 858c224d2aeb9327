/** The events of an account and mode as a stream of server-sent events. */
import type { Context } from '../../app/context.ts'
import type { Followed } from '../../app/events/paced.ts'
import { refusalOfPurged } from '../../app/events/purged.ts'
import { Refused, refuse } from '../../http/errors.ts'
import { type EventStream, openEventStream } from '../../http/event-stream.ts'
import { integer, optional, type Static, strict, string } from '../../http/schema.ts'
import type { EventQuery, Scope } from '../../ports/store.ts'
import { scopeOf } from '../caller.ts'
import type { Endpoint } from '../endpoint.ts'
import { sendRejection } from '../errors.ts'
import { EVENT } from '../openapi/example-objects.ts'
import { allPieces, pacedPieces } from './event-pieces.ts'
import { choosingEvents, chosenEvents, TOO_MANY_WAIT } from './event-queries.ts'
import { queryValidator } from './parameters.ts'

/** The most events of an interval. */
const DEFAULT_NEWEST = 20

const StreamQuery = strict({
  ...choosingEvents,
  pace: optional(
    integer({
      minimum: 100,
      maximum: 60_000,
      description:
        'The length of an interval in milliseconds: for a page that a person looks at. In each interval, MiniPay sends the `newest` events at most, each as soon as it is stored while there are fewer. It skips the others, and says so in a message `skipped`.',
    }),
  ),
  newest: optional(
    integer({
      minimum: 1,
      maximum: 100,
      default: DEFAULT_NEWEST,
      description: 'The most events of an interval; with `pace` only.',
    }),
  ),
})
const validQuery = queryValidator<Static<typeof StreamQuery>>(StreamQuery)

/** How long a client waits before it connects again, in ms. */
const RETRY_MS = 2_000
/** The longest silence on a stream, in ms: proxies close connections that seem idle, often after a minute. */
const HEARTBEAT_MS = 15_000
/** How often MiniPay checks that the key of a stream is still valid, in ms. */
const CHECK_MS = 2_000
const NEWEST_ALONE = refuse('parameter_invalid', 'The parameter newest needs pace.', 'newest')

type Pace = Pick<Followed, 'everyMs' | 'newest'>
type Stream = {
  readonly scope: Scope
  readonly filter: Pick<EventQuery, 'types' | 'object'>
  readonly after: number
  /** Without it, every event is sent. */
  readonly pace?: Pace
  readonly signal: AbortSignal
  /** Whether the caller may still read. */
  readonly mayRead: () => Promise<boolean>
}

export const streamEventsEndpoint: Endpoint = {
  id: 'streamEvents',
  method: 'GET',
  url: '/api/v1/events/stream',
  permission: 'webhooks:read',
  summary: 'Follow events as they are stored',
  description:
    'A stream of server-sent events (`text/event-stream`). Each message has an event as its `data` and its sequence as its `id`. A client that connects again sends the last `id` as `Last-Event-ID`, as browsers do by themselves, and misses no event; `after` does the same for the first connection. Without both, the stream begins with the next event. With `pace`, it has only the newest events when there are many: a message with the event `skipped` says which sequences were left out, `{"skipped":280,"after":100,"before":381}`, and `GET /api/v1/events` with this `after` and `before` lists them. While there are no events, MiniPay sends a comment every 15 seconds. The stream ends when the server stops, when the API key is no longer valid, and when the client does not read.',
  tag: 'Events and webhooks',
  query: StreamQuery,
  responses: {
    200: {
      description: 'The stream. It has no end of its own.',
      schema: string(),
      type: 'text/event-stream',
    },
  },
  errors: ['cursor_invalid', 'events_purged'],
  examples: [
    {
      name: 'stream',
      summary: 'The beginning of a stream, and one event',
      status: 200,
      response: `retry: ${RETRY_MS}\nid: 41\n\nid: 42\ndata: ${JSON.stringify(EVENT)}\n\n`,
    },
    {
      name: 'paced',
      summary: 'With a pace: what was skipped, and the event after it',
      status: 200,
      response: `retry: ${RETRY_MS}\nid: 30\n\nevent: skipped\nid: 41\ndata: {"skipped":11,"after":30,"before":42}\n\nid: 42\ndata: ${JSON.stringify(EVENT)}\n\n`,
    },
  ],
  async handle({ context, eventWaits, mayRead }, request, reply) {
    const { after: asked, pace: everyMs, newest, ...choice } = validQuery(request.query)
    if (everyMs === undefined && newest !== undefined) throw new Refused(NEWEST_ALONE)
    const scope = scopeOf(request)
    const filter = await chosenEvents(context, scope, choice)
    const after =
      lastEventId(request.headers['last-event-id']) ?? asked ?? (await context.store.lastEventSequence(scope))
    const purged = await refusalOfPurged(context.store, scope, after)
    if (purged) return sendRejection(reply, purged)
    const wait = eventWaits.begin()
    if (!wait) throw new Refused(TOO_MANY_WAIT)
    // A stream takes a place of its own kind, for longer than any request.
    request.leavePlace()
    const stream = openEventStream(reply, wait.end)
    if (request.method === 'HEAD') wait.end()
    const about = {
      // Without its object no event fits.
      ...{ scope, filter: filter ?? { types: [] }, after, signal: wait.signal },
      ...(everyMs !== undefined && { pace: { everyMs, newest: newest ?? DEFAULT_NEWEST } }),
      mayRead: () => mayRead(request, 'webhooks:read'),
    }
    try {
      await sendEvents(context, stream, about)
    } catch (error) {
      // The client connects again; by then, the database may be available.
      context.log.warn({ request_id: request.id, err: error }, 'An event stream ended early.')
    } finally {
      stream.end()
      wait.end()
    }
    return reply
  },
}

/** Sends events until `signal` is aborted, the client is gone, or its caller may no longer read. */
export async function sendEvents(
  context: Pick<Context, 'store' | 'bell' | 'runtime' | 'eventReader' | 'pacedEvents'>,
  stream: Pick<EventStream, 'send'>,
  { scope, filter, after, pace, signal, mayRead }: Stream,
): Promise<void> {
  const { monotonic } = context.runtime
  let [spokeAt, checkedAt] = [monotonic(), monotonic()]
  if (signal.aborted || !(await stream.send(`retry: ${RETRY_MS}\nid: ${after}\n\n`))) return
  const about = { scope, filter, after, signal }
  const pieces = pace ? pacedPieces(context, { ...about, ...pace }) : allPieces(context, about)
  for await (const { text, passed } of pieces) {
    // A client that wants few events need not read the others again after a cut.
    const isSilent = text === '' && monotonic() - spokeAt >= HEARTBEAT_MS
    const own = isSilent ? (passed === undefined ? ': ping\n\n' : `: ping\nid: ${passed}\n\n`) : text
    if (own !== '') {
      spokeAt = monotonic()
      if (!(await stream.send(own))) return
    }
    if (monotonic() - checkedAt >= CHECK_MS) {
      checkedAt = monotonic()
      if (!(await mayRead())) return
    }
  }
}

/** The sequence in the header of a client that connects again. Throws `Refused` if it is none. */
function lastEventId(header: string | readonly string[] | undefined): number | undefined {
  if (header === undefined || header === '') return undefined
  const sequence = typeof header === 'string' && /^\d{1,16}$/.test(header) ? Number(header) : Number.NaN
  if (Number.isSafeInteger(sequence)) return sequence
  throw new Refused(
    refuse(
      'cursor_invalid',
      'Last-Event-ID must be the id of a message, which is a sequence.',
      'Last-Event-ID',
    ),
  )
}
