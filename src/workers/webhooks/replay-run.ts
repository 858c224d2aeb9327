/** A replay in progress: former events of an endpoint, read in pages and sent again beside the new ones. */

import type { Delivery } from '../../domain/webhooks/delivery.ts'
import type { Replay } from '../../domain/webhooks/replay.ts'
import type { StoredEvent } from '../../ports/store.ts'
import type { DeliveryBatch } from '../../ports/store-webhooks.ts'
import { type Job, objectOf } from './job.ts'
import { createWindow, type Window } from './window.ts'

const PAGE = 32

/** A former event, with its delivery if one is stored. */
export type FormerEvent = { readonly event: StoredEvent; readonly delivery: Delivery | undefined }
/** The events of a page that the replay sends, and the sequence up to which all were read. */
export type FormerPage = { readonly fitting: readonly FormerEvent[]; readonly readTo: number }

export type ReplayRunOptions = {
  readonly replay: Replay
  /** Events after a sequence, at most so many. */
  readonly read: (after: number, limit: number) => Promise<FormerPage>
  readonly idOf: (eventId: string) => string
  /** Whether an event of this object may be sent now. */
  readonly mayBegin: (object: string | null) => boolean
}

export type ReplayRun = {
  readonly id: string
  readonly window: Window
  worthReading(): boolean
  /** Rejects with `StoreUnavailable`, and has then changed nothing. */
  read(): Promise<void>
  ready(): boolean
  take(): Job | undefined
  /** Counts an attempt that ended. */
  count(delivered: boolean): void
  /** All that was sent again so far; `done` once that is everything. */
  progress(): NonNullable<DeliveryBatch['replay']>
  /** Whether that is more than `progress` returned last. */
  hasProgress(): boolean
}

export function createReplayRun({ replay, read, idOf, mayBegin }: ReplayRunOptions): ReplayRun {
  const window = createWindow(replay.position)
  const waiting: Job[] = []
  let { sent, delivered } = replay
  let shown = { position: -1, sent }
  const atEnd = () => window.readTo() >= replay.to

  function jobOf({ event, delivery }: FormerEvent): Job {
    const stored = delivery ? { revision: delivery.revision, attempts: delivery.attempts } : null
    const place = window.add(event)
    return { event, id: idOf(event.id), object: objectOf(event), why: 'replay', stored, place, window }
  }

  return {
    id: replay.id,
    window,
    worthReading: () => waiting.length === 0 && !atEnd(),
    async read() {
      const { fitting, readTo } = await read(window.readTo(), PAGE)
      waiting.push(...fitting.map(jobOf))
      window.passTo(readTo)
    },
    ready() {
      const [first] = waiting
      return first !== undefined && mayBegin(first.object)
    },
    take: () => waiting.shift(),
    count(succeeded) {
      sent++
      if (succeeded) delivered++
    },
    progress() {
      const position = window.position()
      const state = position >= replay.to ? 'done' : 'running'
      shown = { position, sent }
      return { id: replay.id, position, sent, delivered, state }
    },
    hasProgress: () => window.position() !== shown.position || sent !== shown.sent,
  }
}
