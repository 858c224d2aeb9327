/** Replays: events that a webhook endpoint gets again, in the background. */
import { findEndpoint } from '../../app/webhooks/endpoints.ts'
import { cancelReplay, findReplay, startReplay } from '../../app/webhooks/replays.ts'
import { isRejection, type Rejection } from '../../domain/error.ts'
import type { EventType } from '../../domain/event.ts'
import type { Replay } from '../../domain/webhooks/replay.ts'
import { NoQuery, type Reply, sendObject } from '../../http/endpoint.ts'
import { checkCursor, DEFAULT_LIMIT, sendPage, time } from '../../http/paging.ts'
import { auditing, scopeOf } from '../caller.ts'
import { type Endpoint, keyedIfAsked } from '../endpoint.ts'
import { sendRejection } from '../errors.ts'
import { TIME } from '../openapi/example-objects.ts'
import { pageOf, shows } from '../openapi/examples.ts'
import { REPLAY } from '../openapi/webhook-objects.ts'
import { sendOnce } from './endings.ts'
import { endpointId, idOf, NoBody } from './fields.ts'
import { oneCursor, page } from './lists.ts'
import { bodyValidator, queryValidator } from './parameters.ts'
import { timeOrNull, timestamp } from './views.ts'
import {
  CreateReplayBody,
  ReplaysQuery,
  replayId,
  WebhookReplay,
  type WebhookReplayView,
} from './webhook-replay-schemas.ts'

const validQuery = queryValidator(ReplaysQuery)
const validReplay = bodyValidator(CreateReplayBody)
const validNothing = bodyValidator(NoBody)
const TAG = 'Events and webhooks'

const createReplayEndpoint: Endpoint = {
  id: 'createWebhookReplay',
  method: 'POST',
  url: '/api/v1/webhook_endpoints/:id/replays',
  permission: 'webhooks:write',
  summary: 'Replay events to a webhook endpoint',
  description:
    'Starts to send again, in the background: the failed deliveries, or the past. New events do not wait for it, and a crash or a restart does not end it. Every event keeps its ids, so a receiver recognizes it. An endpoint has at most ten running replays. With an Idempotency-Key, a request that is sent again starts no second replay: it returns the first one as it was started.',
  tag: TAG,
  params: idOf(endpointId),
  query: NoQuery,
  body: CreateReplayBody,
  keyed: 'replay-1234',
  responses: {
    201: { description: 'The replay, which runs.', schema: WebhookReplay },
    200: { description: 'An earlier request with the key started this replay.', schema: WebhookReplay },
  },
  errors: ['webhook_endpoint_not_found', 'webhook_replay_limit_reached'],
  examples: [
    {
      name: 'started',
      summary: 'Everything that failed since a time',
      body: { kind: 'failed', since: '2026-11-23T00:00:00Z' },
      status: 201,
      response: REPLAY,
    },
    { name: 'repeated', summary: 'The same request again', status: 200, response: REPLAY },
  ],
  async handle(services, request, reply) {
    const { context } = services
    const { id } = request.params as { id: string }
    const body = validReplay(request.body ?? {})
    const { kind, event_types: types, last_error: error, ...range } = body
    const { after_sequence: after, to_sequence: to, since, until } = range
    const wanted = { kind, types, error, after, to, since: time('since', since), until: time('until', until) }
    const audit = auditing(context, request)
    const asked = keyedIfAsked(services, request, `POST /api/v1/webhook_endpoints/${id}/replays`, body)
    const made = await startReplay(context, scopeOf(request), id, wanted, audit, asked)
    if (isRejection(made)) return sendRejection(reply, made)
    return sendOnce(reply, made, replayView(made.value), 201)
  },
}

const listReplaysEndpoint: Endpoint = {
  id: 'listWebhookReplays',
  method: 'GET',
  url: '/api/v1/webhook_endpoints/:id/replays',
  permission: 'webhooks:read',
  summary: 'List the replays of a webhook endpoint, newest first',
  tag: TAG,
  params: idOf(endpointId),
  query: ReplaysQuery,
  responses: { 200: { description: 'A page of replays.', schema: page(WebhookReplay) } },
  errors: ['cursor_invalid', 'webhook_endpoint_not_found'],
  examples: pageOf('replays', REPLAY),
  async handle({ context }, request, reply) {
    const scope = scopeOf(request)
    const { id } = request.params as { id: string }
    const { limit = DEFAULT_LIMIT, ...cursors } = validQuery(request.query)
    const { starting_after: startingAfter, ending_before: endingBefore } = oneCursor(cursors)
    const endpoint = await findEndpoint(context, scope, id)
    if (isRejection(endpoint)) return sendRejection(reply, endpoint)
    const exists = async (replay: string) => (await context.store.replay(scope, replay))?.endpoint === id
    await checkCursor('starting_after', startingAfter, 'rpl', exists)
    await checkCursor('ending_before', endingBefore, 'rpl', exists)
    const found = await context.store.replays(scope, id, {
      limit,
      ...(startingAfter !== undefined && { startingAfter }),
      ...(endingBefore !== undefined && { endingBefore }),
    })
    return sendPage(reply, found, replayView, { backwards: endingBefore !== undefined })
  },
}

const retrieveReplayEndpoint: Endpoint = {
  id: 'retrieveWebhookReplay',
  method: 'GET',
  url: '/api/v1/webhook_replays/:id',
  permission: 'webhooks:read',
  summary: 'Retrieve a replay, with its progress',
  tag: TAG,
  params: idOf(replayId),
  query: NoQuery,
  responses: { 200: { description: 'The replay.', schema: WebhookReplay } },
  errors: ['webhook_replay_not_found'],
  examples: shows('replay', 'A replay', REPLAY),
  async handle({ context }, request, reply) {
    const { id } = request.params as { id: string }
    return sendReplay(reply, await findReplay(context, scopeOf(request), id))
  },
}

const cancelReplayEndpoint: Endpoint = {
  id: 'cancelWebhookReplay',
  method: 'POST',
  url: '/api/v1/webhook_replays/:id/cancel',
  permission: 'webhooks:write',
  summary: 'Cancel a running replay',
  description:
    'Attempts in flight still end. A canceled replay stays as it is, so this request needs no Idempotency-Key.',
  tag: TAG,
  params: idOf(replayId),
  query: NoQuery,
  body: NoBody,
  responses: { 200: { description: 'The canceled replay.', schema: WebhookReplay } },
  errors: ['webhook_replay_not_found', 'webhook_replay_ended'],
  examples: shows('canceled', 'A canceled replay', { ...REPLAY, status: 'canceled', ended_at: TIME }),
  async handle({ context }, request, reply) {
    const { id } = request.params as { id: string }
    validNothing(request.body ?? {})
    const audit = auditing(context, request)
    return sendReplay(reply, await cancelReplay(context, scopeOf(request), id, audit))
  },
}

function sendReplay(reply: Reply, replay: Replay | Rejection): Reply {
  return isRejection(replay) ? sendRejection(reply, replay) : sendObject(reply, replayView(replay))
}

function replayView(replay: Replay): WebhookReplayView {
  return {
    id: replay.id,
    endpoint: replay.endpoint,
    kind: replay.kind,
    event_types: replay.types as readonly EventType[] | null,
    last_error: replay.error,
    after_sequence: replay.from,
    to_sequence: replay.to,
    position: replay.position,
    status: replay.state,
    total: replay.total,
    sent: replay.sent,
    delivered: replay.delivered,
    created_at: timestamp(replay.createdAt),
    ended_at: timeOrNull(replay.endedAt),
  }
}

export const webhookReplayEndpoints: readonly Endpoint[] = [
  createReplayEndpoint,
  listReplaysEndpoint,
  retrieveReplayEndpoint,
  cancelReplayEndpoint,
]
