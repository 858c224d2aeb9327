import { createRequire } from 'node:module'
import type { Gauge } from 'prom-client'
import { DEFAULT_SCOPE, type Store } from '../ports/store.ts'
import { histogram } from './histogram.ts'

const LATENCY_BUCKETS_S = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
const GROUP_BUCKETS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512]

/** What is measured as it happens. */
export function createMetrics() {
  return {
    /** Labels: method, route, status. */
    requests: histogram(
      'minipay_http_request_duration_seconds',
      'Time from the request to the end of its answer, by method, route and status.',
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
    /** Answers with code internal. */
    errors: 0,
  }
}
export type Metrics = ReturnType<typeof createMetrics>

export type Exposition = () => Promise<{ type: string; text: string }>

/**
 * Every metric as Prometheus text. What the database counts is read from it at each scrape, so it survives
 * restarts. The library and the process's metrics come with the first scrape: without one they cost nothing.
 */
export function exposition(metrics: Metrics, store: Store, inFlight: () => number): Exposition {
  let registry: ReturnType<typeof createRegistry> | undefined
  let scrape: Promise<{ type: string; text: string }> | undefined
  async function render() {
    registry ??= createRegistry(metrics, store, inFlight)
    const { requests, groups, webhooks } = metrics
    const text = `${requests.text()}${groups.text()}${webhooks.text()}${await registry.metrics()}`
    return { type: registry.contentType, text }
  }
  return () => {
    // Scrapes at once share one run: the gauges are emptied and read anew by each.
    scrape ??= render().finally(() => {
      scrape = undefined
    })
    return scrape
  }
}

function createRegistry(metrics: Metrics, store: Store, inFlight: () => number) {
  const prometheus = createRequire(import.meta.url)('prom-client') as typeof import('prom-client')
  const registry = new prometheus.Registry()
  const registers = [registry]
  const gauge = (
    name: string,
    help: string,
    labelNames: string[],
    read: (gauge: Gauge) => void | Promise<void>,
  ) =>
    new prometheus.Gauge({
      name,
      help,
      labelNames,
      registers,
      async collect() {
        this.reset()
        await read(this)
      },
    })

  gauge(
    'minipay_charges',
    'Charges made, by currency and outcome.',
    ['currency', 'outcome'],
    async (charges) => {
      for (const { currency, charges_succeeded, charges_failed } of await store.currencyTotals(
        DEFAULT_SCOPE,
      )) {
        charges.set({ currency, outcome: 'succeeded' }, charges_succeeded)
        charges.set({ currency, outcome: 'failed' }, charges_failed)
      }
    },
  )
  gauge('minipay_refunds', 'Refunds made, by currency.', ['currency'], async (refunds) => {
    for (const totals of await store.currencyTotals(DEFAULT_SCOPE))
      refunds.set({ currency: totals.currency }, totals.refunds)
  })
  gauge('minipay_webhook_deliveries', 'Webhook deliveries, by state.', ['state'], async (deliveries) => {
    const totals = await store.deliveryTotals()
    for (const state of ['pending', 'delivered', 'failed'] as const) deliveries.set({ state }, totals[state])
  })
  gauge(
    'minipay_webhook_retries',
    'Webhook attempts that were put back for a retry.',
    [],
    async (retries) => {
      retries.set((await store.deliveryTotals()).retries)
    },
  )
  gauge('minipay_webhooks_in_flight', 'Webhook deliveries that wait for an answer now.', [], (waiting) => {
    waiting.set(inFlight())
  })
  gauge('minipay_writes_waiting', 'Writes that wait for their commit now.', [], (waiting) => {
    waiting.set(store.waitingWrites())
  })
  new prometheus.Counter({
    name: 'minipay_errors_total',
    help: 'Answers with code internal: faults of ours, with their cause in the log.',
    registers,
    collect() {
      this.reset()
      this.inc(metrics.errors)
    },
  })
  prometheus.collectDefaultMetrics({ register: registry })
  return registry
}
