/** Whether what was sampled stayed flat: medians of windows against each other, and the slope through all of them. */

/** What a process and its database take at one moment, as seen from outside. */
export type Sample = {
  /** Since the process listens, in ms. */
  readonly atMs: number
  /** Whether a long read holds the write-ahead log. */
  readonly held: boolean
  readonly rssMiB: number
  /** JavaScript's objects and the buffers beside them: what a leak fills before the process grows. */
  readonly heapMiB: number
  readonly descriptors: number
  readonly walMiB: number
  readonly databaseMiB: number
  /** The longest that the event loop was late since the sample before, in ms. */
  readonly pauseMs: number
  /** How long the process was ready to run and had no core since the sample before, in ms. */
  readonly starvedMs: number
  /** Of healthy clients' requests since the sample before that wait for no provider, in ms; null without any. */
  readonly p50Ms: number | null
  readonly p99Ms: number | null
  readonly pendingWebhooks: number
  readonly unknownAttempts: number
}

type Rule = {
  readonly what: string
  readonly unit: string
  readonly of: (sample: Sample) => number | null
  /** The last quarter's median may be so many times the second quarter's, and so much more. */
  readonly factor: number
  readonly slack: number
  /** The most that it may grow a minute over the last three quarters. */
  readonly slope?: number
}

/** The tolerances. The first quarter of a life is its warm-up: caches fill, and code is compiled. */
export const RULES: readonly Rule[] = [
  // SQLite's page cache has 32 MiB, which a life fills sooner or later.
  { what: 'RSS', unit: 'MiB', of: ({ rssMiB }) => rssMiB, factor: 1.15, slack: 32, slope: 4 },
  // Calls and webhooks come and go by the dozen; what stays open is found exactly when all is calm.
  { what: 'descriptors', unit: '', of: ({ descriptors }) => descriptors, factor: 1.2, slack: 80, slope: 20 },
  { what: 'the longest event-loop delay', unit: 'ms', of: ({ pauseMs }) => pauseMs, factor: 1.5, slack: 50 },
  { what: "healthy clients' p50", unit: 'ms', of: ({ p50Ms }) => p50Ms, factor: 2, slack: 25 },
]
/** The heap is a saw: its floor after collections is what lives. So much more a minute, and in all, in MiB, is a leak. */
const HEAP_SLOPE = 2
const HEAP_SLACK = 8
const HEAP_WINDOWS = 12
/** A shorter life says nothing of a trend: it is that of the load, since other programs come and go on a machine. */
export const SHORTEST_MS = 240_000

/** What grew in a life under load, each as a sentence; nothing when all was flat, or the life was too short to say. */
export function grew(samples: readonly Sample[], life: string): string[] {
  if (!isLong(samples)) return []
  const sentences = RULES.flatMap((rule) => judged(rule, samples, life))
  const floors = heapFloors(samples)
  if (isSteep(floors, HEAP_SLOPE, HEAP_SLACK))
    sentences.push(
      `the heap grew by ${fixed(slopePerMinute(floors))} MiB a minute in ${life}, and ${HEAP_SLOPE} are allowed`,
    )
  return sentences
}

export function isLong(samples: readonly Sample[]): boolean {
  return lastMs(samples) - (samples[0]?.atMs ?? 0) >= SHORTEST_MS
}

function judged(rule: Rule, samples: readonly Sample[], life: string): string[] {
  const { what, unit, factor, slack, slope } = rule
  const points = pointsOf(samples, rule.of)
  const [second, last] = [median(quarter(points, 1)), median(quarter(points, 3))]
  const sentences: string[] = []
  if (last > second * factor + slack)
    sentences.push(
      `${what} grew from ${fixed(second)} to ${fixed(last)} ${unit} between the second and the last quarter of ${life}`,
    )
  const warm = afterWarmUp(points)
  if (slope !== undefined && isSteep(warm, slope, slack))
    sentences.push(
      `${what} grew by ${fixed(slopePerMinute(warm))} ${unit} a minute in ${life}, and ${slope} are allowed`,
    )
  return sentences
}

/** A slope has to come to something, too. */
function isSteep(points: readonly Point[], most: number, slack: number): boolean {
  const slope = slopePerMinute(points)
  const minutes = (lastMs(points) - (points[0]?.atMs ?? 0)) / 60_000
  return slope > most && slope * minutes > slack
}

type Point = { readonly atMs: number; readonly value: number }

export function pointsOf(samples: readonly Sample[], of: Rule['of']): Point[] {
  return samples.flatMap((sample) => {
    const value = of(sample)
    return value === null ? [] : [{ atMs: sample.atMs, value }]
  })
}

/** The lowest of each window after the warm-up. */
export function heapFloors(samples: readonly Sample[]): Point[] {
  const points = afterWarmUp(pointsOf(samples, ({ heapMiB }) => heapMiB))
  const [from, to] = [points[0]?.atMs ?? 0, lastMs(points)]
  const windows = Map.groupBy(points, ({ atMs }) =>
    Math.min(HEAP_WINDOWS - 1, Math.floor((HEAP_WINDOWS * (atMs - from)) / (to - from + 1))),
  )
  return [...windows.values()].map((window) =>
    window.reduce((least, point) => (point.value < least.value ? point : least)),
  )
}

/** The points of a quarter of the time that they span: 0 is the first, 3 the last. */
export function quarter(points: readonly Point[], which: number): Point[] {
  const [from, to] = [points[0]?.atMs ?? 0, lastMs(points)]
  const at = (share: number) => from + share * (to - from)
  return points.filter(({ atMs }) => atMs >= at(which / 4) && atMs <= at((which + 1) / 4))
}

function afterWarmUp(points: readonly Point[]): Point[] {
  return [1, 2, 3].flatMap((which) => quarter(points, which))
}

/** The median of the slopes through each two points (Theil 1950, Sen 1968): single peaks do not move it. */
export function slopePerMinute(points: readonly Point[]): number {
  const slopes: number[] = []
  for (const [i, a] of points.entries())
    for (const b of points.slice(i + 1))
      if (b.atMs !== a.atMs) slopes.push(((b.value - a.value) / (b.atMs - a.atMs)) * 60_000)
  return middle(slopes, 0.5) ?? 0
}

/** NaN without points, which is never more than anything. */
export function median(points: readonly Point[]): number {
  return (
    middle(
      points.map(({ value }) => value),
      0.5,
    ) ?? Number.NaN
  )
}

/** The value below which a share of the values lies; undefined without any. */
export function middle(values: readonly number[], share: number): number | undefined {
  return values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))]
}

function lastMs(points: readonly { readonly atMs: number }[]): number {
  return points.at(-1)?.atMs ?? 0
}

export function fixed(value: number): string {
  return value.toFixed(value < 10 ? 1 : 0)
}
