/** Debits and credits of an account by day: debits above the line, credits below it. */
import { useRef } from 'preact/hooks'
import type { LedgerDayView } from '../../api/minipay/ledger-schemas.ts'
import { moneyWithCode, plural } from '../format.ts'
import { component, div, g, line, rect, span, svg, text, title, type VNode } from '../tags.ts'
import { useWidth } from '../ui/chart.ts'

const DAY_MS = 86_400_000
/** The most days of a chart; older ones are in the table alone. */
export const MOST_DAYS = 62

const HEIGHT = 128
const MIDDLE = 52
/** A bar of the largest amount has this height. */
const REACH = 40

const language =
  typeof navigator === 'undefined' || navigator.language === 'en-US' ? 'en-GB' : navigator.language
const format = (options: Intl.DateTimeFormatOptions) =>
  new Intl.DateTimeFormat(language, { ...options, timeZone: 'UTC' })
const [short, long] = [format({ day: 'numeric', month: 'short' }), format({ dateStyle: 'medium' })]

/** A day of the API (`2026-11-27`), which is in UTC, in words: `27 Nov`, or with its year. */
export function dayWords(day: string, style: 'short' | 'long' = 'long'): string {
  const date = new Date(`${day}T00:00:00Z`)
  return Number.isNaN(date.getTime()) ? day : (style === 'short' ? short : long).format(date)
}

/** The days of a chart, oldest first and without gaps; a day without entries has no row. */
export function chartDays(
  rows: readonly LedgerDayView[],
): readonly { readonly day: string; readonly row: LedgerDayView | undefined }[] {
  const byDay = new Map(rows.map((row) => [row.day, row]))
  const times = rows.map(({ day }) => Date.parse(day))
  const newest = Math.max(...times)
  const days = rows.length === 0 ? 0 : Math.min(MOST_DAYS, (newest - Math.min(...times)) / DAY_MS + 1)
  return Array.from({ length: days }, (_, i) => {
    const day = new Date(newest - (days - 1 - i) * DAY_MS).toISOString().slice(0, 10)
    return { day, row: byDay.get(day) }
  })
}

export function DaysLegend(): VNode {
  const name = (tone: string, words: string) =>
    span({}, span({ class: `swatch ${tone}`, 'aria-hidden': true }), words)
  return span({ class: 'legend' }, name('volume', 'Debits'), name('credit', 'Credits'))
}

/** All rows are of one currency. The table beside it has the same numbers, so screen readers skip it. */
export function DaysChart({ rows, currency }: { rows: readonly LedgerDayView[]; currency: string }): VNode {
  const place = useRef<HTMLDivElement>(null)
  const width = useWidth(place)
  const days = chartDays(rows)
  const amounts = days.flatMap(({ row }) => (row ? [BigInt(row.debits), BigInt(row.credits)] : []))
  const [most = 1n] = amounts.sort((one, other) => (one < other ? 1 : -1))
  // Only a place on the screen: no amount is shown that was divided.
  const reachOf = (amount: number) => (Number(amount) / Number(most)) * REACH
  const step = width / Math.max(days.length, 1)
  const every = Math.ceil(days.length / (width < 480 ? 4 : 9))
  return div(
    { class: 'chart days', ref: place },
    svg(
      { width, height: HEIGHT, 'aria-hidden': true },
      text({ x: 0, y: 9 }, `Up to ${moneyWithCode(most, currency)} a day`),
      line({ class: 'grid', x1: 0, x2: width, y1: MIDDLE + 14, y2: MIDDLE + 14 }),
      ...days.map(({ day, row }, i) =>
        component(Bars, {
          ...{
            key: day,
            day,
            row,
            x: step * i,
            step,
            reachOf,
            isLast: days.length > 1 && i === days.length - 1,
            labelled: (days.length - 1 - i) % every === 0,
          },
        }),
      ),
    ),
  )
}

type BarsProps = {
  day: string
  row: LedgerDayView | undefined
  x: number
  step: number
  reachOf: (amount: number) => number
  labelled: boolean
  /** A label in the middle of it could be cut. */
  isLast: boolean
}

function Bars({ day, row, x, step, reachOf, labelled, isLast }: BarsProps): VNode {
  const [zero, width] = [MIDDLE + 14, Math.min(step * 0.64, 40)]
  const left = x + (step - width) / 2
  const bar = (tone: string, amount: number, sign: 1 | -1) => {
    const height = amount > 0 ? Math.max(1, reachOf(amount)) : 0
    return rect({ class: tone, x: left, width, y: sign > 0 ? zero - height : zero + 1, height })
  }
  const said = row
    ? `${moneyWithCode(row.debits, row.currency)} debits, ${moneyWithCode(row.credits, row.currency)} credits`
    : plural(0, 'entry', 'entries')
  return g(
    {},
    title({}, `${dayWords(day)}: ${said}`),
    rect({ class: 'hit', x, width: step, y: 14, height: HEIGHT - 30 }),
    row ? bar('volume', row.debits, 1) : null,
    row ? bar('credit', row.credits, -1) : null,
    labelled
      ? text(
          { x: x + step / 2, y: HEIGHT - 4, 'text-anchor': isLast ? 'end' : 'middle' },
          dayWords(day, 'short'),
        )
      : null,
  )
}
