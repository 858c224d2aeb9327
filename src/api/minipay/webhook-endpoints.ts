/** Webhook endpoints: made, listed, changed, enabled, disabled, deleted, given new secrets, and tested. */
import {
  createEndpoint,
  deleteEndpoint,
  disableEndpoint,
  enableEndpoint,
  findEndpoint,
  rotateSecret,
  updateEndpoint,
} from '../../app/webhooks/endpoints.ts'
import { testEndpoint } from '../../app/webhooks/test-endpoint.ts'
import { isRejection, type Rejection } from '../../domain/error.ts'
import type { EndpointRequest } from '../../domain/webhooks/described.ts'
import type { WebhookEndpoint as StoredEndpoint } from '../../domain/webhooks/endpoint.ts'
import { NoQuery, type Reply, sendJson, sendObject } from '../../http/endpoint.ts'
import { Refused, refuse } from '../../http/errors.ts'
import { DEFAULT_LIMIT, sendPage } from '../../http/paging.ts'
import type { Static, Undefinable } from '../../http/schema.ts'
import { auditing, scopeOf } from '../caller.ts'
import { type Endpoint, refuseIdempotencyKey, type Services } from '../endpoint.ts'
import { sendRejection } from '../errors.ts'
import { pageOf, shows } from '../openapi/examples.ts'
import { WEBHOOK_ENDPOINT, WEBHOOK_SECRET, WEBHOOK_TEST } from '../openapi/webhook-objects.ts'
import { endpointId, idOf, NoBody } from './fields.ts'
import { oneCursor, page } from './lists.ts'
import { bodyValidator, queryValidator } from './parameters.ts'
import {
  CreateEndpointBody,
  DeletedEndpoint,
  EndpointsQuery,
  RotateBody,
  UpdateEndpointBody,
  WebhookEndpoint,
  WebhookEndpointWithSecret,
  WebhookTest,
} from './webhook-endpoint-schemas.ts'
import { endpointView, testView } from './webhook-endpoint-view.ts'

const validQuery = queryValidator(EndpointsQuery)
const validCreate = bodyValidator(CreateEndpointBody)
const validUpdate = bodyValidator(UpdateEndpointBody)
const validRotate = bodyValidator(RotateBody)
const validNothing = bodyValidator(NoBody)
/** What the endpoints below share. */
const COMMON = { tag: 'Events and webhooks', query: NoQuery } as const
const OF_ONE = { ...COMMON, params: idOf(endpointId) } as const
const SHOWN = (description: string) => ({ 200: { description, schema: WebhookEndpoint } })
const NOT_IDEMPOTENT =
  'It takes no Idempotency-Key, because MiniPay shows no secret twice: if the response is lost,'

const createEndpointEndpoint: Endpoint = {
  ...COMMON,
  id: 'createWebhookEndpoint',
  method: 'POST',
  url: '/api/v1/webhook_endpoints',
  permission: 'webhooks:write',
  summary: 'Create a webhook endpoint',
  description: `The endpoint gets the events of your account and mode that are stored from now on. The response has the secret that signs them, which MiniPay shows only this once. An account has at most 1,000 endpoints in each mode. ${NOT_IDEMPOTENT} delete the new endpoint, which the list shows, and make another.`,
  body: CreateEndpointBody,
  responses: { 201: { description: 'The endpoint with its secret.', schema: WebhookEndpointWithSecret } },
  errors: ['webhook_endpoint_limit_reached', 'secrets_key_missing'],
  examples: [
    {
      name: 'created',
      summary: 'An endpoint for payments and refunds',
      body: {
        url: WEBHOOK_ENDPOINT.url,
        events: WEBHOOK_ENDPOINT.events,
        headers: { 'x-shop': 'lisbon' },
      },
      status: 201,
      response: { ...WEBHOOK_ENDPOINT, secret: WEBHOOK_SECRET },
    },
  ],
  async handle({ context }, request, reply) {
    refuseIdempotencyKey(request)
    const wanted = endpointRequest(validCreate(request.body))
    const made = await createEndpoint(context, scopeOf(request), wanted, auditing(context, request))
    if (isRejection(made)) return sendRejection(reply, made)
    return sendSecret(context, reply, 201, made)
  },
}

const listEndpointsEndpoint: Endpoint = {
  ...COMMON,
  id: 'listWebhookEndpoints',
  method: 'GET',
  url: '/api/v1/webhook_endpoints',
  permission: 'webhooks:read',
  summary: 'List webhook endpoints, newest first',
  description:
    'Deleted ones are left out. The endpoint `default`, of the setting `WEBHOOK_TARGET`, is the last.',
  query: EndpointsQuery,
  responses: { 200: { description: 'A page of endpoints.', schema: page(WebhookEndpoint) } },
  errors: ['cursor_invalid'],
  examples: pageOf('endpoints', WEBHOOK_ENDPOINT),
  async handle({ context }, request, reply) {
    const scope = scopeOf(request)
    const { limit = DEFAULT_LIMIT, ...cursors } = validQuery(request.query)
    const { starting_after: startingAfter, ending_before: endingBefore } = oneCursor(cursors)
    for (const [param, id] of Object.entries(cursors))
      if (isRejection(await findEndpoint(context, scope, id)))
        throw new Refused(refuse('cursor_invalid', `${param} must be the id of a webhook endpoint.`, param))
    const found = await context.store.webhookEndpoints(scope, {
      limit,
      ...(startingAfter !== undefined && { startingAfter }),
      ...(endingBefore !== undefined && { endingBefore }),
    })
    const data = await Promise.all(found.data.map((endpoint) => shown(context, endpoint)))
    return sendPage(reply, { ...found, data }, (view) => view, { backwards: endingBefore !== undefined })
  },
}

const retrieveEndpointEndpoint: Endpoint = {
  ...OF_ONE,
  id: 'retrieveWebhookEndpoint',
  method: 'GET',
  url: '/api/v1/webhook_endpoints/:id',
  permission: 'webhooks:read',
  summary: 'Retrieve a webhook endpoint',
  responses: SHOWN('The endpoint, with how far it is.'),
  errors: ['webhook_endpoint_not_found'],
  examples: shows('endpoint', 'A webhook endpoint', WEBHOOK_ENDPOINT),
  async handle({ context }, request, reply) {
    const { id } = request.params as { id: string }
    return sendEndpoint(context, reply, await findEndpoint(context, scopeOf(request), id))
  },
}

const updateEndpointEndpoint: Endpoint = {
  ...OF_ONE,
  id: 'updateWebhookEndpoint',
  method: 'PATCH',
  url: '/api/v1/webhook_endpoints/:id',
  permission: 'webhooks:write',
  summary: 'Update a webhook endpoint',
  description:
    'Changes the given fields. With `version`, MiniPay refuses the change if somebody else changed the endpoint since you read it. Without it, MiniPay refuses only a change that crosses another one of the same fields. The change holds for all attempts from now on, also of waiting deliveries.',
  body: UpdateEndpointBody,
  responses: SHOWN('The endpoint after the change.'),
  errors: [
    'webhook_endpoint_not_found',
    'webhook_endpoint_configured',
    'webhook_endpoint_version_conflict',
    'secrets_key_missing',
  ],
  examples: [
    {
      name: 'updated',
      summary: 'An endpoint that gets every event',
      body: { events: ['*'], version: 1 },
      status: 200,
      response: { ...WEBHOOK_ENDPOINT, events: ['*'], version: 2 },
    },
  ],
  async handle({ context }, request, reply) {
    const { id } = request.params as { id: string }
    const { version, ...body } = validUpdate(request.body ?? {})
    const wanted = { ...endpointRequest(body), version }
    const audit = auditing(context, request)
    return sendEndpoint(context, reply, await updateEndpoint(context, scopeOf(request), id, wanted, audit))
  },
}

/** Enables or disables an endpoint. */
function switchEndpoint(
  verb: 'enable' | 'disable',
  run: typeof enableEndpoint,
  description: string,
  response: object,
): Endpoint {
  return {
    ...OF_ONE,
    id: `${verb}WebhookEndpoint`,
    method: 'POST',
    url: `/api/v1/webhook_endpoints/:id/${verb}`,
    permission: 'webhooks:write',
    summary: verb === 'enable' ? 'Enable a webhook endpoint' : 'Disable a webhook endpoint',
    description: `${description} One that is ${verb}d already stays as it is, so this request needs no Idempotency-Key.`,
    body: NoBody,
    responses: SHOWN(`The ${verb}d endpoint.`),
    errors: ['webhook_endpoint_not_found', 'webhook_endpoint_configured'],
    examples: shows(`${verb}d`, `An endpoint that was ${verb}d`, response),
    async handle({ context }, request, reply) {
      const { id } = request.params as { id: string }
      validNothing(request.body ?? {})
      const audit = auditing(context, request)
      return sendEndpoint(context, reply, await run(context, scopeOf(request), id, audit))
    },
  }
}

const deleteEndpointEndpoint: Endpoint = {
  ...OF_ONE,
  id: 'deleteWebhookEndpoint',
  method: 'DELETE',
  url: '/api/v1/webhook_endpoints/:id',
  permission: 'webhooks:write',
  summary: 'Delete a webhook endpoint',
  description:
    'Deletes it permanently, with its secrets: MiniPay sends it nothing more. Its waiting deliveries fail, and its deliveries stay in the list.',
  responses: { 200: { description: 'The id of the deleted endpoint.', schema: DeletedEndpoint } },
  errors: ['webhook_endpoint_not_found', 'webhook_endpoint_configured'],
  examples: shows('deleted', 'A deleted endpoint', { id: WEBHOOK_ENDPOINT.id, deleted: true }),
  async handle({ context }, request, reply) {
    const { id } = request.params as { id: string }
    const deleted = await deleteEndpoint(context, scopeOf(request), id, auditing(context, request))
    if (isRejection(deleted)) return sendRejection(reply, deleted)
    return sendObject(reply, { id, deleted: true } satisfies Static<typeof DeletedEndpoint>)
  },
}

const rotateSecretEndpoint: Endpoint = {
  ...OF_ONE,
  id: 'rotateWebhookSecret',
  method: 'POST',
  url: '/api/v1/webhook_endpoints/:id/rotate_secret',
  permission: 'webhooks:write',
  summary: 'Give a webhook endpoint a new secret',
  description: `MiniPay shows the new secret only this once. For the overlap it signs with the former one, too, so that a receiver with either accepts every webhook. With an overlap of 0 every former secret ends at once. ${NOT_IDEMPOTENT} rotate again.`,
  body: RotateBody,
  responses: { 200: { description: 'The endpoint with its secret.', schema: WebhookEndpointWithSecret } },
  errors: ['webhook_endpoint_not_found', 'webhook_endpoint_configured', 'secrets_key_missing'],
  examples: [
    {
      name: 'rotated',
      summary: 'A new secret, without an overlap',
      body: { overlap_seconds: 0 },
      status: 200,
      response: { ...WEBHOOK_ENDPOINT, version: 2, secret: WEBHOOK_SECRET },
    },
  ],
  async handle({ context }, request, reply) {
    refuseIdempotencyKey(request)
    const { id } = request.params as { id: string }
    const { overlap_seconds: seconds } = validRotate(request.body ?? {})
    const overlapMs = seconds === undefined ? undefined : seconds * 1_000
    const audit = auditing(context, request)
    const made = await rotateSecret(context, scopeOf(request), id, overlapMs, audit)
    if (isRejection(made)) return sendRejection(reply, made)
    return sendSecret(context, reply, 200, made)
  },
}

const testEndpointEndpoint: Endpoint = {
  ...OF_ONE,
  id: 'testWebhookEndpoint',
  method: 'POST',
  url: '/api/v1/webhook_endpoints/:id/test',
  permission: 'webhooks:write',
  summary: 'Send a test event to a webhook endpoint',
  description:
    'Sends one signed event of the type `webhook_endpoint.test` now, also to a disabled endpoint (but not to `default` while `WEBHOOK_TARGET` is empty), and shows the response. MiniPay stores nothing of it and does not try again.',
  body: NoBody,
  responses: { 200: { description: 'The attempt, also one that failed.', schema: WebhookTest } },
  errors: ['webhook_endpoint_not_found', 'webhook_endpoint_configured', 'overloaded'],
  examples: shows('tested', 'An endpoint that accepted the test event', WEBHOOK_TEST),
  async handle({ context }, request, reply) {
    const { id } = request.params as { id: string }
    validNothing(request.body ?? {})
    const tested = await testEndpoint(context, scopeOf(request), id)
    return isRejection(tested) ? sendRejection(reply, tested) : sendObject(reply, testView(id, tested))
  },
}

type Context = Services['context']
type Chosen = Undefinable<Omit<Static<typeof UpdateEndpointBody>, 'version'>>

/** The wire's names in the rules' words. */
function endpointRequest(body: Chosen): EndpointRequest {
  const { rate_limit: rateLimit, retry_delays_seconds: delaysS, ...rest } = body
  const { disable_after_seconds: disableAfterS, ...same } = rest
  return { ...same, rateLimit, delaysS, disableAfterS }
}

const HOUR_MS = 3_600_000
/** The hour that has begun is one of them. */
const SHOWN_HOURS = 24

async function shown({ store, now }: Context, endpoint: StoredEndpoint) {
  const { scope, id } = endpoint
  const at = now()
  const [cursor, hours] = await Promise.all([
    store.webhookCursor(scope, id),
    store.webhookHours(scope, id, Math.floor(at / HOUR_MS) - SHOWN_HOURS + 1),
  ])
  return endpointView(endpoint, { cursor, hours }, at)
}

async function sendEndpoint(
  context: Context,
  reply: Reply,
  endpoint: StoredEndpoint | Rejection,
): Promise<Reply> {
  if (isRejection(endpoint)) return sendRejection(reply, endpoint)
  return sendObject(reply, await shown(context, endpoint))
}

async function sendSecret(
  context: Context,
  reply: Reply,
  status: number,
  { endpoint, secret }: { readonly endpoint: StoredEndpoint; readonly secret: string },
): Promise<Reply> {
  return sendJson(reply, status, JSON.stringify({ ...(await shown(context, endpoint)), secret }))
}

export const webhookEndpointEndpoints: readonly Endpoint[] = [
  createEndpointEndpoint,
  listEndpointsEndpoint,
  retrieveEndpointEndpoint,
  updateEndpointEndpoint,
  switchEndpoint(
    'enable',
    enableEndpoint,
    'The endpoint gets all events since it was disabled, at its own pace.',
    { ...WEBHOOK_ENDPOINT, version: 3 },
  ),
  switchEndpoint('disable', disableEndpoint, 'Its events wait until it is enabled. Attempts in flight end.', {
    ...WEBHOOK_ENDPOINT,
    ...{ status: 'disabled', disabled_reason: 'request', version: 2 },
  }),
  rotateSecretEndpoint,
  testEndpointEndpoint,
  deleteEndpointEndpoint,
]
