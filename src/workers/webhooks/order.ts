/**
 * The order of an ordered endpoint: of one object, one event after another. An event waits here while an earlier one of
 * its object is in flight or not stored yet, and becomes a stored delivery that waits once an earlier one is pending.
 */
import type { Job } from './job.ts'

/** The most events that wait here. */
const MOST_HELD = 256
/** The most objects to ask the store about besides those of a page. */
const MOST_ASKED = 100

export type Order = {
  /** Whether a delivery that is due may begin: nothing of its object is in flight. */
  mayBegin(object: string | null): boolean
  /** A delivery of the object begins, without regard to others. */
  begin(object: string | null): void
  /** A new event: send it, let it wait here, or store it as a delivery that waits. */
  admit(job: Job): 'send' | 'held' | 'store'
  /** Whether no more events may wait here. */
  full(): boolean
  /** The attempt failed, and its delivery will be pending. Returns the events that have to be stored after it. */
  fail(object: string | null): readonly Job[]
  /** A result of the object was stored. `waits`: it is a delivery that waits. */
  stored(object: string | null, waits: boolean): void
  /** An event whose turn has come; it was admitted. */
  next(): Job | undefined
  /** Whether `next` has one. */
  ready(): boolean
  /** Which objects of these the store should be asked about, with some that were blocked before. */
  ask(objects: readonly (string | null)[]): readonly string[]
  /** The answer to `ask`: those of them that have a pending delivery. */
  learn(asked: readonly string[], pending: readonly string[]): void
}

export function createOrder(): Order {
  /** Objects in flight or not stored, each with the events that wait for it. */
  const busy = new Map<string, Job[]>()
  /** Objects that have, or had lately, a pending delivery. */
  const blocked = new Set<string>()
  /** How many deliveries that wait are not stored yet, by object. */
  const storing = new Map<string, number>()
  /** Objects whose state changed since the last question. */
  let changed = new Set<string>()
  const turns: Job[] = []
  let held = 0

  function store(object: string): 'store' {
    storing.set(object, (storing.get(object) ?? 0) + 1)
    return 'store'
  }

  return {
    mayBegin: (object) => object === null || !busy.has(object),
    begin(object) {
      if (object !== null && !busy.has(object)) busy.set(object, [])
    },
    admit(job) {
      const { object } = job
      if (object === null) return 'send'
      if (blocked.has(object)) return store(object)
      const others = busy.get(object)
      if (others) {
        others.push(job)
        held++
        return 'held'
      }
      busy.set(object, [])
      return 'send'
    },
    full: () => held >= MOST_HELD,
    fail(object) {
      if (object === null) return []
      blocked.add(object)
      changed.add(object)
      const after = busy.get(object)?.splice(0) ?? []
      held -= after.length
      for (const _ of after) store(object)
      return after
    },
    stored(object, waits) {
      if (object === null) return
      changed.add(object)
      if (waits) {
        const left = (storing.get(object) ?? 1) - 1
        if (left > 0) storing.set(object, left)
        else storing.delete(object)
        return
      }
      const after = busy.get(object)
      const next = after?.shift()
      if (!next) return void busy.delete(object)
      held--
      turns.push(next)
    },
    next: () => turns.shift(),
    ready: () => turns.length > 0,
    ask(objects) {
      changed = new Set()
      const asked = new Set(objects.filter((object) => object !== null))
      for (const object of [...blocked].slice(0, MOST_ASKED)) asked.add(object)
      return [...asked]
    },
    learn(asked, pending) {
      const still = new Set(pending)
      for (const object of asked)
        if (still.has(object)) blocked.add(object)
        else if (!busy.has(object) && !storing.has(object) && !changed.has(object)) blocked.delete(object)
    },
  }
}
