/** The events after an endpoint's cursor: read in pages, filtered, and kept in order until they are sent. */
import type { EventType } from '../../domain/event.ts'
import type { Delivery } from '../../domain/webhooks/delivery.ts'
import type { Page, StoredEvent } from '../../ports/store.ts'
import { type Job, objectOf } from './job.ts'
import { createWindow, type Window } from './window.ts'

/** The most events of a page; the store also bounds their text. */
export const PAGE = 256
const MIN_PAGE = 16

export type NewEventsOptions = {
  /** The sequence after which the endpoint has to be told. */
  readonly position: number
  /** Deliveries of events up to this sequence may be stored. */
  readonly reach: number
  readonly read: (after: number, limit: number) => Promise<Page<StoredEvent>>
  readonly stored: (ids: readonly string[]) => Promise<readonly Delivery[]>
  readonly wants: (type: EventType) => boolean
  /** Called with the objects of a page before its events are kept. Rejects with `StoreUnavailable`. */
  readonly prepare: (objects: readonly (string | null)[]) => Promise<void>
  /** The id of an event's delivery. */
  readonly idOf: (eventId: string) => string
}

export type NewEvents = {
  readonly window: Window
  /** New events may have been stored. */
  ring(): void
  /** Whether there may be events to read, and `slots` can soon send them. */
  worthReading(slots: number): boolean
  /** Reads a page. Rejects with `StoreUnavailable`, and has then changed nothing. */
  read(slots: number): Promise<void>
  /** Whether there is an event to send; one that the endpoint no longer wants is passed. */
  ready(): boolean
  /** Takes the next one. */
  take(): Job | undefined
}

export function createNewEvents(options: NewEventsOptions): NewEvents {
  const { reach, stored, wants, idOf } = options
  const window = createWindow(options.position)
  let waiting: Job[] = []
  let taken = 0
  let mayHaveMore = true
  let rung = false
  /** Whether the last page had an event that the endpoint wants. */
  let found = true

  function peek(): Job | undefined {
    for (let job = waiting[taken]; job; job = waiting[++taken]) {
      if (wants(job.event.type)) return job
      if (job.place) window.settle(job.place)
    }
    waiting = []
    taken = 0
    return undefined
  }

  /** Those that a former holder has not stored. */
  async function unknown(events: readonly StoredEvent[]): Promise<readonly StoredEvent[]> {
    const ids = events.filter(({ sequence }) => sequence <= reach).map(({ id }) => idOf(id))
    if (ids.length === 0) return events
    const known = new Set((await stored(ids)).map(({ id }) => id))
    return events.filter(({ id }) => !known.has(idOf(id)))
  }

  return {
    window,
    ready: () => peek() !== undefined,
    ring() {
      mayHaveMore = true
      rung = true
    },
    worthReading: (slots) => mayHaveMore && waiting.length - taken <= slots / 2,
    async read(slots) {
      const limit = found ? Math.min(PAGE, Math.max(MIN_PAGE, 2 * slots)) : PAGE
      rung = false
      const { data: events, hasMore } = await options.read(window.readTo(), limit)
      const wanted = await unknown(events.filter(({ type }) => wants(type)))
      await options.prepare(wanted.map(objectOf))
      waiting = [...waiting.slice(taken), ...wanted.map(jobOf)]
      taken = 0
      const last = events.at(-1)
      if (last) window.passTo(last.sequence)
      found = last === undefined || wanted.length > 0
      mayHaveMore = rung || hasMore
    },
    take() {
      const job = peek()
      if (job) taken++
      return job
    },
  }

  function jobOf(event: StoredEvent): Job {
    const place = window.add(event)
    return { event, id: idOf(event.id), object: objectOf(event), why: 'event', stored: null, place, window }
  }
}
