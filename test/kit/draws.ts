/** Random draws that are the same for the same seed. */

export type Draw = {
  /** From 0 up to 1. */
  next(): number
  /** A whole number, both ends included. */
  between(least: number, most: number): number
  chance(share: number): boolean
  of<T>(choices: readonly [T, ...T[]] | readonly T[]): T
}

/** The same seed always gives the same draws: a linear congruential generator with a Murmur finish. */
export function drawsFrom(seed: number): Draw {
  let state = seed >>> 0
  const next = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    let bits = Math.imul(state ^ (state >>> 16), 0x85ebca6b)
    bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35)
    return ((bits ^ (bits >>> 16)) >>> 0) / 2 ** 32
  }
  const between = (least: number, most: number): number => least + Math.floor(next() * (most - least + 1))
  return {
    next,
    between,
    chance: (share) => next() < share,
    of<T>(choices: readonly T[]): T {
      return choices[between(0, choices.length - 1)] as T
    },
  }
}
/** Draws that depend only on these words: other draws, and their order, change nothing. */
export function drawsOf(seed: number, ...words: readonly (string | number)[]): Draw {
  let hash = 0x811c9dc5 ^ seed
  for (const code of words.join('/')) hash = Math.imul(hash ^ (code.codePointAt(0) as number), 0x01000193)
  return drawsFrom(hash)
}

/** One of these, in proportion to its weight. */
export function weighted<T>(draw: Draw, choices: readonly (readonly [weight: number, choice: T])[]): T {
  let at = draw.next() * choices.reduce((sum, [weight]) => sum + weight, 0)
  for (const [weight, choice] of choices) {
    at -= weight
    if (at < 0) return choice
  }
  return (choices.at(-1) as readonly [number, T])[1]
}
