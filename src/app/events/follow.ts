/** Follows the events of a scope as they are stored: for long polls and event streams. */
import { objectOfEvent, partText } from '../../domain/snapshot.ts'
import { sleep } from '../../ports/runtime.ts'
import type { EventPage, EventQuery, Scope, StoredEvent } from '../../ports/store.ts'
import type { Context } from '../context.ts'

type Following = Pick<Context, 'store' | 'bell' | 'runtime' | 'eventReader'>

/** The longest time without a read, in ms: finds events whose ring was lost, such as those of another node. */
const POLL_MS = 1_000
/** The shortest time between two reads that find the end of the log, in ms: many commits then share one read. */
const GAP_MS = 20

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
  const over = new AbortController()
  const ending = AbortSignal.any([signal, over.signal])
  try {
    /** Begins before the read, so that no ring between the two is missed. */
    let rung: Promise<boolean> | undefined
    while (!signal.aborted) {
      rung ??= bell.next(scope, POLL_MS, ending)
      const startedAt = runtime.monotonic()
      const events = await eventReader.read(scope, mark)
      mark = events.at(-1)?.sequence ?? mark
      yield events
      if (events.length > 0) continue
      await rung
      rung = undefined
      const early = startedAt + GAP_MS - runtime.monotonic()
      if (early > 0 && !signal.aborted) await sleep(runtime, early)
    }
  } finally {
    over.abort()
  }
}

/**
 * The page of a query; while it is empty, waits for its first event for up to `waitMs`, or until the signal is aborted
 * that `begin` returns, which is called if it waits. Rejects with `StoreUnavailable`, and as `begin` throws.
 */
export async function awaitEvents(
  context: Following,
  scope: Scope,
  query: EventQuery,
  { waitMs, begin }: { readonly waitMs: number; readonly begin: () => AbortSignal },
): Promise<{ readonly page: EventPage; readonly waited: boolean }> {
  const { store, runtime } = context
  // Before the first read: events after it are in the page, or are found below.
  const last = await store.lastEventSequence(scope)
  const found = await store.events(scope, query)
  if (found.data.length > 0) return { page: found, waited: false }
  const late = new AbortController()
  const signal = AbortSignal.any([begin(), late.signal])
  const timer = runtime.after(waitMs, () => late.abort())
  try {
    for await (const events of followEvents(context, scope, Math.max(last, query.after), signal))
      if (events.some((event) => fitsQuery(query, event)))
        return { page: await store.events(scope, query), waited: true }
  } finally {
    timer.cancel()
  }
  return { page: found, waited: true }
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
