/** Reads the newest events of a scope at a pace, once for all who follow them. */
import type { Runtime, Timer } from '../../ports/runtime.ts'
import type { EventQuery, Scope, Store, StoredEvent } from '../../ports/store.ts'
import type { EventBell } from './bell.ts'

/** The longest time without a read, in ms: finds events whose ring was lost, such as those of another node. */
const POLL_MS = 1_000
/** The shortest time between two reads, in ms. */
const GAP_MS = 50
/** The longest time in which a follower hears nothing, in ms. */
const TURN_MS = 1_000

/** What is followed, and how fast. */
export type Followed = {
  readonly scope: Scope
  readonly filter: Pick<EventQuery, 'types' | 'object'>
  /** The length of an interval in ms, which begins with its first event. */
  readonly everyMs: number
  /** The most events of an interval. */
  readonly newest: number
}

export type Batch = {
  /** The sequence after which was read. */
  readonly after: number
  /** The sequence up to which was read. */
  readonly through: number
  /** Oldest first. */
  readonly events: readonly StoredEvent[]
  /** Whether events were skipped that fit, between `after` and the first of `events`. */
  readonly hasSkipped: boolean
}

export type ChannelTools = {
  readonly store: Pick<Store, 'events' | 'lastEventSequence'>
  readonly bell: Pick<EventBell, 'next'>
  readonly runtime: Pick<Runtime, 'after' | 'monotonic'>
}

export class PacedChannel {
  /** Grows whenever the followers should look again. */
  turns = 0
  readonly #tools: ChannelTools
  readonly #followed: Followed
  readonly #begun = Promise.withResolvers<void>()
  readonly #over = new AbortController()
  readonly #waiting = new Set<() => void>()
  #followers = 1
  /** The newest batch with events, or the beginning; its `through` is the sequence up to which was read. */
  #latest: Batch = { after: 0, through: 0, events: [], hasSkipped: false }
  #turnedAt = 0
  #failure: unknown
  #rest: { readonly timer: Timer; readonly end: () => void } | undefined

  /** Has one follower. */
  constructor(tools: ChannelTools, followed: Followed) {
    this.#tools = tools
    this.#followed = followed
  }

  /** Adds a follower; false once the channel has ended. */
  join(): boolean {
    if (this.#over.signal.aborted) return false
    this.#followers++
    return true
  }

  leave(): void {
    if (--this.#followers === 0) this.#end()
  }

  /** Resolves once `since` may be called. Rejects with `StoreUnavailable`. */
  begun = (): Promise<void> => this.#begun.promise

  /** Resolves at the next turn, or once the signal is aborted. */
  turn(signal: AbortSignal): Promise<void> {
    if (signal.aborted || this.#over.signal.aborted) return Promise.resolve()
    const { promise, resolve } = Promise.withResolvers<void>()
    const end = () => {
      this.#waiting.delete(end)
      signal.removeEventListener('abort', end)
      resolve()
    }
    this.#waiting.add(end)
    signal.addEventListener('abort', end)
    return promise
  }

  /** What a follower gets that has read up to `mark`; undefined if there is nothing. Rejects with `StoreUnavailable`. */
  async since(mark: number): Promise<Batch | undefined> {
    if (this.#failure !== undefined) throw this.#failure
    const latest = this.#latest
    const { through } = latest
    if (mark >= through) return undefined
    if (mark < latest.after) return this.#read(mark, this.#followed.newest, through)
    // The same batch for all, so that they share its text.
    if (mark === latest.after) return latest
    const events = latest.events.filter(({ sequence }) => sequence > mark)
    return {
      after: mark,
      through,
      events,
      hasSkipped: latest.hasSkipped && events.length === latest.events.length,
    }
  }

  /** Reads until the last follower has left, or the store is unavailable. Never rejects. */
  async run(): Promise<void> {
    try {
      const last = await this.#tools.store.lastEventSequence(this.#followed.scope)
      this.#latest = { ...this.#latest, after: last, through: last }
      this.#turn()
      this.#begun.resolve()
      await this.#publishAll()
    } catch (error) {
      this.#failure = error
      this.#begun.promise.catch(() => {})
      this.#begun.reject(error)
    }
    this.#end()
    this.#turn()
  }

  async #publishAll(): Promise<void> {
    const { runtime, bell } = this.#tools
    const { scope, everyMs, newest } = this.#followed
    const { signal } = this.#over
    /** Of the present interval: its end, and how many more events it may have. */
    let [end, room] = [Number.NEGATIVE_INFINITY, newest]
    let readAt = Number.NEGATIVE_INFINITY
    let rung: Promise<unknown> | undefined
    for (;;) {
      await rung
      await this.#restUntil(room > 0 ? readAt + GAP_MS : end)
      if (signal.aborted) return
      readAt = runtime.monotonic()
      if (readAt >= end) room = newest
      // Begins before the read, so that no ring between the two is missed.
      rung = bell.next(scope, POLL_MS, signal)
      const batch = await this.#read(this.#latest.through, room)
      if (batch.hasSkipped && room < newest) {
        // The next interval has room for more of them, or for all.
        room = 0
        rung = undefined
      } else if (batch.events.length > 0) {
        if (readAt >= end) end = readAt + everyMs
        room = batch.hasSkipped ? 0 : room - batch.events.length
        this.#latest = batch
        this.#turn()
      } else if (batch.through > this.#latest.through)
        this.#latest = { ...this.#latest, through: batch.through }
      this.#turnIfLate()
    }
  }

  /** The newest events after a sequence, up to another one if that is given. */
  async #read(after: number, limit: number, to?: number): Promise<Batch> {
    const { store } = this.#tools
    const { scope, filter } = this.#followed
    const isAll = filter.types === undefined && filter.object === undefined
    const last = to ?? (isAll ? undefined : await store.lastEventSequence(scope))
    if (last !== undefined && last <= after) return { after, through: after, events: [], hasSkipped: false }
    const before = last === undefined ? Number.MAX_SAFE_INTEGER : last + 1
    const { data, hasMore } = await store.events(scope, { ...filter, after, before, limit })
    const through = last ?? data[0]?.sequence ?? after
    return { after, through, events: data.toReversed(), hasSkipped: hasMore }
  }

  /** Waits until a monotonic time, or until the end; the followers have their turns meanwhile. */
  async #restUntil(end: number): Promise<void> {
    const { runtime } = this.#tools
    for (
      let ms = end - runtime.monotonic();
      ms > 0 && !this.#over.signal.aborted;
      ms = end - runtime.monotonic()
    ) {
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#rest = { timer: runtime.after(Math.min(ms, POLL_MS), resolve), end: resolve }
      await promise
      this.#rest = undefined
      this.#turnIfLate()
    }
  }

  #turnIfLate(): void {
    if (this.#tools.runtime.monotonic() - this.#turnedAt >= TURN_MS) this.#turn()
  }

  #turn(): void {
    this.turns++
    this.#turnedAt = this.#tools.runtime.monotonic()
    for (const wake of [...this.#waiting]) wake()
  }

  #end(): void {
    this.#over.abort()
    this.#rest?.timer.cancel()
    this.#rest?.end()
  }
}
