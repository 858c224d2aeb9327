import { type Draw, drawsFrom } from '../storm/plan.ts'

/** Draws that depend on these words alone: what comes between, and in which order, changes nothing. */
export function drawsOf(seed: number, ...words: readonly (string | number)[]): Draw {
  let hash = 0x811c9dc5 ^ seed
  for (const code of words.join('/')) hash = Math.imul(hash ^ (code.codePointAt(0) as number), 0x01000193)
  return drawsFrom(hash)
}

/** One of these, each as often as its weight says. */
export function weighted<T>(draw: Draw, choices: readonly (readonly [weight: number, choice: T])[]): T {
  let at = draw.next() * choices.reduce((sum, [weight]) => sum + weight, 0)
  for (const [weight, choice] of choices) {
    at -= weight
    if (at < 0) return choice
  }
  return (choices.at(-1) as readonly [number, T])[1]
}
