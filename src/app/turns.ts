/** Shares the event loop: long work takes turns with all other work. */
import type { Runtime } from '../ports/runtime.ts'

/** Resolves for one caller after each `wait`, such as the next turn of the event loop, in the order of the calls. */
export function createTurns(wait: (resolve: () => void) => void): () => Promise<void> {
  let last = Promise.resolve()
  return () => {
    last = last.then(() => new Promise(wait))
    return last
  }
}

/** How long work may run before other work gets its turn, in ms. */
const SLICE_MS = 5

/** Called between two steps of long work: a promise of its next turn once its slice is used up. */
export type Pause = () => Promise<void> | undefined

/**
 * A piece of long work that begins now and shares `turn` with others of its kind: one of them works in each turn of the
 * event loop.
 */
export function inSlices({ monotonic }: Pick<Runtime, 'monotonic'>, turn: () => Promise<void>): Pause {
  let since = monotonic()
  return () => {
    if (monotonic() - since < SLICE_MS) return undefined
    return turn().then(() => {
      since = monotonic()
    })
  }
}
