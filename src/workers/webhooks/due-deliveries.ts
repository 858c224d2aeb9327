/** The stored deliveries of an endpoint whose next attempt is due. */
import type { DueDelivery } from '../../ports/store-webhooks.ts'
import type { Job } from './job.ts'

/** The most deliveries that wait here. */
const MOST = 64

export type DueDeliveriesOptions = {
  readonly due: (now: number, limit: number) => Promise<readonly DueDelivery[]>
  readonly next: () => Promise<number | null>
  /** Whether nothing else of the object is in flight. */
  readonly mayBegin: (object: string | null) => boolean
  /** ms since 1970. */
  readonly now: () => number
}

export type DueDeliveries = {
  /** Somebody may have put a delivery back, or made one due: look again. */
  ring(): void
  /** Looks again if some deliveries that were taken are not stored yet: until then the next due time is unknown. */
  poll(): void
  /** A delivery of this endpoint will be due then, in ms since 1970. */
  add(at: number): void
  worthReading(): boolean
  /** Rejects with `StoreUnavailable`, and has then changed nothing. */
  read(): Promise<void>
  /** Whether one waits here that may begin. */
  ready(): boolean
  /** Takes the one that has been due longest. */
  take(): Job | undefined
  /** Counts a delivery as taken that was stored while its first attempt is in flight. */
  hold(id: string): void
  /** Forgets a delivery that was taken, once its result is stored. */
  end(id: string): void
  /** How many were taken and are not stored yet. */
  taken(): number
  /** When to read again, in ms since 1970, as far as it is known; null: once one that is here has begun or ended. */
  nextAt(): number | null
}

export function createDueDeliveries({ due, next, mayBegin, now }: DueDeliveriesOptions): DueDeliveries {
  let waiting: Job[] = []
  /** The store still lists them as due. */
  const taken = new Set<string>()
  let rung = true
  let nextAt: number | null = null
  const place = () => waiting.findIndex(({ object }) => mayBegin(object))

  function add(at: number): void {
    if (nextAt === null || at < nextAt) nextAt = at
  }

  return {
    ring() {
      rung = true
    },
    poll() {
      if (taken.size > 0) rung = true
    },
    add,
    worthReading: () =>
      waiting.length === 0 && taken.size < MOST && (rung || (nextAt !== null && nextAt <= now())),
    async read() {
      const before = nextAt
      rung = false
      nextAt = null
      try {
        const limit = MOST + taken.size
        const found = await due(now(), limit)
        waiting = found.filter(({ delivery }) => !taken.has(delivery.id)).map(jobOf)
        if (found.length === limit) rung = true
        else if (found.length === 0) {
          const at = await next()
          if (at !== null) add(at)
        }
      } catch (error) {
        rung = true
        if (before !== null) add(before)
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
      if (taken.delete(id)) rung = true
    },
    taken: () => taken.size,
    nextAt: () => (waiting.length === 0 && taken.size < MOST ? nextAt : null),
  }
}

function jobOf({ delivery, event }: DueDelivery): Job {
  const { id, object, revision, attempts, tries } = delivery
  const first = attempts === 0
  const why = first ? (tries.length > 0 ? 'manual' : 'event') : 'retry'
  return { event, id, object, why, stored: { revision, attempts }, place: null, window: null }
}
