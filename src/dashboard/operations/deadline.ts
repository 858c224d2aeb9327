/** Deadlines as people read them. */
import { duration } from '../format.ts'

const DAY_MS = 86_400_000

export type Deadline = { readonly words: string; readonly tone: 'bad' | 'warn' | 'quiet' }

/** How soon a deadline is: `in 2 days`, `in 5 h 10 min`, `past due for 3 days`. Less than two days is urgent. */
export function deadlineOf(at: string, now: number): Deadline {
  const left = Date.parse(at) - now
  const size = Math.abs(left)
  const days = Math.floor(size / DAY_MS)
  const words =
    size < 1_000 ? 'now' : days >= 2 ? `${days} days` : duration(Math.floor(size / 60_000) * 60_000 || size)
  if (left <= 0) return { words: size < 1_000 ? 'due now' : `past due for ${words}`, tone: 'bad' }
  return { words: `in ${words}`, tone: left < 2 * DAY_MS ? 'warn' : 'quiet' }
}
