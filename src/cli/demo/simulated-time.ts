/**
 * A month in seconds: time waits while the database works, and moves to the next timer once nothing else is left
 * to do. The same calls therefore happen at the same times in every run, with any database.
 */
import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises'
import type { Runtime } from '../../ports/runtime.ts'
import type { Store } from '../../ports/store.ts'
import { manualRuntime } from '../../runtime/manual.ts'

/** Longer jumps are made in steps, so that MiniPay sees a clock that runs and not one that was set. In ms. */
const STEP_MS = 50_000
/** While a call of `until` has not ended, it waits this long at most for a timer; later ones are not its own. In ms. */
const OWN_TIMER_MS = 120_000

type Due = { readonly at: number; readonly action: () => void }

export type SimulatedTime = {
  readonly runtime: Runtime
  /** The store with the simulated time, whose calls hold the time still. */
  watch(store: Store): Store
  /** Called at each step of the time. */
  onStep(look: () => void): void
  /** Lets time pass until the promise settles; returns its result. */
  until<T>(promise: Promise<T>): Promise<T>
  /** Lets time pass up to a moment, in ms since 1970. */
  advanceTo(at: number): Promise<void>
}

export function simulateTime(start: number, seed: number): SimulatedTime {
  const { random, uuid } = manualRuntime({ seed })
  /** In the order in which they fire. */
  const timers: Due[] = []
  let now = start
  let inFlight = 0
  let onIdle: (() => void) | undefined
  let look = () => {}

  async function track<T>(call: Promise<T>): Promise<T> {
    inFlight++
    try {
      return await call
    } finally {
      inFlight--
      if (inFlight === 0) onIdle?.()
    }
  }

  /** Resolves once no call is in flight and no promise can continue by itself. */
  async function quiet(): Promise<void> {
    do {
      if (inFlight > 0) await new Promise<void>((resolve) => (onIdle = resolve))
      await turn()
    } while (inFlight > 0)
  }

  function moveTo(at: number): void {
    while (at - now > STEP_MS) {
      now += STEP_MS
      look()
    }
    now = Math.max(now, at)
    look()
  }

  function fire(): void {
    const next = timers.shift() as Due
    moveTo(next.at)
    next.action()
  }

  return {
    runtime: {
      now: () => Math.floor(now),
      monotonic: () => now - start,
      after(ms, action) {
        const due = { at: now + Math.max(0, ms), action }
        const later = timers.findIndex(({ at }) => at > due.at)
        timers.splice(later < 0 ? timers.length : later, 0, due)
        return {
          cancel() {
            const place = timers.indexOf(due)
            if (place >= 0) timers.splice(place, 1)
          },
        }
      },
      nextTurn(action) {
        this.after(0, action)
      },
      random,
      uuid,
    },
    watch(store) {
      const watched = Object.entries(store).map(([name, method]) => [
        name,
        (...given: never[]) => {
          const result: unknown = (method as (...given: never[]) => unknown)(...given)
          return result instanceof Promise ? track(result) : result
        },
      ])
      return { ...Object.fromEntries(watched), now: () => Math.floor(now) } as Store
    },
    onStep(looking) {
      look = looking
    },
    async until(promise) {
      let settled = false
      const settle = () => {
        settled = true
      }
      promise.then(settle, settle)
      for (;;) {
        await quiet()
        if (settled) return promise
        const [next] = timers
        if (next && next.at - now <= OWN_TIMER_MS) fire()
        // It waits for something else than time or the database, such as a module that is loaded.
        else await delay(1)
      }
    },
    async advanceTo(at) {
      for (;;) {
        await quiet()
        const [next] = timers
        if (!next || next.at > at) break
        fire()
      }
      moveTo(at)
    },
  }
}
