/** The attempts of a provider in the last 24 hours, an hour a bar. */
import type { StatisticsRowView } from '../../api/minipay/statistics-schemas.ts'
import { formatTime, plural } from '../format.ts'
import { div, p, rect, svg, type VNode } from '../tags.ts'

const HOURS = 24
const HOUR_MS = 3_600_000
const [STEP, BAR, HEIGHT] = [10, 7, 36]

export type HourCounts = {
  readonly start: number
  readonly good: number
  readonly unknown: number
  readonly failed: number
}

const NO_FAILURE = new Set(['succeeded', 'declined', 'sending', 'pending'])

/** The counts of each of the last 24 hours. A decline is a response: the provider works. */
export function hoursOf(rows: readonly StatisticsRowView[], now: number): readonly HourCounts[] {
  const last = Math.floor(now / HOUR_MS) * HOUR_MS
  const hours = Array.from({ length: HOURS }, (_, i) => ({
    ...{ start: last - (HOURS - 1 - i) * HOUR_MS, good: 0, unknown: 0, failed: 0 },
  }))
  for (const { start, status, attempts } of rows) {
    const hour = hours.find((one) => one.start === Date.parse(start))
    if (!hour) continue
    if (status === 'unknown') hour.unknown += attempts
    else if (NO_FAILURE.has(status ?? '')) hour.good += attempts
    else hour.failed += attempts
  }
  return hours
}

/** Bars for eyes, and the same in words for everybody. */
export function Hours({ hours }: { hours: readonly HourCounts[] }): VNode {
  const sum = (name: 'good' | 'unknown' | 'failed') => hours.reduce((all, hour) => all + hour[name], 0)
  const [good, unknown, failed] = [sum('good'), sum('unknown'), sum('failed')]
  const top = Math.max(1, ...hours.map((hour) => hour.good + hour.unknown + hour.failed))
  const bars = hours.flatMap((hour, i) => {
    let y = HEIGHT
    return (['good', 'unknown', 'failed'] as const).flatMap((name) => {
      if (hour[name] === 0) return []
      // Trouble stays visible beside much volume.
      const height = Math.max((hour[name] / top) * HEIGHT, 2)
      y = Math.max(0, y - height)
      return rect({ class: name, key: `${i} ${name}`, x: i * STEP, y, width: BAR, height })
    })
  })
  const whole = good + unknown + failed
  const parts = [unknown > 0 && `${unknown} unknown`, failed > 0 && `${failed} not sent`].filter(Boolean)
  return div(
    { class: 'hours' },
    svg(
      {
        ...{ viewBox: `0 0 ${HOURS * STEP} ${HEIGHT}`, preserveAspectRatio: 'none', 'aria-hidden': true },
      },
      ...bars,
    ),
    p(
      { class: 'soft' },
      `Since ${formatTime(hours[0]?.start ?? 0, 'minute')}: `,
      whole === 0 ? 'no attempts' : plural(whole, 'attempt'),
      parts.length > 0 ? `, ${parts.join(', ')}` : '',
    ),
  )
}
