/** What a soak tells: a table of a line a life, and a few lines about all of it. */
import type { Books } from '../cluster/audit.ts'
import type { End } from './plan.ts'
import type { Scene } from './soak.ts'
import {
  fixed,
  heapFloors,
  isLong,
  median,
  middle,
  pointsOf,
  quarter,
  type Sample,
  slopePerMinute,
} from './trends.ts'

/** A life in figures: windows are the second, and the last quarter. */
export type Row = {
  readonly name: string
  readonly end: End
  /** Whether it was long enough for its trends to be judged. */
  readonly judged: boolean
  readonly cells: readonly string[]
}

const HEADS = [
  ...['life', 'end', 'min', 'RSS MiB', 'per min', 'heap MiB', 'per min', 'descriptors', 'WAL MiB'],
  ...['DB MiB', 'late ms', 'starved', 'p50 ms', 'p99 ms', 'webhooks', 'unknown'],
]

export function rowOf(name: string, end: End, samples: readonly Sample[]): Row {
  const rss = pointsOf(samples, ({ rssMiB }) => rssMiB)
  const floors = heapFloors(samples)
  const descriptors = pointsOf(samples, (sample) => sample.descriptors)
  const late = pointsOf(samples, ({ pauseMs }) => pauseMs)
  const spanMs = (samples.at(-1)?.atMs ?? 0) - (samples[0]?.atMs ?? 0)
  const starvedMs = samples.reduce((sum, sample) => sum + sample.starvedMs, 0)
  const last = samples.at(-1)
  const most = (of: (sample: Sample) => number) => Math.max(0, ...samples.map(of))
  const middles = (points: typeof rss) => [1, 3].map((which) => fixed(median(quarter(points, which))))
  return {
    name,
    end,
    judged: isLong(samples),
    cells: [
      (spanMs / 60_000).toFixed(1),
      [fixed(rss[0]?.value ?? 0), ...middles(rss), `(${fixed(most(({ rssMiB }) => rssMiB))})`].join(' '),
      signed(slopePerMinute([1, 2, 3].flatMap((which) => quarter(rss, which)))),
      `${fixed(floors[0]?.value ?? 0)} ${fixed(floors.at(-1)?.value ?? 0)}`,
      signed(slopePerMinute(floors)),
      [...middles(descriptors), `(${most((sample) => sample.descriptors)})`].join(' '),
      `(${fixed(most(({ walMiB }) => walMiB))}) ${fixed(last?.walMiB ?? 0)}`,
      fixed(last?.databaseMiB ?? 0),
      [...middles(late), `(${fixed(most(({ pauseMs }) => pauseMs))})`].join(' '),
      `${spanMs > 0 ? Math.round((100 * starvedMs) / spanMs) : 0} %`,
      typical(samples, ({ p50Ms }) => p50Ms),
      typical(samples, ({ p99Ms }) => p99Ms),
      `(${most(({ pendingWebhooks }) => pendingWebhooks)}) ${last?.pendingWebhooks ?? 0}`,
      `(${most(({ unknownAttempts }) => unknownAttempts)}) ${last?.unknownAttempts ?? 0}`,
    ],
  }
}

/** The medians of the second and of the last quarter. */
function typical(samples: readonly Sample[], of: (sample: Sample) => number | null): string {
  const points = pointsOf(samples, of)
  return [1, 3].map((which) => fixed(median(quarter(points, which)))).join(' ')
}

function signed(value: number): string {
  return `${value < 0 ? '' : '+'}${value.toFixed(1)}`
}

/** The table, with what its cells say. */
export function tableOf(rows: readonly Row[]): string[] {
  const lines = [HEADS, ...rows.map(({ name, end, cells }) => [name, end, ...cells])]
  const widths = HEADS.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)))
  return [
    ...lines.map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    ),
    'Two figures: the second and the last quarter; RSS has its start before them; in brackets: the most.',
    'Late: the longest that the event loop was late between two looks. Starved: ready to run, without a core.',
  ]
}

/** How it goes, in one line. */
export function glance({ sampler, customers, notes, world }: Scene): string {
  const last = sampler.samples.at(-1)
  const looks = last
    ? `RSS ${fixed(last.rssMiB)} MiB, heap ${fixed(last.heapMiB)} MiB, ${last.descriptors} descriptors, WAL ${fixed(last.walMiB)} MiB, late ${fixed(last.pauseMs)} ms, p99 ${fixed(last.p99Ms ?? 0)} ms`
    : 'no look at it yet'
  return `${customers.answers.value} answers, ${notes.orders.length} noted, ${world.told.size} webhooks, ${last?.pendingWebhooks ?? 0} pending; ${looks}`
}

export function summaryOf({ sampler, strangers, customers }: Scene, books: Books): string[] {
  const { charges, refunds, events } = books
  const inOrder = (counts: ReadonlyMap<string | number, number>) =>
    [...counts]
      .sort((a, b) => b[1] - a[1])
      .map(([what, count]) => `${count} ${what}`)
      .join(', ')
  const time = (share: number) => fixed(middle(sampler.latencies, share) ?? 0)
  return [
    `${charges.length} charges, ${refunds.length} refunds, ${events.length} events, ${customers.answers.value} answers to customers`,
    `healthy clients that wait for no provider: p50 ${time(0.5)} ms, p99 ${time(0.99)} ms, ${sampler.latencies.length} answers`,
    `strangers: ${inOrder(strangers.visits)}`,
    `answered with: ${inOrder(strangers.statuses)}`,
  ]
}
