import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { DeliveryTotals, Store } from '../ports/store.ts'
import { DEFAULT_SCOPE } from '../ports/store.ts'

const LATENCY_BUCKETS_S = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
const GROUP_BUCKETS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512]

export type Metrics = ReturnType<typeof createMetrics>

/** Every Prometheus metric. What the database counts is read from it at each scrape, so it survives restarts. */
export function createMetrics() {
  const registry = new Registry()
  const registers = [registry]

  const requests = new Histogram({
    name: 'minipay_http_request_duration_seconds',
    help: 'Time from the request to the end of its answer, by method, route and status.',
    labelNames: ['method', 'route', 'status'],
    buckets: LATENCY_BUCKETS_S,
    registers,
  })
  const groups = new Histogram({
    name: 'minipay_commit_group_size',
    help: 'Writes that shared one transaction and its disk sync.',
    buckets: GROUP_BUCKETS,
    registers,
  })
  const webhooks = new Histogram({
    name: 'minipay_webhook_attempt_duration_seconds',
    help: 'Time of one attempt to deliver a webhook, by outcome: the class of its status, or no_answer.',
    labelNames: ['outcome'],
    buckets: LATENCY_BUCKETS_S,
    registers,
  })
  const errors = new Counter({
    name: 'minipay_errors_total',
    help: 'Answers with code internal: faults of ours, with their cause in the log.',
    registers,
  })
  return { registry, requests, groups, webhooks, errors }
}

/** Adds the metrics that are read when scraped. */
export function addStoreMetrics({ registry }: Metrics, store: Store, inFlight: () => number): void {
  const registers = [registry]
  const gauge = (name: string, help: string, labelNames: string[], read: (gauge: Gauge) => Promise<void>) =>
    new Gauge({
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
    const totals: DeliveryTotals = await store.deliveryTotals()
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
  gauge(
    'minipay_webhooks_in_flight',
    'Webhook deliveries that wait for an answer now.',
    [],
    async (waiting) => {
      waiting.set(inFlight())
    },
  )
  collectDefaultMetrics({ register: registry })
}
