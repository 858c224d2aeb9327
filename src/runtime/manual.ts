/** A runtime whose time a test moves. Nothing in it depends on the machine, so a test that uses it repeats exactly. */
import type { Runtime } from '../ports/runtime.ts'

export type ManualRuntime = Runtime & {
  /**
   * Moves time forward, to one timer after another, and lets the work that each timer began run until it waits for
   * something else. Work that waits for a thread, a file or a socket continues in real time.
   */
  advance(ms: number): Promise<void>
  /** Sets the clock, as a person or NTP does: `now` changes, `monotonic` and the timers do not. */
  setClock(ms: number): void
  /** Timers that have not fired yet. */
  readonly pending: number
}

export type ManualOptions = {
  /** What the clock says at first, in ms since 1970. Default: 1 January 2027. */
  readonly now?: number
  /** Chooses the random bytes and UUIDs. */
  readonly seed?: number
}

type Due = { readonly at: number; readonly action: () => void }

/** Time passes only in `advance`. */
export function manualRuntime({ now = Date.UTC(2027, 0, 1), seed = 1 }: ManualOptions = {}): ManualRuntime {
  let passed = 0
  let offset = now
  /** In the order in which they fire. */
  const timers: Due[] = []
  const nextByte = bytesOf(seed)
  const random = (bytes: Uint8Array) => {
    for (let i = 0; i < bytes.length; i++) bytes[i] = nextByte()
  }
  const after = (ms: number, action: () => void) => {
    const due = { at: passed + Math.max(0, ms), action }
    const later = timers.findIndex(({ at }) => at > due.at)
    timers.splice(later < 0 ? timers.length : later, 0, due)
    return {
      cancel() {
        const place = timers.indexOf(due)
        if (place >= 0) timers.splice(place, 1)
      },
    }
  }
  return {
    now: () => Math.floor(offset + passed),
    monotonic: () => passed,
    after,
    nextTurn: (action) => void after(0, action),
    random,
    uuid() {
      const bytes = new Uint8Array(16)
      random(bytes)
      return uuidOf(bytes)
    },
    async advance(ms) {
      const until = passed + ms
      await settle()
      for (let next = timers[0]; next && next.at <= until; next = timers[0]) {
        timers.shift()
        passed = next.at
        next.action()
        await settle()
      }
      passed = until
    },
    setClock(ms) {
      offset = ms - passed
    },
    get pending() {
      return timers.length
    },
  }
}

/** Resolves when no promise can continue by itself. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/** Mulberry32: small, and even enough for ids. */
function bytesOf(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return (mixed ^ (mixed >>> 14)) & 255
  }
}

function uuidOf(bytes: Uint8Array): string {
  bytes[6] = ((bytes[6] as number) & 15) | 64
  bytes[8] = ((bytes[8] as number) & 63) | 128
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}
