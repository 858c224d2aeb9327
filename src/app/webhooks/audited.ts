/** What the audit log says of webhook endpoints and replays. */
import type { AuditAction } from '../../domain/audit.ts'
import { canonicalJson } from '../../domain/idempotency.ts'
import type { WebhookEndpoint } from '../../domain/webhooks/endpoint.ts'
import type { Replay } from '../../domain/webhooks/replay.ts'
import type { AuditedAction } from '../audit.ts'
import { sha256 } from '../context.ts'

type EndpointAction = Extract<AuditAction, `webhook_endpoint.${string}`>

/** A change of an endpoint; `before` is null for a new one. A deletion has no facts afterwards. */
export function endpointAudited(
  action: EndpointAction,
  before: WebhookEndpoint | null,
  after: WebhookEndpoint,
): AuditedAction {
  return {
    ...{ action, object: after.id },
    before: before && canonicalJson(endpointFacts(before)),
    after: after.deletedAt === null ? canonicalJson(endpointFacts(after)) : null,
  }
}

export function replayAudited(
  action: 'webhook_replay.created' | 'webhook_replay.canceled',
  { id, endpoint, kind, types, error, from, to, total, state }: Replay,
): AuditedAction {
  const range = { event_types: types, ...(error !== null && { last_error: error }), after_sequence: from }
  const after = { endpoint, kind, ...range, to_sequence: to, total, status: state }
  return { action, object: id, after: canonicalJson(after) }
}

/** Secrets are what their number and the first 64 bits of a hash say; so are a URL's path and the values of headers, which may be secrets. */
function endpointFacts(endpoint: WebhookEndpoint): object {
  const { description, metadata, events, headers, rateLimit, schedule, format, ordered } = endpoint
  const { url, urlFingerprint } = shownUrl(endpoint)
  return {
    url,
    url_fingerprint: urlFingerprint,
    description,
    metadata,
    events,
    headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, fingerprint(value)])),
    rate_limit: rateLimit,
    retry_delays_seconds: schedule?.map((ms) => ms / 1_000) ?? null,
    format,
    ordered,
    disable_after_seconds: endpoint.disableAfterMs === null ? null : endpoint.disableAfterMs / 1_000,
    status: endpoint.status,
    disabled_reason: endpoint.disabledReason,
    secrets: endpoint.secrets.map(({ sealed }) => fingerprint(sealed)),
    version: endpoint.version,
  }
}

/** An endpoint's URL in what others read: its origin, and a fingerprint of the whole, because its path may be a secret. */
export function shownUrl({ url }: Pick<WebhookEndpoint, 'url'>): { url: string; urlFingerprint: string } {
  return { url: new URL(url).origin, urlFingerprint: fingerprint(url) }
}

function fingerprint(text: string): string {
  return sha256(text).slice(0, 16)
}
