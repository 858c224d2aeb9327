/** Numbers that a seed determines. */

export type Draws = {
  /** At least 0 and less than 1. */
  next(): number
  /** A whole number from `low` to `high`, both inclusive. */
  whole(low: number, high: number): number
  /** True with this probability. */
  chance(probability: number): boolean
  pick<T>(values: readonly [T, ...T[]]): T
  /** One of the values, each as often as its weight says. */
  weighted<T>(values: readonly (readonly [value: T, weight: number])[]): T
}

/** Mulberry32: small, and even enough for a demo. */
export function drawsOf(seed: number): Draws {
  let state = seed | 0
  const next = () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const whole = (low: number, high: number) => low + Math.floor(next() * (high - low + 1))
  return {
    next,
    whole,
    chance: (probability) => next() < probability,
    pick: (values) => values[whole(0, values.length - 1)] as (typeof values)[0],
    weighted(values) {
      let left = next() * values.reduce((sum, [, weight]) => sum + weight, 0)
      for (const [value, weight] of values) {
        left -= weight
        if (left < 0) return value
      }
      return (values.at(-1) as (typeof values)[number])[0]
    },
  }
}
