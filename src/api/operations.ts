import type { ClockWarning } from '../app/clock.ts'
import type { MissingProvider } from '../app/routing/provider-check.ts'
import { sendJson, sendObject } from '../http/endpoint.ts'
import { Refused, refuse } from '../http/errors.ts'
import { within } from '../ports/runtime.ts'
import { StoreUnavailable } from '../ports/store.ts'
import { preferredType } from './accept.ts'
import { scopeOf } from './caller.ts'
import type { Endpoint, Services } from './endpoint.ts'
import { shows } from './openapi/examples.ts'
import {
  type ClockWarningView,
  MetricsResponse,
  type MetricsView,
  type MissingProviderView,
  Readiness,
  type ReadinessView,
  Status,
} from './operations-schemas.ts'

/** The time-out of the store for the check whether it is ready, in ms. */
const READY_TIMEOUT_MS = 2_000
const METRICS_TYPES = ['application/json', 'text/plain', 'application/openmetrics-text'] as const

const LIVE_KEY_NEEDED = refuse(
  'permission_denied',
  'The text of the metrics has figures of live mode: send a live API key, or request application/json.',
)

/** Whether the sums over both modes, in the text of the metrics, may contain something of live mode. */
async function hasLive({ providers, store }: Services['context']): Promise<boolean> {
  if ([...providers.values()].some(({ mode }) => mode === 'live')) return true
  return (await store.modeTotals()).some(({ mode }) => mode === 'live')
}

const metricsEndpoint: Endpoint = {
  id: 'retrieveMetrics',
  method: 'GET',
  url: '/metrics',
  vital: true,
  permission: 'metrics:read',
  summary: 'Retrieve counters as JSON, or all metrics as Prometheus text',
  description:
    'Returns JSON unless the Accept header prefers `text/plain` or `application/openmetrics-text`. All metrics are over all accounts. The JSON has the mode of the request. The text has both modes, so it needs a live key, 403 `permission_denied` otherwise, once there is a provider or a charge in live mode. MiniPay ignores query parameters.',
  tag: 'Operations',
  responses: {
    200: {
      description: 'Counters, which the database keeps across restarts.',
      schema: MetricsResponse,
      text: 'text/plain',
    },
  },
  errors: [],
  examples: shows('counters', 'Counters', {
    total_charges: 1,
    total_refunds: 0,
    pending_webhooks: 0,
    delivered_webhooks: 0,
    failed_webhooks: 1,
    webhook_retries: 0,
  }),
  async handle({ context, prometheus }, request, reply) {
    const { mode } = scopeOf(request)
    if ((await preferredType(request.headers.accept, METRICS_TYPES)) !== 'application/json') {
      if (mode === 'test' && (await hasLive(context))) throw new Refused(LIVE_KEY_NEEDED)
      const { type, text } = await prometheus()
      return reply.header('content-type', type).send(text)
    }
    const [everyMode, deliveries] = await Promise.all([
      context.store.modeTotals(),
      context.store.webhookDeliveryTotals(mode),
    ])
    const totals = everyMode.filter((one) => one.mode === mode)
    return sendObject(reply, {
      total_charges: totals.reduce((sum, t) => sum + t.charges_succeeded, 0),
      total_refunds: totals.reduce((sum, t) => sum + t.refunds, 0),
      pending_webhooks: deliveries.pending,
      delivered_webhooks: deliveries.delivered,
      failed_webhooks: deliveries.failed,
      webhook_retries: deliveries.retries,
    } satisfies MetricsView)
  },
}

const healthEndpoint: Endpoint = {
  id: 'checkHealth',
  method: 'GET',
  url: '/health',
  vital: true,
  permission: null,
  summary: 'Check that the process is alive',
  description: 'Responds without using the database. MiniPay ignores query parameters.',
  tag: 'Operations',
  storeless: true,
  responses: { 200: { description: 'The process is alive.', schema: Status } },
  errors: [],
  examples: shows('alive', 'The process is alive', { status: 'ok' }),
  async handle(_services, _request, reply) {
    return sendJson(reply, 200, '{"status":"ok"}')
  },
}

const readyEndpoint: Endpoint = {
  id: 'checkReadiness',
  method: 'GET',
  url: '/ready',
  vital: true,
  permission: null,
  summary: 'Check that the process can serve requests',
  tag: 'Operations',
  description:
    'Needs no key. Callers with the permission `metrics:read` also see the following. After a step of the clock, the response has `clock` until the clock has run for a day without one. It has `missing_providers` when the database needs providers that are not configured: to look up attempts, to capture or refund, or because the routing rules name them. MiniPay ignores query parameters.',
  storeless: true,
  responses: {
    200: {
      description: 'The database takes writes, the background work runs, and charges have a provider.',
      schema: Readiness,
    },
    503: {
      description:
        'The process cannot serve requests now. With `no_provider`, the routing rules name no provider that is configured.',
      schema: Readiness,
    },
  },
  errors: [],
  examples: shows('ready', 'The process can serve requests', { status: 'ready' }),
  async handle({ context, working, providerCheck, mayRead }, request, reply) {
    const asked = Promise.all([context.store.ready(), providerCheck.report()]).then(
      ([, report]) => report,
      (error: unknown) =>
        error instanceof StoreUnavailable && error.reason === 'lost'
          ? ('store_lost' as const)
          : ('store_unavailable' as const),
    )
    const found = working()
      ? await within(context.runtime, READY_TIMEOUT_MS, asked, 'store_unavailable' as const)
      : 'worker_stopped'
    if (typeof found === 'string') return sendJson(reply, 503, JSON.stringify({ status: found }))
    const warning = context.clock.warning()
    const isRemarkable = warning !== undefined || found.missing.length > 0
    const body: ReadinessView = {
      status: found.routable ? 'ready' : 'no_provider',
      ...(isRemarkable &&
        (await mayRead(request, 'metrics:read')) && {
          ...(warning && { clock: clockView(warning) }),
          ...(found.missing.length > 0 && { missing_providers: found.missing.map(missingView) }),
        }),
    }
    return sendJson(reply, found.routable ? 200 : 503, JSON.stringify(body))
  },
}

export function clockView({ movedMs, untilTrustedMs }: ClockWarning): ClockWarningView {
  return {
    moved_by_seconds: Math.round(movedMs / 1_000),
    trusted_in_seconds: Math.ceil(untilTrustedMs / 1_000),
  }
}

export function missingView({
  provider,
  openAttempts,
  toCapture,
  toRefund,
  inRules,
}: MissingProvider): MissingProviderView {
  return {
    provider,
    open_attempts: openAttempts,
    to_capture: toCapture,
    to_refund: toRefund,
    in_rules: inRules,
  }
}

export const operationsEndpoints: readonly Endpoint[] = [metricsEndpoint, healthEndpoint, readyEndpoint]
