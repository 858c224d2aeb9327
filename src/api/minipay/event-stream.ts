/** The events of an account and mode as a stream of server-sent events. */
import type { Context } from '../../app/context.ts'
import { fitsQuery, followEvents } from '../../app/events/follow.ts'
import { refusalOfPurged } from '../../app/events/purged.ts'
import { Refused, refuse } from '../../http/errors.ts'
import { type EventStream, openEventStream } from '../../http/event-stream.ts'
import { type Static, strict, string } from '../../http/schema.ts'
import type { EventQuery, Scope, StoredEvent } from '../../ports/store.ts'
import { scopeOf } from '../caller.ts'
import type { Endpoint } from '../endpoint.ts'
import { sendRejection } from '../errors.ts'
import { EVENT } from '../openapi/example-objects.ts'
import { choosingEvents, chosenEvents, TOO_MANY_WAIT } from './event-queries.ts'
import { queryValidator } from './parameters.ts'
import { eventView } from './views.ts'

const StreamQuery = strict(choosingEvents)
const validQuery = queryValidator<Static<typeof StreamQuery>>(StreamQuery)

/** How long a client waits before it connects again, in ms. */
const RETRY_MS = 2_000
/** The longest silence on a stream, in ms: proxies close connections that seem idle, often after a minute. */
const HEARTBEAT_MS = 15_000
/** How often MiniPay checks that the key of a stream is still valid, in ms. */
const CHECK_MS = 2_000
/** The most characters that are sent at once, but for one event. */
const BATCH_CHARS = 32 * 1024

type Stream = {
  readonly scope: Scope
  readonly filter: Pick<EventQuery, 'types' | 'object'>
  readonly after: number
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
    'A stream of server-sent events (`text/event-stream`). Each message has an event as its `data` and its sequence as its `id`. A client that connects again sends the last `id` as `Last-Event-ID`, as browsers do by themselves, and misses no event; `after` does the same for the first connection. Without both, the stream begins with the next event. While there are no events, MiniPay sends a comment every 15 seconds. The stream ends when the server stops, when the API key is no longer valid, and when the client does not read.',
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
  ],
  async handle({ context, eventWaits, mayRead }, request, reply) {
    const { after: asked, ...choice } = validQuery(request.query)
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
  context: Pick<Context, 'store' | 'bell' | 'runtime' | 'eventReader'>,
  stream: Pick<EventStream, 'send'>,
  { scope, filter, after, signal, mayRead }: Stream,
): Promise<void> {
  const { monotonic } = context.runtime
  let [sent, read] = [after, after]
  let [spokeAt, checkedAt] = [monotonic(), monotonic()]
  /** False: the stream is over. */
  const send = (text: string) => {
    spokeAt = monotonic()
    return stream.send(text)
  }
  if (signal.aborted || !(await send(`retry: ${RETRY_MS}\nid: ${after}\n\n`))) return
  for await (const events of followEvents(context, scope, after, signal)) {
    let text = ''
    for (const event of events) {
      read = event.sequence
      if (!fitsQuery(filter, event)) continue
      text += messageOf(event)
      sent = read
      if (text.length < BATCH_CHARS) continue
      if (!(await send(text))) return
      text = ''
    }
    // A client that wants few events need not read the others again after a cut.
    if (text === '' && monotonic() - spokeAt >= HEARTBEAT_MS)
      text = read > sent ? `: ping\nid: ${read}\n\n` : ': ping\n\n'
    if (text !== '' && !(await send(text))) return
    if (monotonic() - checkedAt >= CHECK_MS) {
      checkedAt = monotonic()
      if (!(await mayRead())) return
    }
  }
}

/** Streams of the same account share the events that they read, and so their text. */
const messages = new WeakMap<StoredEvent, string>()

function messageOf(event: StoredEvent): string {
  const known = messages.get(event)
  if (known !== undefined) return known
  const message = `id: ${event.sequence}\ndata: ${JSON.stringify(eventView(event))}\n\n`
  messages.set(event, message)
  return message
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
