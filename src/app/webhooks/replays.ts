/** Replays: the past of a webhook endpoint, or what failed, is sent again in the background. */
import { isRejection, type Rejection, reject } from '../../domain/error.ts'
import { notFound } from '../../domain/not-found.ts'
import type { Scope } from '../../domain/scope.ts'
import type { WebhookEndpoint } from '../../domain/webhooks/endpoint.ts'
import { describedFilters, typesOf } from '../../domain/webhooks/filters.ts'
import { MAX_REPLAYS, type Replay, type ReplayKind, startedReplay } from '../../domain/webhooks/replay.ts'
import type { Audit } from '../audit.ts'
import type { KeyedRequest } from '../execute.ts'
import { type Once, once, recordOf } from '../once.ts'
import { replayAudited } from './audited.ts'
import { findEndpoint, type WebhookContext } from './endpoints.ts'
import { totalOf } from './replay-total.ts'

export type ReplayRequest = {
  readonly kind: ReplayKind
  /** Filters as of an endpoint; all that it wants unless given. */
  readonly types?: readonly string[] | undefined
  /** Of the failed deliveries, those whose last attempt failed with this error. */
  readonly error?: string | undefined
  /** Events stored at or after this time, in ms since 1970. */
  readonly since?: number | undefined
  /** Events stored before this time, in ms since 1970. */
  readonly until?: number | undefined
  /** Events after this sequence. */
  readonly after?: number | undefined
  /** Events up to and including this sequence. */
  readonly to?: number | undefined
}

const ERROR_OF_PAST = reject(
  'parameter_invalid',
  'The parameter last_error chooses failed deliveries: send it with kind failed.',
  'last_error',
)

/**
 * Starts a replay of the events that an endpoint was sent (`past`), or of its failed deliveries (`failed`), in a range.
 * An empty range is done at once. With a key, it starts once, and a retry returns it as it was started. Rejections:
 * `webhook_endpoint_not_found`; `parameter_invalid` for event types that do not exist, or an error without failed
 * deliveries; `webhook_replay_limit_reached`; those of `once`. Rejects with `StoreUnavailable`.
 */
export function startReplay(
  context: WebhookContext,
  scope: Scope,
  endpointId: string,
  request: ReplayRequest,
  audit: Audit,
  keyed: KeyedRequest | null = null,
): Promise<Once<Replay> | Rejection> {
  return once(context, keyed, {
    work: () => addReplay(context, scope, endpointId, request, audit, keyed),
    async earlier({ ending: { objectId } }) {
      const replay = await context.store.replay(scope, objectId)
      if (!replay) throw new Error(`${objectId}, which a key names, is gone`)
      return startedReplay(replay)
    },
  })
}

async function addReplay(
  context: WebhookContext,
  scope: Scope,
  endpointId: string,
  request: ReplayRequest,
  audit: Audit,
  keyed: KeyedRequest | null,
): Promise<Replay | Rejection> {
  const { store, newId, now, webhooks } = context
  const endpoint = await findEndpoint(context, scope, endpointId)
  if (isRejection(endpoint)) return endpoint
  const filters = request.types ? describedFilters(request.types, 'event_types') : null
  if (filters && 'rejected' in filters) return filters
  if (request.error !== undefined && request.kind !== 'failed') return ERROR_OF_PAST
  const { from, to } = await rangeOf(context, endpoint, request)
  const error = request.error ?? null
  const what = { kind: request.kind, types: filters && typesOf(filters), error, from, to }
  const createdAt = now()
  const total = await totalOf(store, endpoint, what)
  const replay = startedReplay({ id: newId('rpl'), scope, endpoint: endpointId, ...what, total, createdAt })
  const entry = audit(replayAudited('webhook_replay.created', replay))
  const record = keyed && recordOf(keyed, { kind: 'created', objectId: replay.id, facts: null })
  if (!(await store.addReplay(replay, entry, record))) {
    const deleted = await findEndpoint(context, scope, endpointId)
    if (isRejection(deleted)) return deleted
    return reject(
      'webhook_replay_limit_reached',
      `The webhook endpoint has ${MAX_REPLAYS} running replays. Wait for one, or cancel one.`,
    )
  }
  webhooks.wake()
  return replay
}

/** Rejection: `webhook_replay_not_found`. */
export async function findReplay(
  { store }: Pick<WebhookContext, 'store'>,
  scope: Scope,
  id: string,
): Promise<Replay | Rejection> {
  return (await store.replay(scope, id)) ?? notFound('replay', id)
}

/**
 * Ends a running replay; attempts in flight still end. A canceled one stays as it is. Rejections:
 * `webhook_replay_not_found`, `webhook_replay_ended`. Rejects with `StoreUnavailable`.
 */
export async function cancelReplay(
  context: WebhookContext,
  scope: Scope,
  id: string,
  audit: Audit,
): Promise<Replay | Rejection> {
  const { store, now } = context
  const before = await findReplay(context, scope, id)
  if (isRejection(before)) return before
  const entry = audit(replayAudited('webhook_replay.canceled', { ...before, state: 'canceled' }))
  if (before.state === 'running') await store.cancelReplay(scope, id, now(), entry)
  const after = await findReplay(context, scope, id)
  if (isRejection(after) || after.state !== 'done') return after
  return reject('webhook_replay_ended', 'The replay has ended already.', 'id')
}

/** The sequences of the request's range. The past ends where the endpoint's own cursor is. */
async function rangeOf(
  { store }: WebhookContext,
  { id, scope }: WebhookEndpoint,
  { kind, since, until, after = 0, to = Number.POSITIVE_INFINITY }: ReplayRequest,
): Promise<{ readonly from: number; readonly to: number }> {
  // Later events come anyway; and a delivery may have failed while an earlier one was in flight.
  const last =
    kind === 'past'
      ? ((await store.webhookCursor(scope, id))?.position ?? 0)
      : await store.lastEventSequence(scope)
  const first = since === undefined ? 0 : await sequenceAt(since)
  const end = until === undefined ? Number.POSITIVE_INFINITY : await sequenceAt(until)
  const from = Math.min(Math.max(after, first), last)
  return { from, to: Math.max(from, Math.min(to, end, last)) }

  /** The last sequence before a time. */
  async function sequenceAt(time: number): Promise<number> {
    const { data } = await store.events(scope, { after: 0, limit: 1, createdFrom: time })
    return (data[0]?.sequence ?? Number.MAX_SAFE_INTEGER) - 1
  }
}
