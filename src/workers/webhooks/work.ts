/** The work of one endpoint: new events, deliveries that are due, and a replay; and which of them comes next. */
import { deliveryIdOf } from '../../domain/webhooks/delivery.ts'
import type { WebhookEndpoint } from '../../domain/webhooks/endpoint.ts'
import type { DeliveryResult, HeldCursor } from '../../ports/store-webhooks.ts'
import type { CourierParts } from './courier-parts.ts'
import { createDueDeliveries, type DueDeliveries } from './due-deliveries.ts'
import { readFormer } from './former-events.ts'
import type { Job } from './job.ts'
import { createNewEvents, type NewEvents } from './new-events.ts'
import { createOrder } from './order.ts'
import { createReplayRun, type ReplayRun } from './replay-run.ts'

/** After a crash at most so many events are sent again to an endpoint. */
export const WINDOW = 256
/** Replays use at most this part of the slots. */
const REPLAY_PART = 0.25
/** Deliveries that are due use at most this part of the slots while there are new events. */
const DUE_PART = 0.5

export type Source = 'due' | 'new' | 'replay'

export type WorkOptions = {
  readonly parts: CourierParts
  readonly held: HeldCursor
  /** The endpoint as it is now. */
  readonly endpoint: () => WebhookEndpoint
  /** The slots of its receiver. */
  readonly slots: () => number
  /** Results that are not stored. */
  readonly unstored: () => number
  /** An event that waits for an earlier one of its object has to be stored. */
  readonly onWaiting: (job: Job) => void
  /** An attempt takes so long that it holds up the cursor. */
  readonly onWindowFull: () => void
}

export class EndpointWork {
  readonly events: NewEvents
  readonly due: DueDeliveries
  replay: ReplayRun | null = null
  readonly #options: WorkOptions
  readonly #order = createOrder()
  readonly #flying: Record<Source, number> = { due: 0, new: 0, replay: 0 }
  readonly #endedReplays = new Set<string>()
  readonly #knownReplays = new Set<string>()
  #hasNewReplay = false
  /** Which of due deliveries and new events was last. */
  #last: Source = 'new'
  /** A new event of an ordered endpoint that may be sent. */
  #admitted: Job | undefined
  /** One whose turn has come, after it had to wait. */
  #turn: Job | undefined

  constructor(options: WorkOptions) {
    const { parts, held, endpoint } = options
    const { store, pages, wants, now } = parts
    const { scope, id } = held.endpoint
    this.#options = options
    this.events = createNewEvents({
      position: held.position,
      reach: held.reach,
      read: (after, limit) => pages.read(scope, { after, limit }),
      stored: (ids) => store.storedDeliveries(scope, ids),
      prepare: (objects) => this.#askForBlocked(objects),
      wants: (type) => wants(endpoint(), type),
      idOf: this.#idOf,
    })
    this.due = createDueDeliveries({
      due: (now, limit, putBack) => store.dueDeliveries(scope, id, { now, limit, putBack }),
      next: () => store.nextDue(scope, id),
      mayBegin: this.#mayBegin,
      now,
    })
  }

  /** At an ordered endpoint, one attempt of an object at a time, wherever it comes from. */
  #mayBegin = (object: string | null): boolean =>
    !this.#options.endpoint().ordered || this.#order.mayBegin(object)

  /** Continues the oldest of the running replays; the former one may have been canceled. */
  follow(replays: HeldCursor['replays']): void {
    for (const { id } of replays) {
      if (!this.#knownReplays.has(id)) this.#hasNewReplay = true
      this.#knownReplays.add(id)
    }
    if (replays.some(({ id }) => id === this.replay?.id)) return
    // The list may be older than the end of one.
    const first = replays.find(({ id }) => !this.#endedReplays.has(id))
    const { parts, endpoint } = this.#options
    const { store, pages, wants } = parts
    const from = { store, pages, wants, endpoint, idOf: this.#idOf }
    this.replay = first
      ? createReplayRun({
          replay: first,
          read: (after, limit) => readFormer(from, first, after, limit),
          idOf: this.#idOf,
          mayBegin: this.#mayBegin,
        })
      : null
  }

  /** Counts an attempt of a replay, unless that was canceled. */
  count({ window }: Job, delivered: boolean): void {
    if (this.replay?.window === window) this.replay?.count(delivered)
  }

  endReplay(id: string): void {
    this.#endedReplays.add(id)
    if (this.replay?.id === id) this.replay = null
  }

  /** Whether somebody began a replay or put a delivery back since the last call. */
  isWanted(): boolean {
    const wanted = this.#hasNewReplay
    this.#hasNewReplay = false
    if (!this.due.foundPutBack()) return wanted
    // It is the next probe.
    this.#last = 'new'
    return true
  }

  /**
   * Where the next job comes from; null while none may begin. Probes alternate between due deliveries and new events:
   * either may be events that the receiver fails at.
   */
  next(probing: boolean): Source | null {
    const slots = this.#options.slots()
    const hasNew = this.hasNew()
    const mayBeDue = probing ? this.#last !== 'due' : this.#flying.due < Math.max(1, slots * DUE_PART)
    if (this.due.ready() && (!hasNew || mayBeDue)) return 'due'
    if (hasNew) return 'new'
    return this.replay?.ready() && this.#flying.replay < Math.max(1, slots * REPLAY_PART) ? 'replay' : null
  }

  /** Whether a new event may be sent: one is there, and the window has room for it. */
  hasNew(): boolean {
    const { endpoint, unstored, onWindowFull } = this.#options
    // The window may be full of later events that are settled, and wait for this one alone.
    this.#turn ??= this.#order.next()
    if (this.#turn) return true
    if (!(endpoint().ordered ? this.#admit() : this.events.ready())) return false
    if (this.events.window.sentAhead() + unstored() < WINDOW) return true
    onWindowFull()
    return false
  }

  /** Of an ordered endpoint: the next event whose object is free. Others wait, in memory or stored. */
  #admit(): boolean {
    while (!this.#admitted && !this.#order.full()) {
      const job = this.events.take()
      if (!job) break
      const how = this.#order.admit(job)
      if (how === 'send') this.#admitted = job
      else if (how === 'store') this.#options.onWaiting(job)
    }
    return this.#admitted !== undefined
  }

  /** Takes the job from there, which begins now. */
  take(source: Source): Job | undefined {
    const job = this.#take(source)
    if (!job) return undefined
    this.#flying[source]++
    if (source !== 'replay') this.#last = source
    if (job.place) job.window?.send(job.place)
    if (this.#options.endpoint().ordered) this.#order.begin(job.object)
    return job
  }

  #take(source: Source): Job | undefined {
    if (source === 'due') return this.due.take()
    if (source === 'replay') return this.replay?.take()
    if (!this.#options.endpoint().ordered) return this.events.take()
    const job = this.#turn ?? this.#admitted
    if (this.#turn) this.#turn = undefined
    else this.#admitted = undefined
    return job
  }

  /** Its attempt ended. `dueAt`: the time of the next one, in ms since 1970; null if there is none. */
  end(source: Source, { object }: Job, dueAt: number | null): void {
    this.#flying[source]--
    if (dueAt === null) return
    this.due.add(dueAt)
    if (this.#options.endpoint().ordered) this.#order.fail(object).forEach(this.#options.onWaiting)
  }

  /** These results are stored. */
  stored(results: readonly DeliveryResult[]): void {
    const { ordered } = this.#options.endpoint()
    for (const { delivery, dueAt, try: made } of results) {
      // The delivery of an attempt that is still in flight.
      if (made === null && dueAt !== null) continue
      this.due.end(delivery.id)
      if (ordered) this.#order.stored(delivery.object, made === null)
    }
    // The end of a delivery may have made another one due.
    if (ordered && results.length > 0) this.due.ring()
  }

  /** Reads what is worth reading; null if nothing is. Rejects with `StoreUnavailable`. */
  read(): Promise<void> | null {
    if (this.due.worthReading()) return this.due.read()
    const slots = this.#options.slots()
    if (this.events.worthReading(slots)) return this.events.read(slots)
    return this.replay?.worthReading() ? this.replay.read() : null
  }

  async #askForBlocked(objects: readonly (string | null)[]): Promise<void> {
    const { endpoint, parts } = this.#options
    const { ordered, id, scope } = endpoint()
    if (!ordered || objects.length === 0) return
    const asked = this.#order.ask(objects)
    if (asked.length > 0) this.#order.learn(asked, await parts.store.blockedObjects(scope, id, asked))
  }

  readonly #idOf = (eventId: string): string =>
    deliveryIdOf(this.#options.held.endpoint.id, eventId, this.#options.parts.sha256)
}
