/** Tells one webhook endpoint of its events: new ones, those whose next attempt is due, and those of replays. */
import type { DeliveryAttempt } from '../../domain/delivery.ts'
import { PassingMap } from '../../domain/passing-map.ts'
import type { WebhookEndpoint } from '../../domain/webhooks/endpoint.ts'
import {
  failureOf,
  type Judgement,
  judgeAttempt,
  pauseMsOf,
  policyOf,
  respondsItself,
} from '../../domain/webhooks/schedule.ts'
import { StoreUnavailable } from '../../ports/store.ts'
import type { DeliveryBatch, DeliveryResult, HeldCursor } from '../../ports/store-webhooks.ts'
import { logFailed, messageOrReason } from './attempt-log.ts'
import type { WebhookClient } from './client.ts'
import { type Condition, conditionOf } from './condition.ts'
import type { Courier, CourierParts, Fate } from './courier-parts.ts'
import { type EndpointNews, endpointDisabled, endpointFailing } from './endpoint-news.ts'
import { fraction } from './fraction.ts'
import type { Job } from './job.ts'
import { createOutbox } from './outbox.ts'
import { createPace, type Pace } from './pace.ts'
import { createReceiverClients, type ReceiverClients } from './receiver-clients.ts'
import { createSlots, type Slots } from './slots.ts'
import { createWakeTimer, type WakeTimer } from './wake-timer.ts'
import { EndpointWork, type Source } from './work.ts'

/** An attempt ends, and is stored, within this time, in ms. */
const PARKED_MS = 30_000
/** The revision of a delivery that was never put back. */
const FIRST_REVISION = 0
const NO_NEWS: EndpointNews = { change: null, event: null }

type Flight = {
  readonly number: number
  readonly job: Job
  readonly source: Source
  /** It was sent while the breaker was open. */
  readonly probe: boolean
  readonly client: WebhookClient
  /** When it began, in ms since 1970. */
  readonly at: number
  /** Its delivery was stored before its attempt ended. */
  parked: boolean
}

export function startCourier(parts: CourierParts, held: HeldCursor): Courier {
  return new EndpointCourier(parts, held)
}

class EndpointCourier implements Courier {
  readonly #parts: CourierParts
  readonly #clients: ReceiverClients
  readonly #slots: Slots
  readonly #pace: Pace
  #condition: Condition
  readonly #timer: WakeTimer
  readonly #work: EndpointWork
  readonly #outbox = createOutbox()
  /** By their numbers. */
  readonly #flights = new PassingMap<number, Flight>()
  #begun = 0
  readonly #ended = Promise.withResolvers<void>()
  #endpoint: WebhookEndpoint
  #news: EndpointNews | null = null
  /** As stored. */
  #position: number
  /** Whether the position is to be stored even without results. */
  #positionDue = false
  #storing: DeliveryBatch | null = null
  #reading = false
  #pumping = false
  #ending = false
  #cut = false
  #lost = false
  /** It ends, also if its endpoint is kept. */
  #final = false
  #over = false

  constructor(parts: CourierParts, held: HeldCursor) {
    const { runtime, overall, concurrency: most, onAttempt } = parts
    this.#parts = parts
    this.#endpoint = held.endpoint
    this.#position = held.position
    this.#condition = conditionOf(this.#parts, held)
    this.#clients = createReceiverClients(parts.client, held.endpoint)
    const failing = held.failingSince !== null
    this.#slots = createSlots({ most, failing, overall, onRoom: () => this.#pump(), runtime, onAttempt })
    this.#pace = createPace(() => this.#endpoint.rateLimit, runtime.monotonic)
    this.#timer = createWakeTimer(() => this.#pump(), runtime)
    this.#work = new EndpointWork({
      ...{ parts, held, endpoint: this.endpoint, slots: this.#slots.count, unstored: this.#outbox.size },
      onWaiting: (job) => this.#storeWaiting(job),
      onWindowFull: () => this.#park(),
    })
    this.update(held)
  }

  endpoint = (): WebhookEndpoint => this.#endpoint
  isEnding = (): boolean => this.#ending
  isOpen = (): boolean => this.#condition.open() !== null
  lagMs = (): number => {
    const first = this.#work.events.window.first()
    return first ? Math.max(0, this.#parts.now() - first.storedAt) : 0
  }
  ended = (): Promise<void> => this.#ended.promise

  update(held: HeldCursor): void {
    const { endpoint, replays } = held
    const { url, ordered, version } = this.#endpoint
    this.#endpoint = endpoint
    if (endpoint.ordered !== ordered) {
      // Another order: the next courier begins anew.
      this.#final = true
      this.end()
    } else {
      // Another receiver gets the next attempts, while those to the former one end.
      if (endpoint.url !== url) this.#clients.move(endpoint)
      if (endpoint.url !== url) this.#condition = conditionOf(this.#parts, held)
      this.#work.follow(replays)
      if (endpoint.version !== version) this.#condition.probeNow()
      if (this.#work.replay?.hasProgress()) this.#parts.onResults(this)
      this.#pump()
    }
  }

  revive(held: HeldCursor): void {
    // Another process may have moved the cursor meanwhile.
    if (this.#final || this.#cut || this.#over || held.position !== this.#position) return
    this.#ending = false
    this.#condition = conditionOf(this.#parts, held)
    this.update(held)
  }

  ring(): void {
    this.#work.events.ring()
    this.#pump()
  }

  poll(thorough: boolean): void {
    this.#work.events.ring()
    if (thorough) this.#work.due.lookForPutBack()
    else this.#work.due.poll()
    this.#storePosition()
    this.#pump()
  }

  probe(): void {
    this.#condition.probeNow()
    this.#pump()
  }

  end(): void {
    this.#ending = true
    this.#timer.stop()
    this.#storePosition()
    this.#endIfIdle()
  }

  async cut(): Promise<void> {
    this.#cut = true
    await this.#clients.destroy()
  }

  /** Events that the endpoint does not want move the position, too, but need no write of their own. */
  #storePosition(): void {
    if (this.#work.events.window.position() === this.#position) return
    this.#positionDue = true
    this.#parts.onResults(this)
  }

  /** Begins as many attempts as it may, reads more work, and sets the timer for the next. */
  #pump(): void {
    if (this.#pumping) return
    this.#pumping = true
    let full = false
    if (this.#work.isWanted()) this.#condition.probeNow()
    while (!this.#ending && this.#parts.holds()) {
      const source = this.#next()
      full = source !== null && !this.#slots.free()
      if (!source || full || this.#pace.waitMs() > 0) break
      const job = this.#work.take(source)
      if (!job) break
      this.#pace.take()
      this.#begin(job, source)
    }
    this.#pumping = false
    // After the next claim it looks again.
    if (this.#ending || !this.#parts.holds()) return
    void this.#read()
    this.#arm(full)
  }

  /** While the breaker is open, one attempt or a few at a time, when its time has come; the policy may make an exception for retries. */
  #next(): Source | null {
    const open = this.#condition.open()
    const paused = this.#condition.pausedMs() > 0
    if (!open && !paused) return this.#work.next(false)
    if (policyOf(this.#endpoint).retriesWhileOpen && this.#work.due.ready()) return 'due'
    if (paused || !open) return null
    if (this.#flights.size >= open.atOnce || this.#parts.runtime.monotonic() < open.probeAt) return null
    return this.#work.next(true)
  }

  #begin(job: Job, source: Source): void {
    const { runtime, now } = this.#parts
    const flight: Flight = {
      ...{ number: ++this.#begun, job, source, probe: this.isOpen() },
      ...{ client: this.#clients.begin(), at: now(), parked: false },
    }
    this.#flights.set(flight.number, flight)
    const made = messageOrReason(this.#parts, this.#endpoint, job, flight.at)
    if (typeof made === 'string')
      runtime.nextTurn(() => this.#conclude(flight, { kind: 'no_answer', error: made }, null))
    else this.#slots.send(() => flight.client.send(made), this.#conclude.bind(this, flight))
  }

  /** `ms`: how long the receiver took; null if nothing was sent to it. */
  #conclude(flight: Flight, attempt: DeliveryAttempt, ms: number | null): void {
    this.#flights.delete(flight.number)
    const { job, source, at, client } = flight
    const isPresent = client === this.#clients.present()
    this.#clients.end(client)
    if (this.#cut && attempt.kind === 'no_answer') this.#giveBack(flight)
    else {
      const { now, runtime } = this.#parts
      // A replay begins the schedule anew.
      const attempts = (source === 'replay' ? 0 : (job.stored?.attempts ?? 0)) + 1
      const failure = failureOf(attempt)
      // A success needs no jitter, and random bytes are a call out of JavaScript.
      const random = failure === null ? 0 : fraction(runtime.random)
      const verdict = judgeAttempt(policyOf(this.#endpoint), attempt, attempts, now(), random)
      if (isPresent) this.#condition.pause(pauseMsOf(policyOf(this.#endpoint), attempt, now()))
      if (ms !== null && isPresent) this.#learn(verdict, flight.probe, respondsItself(attempt, ms))
      if (verdict.state === 'failed')
        logFailed(this.#parts, this.#endpoint.id, flight.client.host, job, attempt)
      if (source === 'replay') this.#work.count(job, verdict.state === 'delivered')
      const status = attempt.kind === 'response' ? attempt.status : null
      const answer = attempt.kind === 'response' ? (attempt.answer ?? null) : null
      const made = { at, ms: Math.round(ms ?? 0), status, error: failure, answer, why: job.why }
      const dueAt = verdict.state === 'pending' ? verdict.retryAt : null
      this.#settle(job, { state: verdict.state, dueAt, try: made })
      this.#work.end(source, job, dueAt)
      this.#parts.onResults(this)
    }
    this.#pump()
    this.#endIfIdle()
  }

  /** After a cut: whether the receiver got the event is unknown, and the next holder sends it again. */
  #giveBack({ job, parked }: Flight): void {
    if (!parked) return
    this.#settle(job, { state: 'pending', dueAt: this.#parts.now(), try: null })
    this.#parts.onResults(this)
  }

  #learn(verdict: Judgement, probe: boolean, responded: boolean): void {
    const { disableAfterMs } = this.#endpoint
    const consequence = this.#condition.learn(verdict, { probe, responded, disableAfterMs })
    if (!consequence || this.#ending) return
    const { since } = this.#condition.failing()
    if (consequence === 'warn') this.#news = endpointFailing(this.#parts, this.#endpoint, since)
    else {
      const { log } = this.#parts
      const fields = { endpoint: this.#endpoint.id, host: this.#clients.present().host, reason: consequence }
      log.warn(fields, 'MiniPay disabled a webhook endpoint.')
      this.#news = endpointDisabled(this.#parts, this.#endpoint, consequence, since)
      this.end()
    }
  }

  /** A new event of an ordered endpoint that waits for an earlier one of its object. */
  #storeWaiting(job: Job): void {
    this.#settle(job, { state: 'pending', dueAt: null, try: null })
    this.#parts.onResults(this)
  }

  /**
   * An attempt that takes much longer than those after it would hold up the cursor: its delivery is stored before it
   * ends, due when it must have ended.
   */
  #park(): void {
    const first = this.#work.events.window.first()
    for (const flight of this.#flights.values()) {
      const { job } = flight
      if (!first || job.place !== first || flight.parked) continue
      flight.parked = true
      this.#work.due.hold(job.id)
      this.#settle(job, { state: 'pending', dueAt: this.#parts.now() + PARKED_MS, try: null })
      job.stored = { revision: FIRST_REVISION, attempts: 0 }
      this.#parts.onResults(this)
    }
  }

  #settle(job: Job, result: Pick<DeliveryResult, 'state' | 'dueAt' | 'try'>): void {
    const { id, object, event, stored, place, window } = job
    const { sequence: eventSequence, id: eventId, type: eventType, createdAt } = event
    const delivery = { id, eventSequence, eventId, eventType, object, createdAt }
    this.#outbox.add({ delivery, revision: stored?.revision ?? null, ...result })
    if (place) window?.settle(place)
  }

  collect(): DeliveryBatch | undefined {
    if (this.#storing) return undefined
    const { token, now } = this.#parts
    const { id, scope } = this.#endpoint
    const { events, replay: run } = this.#work
    const reached = events.window.position()
    const position = reached === this.#position ? null : reached
    const results = this.#outbox.collect()
    const failing = this.#condition.isNew() ? this.#condition.failing() : null
    const replay = run?.hasProgress() ? run.progress() : null
    const positionDue = this.#positionDue && position !== null
    if (results.length === 0 && !failing && !replay && !this.#news && !positionDue) return undefined
    this.#positionDue = false
    const news = this.#news ?? NO_NEWS
    this.#news = null
    this.#storing = { scope, endpoint: id, token, at: now(), position, failing, results, replay, ...news }
    return this.#storing
  }

  confirm(fate: Fate): void {
    const batch = this.#storing
    this.#storing = null
    if (!batch) return
    if (fate === 'stored') this.#confirmStored(batch)
    else {
      this.#ending = true
      this.#final = true
      this.#timer.stop()
      // Of a deleted endpoint, what is still in flight is stored, too.
      if (fate === 'deleted') this.#outbox.stored()
      else {
        this.#lost = true
        this.#outbox.drop()
      }
    }
    this.#pump()
    this.#endIfIdle()
  }

  #confirmStored({ position, failing, event, scope, replay }: DeliveryBatch): void {
    this.#work.stored(this.#outbox.stored())
    if (position !== null) this.#position = position
    if (failing) this.#condition.stored(failing)
    if (event) this.#parts.onEvent(scope)
    if (replay?.state !== 'done') return
    this.#work.endReplay(replay.id)
    this.#parts.onReplayEnd()
  }

  #endIfIdle(): void {
    if (!this.#ending || this.#flights.size > 0) return
    if (this.#lost) this.#outbox.drop()
    if (this.#over || this.#outbox.size() > 0 || this.#storing || this.#news) return
    this.#over = true
    void this.#clients.destroy().finally(this.#ended.resolve)
  }

  async #read(): Promise<void> {
    if (this.#reading) return
    const read = this.#work.read()
    if (!read) return
    this.#reading = true
    try {
      await read
      this.#reading = false
      if (this.#work.replay?.hasProgress()) this.#parts.onResults(this)
      this.#pump()
    } catch (error) {
      // The next poll reads again.
      this.#reading = false
      if (error instanceof StoreUnavailable) return
      const fields = { endpoint: this.#endpoint.id, err: error }
      this.#parts.log.warn(fields, 'Events cannot be read for a webhook endpoint.')
    }
  }

  /** Wakes at the next time at which something may begin that nothing else announces. `full`: it waits for a slot. */
  #arm(full: boolean): void {
    const { runtime, now } = this.#parts
    const open = this.#condition.open()
    const due = this.#work.due.nextAt()
    const dueMs = due === null ? Number.POSITIVE_INFINITY : Math.max(0, due - now())
    const paceMs = this.#pace.waitMs()
    if (paceMs > 0 && this.#next()) this.#timer.within(paceMs)
    if (!open || policyOf(this.#endpoint).retriesWhileOpen) this.#timer.within(dueMs)
    const pausedMs = this.#condition.pausedMs()
    if (pausedMs > 0) this.#timer.within(pausedMs)
    // A probe that is due already would wake it each millisecond.
    if (!open || full || this.#flights.size >= open.atOnce) return
    const probeMs = Math.max(pausedMs, open.probeAt - runtime.monotonic())
    const hasWork = this.#work.next(true) !== null
    this.#timer.within(hasWork ? probeMs : Math.max(probeMs, dueMs))
  }
}
