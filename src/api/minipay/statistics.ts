import { DAY_HOURS, durationOf, HOUR_MS, hourOf } from '../../domain/statistics.ts'
import { sendObject } from '../../http/endpoint.ts'
import { Refused, refuse } from '../../http/errors.ts'
import { time } from '../../http/paging.ts'
import type { Dimension, StatisticsRow, StatisticsQuery as StoreQuery } from '../../ports/store-statistics.ts'
import { DIMENSIONS } from '../../ports/store-statistics.ts'
import { scopeOf } from '../caller.ts'
import type { Endpoint } from '../endpoint.ts'
import { shows } from '../openapi/examples.ts'
import { exact } from './exact.ts'
import { currencyFilter } from './lists.ts'
import { queryValidator } from './parameters.ts'
import {
  BUCKETS,
  type Bucket,
  SPLITS,
  type Split,
  Statistics,
  StatisticsQuery,
  type StatisticsRowView,
  type StatisticsView,
} from './statistics-schemas.ts'

const validQuery = queryValidator(StatisticsQuery)

/** The most rows of a response. */
const MAX_ROWS = 5_000

const BUCKET_HOURS: Readonly<Record<Bucket, number | null>> = { hour: 1, day: DAY_HOURS, total: null }
const DIMENSION_OF: Readonly<Record<Split, Dimension>> = {
  provider: 'provider',
  currency: 'currency',
  kind: 'kind',
  status: 'state',
  decline_code: 'declineCode',
}

const invalid = (param: string, message: string) => new Refused(refuse('parameter_invalid', message, param))

/** The dimensions of the parameter `by`, in the order of the table. Throws `Refused` for an unknown name. */
function dimensions(by = ''): Dimension[] {
  const names = by.split(',').filter((name) => name !== '')
  const unknown = names.find((name) => !(SPLITS as readonly string[]).includes(name))
  if (unknown !== undefined)
    throw invalid(
      'by',
      `The parameter by can have ${SPLITS.join(', ')}, separated by commas, but not ${unknown}.`,
    )
  const wanted = names.map((name) => DIMENSION_OF[name as Split])
  return DIMENSIONS.filter((name) => wanted.includes(name))
}

/** The range of hours. Throws `Refused` if it is empty or too long. */
function range(
  { from: fromText, to: toText }: { readonly from?: string; readonly to?: string },
  bucket: Bucket,
  now: number,
): { readonly from: number; readonly until: number } {
  const to = time('to', toText) ?? now
  const until = Math.ceil(to / HOUR_MS)
  const begin = hourOf(time('from', fromText) ?? to - DAY_HOURS * HOUR_MS)
  const from = Math.max(0, begin - (begin % (BUCKET_HOURS[bucket] ?? 1)))
  if (from >= until) throw invalid('to', 'The parameter to must be later than from.')
  const days = BUCKETS[bucket]
  // A day more: both ends may be within a day.
  if (until - from > (days + 1) * DAY_HOURS)
    throw invalid('from', `With the bucket ${bucket}, from and to can be at most ${days} days apart.`)
  return { from, until }
}

const hourText = (hour: number) => new Date(hour * HOUR_MS).toISOString()

function rowView(row: StatisticsRow, { by, currency }: StoreQuery): StatisticsRowView {
  const hasAmount = currency !== undefined || by.includes('currency')
  return {
    start: hourText(row.hour),
    provider: row.provider,
    currency: row.currency,
    kind: row.kind,
    status: row.state,
    decline_code: row.declineCode,
    attempts: row.calls,
    amount: hasAmount ? exact(row.amount) : null,
    duration_p50_ms: durationOf(row.durations, 0.5),
    duration_p95_ms: durationOf(row.durations, 0.95),
  }
}

const statisticsEndpoint: Endpoint = {
  id: 'retrieveStatistics',
  method: 'GET',
  url: '/api/v1/statistics',
  permission: 'reports:read',
  summary: 'Count attempts by hour or day, and by outcome',
  description:
    'Each attempt counts in the hour in which it began, with the status that it has now; an attempt that is being sent does not count yet. Commits keep the counts, so a response takes as long with a million charges as with a thousand.',
  tag: 'Ledger',
  query: StatisticsQuery,
  responses: { 200: { description: 'The counts.', schema: Statistics } },
  errors: ['currency_invalid'],
  examples: shows('statistics', 'By currency and status: `by=currency,status`', {
    from: '2026-11-23T12:00:00.000Z',
    to: '2026-11-23T13:00:00.000Z',
    bucket: 'hour',
    data: [
      {
        start: '2026-11-23T12:00:00.000Z',
        provider: null,
        currency: 'usd',
        kind: null,
        status: 'succeeded',
        decline_code: null,
        attempts: 1,
        amount: 2500,
        duration_p50_ms: null,
        duration_p95_ms: null,
      },
    ],
  }),
  async handle({ context }, request, reply) {
    const { from, to, bucket = 'hour', by, provider, currency: code, kind } = validQuery(request.query)
    const currency = currencyFilter(code)
    const query: StoreQuery = {
      ...range(
        { ...(from !== undefined && { from }), ...(to !== undefined && { to }) },
        bucket,
        context.now(),
      ),
      bucketHours: BUCKET_HOURS[bucket],
      by: dimensions(by),
      ...(provider !== undefined && { provider }),
      ...(currency !== undefined && { currency }),
      ...(kind !== undefined && { kind }),
      limit: MAX_ROWS,
    }
    const rows = await context.store.statistics(scopeOf(request), query)
    if (rows.length > MAX_ROWS)
      throw invalid(
        'by',
        'That is more than 5,000 rows. Ask for a shorter time, longer buckets or fewer parts.',
      )
    const view: StatisticsView = {
      from: hourText(query.from),
      to: hourText(query.until),
      bucket,
      data: rows.map((row) => rowView(row, query)),
    }
    return sendObject(reply, view)
  },
}

export const statisticsEndpoints: readonly Endpoint[] = [statisticsEndpoint]
