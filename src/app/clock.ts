/** The clock of a process: what it says, and whether it can be believed. See domain/clock. */
import {
  type Anchor,
  type KeptClock,
  nowFor,
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
  /** What the clock says. */
  now(): number
  /** What the time is at least, not believing a clock that was set: nothing that can't be undone happens before. */
  trusted(): number
  /** What the time would be now by the clock that stamped what has this id: to tell its age by. */
  nowFor(id: string): number
  /** False while a lease of so many ms may seem to have ended because the clock was set forward. */
  leasesHold(ms: number): boolean
  /** The least time that an id may begin with: ids keep their order when the clock is set back. */
  idFloor(): number
  /** How far the clock moved when a person should know, and how long it is not yet believed; null when all is well. */
  warning(): ClockWarning | null
}

/** In ms. */
export type ClockWarning = { readonly movedMs: number; readonly untilTrustedMs: number }

/** A clock that is believed at its word, such as that of a test. */
export function simpleClock(now: () => number): Clock {
  return {
    now,
    trusted: now,
    nowFor: now,
    leasesHold: () => true,
    idFloor: () => 0,
    warning: () => null,
  }
}

/** Between two readings that are further apart than this the clock may have been set. */
const SUSPECT_MS = 2_000
/** More steps than these are forgotten, the oldest first. */
const MOST_STEPS = 1_000
/** Which idempotency record is the last is remembered so often, in ms of observed time. */
const MARK_EVERY_MS = 600_000

/** The clock of a process that serves. */
export type ServingClock = Clock & {
  /** Compares the clock with the time that has passed: at least once a second. */
  look(): void
  /** Keeps what was observed; `StoreUnavailable` when the store can't. */
  keep(): Promise<void>
  /** Has this called after each step: due times may be wrong then, and what was observed has to be kept. */
  onStep(stepped: (movedMs: number) => void): void
  /** Observed time, in ms: it passes only while a process sees it. */
  observed(): number
  /** How far the clock had moved at the start beside the time that passed, in ms. */
  readonly movedAtStartMs: number
}

export type ClockOptions = {
  readonly store: Pick<Store, 'now' | 'clock' | 'keepClock' | 'setBack' | 'addMark'>
  readonly log: Log
  /** ms of a monotonic clock. */
  readonly passed: () => number
}

/**
 * Reads what the store knows of its clock, and compares. Rejects with `StoreUnavailable` when it can't be read; what can't
 * be written now, as on a full disk, is kept later.
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
  /** The last reading that was compared, by the monotonic clock; the last reading of the other. */
  #lookedAt: number
  #last: number
  /** The latest time that an id may begin with. */
  #highest: number
  #steppedForwardAt = Number.NEGATIVE_INFINITY
  #setBackMs: number
  #keptSetBackMs: number
  /** The observed time that is kept; null when none is. */
  #keptMs: number | null
  #markedAt = Number.NEGATIVE_INFINITY
  /** A step was seen that is not kept yet. */
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

  nowFor = (id: string): number => nowFor(idTime(id), this.now(), this.#steps)

  leasesHold = (ms: number): boolean => {
    this.look()
    return this.#lookedAt - this.#steppedForwardAt > ms
  }

  idFloor = (): number => this.#highest

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
    // What is left of a millisecond is counted at the next look.
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
    const isUnkept = this.#unkept
    if (await store.keepClock(mine, this.#keptMs)) {
      this.#keptMs = mine.observedMs
      if (isUnkept) this.#unkept = false
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

  /** Another node has kept what passed: it is counted once. */
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
