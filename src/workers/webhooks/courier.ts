/** Tells one webhook endpoint of its events: new ones, those whose next attempt is due, and those of replays. */
import type { DeliveryAttempt } from '../../domain/delivery.ts'
import { breakerAfter, CLOSED, type WebhookBreaker } from '../../domain/webhooks/breaker.ts'
import { deliveryIdOf } from '../../domain/webhooks/delivery.ts'
import { wants, type WebhookEndpoint } from '../../domain/webhooks/endpoint.ts'
import { type Failing, failingAfter } from '../../domain/webhooks/failing.ts'
import { failureOf, type Judgement, judgeAttempt, policyOf } from '../../domain/webhooks/schedule.ts'
import type { Timer } from '../../ports/runtime.ts'
import { StoreUnavailable } from '../../ports/store.ts'
import type { DeliveryBatch, DeliveryResult, HeldCursor } from '../../ports/store-webhooks.ts'
import type { WebhookClient, WebhookMessage } from '../webhook-client.ts'
import type { Courier, CourierParts } from './courier-parts.ts'
import { createDueDeliveries, type DueDeliveries } from './due-deliveries.ts'
import { endpointDisabled, endpointFailing, type EndpointNews } from './endpoint-news.ts'
import type { Job } from './job.ts'
import { createNewEvents, type NewEvents } from './new-events.ts'
import { createOrder } from './order.ts'
import { createOutbox } from './outbox.ts'
import { createPace, type Pace } from './pace.ts'
import { createReplayRun, type ReplayRun } from './replay-run.ts'
import { createSlots, type Slots } from './slots.ts'
import { readFormer } from './former-events.ts'

/** After a crash at most so many events are sent again to an endpoint. */
export const WINDOW = 256
/** An attempt ends, and is stored, within this time, in ms. */
const PARKED_MS = 30_000
/** The revision of a delivery that was never put back. */
const FIRST_REVISION = 0
/** Replays use at most this part of the slots. */
const REPLAY_PART = 0.25
/** Deliveries that are due use at most this part of the slots while there are new events. */
const DUE_PART = 0.5
const MAX_TIMER_MS = 2 ** 31 - 1

type Source = 'due' | 'new' | 'replay'
type Flight = { readonly job: Job; readonly source: Source; readonly probe: boolean; parked: boolean }

export function startCourier(parts: CourierParts, held: HeldCursor): Courier {
  return new EndpointCourier(parts, held)
}

class EndpointCourier implements Courier {
  readonly #parts: CourierParts
  readonly #client: WebhookClient
  readonly #slots: Slots
  readonly #pace: Pace
  readonly #order = createOrder()
  readonly #events: NewEvents
  readonly #due: DueDeliveries
  readonly #outbox = createOutbox()
  readonly #flights = new Set<Flight>()
  readonly #ended = Promise.withResolvers<void>()
  #endpoint: WebhookEndpoint
  #replay: ReplayRun | null = null
  #breaker: WebhookBreaker = CLOSED
  #failing: Failing
  #storedFailing: Failing
  #news: EndpointNews | null = null
  #position: number
  /** Whether a position is stored even without results. */
  #positionDue = false
  #storing: DeliveryBatch | null = null
  /** A new event of an ordered endpoint that may be sent. */
  #admitted: Job | undefined
  #reading = false
  #pumping = false
  #ending = false
  #cut = false
  #lost = false
  #timer: Timer | undefined
  #timerAt = Number.POSITIVE_INFINITY

  constructor(parts: CourierParts, held: HeldCursor) {
    const { store, pages, runtime, overall, concurrency: most, onAttempt, now } = parts
    const { endpoint, position, reach, failingSince, warnedAt } = held
    const { scope, id } = endpoint
    this.#parts = parts
    this.#endpoint = endpoint
    this.#position = position
    this.#failing = { since: failingSince, warnedAt }
    this.#storedFailing = this.#failing
    this.#client = parts.client(endpoint)
    const onRoom = () => this.#pump()
    this.#slots = createSlots({ most, overall, onRoom, runtime, onAttempt })
    this.#pace = createPace(() => this.#endpoint.rateLimit, runtime.monotonic)
    this.#events = createNewEvents({
      position,
      reach,
      read: (after, limit) => pages.read(scope, { after, limit }),
      stored: (ids) => store.storedDeliveries(scope, ids),
      prepare: (objects) => this.#askForBlocked(objects),
      wants: (type) => wants(this.#endpoint, type),
      idOf: this.#idOf,
    })
    this.#due = createDueDeliveries({
      due: (now, limit) => store.dueDeliveries(scope, id, { now, limit }),
      next: () => store.nextDue(scope, id),
      mayBegin: (object) => !this.#endpoint.ordered || this.#order.mayBegin(object),
      now,
    })
    this.update(held)
  }

  endpoint = (): WebhookEndpoint => this.#endpoint
  isEnding = (): boolean => this.#ending
  isOpen = (): boolean => this.#breaker.open !== null
  ended = (): Promise<void> => this.#ended.promise
  readonly #idOf = (eventId: string): string => deliveryIdOf(this.#endpoint.id, eventId, this.#parts.sha256)

  update({ endpoint, replays }: HeldCursor): void {
    const { url, ordered } = this.#endpoint
    this.#endpoint = endpoint
    // Another receiver, or another order: the next courier begins anew.
    if (endpoint.url !== url || endpoint.ordered !== ordered) return this.end()
    const running = replays.find(({ id }) => id === this.#replay?.id)
    if (!running) this.#replay = replays[0] ? this.#runOf(replays[0]) : null
    this.#pump()
  }

  ring(): void {
    this.#events.ring()
    this.#pump()
  }

  poll(thorough: boolean): void {
    this.#events.ring()
    if (thorough) this.#due.ring()
    else this.#due.poll()
    this.#positionDue = true
    if (this.#events.window.position() !== this.#position) this.#parts.onResults(this)
    this.#pump()
  }

  end(): void {
    this.#ending = true
    this.#timer?.cancel()
    this.#positionDue = true
    this.#parts.onResults(this)
    this.#endIfIdle()
  }

  async cut(): Promise<void> {
    this.#cut = true
    await this.#client.destroy()
  }

  #runOf(replay: HeldCursor['replays'][number]): ReplayRun {
    const { store, pages } = this.#parts
    const endpoint = () => this.#endpoint
    return createReplayRun({
      replay,
      read: (after, limit) => readFormer({ store, pages, endpoint, idOf: this.#idOf }, replay, after, limit),
      idOf: this.#idOf,
    })
  }

  async #askForBlocked(objects: readonly (string | null)[]): Promise<void> {
    if (!this.#endpoint.ordered || objects.length === 0) return
    const { id, scope } = this.#endpoint
    const asked = this.#order.ask(objects)
    if (asked.length > 0)
      this.#order.learn(asked, await this.#parts.store.blockedObjects(scope, id, asked))
  }

  /** Begins as many attempts as it may, reads more work, and sets the timer for the next. */
  #pump(): void {
    if (this.#pumping) return
    this.#pumping = true
    while (!this.#ending) {
      const source = this.#source()
      if (!source || !this.#slots.free() || this.#pace.waitMs() > 0) break
      const job = this.#take(source)
      if (!job) break
      this.#pace.take()
      this.#begin(job, source)
    }
    this.#pumping = false
    if (this.#ending) return
    void this.#read()
    this.#arm()
  }

  /** Where the next job comes from; null while there is none that may begin. */
  #source(): Source | null {
    const { open } = this.#breaker
    if (open) {
      if (this.#flights.size > 0 || this.#parts.runtime.monotonic() < open.probeAt) return null
      return this.#due.ready() ? 'due' : this.#hasNew() ? 'new' : null
    }
    const most = (part: number) => Math.max(1, Math.floor(this.#slots.count() * part))
    const flying = (source: Source) => {
      let count = 0
      for (const flight of this.#flights) if (flight.source === source) count++
      return count
    }
    const hasNew = this.#hasNew()
    if (this.#due.ready() && (!hasNew || flying('due') < most(DUE_PART))) return 'due'
    if (hasNew) return 'new'
    return this.#replay?.ready() && flying('replay') < most(REPLAY_PART) ? 'replay' : null
  }

  /** Whether a new event may be sent: one is there, and the window has room for it. */
  #hasNew(): boolean {
    if (!this.#endpoint.ordered ? !this.#events.ready() : !this.#admit()) return false
    if (this.#events.window.sentAhead() + this.#outbox.size() < WINDOW) return true
    this.#park()
    return false
  }

  /** Of an ordered endpoint: the next event whose object is free. Others wait, in memory or stored. */
  #admit(): boolean {
    this.#admitted ??= this.#order.next()
    while (!this.#admitted && !this.#order.full()) {
      const job = this.#events.take()
      if (!job) break
      const how = this.#order.admit(job)
      if (how === 'send') this.#admitted = job
      else if (how === 'store') this.#storeWaiting(job)
    }
    return this.#admitted !== undefined
  }

  /**
   * An attempt that takes much longer than those after it would hold up the cursor: its delivery is stored before it
   * ends, due when it must have ended.
   */
  #park(): void {
    const first = this.#events.window.first()
    for (const flight of this.#flights) {
      const { job } = flight
      if (!first || job.place !== first || job.stored !== null || flight.parked) continue
      flight.parked = true
      this.#due.hold(job.id)
      this.#settle(job, { state: 'pending', dueAt: this.#parts.now() + PARKED_MS, try: null })
      job.stored = { revision: FIRST_REVISION, attempts: 0 }
    }
  }

  #take(source: Source): Job | undefined {
    if (source === 'due') return this.#due.take()
    if (source === 'replay') return this.#replay?.take()
    if (!this.#endpoint.ordered) return this.#events.take()
    const job = this.#admitted
    this.#admitted = undefined
    return job
  }

  #begin(job: Job, source: Source): void {
    const { runtime, now } = this.#parts
    const flight: Flight = { job, source, probe: this.isOpen(), parked: false }
    this.#flights.add(flight)
    if (job.place) (source === 'new' ? this.#events : this.#replay)?.window.send(job.place)
    if (this.#endpoint.ordered) this.#order.begin(job.object)
    const at = now()
    const made = this.#messageOf(job, at)
    if (typeof made === 'string') {
      const attempt = { kind: 'no_answer', error: made } as const
      return runtime.nextTurn(() => this.#conclude(flight, attempt, at, 0, false))
    }
    const sent = this.#slots.send(() => this.#client.send(made))
    void sent.then(({ attempt, ms }) => this.#conclude(flight, attempt, at, ms, true))
  }

  /** The message; or the reason why there is none, which is not the receiver's fault and takes no slot from it. */
  #messageOf({ event, id }: Job, at: number): WebhookMessage | string {
    const { message, log } = this.#parts
    try {
      return message(this.#endpoint, event, { id }, at)
    } catch (error) {
      log.error(
        { delivery: id, event: event.id, endpoint: this.#endpoint.id, err: error },
        'The body of a webhook cannot be rendered.',
      )
      return `The body cannot be rendered: ${error instanceof Error ? error.message : String(error)}`
    }
  }

  /** `ofReceiver`: the attempt says something about the receiver. */
  #conclude(flight: Flight, attempt: DeliveryAttempt, at: number, ms: number, ofReceiver: boolean): void {
    this.#flights.delete(flight)
    const { job, source } = flight
    if (this.#cut && attempt.kind === 'no_answer') return this.#giveBack(flight)
    const { now, runtime, onResults } = this.#parts
    const verdict = judgeAttempt(
      policyOf(this.#endpoint),
      attempt,
      (job.stored?.attempts ?? 0) + 1,
      now(),
      fraction(runtime.random),
    )
    const succeeded = verdict.state === 'delivered'
    const dueAt = verdict.state === 'pending' ? verdict.retryAt : null
    if (ofReceiver) this.#learn(succeeded, flight.probe, dueAt, verdict)
    if (verdict.state === 'failed') this.#logFailure(job, attempt)
    if (source === 'replay') this.#replay?.count(succeeded)
    const status = attempt.kind === 'response' ? attempt.status : null
    const answer = attempt.kind === 'response' ? (attempt.answer ?? null) : null
    const made = { at, ms: Math.round(ms), status, error: failureOf(attempt), answer, why: job.why }
    this.#settle(job, { state: verdict.state, dueAt, try: made })
    if (dueAt !== null) {
      this.#due.add(dueAt)
      if (this.#endpoint.ordered) for (const after of this.#order.fail(job.object)) this.#storeWaiting(after)
    }
    onResults(this)
    this.#pump()
    this.#endIfIdle()
  }

  /** After a cut: the event was not sent, as far as MiniPay knows. */
  #giveBack({ job, parked }: Flight): void {
    if (parked) this.#settle(job, { state: 'pending', dueAt: this.#parts.now(), try: null })
    this.#parts.onResults(this)
    this.#endIfIdle()
  }

  #learn(succeeded: boolean, probe: boolean, dueAt: number | null, verdict: Judgement): void {
    const { now, runtime } = this.#parts
    const waitMs = dueAt === null ? null : dueAt - now()
    this.#breaker = breakerAfter(this.#breaker, { succeeded, probe, waitMs }, runtime.monotonic())
    const { disableAfterMs } = this.#endpoint
    const { failing, consequence } = failingAfter(this.#failing, succeeded, disableAfterMs, now())
    this.#failing = failing
    if (this.#ending) return
    const gone = verdict.state === 'failed' && verdict.gone
    if (gone || consequence === 'disable') this.#disable(gone ? 'gone' : 'failing')
    else if (consequence === 'warn') this.#news = endpointFailing(this.#parts, this.#endpoint, failing.since)
  }

  #disable(reason: 'gone' | 'failing'): void {
    const { id } = this.#endpoint
    const host = this.#client.host
    this.#parts.log.warn({ endpoint: id, host, reason }, 'MiniPay disabled a webhook endpoint.')
    this.#news = endpointDisabled(this.#parts, this.#endpoint, reason, this.#failing.since)
    this.end()
  }

  #logFailure({ id, event }: Job, attempt: DeliveryAttempt): void {
    const status = attempt.kind === 'response' ? attempt.status : null
    const error = attempt.kind === 'response' ? null : attempt.error
    this.#parts.log.warn(
      { delivery: id, event: event.id, endpoint: this.#endpoint.id, host: this.#client.host, status, error },
      'A webhook failed for good. When the receiver works again, send failed webhooks with: minipay webhooks retry',
    )
  }

  /** A new event of an ordered endpoint that waits for an earlier one of its object. */
  #storeWaiting(job: Job): void {
    this.#settle(job, { state: 'pending', dueAt: null, try: null })
    this.#parts.onResults(this)
  }

  #settle(job: Job, result: Pick<DeliveryResult, 'state' | 'dueAt' | 'try'>): void {
    const { id, object, event, stored, place, why } = job
    const { sequence: eventSequence, id: eventId, type: eventType, createdAt } = event
    const delivery = { id, eventSequence, eventId, eventType, object, createdAt }
    this.#outbox.add({ delivery, revision: stored?.revision ?? null, ...result })
    if (place) (why === 'replay' ? this.#replay : this.#events)?.window.settle(place)
  }

  collect(): DeliveryBatch | undefined {
    const { token, now } = this.#parts
    const { id, scope } = this.#endpoint
    const results = this.#outbox.collect()
    const reached = this.#events.window.position()
    const failing = this.#failing === this.#storedFailing ? null : this.#failing
    const replay = this.#replay && this.#replay.hasProgress() ? this.#replay.progress() : null
    const isDue = results.length > 0 || failing || replay || this.#news
    if (!isDue && !(this.#positionDue && reached !== this.#position)) return undefined
    const position = reached === this.#position ? null : reached
    this.#positionDue = false
    const news = this.#news ?? { change: null, event: null }
    this.#news = null
    this.#storing = { scope, endpoint: id, token, at: now(), position, failing, results, replay, ...news }
    return this.#storing
  }

  confirm(held: boolean): void {
    const batch = this.#storing
    this.#storing = null
    if (!batch) return
    if (!held) return this.#lose()
    for (const { delivery, dueAt, try: made } of this.#outbox.stored()) {
      const parked = made === null && dueAt !== null
      if (!parked) this.#due.end(delivery.id)
      if (this.#endpoint.ordered && !parked) this.#order.stored(delivery.object, made === null)
    }
    if (this.#endpoint.ordered && batch.results.length > 0) this.#due.ring()
    this.#position = batch.position ?? this.#position
    if (batch.failing) this.#storedFailing = batch.failing
    if (batch.event) this.#parts.onEvent(batch.scope)
    if (batch.replay?.state === 'done') {
      if (this.#replay?.id === batch.replay.id) this.#replay = null
      this.#parts.onReplayEnd()
    }
    this.#pump()
    this.#endIfIdle()
  }

  /** Another process holds the cursor, or the results cannot be stored: this one stores nothing more. */
  #lose(): void {
    this.#lost = true
    this.#ending = true
    this.#timer?.cancel()
    this.#outbox.drop()
    this.#endIfIdle()
  }

  #endIfIdle(): void {
    if (!this.#ending || this.#flights.size > 0) return
    if (this.#lost) this.#outbox.drop()
    if (this.#outbox.size() > 0 || this.#storing) return
    void this.#client.destroy().finally(this.#ended.resolve)
  }

  async #read(): Promise<void> {
    if (this.#reading) return
    const source = this.#worthReading()
    if (!source) return
    this.#reading = true
    try {
      await source()
      this.#reading = false
      this.#pump()
    } catch (error) {
      // The next poll reads again.
      this.#reading = false
      if (error instanceof StoreUnavailable) return
      this.#parts.log.warn({ endpoint: this.#endpoint.id, err: error }, 'Events cannot be read for a webhook endpoint.')
    }
  }

  #worthReading(): (() => Promise<void>) | null {
    if (this.#due.worthReading()) return () => this.#due.read()
    const slots = this.#slots.count()
    if (this.#events.worthReading(slots)) return () => this.#events.read(slots)
    const replay = this.#replay
    if (replay?.worthReading() && !this.isOpen()) return () => this.#readReplay(replay)
    return null
  }

  async #readReplay(replay: ReplayRun): Promise<void> {
    await replay.read()
    this.#parts.onResults(this)
  }

  /** One timer for the next time at which something may begin that nothing else announces. */
  #arm(): void {
    const { runtime, now } = this.#parts
    const { open } = this.#breaker
    const passed = runtime.monotonic()
    const due = this.#due.nextAt()
    let waitMs = due === null ? Number.POSITIVE_INFINITY : Math.max(0, due - now())
    if (open) {
      const probeMs = Math.max(0, open.probeAt - passed)
      const hasWork = this.#due.ready() || this.#hasNew()
      waitMs = hasWork && this.#flights.size === 0 ? probeMs : Math.max(probeMs, waitMs)
    }
    const paceMs = this.#pace.waitMs()
    if (paceMs > 0 && this.#source()) waitMs = Math.min(waitMs, paceMs)
    if (waitMs === Number.POSITIVE_INFINITY) return
    const at = passed + Math.max(1, Math.ceil(Math.min(waitMs, MAX_TIMER_MS)))
    if (at >= this.#timerAt) return
    this.#timer?.cancel()
    this.#timerAt = at
    this.#timer = runtime.after(at - passed, () => {
      this.#timerAt = Number.POSITIVE_INFINITY
      this.#pump()
    })
  }
}

const DRAWN = new Uint8Array(4)

/** A random number of at least 0 and less than 1. */
function fraction(random: (bytes: Uint8Array) => void): number {
  random(DRAWN)
  return new DataView(DRAWN.buffer).getUint32(0) / 2 ** 32
}
