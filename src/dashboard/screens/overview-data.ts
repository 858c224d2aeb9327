/** The statistics that the overview shows. */
import type { StatisticsRowView, StatisticsView } from '../../api/minipay/statistics-schemas.ts'
import { api } from '../api.ts'
import { formatTime } from '../format.ts'
import { BUCKET_MS, bucketsBetween, isPayment, outcomesOf, rowsBy } from '../statistics.ts'
import type { ChartBar } from '../ui/chart.ts'

export const RANGES = {
  '24h': { label: '24 hours', bucket: 'hour', buckets: 24 },
  '7d': { label: '7 days', bucket: 'day', buckets: 7 },
  '30d': { label: '30 days', bucket: 'day', buckets: 30 },
} as const
export type Range = keyof typeof RANGES

export const rangeOf = (text: string | null): Range =>
  text !== null && Object.hasOwn(RANGES, text) ? (text as Range) : '24h'

export type OverviewData = {
  readonly range: Range
  /** By time, kind and status. */
  readonly chart: StatisticsView
  /** By provider, kind and status, over the range. */
  readonly outcomes: readonly StatisticsRowView[]
  /** By currency, kind and status. */
  readonly money: readonly StatisticsRowView[]
  /** By kind and decline code: empty where they are too many, because providers invent codes. */
  readonly declines: readonly StatisticsRowView[]
  /** By provider, with durations. */
  readonly providers: readonly StatisticsRowView[]
  /** By time, provider and status: the last 24 hours. */
  readonly strips: StatisticsView
}

/** A time in the first bucket: the current one, which is not over, is the last. */
function beginOf(range: Range): string {
  const { bucket, buckets } = RANGES[range]
  return new Date(Date.now() - (buckets - 1) * BUCKET_MS[bucket]).toISOString()
}

/** Loads everything at once. */
export async function loadOverview(range: Range, signal?: AbortSignal): Promise<OverviewData> {
  const from = beginOf(range)
  const { bucket } = RANGES[range]
  const get = (query: Readonly<Record<string, string>>) =>
    api.get<StatisticsView>('/statistics', query, signal ? { signal } : {})
  const total = async (by: string) => (await get({ from, bucket: 'total', by })).data
  const [chart, outcomes, money, declines, providers, strips] = await Promise.all([
    get({ from, bucket, by: 'kind,status' }),
    total('provider,kind,status'),
    total('currency,kind,status'),
    total('kind,decline_code').catch(() => []),
    total('provider'),
    get({ from: beginOf('24h'), bucket: 'hour', by: 'provider,status' }),
  ])
  return { range, chart, outcomes, money, declines, providers, strips }
}

/** A bar for each bucket: succeeded, without an outcome, failed. Days are those of UTC, as in the statistics. */
export function barsOf({ from, to, data }: StatisticsView, bucket: 'hour' | 'day'): ChartBar[] {
  const byStart = rowsBy(data.filter(isPayment), ({ start }) => start)
  return bucketsBetween(from, to, bucket).map((at) => {
    const start = new Date(at).toISOString()
    const { succeeded, open, failed } = outcomesOf(byStart.get(start) ?? [])
    const day = start.slice(5, 10)
    return {
      label: bucket === 'hour' ? formatTime(at, 'hour') : day,
      name: bucket === 'hour' ? formatTime(at, 'minute') : start.slice(0, 10),
      values: [succeeded, open, failed],
    }
  })
}

/** The rows of a provider by the hours of its strip. */
export function hoursOf({ from, to, data }: StatisticsView, provider: string | null) {
  const own = rowsBy(
    data.filter((row) => row.provider === provider),
    ({ start }) => start,
  )
  return new Map(
    bucketsBetween(from, to, 'hour').map((at) => [at, own.get(new Date(at).toISOString()) ?? []]),
  )
}
