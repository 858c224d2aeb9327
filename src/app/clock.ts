/** The clock of a process: its time, and whether MiniPay trusts it. See domain/clock. */
import {
  type Anchor,
  type KeptClock,
  nowForId,
  readClock,
  type Step,
  startClock,
  untilTrusted,
} from '../domain/clock.ts'
import { idTime, STEP_MS } from '../domain/id.ts'
import type { Log } from '../ports/log.ts'
import { type Store, StoreUnavailable } from '../ports/store.ts'

/** Times are in ms since 1970. */
export type Clock = {
  /** The clock's time. */
  now(): number
  /**
   * The earliest possible time, without trust in a clock that was set. MiniPay does nothing irreversible before it.
   */
  trusted(): number
  /** The current time by the clock that made this id, to compute its age. */
  nowFor(id: string): number
  /** False while a lease of this many ms may seem to have ended because the clock was set forward. */
  leasesHold(ms: number): boolean
  /** The earliest time that a new id may begin with: ids keep their order when the clock is set back. */
  idFloor(): number
  /** The latest time that this process or the database has seen; 0 if nothing remembers it. */
  latest(): number
  /**
   * How far the clock moved, if a person should know, and how long MiniPay does not trust it yet; null if all is
   * well.
   */
  warning(): ClockWarning | null
}

/** In ms. */
export type ClockWarning = { readonly movedMs: number; readonly untilTrustedMs: number }

/** A clock that is always trusted, such as that of a test. */
export function simpleClock(now: () => number): Clock {
  return {
    now,
    trusted: now,
    nowFor: now,
    leasesHold: () => true,
    idFloor: () => 0,
    latest: () => 0,
    warning: () => null,
  }
}

/** If two readings are further apart than this, the clock may have been set in between. */
const SUSPECT_MS = 2_000
/** The most steps that are kept; older ones are dropped. */
const MOST_STEPS = 1_000
/** Interval of the marks for the newest idempotency record, in ms of observed time. */
const MARK_EVERY_MS = 600_000

/** The clock of a serving process. */
export type ServingClock = Clock & {
  /** Compares the clock with the time that has passed; call it at least once a second. */
  look(): void
  /** Stores the observed time. Rejects with `StoreUnavailable`. */
  keep(): Promise<void>
  /** Sets a function to call after each step: due times may be wrong then, and the observed time must be stored. */
  onStep(stepped: (movedMs: number) => void): void
  /** Observed time, in ms: it passes only while a process runs. */
  observed(): number
  /** How far the clock had moved at the start compared with the time that passed, in ms. */
  readonly movedAtStartMs: number
}

export type ClockOptions = {
  readonly store: Pick<Store, 'now' | 'clock' | 'keepClock' | 'setBack' | 'addMark'>
  readonly log: Log
  /** ms of a monotonic clock. */
  readonly passed: () => number
}

/**
 * Reads the stored clock, and compares. Rejects with `StoreUnavailable` if it cannot be read. A write that is not
 * possible now, for example on a full disk, follows later.
 */
export async function openClock(options: ClockOptions): Promise<ServingClock> {
  const { store, log } = options
  const clock = new StoreClock(options, await store.clock())
  try {
    await clock.keep()
  } catch (error) {
    if (!(error instanceof StoreUnavailable)) throw error
    log.warn({ reason: error.reason }, 'The clock could not be stored yet.')
  }
  return clock
}

class StoreClock implements ServingClock {
  readonly #options: ClockOptions
  #clock: KeptClock
  #anchor: Anchor
  #steps: Step[] = []
  /** The last compared reading of the monotonic clock, and that of the store's clock. */
  #lookedAt: number
  #last: number
  /** The earliest time that the next id may begin with. */
  #highest: number
  /** The clock as it was last stored before the start. */
  readonly #leftAt: number
  #steppedForwardAt = Number.NEGATIVE_INFINITY
  #setBackMs: number
  #keptSetBackMs: number
  /** The stored observed time; null if there is none. */
  #keptMs: number | null
  #markedAt = Number.NEGATIVE_INFINITY
  /** There is a step that is not stored yet. */
  #unkept = false
  #onStep: (movedMs: number) => void = () => {}
  readonly movedAtStartMs: number

  constructor(options: ClockOptions, { kept, setBackMs, newest }: Awaited<ReturnType<Store['clock']>>) {
    this.#options = options
    this.#lookedAt = options.passed()
    const wall = options.store.now()
    this.#last = wall
    const newestMs = newest.length === 0 ? null : Math.max(...newest.map(({ createdAt }) => createdAt))
    const { clock, movedMs } = startClock(kept, newestMs, wall)
    this.movedAtStartMs = movedMs
    this.#clock = clock
    this.#anchor = clock
    this.#keptMs = kept?.observedMs ?? null
    this.#leftAt = kept?.wallMs ?? 0
    this.#keptSetBackMs = setBackMs
    const behind = newest.map(({ id, createdAt }) => idTime(id) - createdAt).filter((ms) => ms > STEP_MS)
    this.#setBackMs = Math.max(setBackMs, ...behind)
    this.#highest = Math.max(0, wall, ...newest.map(({ id }) => idTime(id) + 1))
    if (movedMs < 0) this.#steps.push({ fromId: this.#highest, movedMs })
    this.#tellOfStart(movedMs)
    this.#compareIds(wall)
  }

  now = (): number => {
    const wall = this.#options.store.now()
    if (Math.abs(wall - this.#last) > SUSPECT_MS) this.look()
    this.#last = wall
    if (wall > this.#highest) this.#highest = wall
    return wall
  }

  trusted = (): number => {
    this.look()
    return this.#clock.trustedMs
  }

  nowFor = (id: string): number => {
    // It may find a step.
    const now = this.now()
    return this.#steps.length === 0 ? now : nowForId(idTime(id), now, this.#steps)
  }

  leasesHold = (ms: number): boolean => {
    this.look()
    return this.#lookedAt - this.#steppedForwardAt > ms
  }

  idFloor = (): number => this.#highest

  latest = (): number => Math.max(this.#highest, this.#leftAt)

  warning = (): ClockWarning | null => {
    this.look()
    const { movedMs } = this.#clock
    return movedMs === 0 ? null : { movedMs, untilTrustedMs: untilTrusted(this.#clock) }
  }

  onStep = (stepped: (movedMs: number) => void): void => {
    this.#onStep = stepped
  }

  observed = (): number => this.#clock.observedMs

  look = (): void => {
    const passedNow = this.#options.passed()
    const passedMs = Math.floor(passedNow - this.#lookedAt)
    // The rest of a millisecond is counted at the next reading.
    this.#lookedAt = passedMs < 0 ? passedNow : this.#lookedAt + passedMs
    const wall = this.#options.store.now()
    const before = this.#clock
    const { clock, movedMs } = readClock(before, this.#anchor, wall, passedMs)
    this.#clock = clock
    this.#last = wall
    if (movedMs !== 0) this.#stepped(movedMs)
    if (wall > this.#highest) this.#highest = wall
    this.#compareIds(wall)
  }

  #stepped(movedMs: number): void {
    this.#anchor = this.#clock
    this.#highest++
    this.#steps.push({ fromId: this.#highest, movedMs })
    if (this.#steps.length > MOST_STEPS) this.#steps.shift()
    if (movedMs > 0) this.#steppedForwardAt = this.#lookedAt
    this.#unkept = true
    this.#options.log.error(
      { moved_seconds: Math.round(movedMs / 1_000) },
      movedMs > 0
        ? 'The clock jumped ahead of the time that has passed: it was set, or the process was paused. Nothing is deleted or canceled because of it.'
        : 'The clock was set back. Due times are corrected, and ids keep their order.',
    )
    this.#onStep(movedMs)
  }

  #compareIds(wall: number): void {
    const behind = this.#highest - wall
    if (behind > STEP_MS && behind > this.#setBackMs) this.#setBackMs = behind
  }

  #tellOfStart(movedMs: number): void {
    if (movedMs === 0) return
    const fields = { moved_seconds: Math.round(movedMs / 1_000) }
    const { log } = this.#options
    if (this.#clock.movedMs !== movedMs) log.info(fields, 'Nothing has served this database for a while.')
    else
      log.error(
        fields,
        movedMs < 0
          ? 'The clock is behind the time at which this database was used last, or before 2020. Check the clock.'
          : 'By the clock nothing has served this database for more than a day, or the clock is wrong. Until the clock has run for a day, nothing is canceled because of it.',
      )
  }

  keep = async (): Promise<void> => {
    this.look()
    const { store } = this.#options
    const mine = this.#clock
    const wasUnstored = this.#unkept
    if (await store.keepClock(mine, this.#keptMs)) {
      this.#keptMs = mine.observedMs
      if (wasUnstored) this.#unkept = false
    } else await this.#adopt()
    if (this.#setBackMs > this.#keptSetBackMs) {
      const ms = this.#setBackMs
      await store.setBack(ms)
      this.#keptSetBackMs = ms
    }
    if (this.#keptMs !== null && this.#keptMs - this.#markedAt >= MARK_EVERY_MS) {
      await store.addMark(this.#keptMs, this.#clock.wallMs)
      this.#markedAt = this.#keptMs
    }
  }

  /** Another node has stored the passed time: it counts once. */
  async #adopt(): Promise<void> {
    const { kept, setBackMs, newest } = await this.#options.store.clock()
    if (!kept) return
    this.look()
    const { wallMs, movedMs } = this.#clock
    this.#clock = this.#unkept
      ? {
          ...kept,
          wallMs,
          movedMs,
          steadyFromMs: kept.observedMs,
          trustedMs: Math.min(wallMs, kept.trustedMs),
        }
      : { ...kept, wallMs, trustedMs: Math.min(wallMs, kept.trustedMs) }
    this.#anchor = this.#clock
    this.#keptMs = kept.observedMs
    this.#keptSetBackMs = setBackMs
    this.#setBackMs = Math.max(this.#setBackMs, setBackMs)
    for (const { id } of newest) this.#highest = Math.max(this.#highest, idTime(id))
  }
}
