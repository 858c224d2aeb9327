/** The schemas of statistics. */
import { CALL_KINDS, CALL_STATES } from '../../domain/statistics.ts'
import {
  array,
  integer,
  named,
  nullable,
  object,
  oneOf,
  optional,
  type Static,
  strict,
  string,
} from '../../http/schema.ts'
import { count, currency, declineCode, providerName, time } from './fields.ts'

/** The sizes of buckets, and the most days of each that one response covers. */
export const BUCKETS = { hour: 31, day: 400, total: 400 } as const
export type Bucket = keyof typeof BUCKETS

/** The names by which a response can be split. */
export const SPLITS = ['provider', 'currency', 'kind', 'status', 'decline_code'] as const
export type Split = (typeof SPLITS)[number]

const bucket = oneOf(Object.keys(BUCKETS) as Bucket[], {
  default: 'hour',
  description:
    'The length of a bucket. Hours and days begin in UTC; `total` is one bucket for all. At most 31 days by hour, and 400 days otherwise.',
})
const kind = oneOf(CALL_KINDS, {
  description: 'The kind of call. `sale`: an authorization that also takes the money.',
})
const status = oneOf(CALL_STATES, { description: 'The status of the attempts now.' })
const duration = (share: string) =>
  nullable(
    integer({
      minimum: 0,
      description: `Milliseconds within which ${share} of the attempts ended whose own response gave the outcome: an estimate. 10000 means 10 s and more.`,
      examples: [180],
    }),
  )

export const StatisticsQuery = strict({
  from: optional({
    ...time,
    description: 'The first bucket is the one of this RFC 3339 time. 24 hours before `to` unless given.',
  }),
  to: optional({ ...time, description: 'The end, rounded up to a full hour. Now, unless given.' }),
  bucket: optional(bucket),
  by: optional(
    string({
      maxLength: 100,
      description:
        'Splits each bucket: any of provider, currency, kind, status and decline_code, with commas.',
      examples: ['currency,status'],
    }),
  ),
  provider: optional(providerName),
  currency: optional(currency),
  kind: optional(kind),
})

const row = object({
  start: { ...time, description: 'When the bucket begins.' },
  provider: { ...nullable(providerName), description: 'Null unless split by it.' },
  currency: { ...nullable(currency), description: 'Null unless split by it.' },
  kind: {
    ...nullable(kind),
    description: 'Null unless split by it. `sale`: an authorization that also takes the money.',
  },
  status: { ...nullable(status), description: 'The status of the attempts now. Null unless split by it.' },
  decline_code: {
    ...nullable(declineCode),
    description:
      'Why the provider declined. Null unless split by it, and for attempts that were not declined.',
  },
  attempts: { ...count, description: 'Attempts that began in the bucket.' },
  amount: {
    ...nullable(integer({ minimum: 0, examples: [2500] })),
    description:
      'The sum of their amounts, in minor units: up to 64 bits and more. Null unless split by currency or of one currency.',
  },
  duration_p50_ms: duration('half'),
  duration_p95_ms: duration('95 of 100'),
})

export const Statistics = named(
  'Statistics',
  object({
    from: { ...time, description: 'When the first bucket begins.' },
    to: { ...time, description: 'When the last bucket ends.' },
    bucket,
    data: {
      ...array(named('StatisticsRow', row, 'The attempts of one bucket, or of one part of it.')),
      description: 'By time. A bucket, or a part of it, without attempts is absent.',
    },
  }),
  'How many attempts began in each bucket, and what became of them.',
)
export type StatisticsView = Static<typeof Statistics>
export type StatisticsRowView = StatisticsView['data'][number]
