import { createRequire } from 'node:module'
import type { Counter, Gauge } from 'prom-client'
import type { Store } from '../ports/store.ts'
import { histogram } from './histogram.ts'
import { addWebhooks, type WatchedWebhooks } from './webhook-metrics.ts'

const LATENCY_BUCKETS_S = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
const CALL_BUCKETS_S = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60]
const GROUP_BUCKETS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512]

/** Measurements of running work; `droppedLogLines` counts lines of the log that could not be written. */
export function createMetrics(droppedLogLines: () => number) {
  return {
    droppedLogLines,
    /** Labels: method, route, status. */
    requests: histogram(
      'minipay_http_request_duration_seconds',
      'Time from the request to the end of its response, by method, route and status.',
      LATENCY_BUCKETS_S,
    ),
    groups: histogram(
      'minipay_commit_group_size',
      'Writes that shared one transaction and its disk sync.',
      GROUP_BUCKETS,
    ),
    /** Label: outcome. */
    webhooks: histogram(
      'minipay_webhook_attempt_duration_seconds',
      'Time of one attempt to deliver a webhook, by outcome: the class of its status, or no_answer.',
      LATENCY_BUCKETS_S,
    ),
    /** Labels: provider, call, outcome. */
    calls: histogram(
      'minipay_provider_call_duration_seconds',
      'Time of one call to a provider, by call (including lookup) and outcome.',
      CALL_BUCKETS_S,
    ),
    /** By provider and alarm: statements that contradict the books. */
    alarms: new Map<string, Record<'provider' | 'alarm', string> & { count: number }>(),
    /** By provider and result. */
    notifications: new Map<string, Record<'provider' | 'result', string> & { count: number }>(),
    /** Responses with the code `internal`. */
    errors: 0,
  }
}
export type Metrics = ReturnType<typeof createMetrics>

/** Counts one of these labels in a map of counters. */
export function countLabels<T extends Record<string, string>>(
  counters: Map<string, T & { count: number }>,
  labels: T,
): void {
  const key = Object.values(labels).join('/')
  const counter = counters.get(key)
  if (counter) counter.count++
  else counters.set(key, { ...labels, count: 1 })
}

/** The values that a scrape reads. */
export type Watched = WatchedWebhooks & {
  readonly store: Store
  /** Calls in flight and the breakers' states of each provider over the network. */
  readonly providers: () => readonly {
    readonly name: string
    readonly inFlight: number
    readonly breaker: string
    readonly lookupBreaker: string
  }[]
  /** Unknown attempts are overdue after so long, in ms. */
  readonly unknownAgeMs: number
  /** Pending attempts are overdue after so long, in ms. */
  readonly actionAgeMs: number
  /** ms since 1970. */
  readonly now: () => number
  /** How far the clock last moved compared with the time that passed, in ms; 0 once MiniPay trusts it again. */
  readonly clockMovedMs: () => number
}

export type Exposition = () => Promise<{ type: string; text: string }>

/**
 * Every metric as Prometheus text. Each scrape reads the database's counters, so they survive restarts. The first
 * scrape loads the library and the metrics of the process.
 */
export function exposition(metrics: Metrics, watched: Watched): Exposition {
  let registry: ReturnType<typeof createRegistry> | undefined
  let scrape: Promise<{ type: string; text: string }> | undefined
  async function render() {
    registry ??= createRegistry(metrics, watched)
    const { requests, groups, webhooks, calls } = metrics
    const text = `${requests.text()}${groups.text()}${webhooks.text()}${calls.text()}${await registry.metrics()}`
    return { type: registry.contentType, text }
  }
  return () => {
    // Simultaneous scrapes share one run, because each run empties the gauges and reads them again.
    scrape ??= render().finally(() => {
      scrape = undefined
    })
    return scrape
  }
}

/** Adds a gauge that each scrape reads. */
export type AddGauge = (
  name: string,
  help: string,
  labelNames: string[],
  read: (gauge: Gauge) => void | Promise<void>,
) => void

/** The parts of the library that MiniPay uses: all of it takes 17 ms and 4 MB more. */
export function loadPrometheus(): Pick<
  typeof import('prom-client'),
  'Registry' | 'Gauge' | 'Counter' | 'collectDefaultMetrics'
> {
  const load = createRequire(import.meta.url)
  return {
    Registry: load('prom-client/lib/registry.js'),
    Gauge: load('prom-client/lib/gauge.js'),
    Counter: load('prom-client/lib/counter.js'),
    collectDefaultMetrics: load('prom-client/lib/defaultMetrics.js'),
  }
}

function createRegistry(metrics: Metrics, watched: Watched) {
  const prometheus = loadPrometheus()
  const registry = new prometheus.Registry()
  const registers = [registry]
  const gauge: AddGauge = (name, help, labelNames, read) =>
    void new prometheus.Gauge({
      name,
      help,
      labelNames,
      registers,
      async collect() {
        this.reset()
        await read(this)
      },
    })
  const counter = (name: string, help: string, labelNames: string[], read: (counter: Counter) => void) =>
    void new prometheus.Counter({
      name,
      help,
      labelNames,
      registers,
      collect() {
        this.reset()
        read(this)
      },
    })

  counter(
    'minipay_log_lines_dropped_total',
    'Log lines that could not be written, because the disk is full or the reader is too slow.',
    [],
    (dropped) => dropped.inc(metrics.droppedLogLines()),
  )
  addPayments(gauge, watched)
  addWebhooks(gauge, watched)
  addProviders(gauge, watched)
  addPauses(gauge, watched)
  counter(
    'minipay_provider_alarms_total',
    'Responses of a provider that contradict the books: a person must check them.',
    ['provider', 'alarm'],
    (alarms) => {
      for (const { provider, alarm, count } of metrics.alarms.values()) alarms.inc({ provider, alarm }, count)
    },
  )
  counter(
    'minipay_provider_notifications_total',
    'Notifications of a provider: stored, duplicate, or refused because they could not be verified.',
    ['provider', 'result'],
    (notifications) => {
      for (const { provider, result, count } of metrics.notifications.values())
        notifications.inc({ provider, result }, count)
    },
  )
  counter('minipay_errors_total', 'Responses with the code internal; the log has the cause.', [], (errors) =>
    errors.inc(metrics.errors),
  )
  prometheus.collectDefaultMetrics({ register: registry })
  return registry
}

function addPayments(gauge: AddGauge, { store, clockMovedMs }: Watched): void {
  gauge(
    'minipay_clock_moved_seconds',
    'How far the clock last moved beside the time that passed, until it has run for a day without a step; 0 then.',
    [],
    (moved) => moved.set(clockMovedMs() / 1_000),
  )
  gauge(
    'minipay_charges',
    'Charges made, by mode, currency and outcome.',
    ['mode', 'currency', 'outcome'],
    async (charges) => {
      for (const { mode, currency, charges_succeeded, charges_failed } of await store.modeTotals()) {
        charges.set({ mode, currency, outcome: 'succeeded' }, charges_succeeded)
        charges.set({ mode, currency, outcome: 'failed' }, charges_failed)
      }
    },
  )
  gauge('minipay_refunds', 'Refunds made, by mode and currency.', ['mode', 'currency'], async (made) => {
    for (const { mode, currency, refunds } of await store.modeTotals()) made.set({ mode, currency }, refunds)
  })
  gauge('minipay_writes_waiting', 'Writes that are waiting for their commit now.', [], (waiting) => {
    waiting.set(store.waitingWrites())
  })
  gauge(
    'minipay_wal_bytes',
    "The size of SQLite's write-ahead log, which a long read keeps growing; absent on PostgreSQL.",
    [],
    (wal) => {
      const bytes = store.logBytes()
      if (bytes !== undefined) wal.set(bytes)
    },
  )
}

/** A pause that is forgotten costs charges, so operators can alert on it. */
function addPauses(gauge: AddGauge, { store }: Watched): void {
  gauge(
    'minipay_provider_pauses',
    'Pauses of a provider that are in force: for all accounts, or for one account each.',
    ['provider', 'accounts'],
    async (pauses) => {
      for (const total of await store.pauseTotals())
        pauses.set({ provider: total.provider, accounts: total.allAccounts ? 'all' : 'one' }, total.pauses)
    },
  )
}

function addProviders(gauge: AddGauge, { store, providers, unknownAgeMs, actionAgeMs, now }: Watched): void {
  gauge('minipay_attempts', 'Calls to providers, by state.', ['state'], async (attempts) => {
    const { byState } = await store.attemptTotals(0)
    for (const [state, count] of Object.entries(byState)) attempts.set({ state }, count)
  })
  gauge(
    'minipay_attempts_unknown_oldest_seconds',
    'Age of the oldest attempt with an unknown outcome; 0 without one.',
    [],
    async (age) => {
      const { oldestUnknownSince } = await store.attemptTotals(0)
      age.set(oldestUnknownSince === null ? 0 : Math.max(0, now() - oldestUnknownSince) / 1000)
    },
  )
  gauge(
    'minipay_attempts_unknown_overdue',
    'Attempts with an unknown outcome for longer than the configured age: a person must resolve them.',
    [],
    async (overdue) => {
      overdue.set((await store.attemptTotals(now() - unknownAgeMs)).overdue)
    },
  )
  gauge(
    'minipay_attempts_pending_overdue',
    'Attempts that have been pending for longer than customers have to act.',
    [],
    async (overdue) => {
      overdue.set(await store.pendingSince(now() - actionAgeMs))
    },
  )
  gauge(
    'minipay_alarms_open',
    'Open alarms, which a person must handle, by kind.',
    ['kind'],
    async (alarms) => {
      for (const [kind, count] of Object.entries(await store.alarmTotals())) alarms.set({ kind }, count)
    },
  )
  gauge(
    'minipay_provider_calls_in_flight',
    'Calls that are waiting for a response now.',
    ['provider'],
    (waiting) => {
      for (const { name, inFlight } of providers()) waiting.set({ provider: name }, inFlight)
    },
  )
  const openness = (state: string) => (state === 'open' ? 1 : state === 'half_open' ? 0.5 : 0)
  gauge(
    'minipay_provider_breaker_open',
    'State of the circuit breaker for calls that move money: 1 open, 0.5 half open, 0 closed.',
    ['provider'],
    (breakers) => {
      for (const { name, breaker } of providers()) breakers.set({ provider: name }, openness(breaker))
    },
  )
  gauge(
    'minipay_provider_lookup_breaker_open',
    'State of the circuit breaker for lookups: 1 open, 0.5 half open, 0 closed.',
    ['provider'],
    (breakers) => {
      for (const { name, lookupBreaker } of providers())
        breakers.set({ provider: name }, openness(lookupBreaker))
    },
  )
}
