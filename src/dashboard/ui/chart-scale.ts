/** Where the parts of a bar chart are. */

export const CHART_HEIGHT = 168
const LEFT = 44
const TOP = 8
const BOTTOM = 24
/** Bars take this share of their step. */
const FULL = 0.64

const ROUND = [1, 2, 4, 6, 8] as const

/** The smallest round number that is at least `most` and has a whole half: 2, 4, 6, 8, 10, 20, 40 … */
export function roundTop(most: number): number {
  for (let power = 1; ; power *= 10)
    for (const digit of ROUND) {
      const top = digit * power
      if (top >= most && top >= 2) return top
    }
}

export type Part = { readonly series: number; readonly y: number; readonly height: number }
export type Bar = {
  readonly x: number
  readonly width: number
  readonly middle: number
  readonly parts: readonly Part[]
}
export type Scale = {
  readonly top: number
  /** The y of a value. */
  readonly yOf: (value: number) => number
  readonly left: number
  readonly right: number
  readonly bars: readonly Bar[]
  /** Of so many bars, one has its label below. */
  readonly labelEvery: number
}

/** A chart of stacked bars, the first series at the bottom, with a gap of one pixel between two parts. */
export function scaleOf(values: readonly (readonly number[])[], width: number): Scale {
  const sums = values.map((bar) => bar.reduce((sum, value) => sum + value, 0))
  const top = roundTop(Math.max(0, ...sums))
  const floor = CHART_HEIGHT - BOTTOM
  const yOf = (value: number) => floor - (value / top) * (floor - TOP)
  const right = Math.max(width, LEFT + 1)
  const step = (right - LEFT) / Math.max(values.length, 1)
  const bars = values.map((bar, i) => {
    let below = 0
    const parts = bar.flatMap((value, series) => {
      if (value <= 0) return []
      const [from, to] = [yOf(below), yOf(below + value)]
      below += value
      return [{ series, y: to, height: Math.max(1, from - to - 1) }]
    })
    const x = LEFT + step * i
    return { x: x + (step * (1 - FULL)) / 2, width: step * FULL, middle: x + step / 2, parts }
  })
  const most = width < 480 ? 4 : 7
  return { top, yOf, left: LEFT, right, bars, labelEvery: Math.max(1, Math.ceil(values.length / most)) }
}
