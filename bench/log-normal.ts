/** The times that a provider takes to respond: most are short, and a few are long. */

/** Two quantiles of a log-normal distribution, in ms. */
export type Latency = { readonly p50: number; readonly p99: number }

/** Every rate of a load is a multiple of it, so that each second of it has all these times, or nearly so. */
const CYCLE = 500
const SEED = 1
/** Of the standard normal distribution. */
const Z99 = 2.3263478740408408
const STEP = 1e-3
const FIRST_Z = -6

/**
 * Makes the next latency at each call, in ms. They are the distribution's 500 evenly spread quantiles, shuffled in the same
 * way for every process, over and over: drawn at random, the p99 of a few thousand would vary by more than MiniPay adds.
 */
export function latencies({ p50, p99 }: Latency): () => number {
  const sigma = Math.log(p99 / p50) / Z99
  const cycle = shuffled(normalQuantiles(CYCLE).map((z) => p50 * Math.exp(sigma * z)))
  let calls = 0
  return () => cycle[calls++ % CYCLE] as number
}

/** The quantiles (i + 0.5) / `count` of the standard normal distribution, in order: the area under its density, summed. */
export function normalQuantiles(count: number): number[] {
  let z = FIRST_Z
  let area = 0
  return Array.from({ length: count }, (_, i) => {
    for (; area < (i + 0.5) / count; z += STEP)
      area += (STEP * Math.exp(-z * z * 0.5)) / Math.sqrt(2 * Math.PI)
    return z
  })
}

/** Fisher and Yates's shuffle by a linear congruential generator (Numerical Recipes, chapter 7.1). */
function shuffled(values: readonly number[]): number[] {
  const result = [...values]
  let state = SEED
  for (let i = result.length - 1; i > 0; i--) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    // The low bits of such a generator are not random: the high ones choose.
    const j = Math.floor((state / 0x1_0000_0000) * (i + 1))
    ;[result[i], result[j]] = [result[j] as number, result[i] as number]
  }
  return result
}
