/** Follows the events of a scope as they are stored: for long polls and event streams. */
import { objectOfEvent, partText } from '../../domain/snapshot.ts'
import { sleep } from '../../ports/runtime.ts'
import type { EventPage, EventQuery, Scope, Store, StoredEvent } from '../../ports/store.ts'
import type { Context } from '../context.ts'

type Following = Pick<Context, 'store' | 'bell' | 'runtime' | 'eventReader'>

/** The most events of one read. */
const PAGE = 64
/** The longest time without a read, in ms: finds events whose ring was lost, such as those of another node. */
const POLL_MS = 1_000
/** The shortest time between two reads that find the end of the log, in ms: many commits then share one read. */
const GAP_MS = 20

/**
 * Reads pages of a log. Those who wait for the same events get the same page: a commit costs one read, however many
 * streams are open.
 */
export type EventReader = {
  /** The next events after a sequence, of every type. */
  read(scope: Scope, after: number): Promise<readonly StoredEvent[]>
}

export function createEventReader(store: Pick<Store, 'events'>): EventReader {
  const reading = new Map<string, Promise<readonly StoredEvent[]>>()
  return {
    read(scope, after) {
      const name = `${scope.accountId}/${scope.mode}/${after}`
      const shared = reading.get(name)
      if (shared) return shared
      const read = store
        .events(scope, { after, limit: PAGE })
        .then(({ data }) => data)
        .finally(() => reading.delete(name))
      reading.set(name, read)
      return read
    },
  }
}

/**
 * Yields the events after a sequence in their order, each once, as they are stored; and nothing, at least once a second,
 * while there are none. Ends when `signal` is aborted. Rejects with `StoreUnavailable`.
 */
export async function* followEvents(
  { bell, runtime, eventReader }: Following,
  scope: Scope,
  after: number,
  signal: AbortSignal,
): AsyncGenerator<readonly StoredEvent[], void> {
  let mark = after
  /** Begins before the read, so that no ring between the two is missed. */
  let rung: Promise<boolean> | undefined
  while (!signal.aborted) {
    rung ??= bell.next(scope, POLL_MS, signal)
    const startedAt = runtime.monotonic()
    const events = await eventReader.read(scope, mark)
    mark = events.at(-1)?.sequence ?? mark
    yield events
    if (events.length === PAGE) continue
    await rung
    rung = undefined
    const early = startedAt + GAP_MS - runtime.monotonic()
    if (early > 0 && !signal.aborted) await sleep(runtime, early)
  }
}

/**
 * The page of a query; while it is empty, waits for its first event for up to `waitMs`, or until `signal` is aborted.
 * `onWait` is called once, when the wait begins. Rejects with `StoreUnavailable`.
 */
export async function awaitEvents(
  context: Following,
  scope: Scope,
  query: EventQuery,
  waiting: { readonly waitMs: number; readonly signal: AbortSignal; readonly onWait: () => void },
): Promise<EventPage> {
  const { store, runtime } = context
  // Before the first read: events after it are in the page, or are found below.
  const last = await store.lastEventSequence(scope)
  const found = await store.events(scope, query)
  if (found.data.length > 0) return found
  waiting.onWait()
  const late = new AbortController()
  const timer = runtime.after(waiting.waitMs, () => late.abort())
  const signal = AbortSignal.any([waiting.signal, late.signal])
  try {
    for await (const events of followEvents(context, scope, Math.max(last, query.after), signal))
      if (events.some((event) => fitsQuery(query, event))) return await store.events(scope, query)
  } finally {
    timer.cancel()
  }
  return found
}

/** Whether a list with this query has the event; `after` and `limit` aside. */
export function fitsQuery(
  { types, object, createdFrom, createdUntil }: Partial<EventQuery>,
  { type, data, createdAt }: Pick<StoredEvent, 'type' | 'data' | 'createdAt'>,
): boolean {
  if (types && !types.includes(type)) return false
  if (createdFrom !== undefined && createdAt < createdFrom) return false
  if (createdUntil !== undefined && createdAt >= createdUntil) return false
  if (!object) return true
  return objectOfEvent(data) === object.id && (!object.part || data.includes(partText(object.part)))
}
