/** The texts of an event stream: the messages of events, in pieces that a slow client holds in memory one at a time. */
import type { Context } from '../../app/context.ts'
import { fitsQuery, followEvents } from '../../app/events/follow.ts'
import type { Batch, Followed } from '../../app/events/paced.ts'
import type { StoredEvent } from '../../ports/store.ts'
import { eventView } from './views.ts'

/** The most characters that are sent at once, but for one event. */
const PIECE_CHARS = 32 * 1024

/** Empty when there is nothing to send. `passed`: the sequence up to which the filter passed over events since. */
export type Piece = { readonly text: string; readonly passed: number | undefined }

type Following = Pick<Followed, 'scope' | 'filter'> & { readonly after: number; readonly signal: AbortSignal }

/** Every event that fits the filter. Rejects with `StoreUnavailable`. */
export async function* allPieces(
  context: Pick<Context, 'store' | 'bell' | 'runtime' | 'eventReader'>,
  { scope, filter, after, signal }: Following,
): AsyncGenerator<Piece, void> {
  let [sent, read] = [after, after]
  for await (const events of followEvents(context, scope, after, signal)) {
    let text = ''
    for (const event of events) {
      read = event.sequence
      if (!fitsQuery(filter, event)) continue
      text += messageOf(event)
      sent = read
      if (text.length < PIECE_CHARS) continue
      yield { text, passed: undefined }
      text = ''
    }
    yield { text, passed: read > sent ? read : undefined }
  }
}

/** The newest events, and which were skipped. Rejects with `StoreUnavailable`. */
export async function* pacedPieces(
  { pacedEvents }: Pick<Context, 'pacedEvents'>,
  { after, signal, ...followed }: Followed & Following,
): AsyncGenerator<Piece, void> {
  let [sent, read] = [after, after]
  for await (const batch of pacedEvents.follow(followed, after, signal)) {
    if (batch) read = batch.through
    if (batch && batch.events.length > 0) {
      for (const text of textsOf(batch)) yield { text, passed: undefined }
      sent = batch.events.at(-1)?.sequence ?? sent
    } else yield { text: '', passed: read > sent ? read : undefined }
  }
}

/** Followers share a batch's events, and so their text. */
const texts = new WeakMap<readonly StoredEvent[], readonly string[]>()

function textsOf({ events, after, hasSkipped }: Batch): readonly string[] {
  const known = texts.get(events)
  if (known) return known
  const made: string[] = []
  let text = hasSkipped ? skippedMessage(after, events[0]?.sequence ?? after + 1) : ''
  for (const event of events) {
    text += messageOf(event)
    if (text.length < PIECE_CHARS) continue
    made.push(text)
    text = ''
  }
  if (text !== '') made.push(text)
  texts.set(events, made)
  return made
}

/** Its `id`, to resume after, is the last sequence that was skipped. */
function skippedMessage(after: number, before: number): string {
  const data = { skipped: before - after - 1, after, before }
  return `event: skipped\nid: ${before - 1}\ndata: ${JSON.stringify(data)}\n\n`
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
