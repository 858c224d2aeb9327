/** Money, times and counts as people read them. Money never passes through a division or a floating-point number. */
import { CURRENCY_EXPONENTS } from '../domain/currencies.ts'
import { zone } from './preferences.ts'

export type Minor = number | bigint

const locale = typeof navigator === 'undefined' ? 'en' : navigator.language
const formats = new Map<string, Intl.NumberFormat>()

/** The places of a currency's minor unit. The table is ours: Intl's differs for 17 currencies. */
const digitsOf = (currency: string) => CURRENCY_EXPONENTS.get(currency.toLowerCase()) ?? 2

/** An amount of minor units as a plain decimal: `1234.50`. For fields, copies and files. */
export function decimal(amount: Minor, currency: string): string {
  const digits = digitsOf(currency)
  const text = String(amount)
  const sign = text.startsWith('-') ? '-' : ''
  const plain = text.replace('-', '').padStart(digits + 1, '0')
  return digits === 0 ? sign + plain : `${sign}${plain.slice(0, -digits)}.${plain.slice(-digits)}`
}

/** The same with the reader's separators: `1,234.50`. */
export function money(amount: Minor, currency: string): string {
  const digits = digitsOf(currency)
  let format = formats.get(String(digits))
  if (!format) {
    format = new Intl.NumberFormat(locale, { minimumFractionDigits: digits, maximumFractionDigits: digits })
    formats.set(String(digits), format)
  }
  // As a string, Intl keeps every digit.
  return format.format(decimal(amount, currency) as `${number}`)
}

/** With its currency: `1,234.50 USD`. */
export function moneyWithCode(amount: Minor, currency: string): string {
  return `${money(amount, currency)} ${currency.toUpperCase()}`
}

/** Minor units of an amount that a person typed, or a sentence that says why it is none. It is never rounded. */
export function parseAmount(typed: string, currency: string): { amount: number } | { problem: string } {
  const digits = digitsOf(currency)
  const code = currency.toUpperCase()
  const [, whole, fraction = ''] = /^(\d{1,16})(?:[.,](\d*))?$/.exec(typed.trim()) ?? []
  if (whole === undefined)
    return { problem: `Type digits with one decimal separator at most, such as ${decimal(1234, currency)}.` }
  if (fraction.length > digits)
    return {
      problem: digits === 0 ? `${code} has no decimals.` : `${code} has ${digits} decimals at most.`,
    }
  const amount = Number(whole + fraction.padEnd(digits, '0'))
  return Number.isSafeInteger(amount) ? { amount } : { problem: 'This amount is too large.' }
}

type TimeStyle = 'short' | 'minute' | 'long' | 'day' | 'hour'
const STYLES: Readonly<Record<TimeStyle, Intl.DateTimeFormatOptions>> = {
  short: { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit', second: '2-digit' },
  minute: { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' },
  long: { dateStyle: 'long', timeStyle: 'long' },
  day: { day: 'numeric', month: 'short', year: 'numeric' },
  hour: { hour: '2-digit', minute: '2-digit' },
}
const times = new Map<string, Intl.DateTimeFormat>()

/** The name of the zone of all times: `Europe/Berlin` or `UTC`. */
export function zoneName(): string {
  return zone.value === 'UTC' ? 'UTC' : new Intl.DateTimeFormat().resolvedOptions().timeZone
}

/**
 * The beginning of a day (`2026-11-27`) in UTC or the browser's zone, some days later; undefined if the text is no day.
 * A day in which clocks change has 23 or 25 hours.
 */
export function startOfDay(day: string | null, utc: boolean, daysLater = 0): string | undefined {
  const [, year, month, date] = /^(\d{4})-(\d\d)-(\d\d)$/.exec(day ?? '') ?? []
  if (year === undefined) return undefined
  const parts = [Number(year), Number(month) - 1, Number(date) + daysLater] as const
  // February 30th would be a day of March.
  if (new Date(`${day}T00:00Z`).getUTCDate() !== Number(date)) return undefined
  const time = utc ? new Date(Date.UTC(...parts)) : new Date(...parts)
  return Number.isNaN(time.getTime()) ? undefined : time.toISOString()
}

/** A time (RFC 3339 or ms since 1970) in the reader's zone: `26 Nov, 12:38:47`. Another year is written out. */
export function formatTime(at: string | number, style: TimeStyle = 'short'): string {
  const date = new Date(at)
  const otherYear =
    style === 'short' || style === 'minute' ? date.getFullYear() !== new Date().getFullYear() : false
  const id = `${zone.value} ${style} ${otherYear}`
  let format = times.get(id)
  if (!format) {
    format = new Intl.DateTimeFormat(locale === 'en-US' ? 'en-GB' : locale, {
      ...{ ...STYLES[style], timeZone: zoneName(), ...(style !== 'day' && { hourCycle: 'h23' }) },
      ...(otherYear && { year: 'numeric' }),
    })
    times.set(id, format)
  }
  return Number.isNaN(date.getTime()) ? String(at) : format.format(date)
}

const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1_000],
] as const

/** A duration in ms with its one or two largest units: `412 ms`, `6.2 s`, `14 min`, `2 h 5 min`. */
export function duration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`
  if (ms < 10_000) return `${(Math.floor(ms / 100) / 10).toFixed(1)} s`
  const at = UNITS.findIndex(([, unit]) => ms >= unit)
  const [name, unit] = UNITS[at] as (typeof UNITS)[number]
  const next = UNITS[at + 1]
  const whole = Math.floor(ms / unit)
  const rest = next && name !== 'min' && whole < 10 ? Math.floor((ms % unit) / next[1]) : 0
  return rest > 0 && next ? `${whole} ${name} ${rest} ${next[0]}` : `${whole} ${name}`
}

/** How long ago, or how soon; undefined from an hour on, where only the absolute time is shown. */
export function relative(at: string | number, now: number = Date.now()): string | undefined {
  const ms = now - new Date(at).getTime()
  if (Math.abs(ms) >= 3_600_000) return undefined
  if (Math.abs(ms) < 1_000) return 'now'
  const text = duration(Math.floor(Math.abs(ms) / 1_000) * 1_000).replace('.0 s', ' s')
  return ms < 0 ? `in ${text}` : `${text} ago`
}

const plurals = new Intl.PluralRules('en')
/** `1 payment`, `1,204 payments`. */
export function plural(n: Minor, one: string, other: string = `${one}s`): string {
  return `${count(n)} ${plurals.select(Number(n)) === 'one' ? one : other}`
}

/** A count with separators. */
export function count(n: Minor): string {
  return n.toLocaleString(locale)
}

/** A share as a percentage: `87.5%`; `–` without a whole. */
export function percent(part: number, whole: number): string {
  if (whole === 0) return '–'
  return (part / whole).toLocaleString(locale, { style: 'percent', maximumFractionDigits: 1 })
}

/** An id for a narrow column: its first eight characters and its last six. The whole id belongs into the title. */
export function shortId(id: string): string {
  return id.length <= 16 ? id : `${id.slice(0, 8)}…${id.slice(-6)}`
}
