/** The stored deliveries of an endpoint whose next attempt is due. */
import type { Page } from '../../ports/store.ts'
import type { DueDelivery } from '../../ports/store-webhooks.ts'
import type { Job } from './job.ts'

/** The most deliveries that wait here, and as many that were put back. */
const MOST = 64
const NONE: Page<DueDelivery> = { data: [], hasMore: false }

export type DueDeliveriesOptions = {
  /** Those that are due; `putBack`: only those that somebody put back. */
  readonly due: (now: number, limit: number, putBack: boolean) => Promise<Page<DueDelivery>>
  readonly next: () => Promise<number | null>
  /** Whether nothing else of the object is in flight. */
  readonly mayBegin: (object: string | null) => boolean
  /** ms since 1970. */
  readonly now: () => number
}

export type DueDeliveries = {
  /** One may have become due: look again, once none waits here. */
  ring(): void
  /** Somebody may have put a delivery back, which goes first: look again, even while others wait here. */
  lookForPutBack(): void
  /** Looks again if some deliveries that were taken are not stored yet: until then the next due time is unknown. */
  poll(): void
  /** A delivery of this endpoint will be due then, in ms since 1970. */
  add(at: number): void
  worthReading(): boolean
  /** Rejects with `StoreUnavailable`, and has then changed nothing. */
  read(): Promise<void>
  /** Whether one waits here that may begin. */
  ready(): boolean
  /** Takes one that somebody put back, or else the one that has been due longest. */
  take(): Job | undefined
  /** Counts a delivery as taken that was stored while its first attempt is in flight. */
  hold(id: string): void
  /** Forgets a delivery that was taken, once its result is stored. */
  end(id: string): void
  /** How many were taken and are not stored yet. */
  taken(): number
  /** Whether a read found one that somebody put back since the last call. */
  foundPutBack(): boolean
  /** When to read again, in ms since 1970, as far as it is known; null: once one that is here has begun or ended. */
  nextAt(): number | null
}

export function createDueDeliveries({ due, next, mayBegin, now }: DueDeliveriesOptions): DueDeliveries {
  let waiting: Job[] = []
  /** The store still lists them as due. */
  const taken = new Set<string>()
  /** Those that were stored while a read was running: it may still show them as due. */
  let left = new Set<string>()
  let rung = true
  let thorough = false
  /** More were put back than the last read found. */
  let morePutBack = false
  let nextAt: number | null = null
  /** The latest time at which somebody put one of those that were read back, in ms since 1970. */
  let putBackAt = Number.NEGATIVE_INFINITY
  let foundPutBack = false

  function place(): number {
    const first = waiting.findIndex((job) => isPutBack(job) && mayBegin(job.object))
    return first >= 0 ? first : waiting.findIndex(({ object }) => mayBegin(object))
  }

  function notice(found: readonly DueDelivery[]): void {
    for (const { delivery } of found) {
      const { revision, attempts, dueAt } = delivery
      if (dueAt === null || dueAt <= putBackAt || !isPutBack({ stored: { revision, attempts } })) continue
      putBackAt = dueAt
      foundPutBack = true
    }
  }

  function add(at: number): void {
    if (nextAt === null || at < nextAt) nextAt = at
  }

  return {
    ring() {
      rung = true
    },
    lookForPutBack() {
      rung = true
      thorough = true
    },
    poll() {
      if (taken.size > 0) rung = true
    },
    add,
    worthReading: () =>
      taken.size < MOST &&
      (thorough || (waiting.length === 0 && (rung || (nextAt !== null && nextAt <= now())))),
    async read() {
      const before = { nextAt, thorough, morePutBack }
      const [at, limit] = [now(), MOST + taken.size]
      const first = thorough || morePutBack
      rung = false
      thorough = false
      morePutBack = false
      nextAt = null
      left = new Set()
      try {
        // They may be behind many others that are due.
        const putBack = first ? await due(at, limit, true) : NONE
        const { data: others, hasMore } = await due(at, limit, false)
        const found = [
          ...putBack.data,
          ...others.filter(({ delivery }) => !first || !isPutBack({ stored: delivery })),
        ]
        waiting = found.filter(({ delivery: { id } }) => !taken.has(id) && !left.has(id)).map(jobOf)
        notice(found)
        morePutBack = putBack.hasMore
        // A page of long data that has only deliveries in flight stays the same until one of them ends.
        if (hasMore && waiting.length > 0) rung = true
        else if (found.length === 0) {
          const dueAt = await next()
          if (dueAt !== null) add(dueAt)
        }
      } catch (error) {
        rung = true
        thorough ||= before.thorough
        morePutBack = before.morePutBack
        if (before.nextAt !== null) add(before.nextAt)
        throw error
      }
    },
    ready: () => place() >= 0,
    take() {
      const [job] = waiting.splice(place() >>> 0, 1)
      if (job) taken.add(job.id)
      return job
    },
    hold: (id) => void taken.add(id),
    end(id) {
      if (!taken.delete(id)) return
      left.add(id)
      rung = true
    },
    taken: () => taken.size,
    foundPutBack() {
      const found = foundPutBack
      foundPutBack = false
      return found
    },
    nextAt: () => (waiting.length === 0 && taken.size < MOST ? nextAt : null),
  }
}

/** Whether somebody put it back, and it was not tried since. */
function isPutBack({ stored }: Pick<Job, 'stored'>): boolean {
  return stored !== null && stored.revision > 0 && stored.attempts === 0
}

function jobOf({ delivery, event }: DueDelivery): Job {
  const { id, object, revision, attempts, tries } = delivery
  const first = attempts === 0
  const why = first ? (tries.length > 0 ? 'manual' : 'event') : 'retry'
  return { event, id, object, why, stored: { revision, attempts }, place: null, window: null }
}
