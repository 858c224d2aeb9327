import type { DeliveryTry } from '../../domain/webhooks/delivery.ts'
import type { WebhookEndpoint } from '../../domain/webhooks/endpoint.ts'
import { policyOf } from '../../domain/webhooks/schedule.ts'
import type { WebhookCursor, WebhookHour } from '../../ports/store-webhooks.ts'
import { timeOrNull, timestamp } from './views.ts'
import type { WebhookAttemptView, WebhookEndpointView, WebhookTestView } from './webhook-endpoint-schemas.ts'

/** A new endpoint's cursor, or that of one that was deleted meanwhile. */
const NO_CURSOR: WebhookCursor = {
  ...{ position: 0, backlog: 0, pending: 0, failed: 0, failingSince: null, warnedAt: null },
}

/** How far an endpoint is, and its attempts by hour. */
export type Progress = {
  readonly cursor?: WebhookCursor | undefined
  readonly hours: readonly WebhookHour[]
}

/** An endpoint as the API shows it at a time, without secrets. */
export function endpointView(
  endpoint: WebhookEndpoint,
  { cursor = NO_CURSOR, hours }: Progress,
  now: number,
): WebhookEndpointView {
  const sum = (of: (hour: WebhookHour) => number) => hours.reduce((total, hour) => total + of(hour), 0)
  const former = endpoint.secrets.map(({ until }) => until ?? 0).filter((until) => until > now)
  return {
    id: endpoint.id,
    url: endpoint.url,
    description: endpoint.description,
    metadata: endpoint.metadata,
    events: endpoint.events,
    header_names: Object.keys(endpoint.headers),
    rate_limit: endpoint.rateLimit,
    retry_delays_seconds: policyOf(endpoint).schedule.map((ms) => ms / 1_000),
    format: endpoint.format,
    ordered: endpoint.ordered,
    disable_after_seconds: endpoint.disableAfterMs === null ? null : endpoint.disableAfterMs / 1_000,
    status: endpoint.status,
    disabled_reason: endpoint.disabledReason,
    former_secret_until: former.length > 0 ? timestamp(Math.max(...former)) : null,
    position: cursor.position,
    backlog: cursor.backlog,
    pending: cursor.pending,
    failed: cursor.failed,
    attempts_24h: sum(({ attempts }) => attempts),
    succeeded_24h: sum(({ succeeded }) => succeeded),
    failing_since: timeOrNull(cursor.failingSince),
    version: endpoint.version,
    created_at: timestamp(endpoint.createdAt),
  }
}

/** One attempt, as a delivery and a test show it. */
export function attemptView({ at, ms, status, error, answer }: DeliveryTry): WebhookAttemptView {
  return { started_at: timestamp(at), duration_ms: ms, status, error, response: answer }
}

export function testView(endpoint: string, attempt: DeliveryTry): WebhookTestView {
  const { status } = attempt
  const delivered = attempt.error === null && status !== null && status >= 200 && status < 300
  return { endpoint, delivered, ...attemptView(attempt) }
}
