/** What a soak will do: the lives of the server, how each ends, and when a long read begins and ends in them. */
import { type Draw, drawsFrom } from '../kit/draws.ts'

/** How a life ends: a crash, an order to stop, both under load; or, the last one, when all is calm. */
export type End = 'SIGKILL' | 'SIGTERM' | 'calm'
/** `fill` makes large charges at once: the database's cache is full then, and has no trend of its own. */
export type Deed = 'fill' | 'hold' | 'release'

export type Life = {
  /** Null for one that is as long as some answers take. */
  readonly lastsMs: number | null
  readonly end: End
  /** What is done after which share of it, in this order. */
  readonly deeds: readonly (readonly [after: number, deed: Deed])[]
}

export type Size = {
  /** Null for a short soak, which judges no trends. */
  readonly minutes: number | null
  /** Customers that shop at once. */
  readonly customers: number
  /** Large charges of one fill. */
  readonly fill: number
}
export const SMALL: Size = { minutes: null, customers: 16, fill: 200 }
export const MINUTES = 20
const FILL_A_MINUTE = 60
export function largeOf(minutes: number): Size {
  return { minutes, customers: 24, fill: Math.min(1_200, Math.round(FILL_A_MINUTE * minutes)) }
}

/** Shares of the time under load; the rest is for the calm at the end. */
const LOADED = 0.88
const LONG = 0.38

export function livesOf(seed: number, { minutes }: Size): Life[] {
  const draw = drawsFrom(seed)
  if (minutes === null)
    return [{ ...life(null, 'SIGKILL'), deeds: [...HOLD_AT_ONCE] }, life(null, 'SIGTERM'), life(null, 'calm')]
  const loadedMs = LOADED * minutes * 60_000
  const long = LONG * loadedMs
  const count = Math.min(6, Math.max(2, Math.round(minutes / 4)))
  const short = (loadedMs - 2 * long) / count
  const ends = shuffled(
    draw,
    Array.from({ length: count + 1 }, (_, i) => (i % 2 === 0 ? 'SIGKILL' : 'SIGTERM')),
  )
  return [
    {
      ...life(long, ends[0]),
      deeds: [
        [0, 'fill'],
        [0.3, 'hold'],
        [0.6, 'release'],
      ],
    },
    // A read that outlasts the processes: the log that it holds is what each start finds.
    ...ends.slice(1).map(
      (end, i): Life => ({
        ...life(short, end),
        deeds: [...(i === 0 ? HOLD : []), ...(i === count - 1 ? RELEASE : [])],
      }),
    ),
    { ...life(long, 'calm'), deeds: [[0, 'fill']] },
  ]
}

const HOLD_AT_ONCE = [
  [0, 'hold'],
  [0, 'fill'],
  [1, 'release'],
] as const
const HOLD = [[0.5, 'hold']] as const
const RELEASE = [[0.75, 'release']] as const

function life(lastsMs: number | null, end: End = 'SIGKILL'): Life {
  return { lastsMs, end, deeds: [] }
}

export function shuffled<T>(draw: Draw, list: readonly T[]): T[] {
  return list
    .map((one) => ({ one, rank: draw.next() }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ one }) => one)
}
