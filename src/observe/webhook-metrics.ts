/** The metrics of webhooks. */
import type { Store } from '../ports/store.ts'
import type { AddGauge } from './metrics.ts'

/** The most endpoints that have a line of their own: those with the most work. */
const MOST_ENDPOINTS = 100

export type WatchedWebhooks = {
  readonly store: Pick<Store, 'webhookDeliveryTotals' | 'backlogTotals'>
  readonly webhooksInFlight: () => number
  readonly eventStreams: () => number
  /** The endpoints whose cursors this process holds; `lagMs`: the age of the oldest event that is not told. */
  readonly heldEndpoints: () => readonly { readonly isOpen: boolean; readonly lagMs: number }[]
}

export function addWebhooks(
  gauge: AddGauge,
  { store, webhooksInFlight, eventStreams, heldEndpoints }: WatchedWebhooks,
): void {
  gauge('minipay_event_streams', 'Event streams and long polls that are open now.', [], (open) => {
    open.set(eventStreams())
  })
  gauge('minipay_webhook_deliveries', 'Webhook deliveries, by state.', ['state'], async (deliveries) => {
    const totals = await store.webhookDeliveryTotals()
    for (const state of ['pending', 'delivered', 'failed'] as const) deliveries.set({ state }, totals[state])
  })
  gauge('minipay_webhook_retries', 'Failed webhook attempts that led to a retry.', [], async (retries) => {
    retries.set((await store.webhookDeliveryTotals()).retries)
  })
  gauge(
    'minipay_webhooks_in_flight',
    'Webhook deliveries that are waiting for a response now.',
    [],
    (waiting) => {
      waiting.set(webhooksInFlight())
    },
  )
  gauge(
    'minipay_webhook_waiting',
    'Events and deliveries of the hundred webhook endpoints with the most, by mode, endpoint and state.',
    ['mode', 'endpoint', 'state'],
    async (waiting) => {
      for (const { scope, endpoint, ...counts } of await store.backlogTotals(MOST_ENDPOINTS))
        for (const state of ['backlog', 'pending', 'failed'] as const)
          waiting.set({ mode: scope.mode, endpoint, state }, counts[state])
    },
  )
  gauge(
    'minipay_webhook_lag_seconds',
    'Age of the oldest event that a webhook endpoint of this process still has to be told; 0 without one.',
    [],
    (lag) => lag.set(Math.max(0, ...heldEndpoints().map(({ lagMs }) => lagMs)) / 1_000),
  )
  gauge('minipay_webhook_endpoints_held', 'Webhook endpoints that this process sends to.', [], (held) =>
    held.set(heldEndpoints().length),
  )
  gauge(
    'minipay_webhook_breakers_open',
    'Webhook endpoints of this process whose circuit breaker is open: they get one attempt at a time.',
    [],
    (open) => open.set(heldEndpoints().filter(({ isOpen }) => isOpen).length),
  )
}
