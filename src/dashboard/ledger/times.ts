/** Days of the reader as times of the API. */
import { zone } from '../preferences.ts'

/** The beginning of a day (`2026-11-27`) in the reader's zone, some days later; undefined if it is none. */
export function startOfDay(day: string | null, daysLater = 0): string | undefined {
  const [, year, month, date] = /^(\d{4})-(\d\d)-(\d\d)$/.exec(day ?? '') ?? []
  if (year === undefined) return undefined
  const parts = [Number(year), Number(month) - 1, Number(date) + daysLater] as const
  const time = zone.value === 'UTC' ? new Date(Date.UTC(...parts)) : new Date(...parts)
  return Number.isNaN(time.getTime()) ? undefined : time.toISOString()
}
