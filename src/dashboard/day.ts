/** Days of the reader as times of the API. */

/**
 * The beginning of a day (`2026-11-27`) in UTC or the browser's zone, some days later; undefined if the text is no day.
 * A day in which clocks change has 23 or 25 hours.
 */
export function startOfDay(day: string | null, utc: boolean, daysLater = 0): string | undefined {
  const [, year, month, date] = /^(\d{4})-(\d\d)-(\d\d)$/.exec(day ?? '') ?? []
  if (year === undefined) return undefined
  const parts = [Number(year), Number(month) - 1, Number(date) + daysLater] as const
  const time = utc ? new Date(Date.UTC(...parts)) : new Date(...parts)
  return Number.isNaN(time.getTime()) ? undefined : time.toISOString()
}
