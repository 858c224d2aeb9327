/** Sharing the event loop: long work takes turns with everything else, and with other long work. */

/** Resolves for one caller in each turn of the event loop, or after each `wait`, in the order in which they came. */
export function turns(wait: (resolve: () => void) => void = setImmediate): () => Promise<void> {
  let last = Promise.resolve()
  return () => {
    last = last.then(() => new Promise(wait))
    return last
  }
}

/** How long work may take before others get their turn, in ms. */
const SLICE_MS = 5

/** Called between two steps of long work: a promise of its next turn when its slice is used up. */
export type Pause = () => Promise<void> | undefined

/** A long work that begins now, and shares `turn` with others of its kind: one of them works in each turn of the loop. */
export function inSlices(turn: () => Promise<void>): Pause {
  let since = performance.now()
  return () => {
    if (performance.now() - since < SLICE_MS) return undefined
    return turn().then(() => {
      since = performance.now()
    })
  }
}
