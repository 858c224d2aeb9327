/** Times on a command line: dates, times with their zone, and durations. */
import { ConfigError } from '../config.ts'

const FORM = /^(\d{4}-\d\d-\d\d)(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d))?$/
const DURATION = /^(\d{1,9})([smhd])$/
const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 }
/** The last time that a `Date` has, in ms since 1970. */
const LAST_MS = 8_640_000_000_000_000

/** Whether a text is a duration such as `30m`, so that it means another time at each run. */
export const isDuration = (text: string): boolean => DURATION.test(text)

/** Seconds of `90s`, `30m`, `24h`, `7d` or `0`; undefined for any other text. */
export function secondsOf(text: string): number | undefined {
  const [, count, unit = ''] = DURATION.exec(text === '0' ? '0s' : text) ?? []
  return count === undefined ? undefined : Number(count) * (UNITS[unit] as number)
}

/**
 * RFC 3339 in UTC of a date, a time with its zone, or a duration, which ends at `now` (ms since 1970). Throws a `ConfigError`
 * with the name of the flag or the filter for any other text.
 */
export function pastMoment(name: string, text: string, now: number): string {
  return moment(name, text, (ms) => now - ms)
}

/** As `pastMoment`, but a duration begins at `now`. */
export function futureMoment(name: string, text: string, now: number): string {
  return moment(name, text, (ms) => now + ms)
}

function moment(name: string, text: string, shifted: (ms: number) => number): string {
  const seconds = isDuration(text) ? secondsOf(text) : undefined
  const at = seconds === undefined ? timeOf(text) : shifted(seconds * 1_000)
  if (at === undefined || Math.abs(at) > LAST_MS)
    throw new ConfigError(
      `${name} must be a date such as 2027-01-31, a time with its zone such as 2027-01-31T09:30:00Z, or a duration such as 24h or 7d.`,
    )
  return new Date(at).toISOString()
}

/** ms since 1970; undefined for a date that does not exist, too. */
function timeOf(text: string): number | undefined {
  const date = FORM.exec(text)?.[1]
  if (date === undefined) return undefined
  const [day, time] = [new Date(date), new Date(text)]
  // 31 February becomes 3 March.
  if (Number.isNaN(day.getTime()) || Number.isNaN(time.getTime())) return undefined
  return day.toISOString().startsWith(date) ? time.getTime() : undefined
}
