/** API keys: made, listed, renamed, rolled and revoked. */
import {
  createAccessKey,
  findAccessKey,
  listAccessKeys,
  type MadeKey,
  renameAccessKey,
  revokeAccessKey,
  rollAccessKey,
} from '../../app/access/access-keys.ts'
import type { AccessKey } from '../../domain/access/access-key.ts'
import { isRejection, type Rejection } from '../../domain/error.ts'
import { NoQuery, type Reply, sendJson, sendObject } from '../../http/endpoint.ts'
import { checkCursor, DEFAULT_LIMIT, sendPage, time } from '../../http/paging.ts'
import { type Endpoint, refuseIdempotencyKey, type Services } from '../endpoint.ts'
import { sendRejection } from '../errors.ts'
import { API_KEY, SECRET, TIME } from '../openapi/example-objects.ts'
import { pageOf, shows } from '../openapi/examples.ts'
import { publicAccountId } from './accounts.ts'
import { idOf, keyId, NoBody } from './fields.ts'
import {
  ApiKey,
  type ApiKeyView,
  ApiKeyWithSecret,
  CreateKeyBody,
  KeysQuery,
  RenameKeyBody,
  RollKeyBody,
} from './key-schemas.ts'
import { oneCursor, page } from './lists.ts'
import { bodyValidator, queryValidator } from './parameters.ts'
import { timeOrNull, timestamp } from './views.ts'

const validQuery = queryValidator(KeysQuery)
const validKey = bodyValidator(CreateKeyBody)
const validName = bodyValidator(RenameKeyBody)
const validRoll = bodyValidator(RollKeyBody)
const validNothing = bodyValidator(NoBody)

const NOT_IDEMPOTENT =
  'It takes no Idempotency-Key, because MiniPay stores no secret that it could return again: if the response is lost, revoke the new key, which the list shows, and make another.'

const createKeyEndpoint: Endpoint = {
  id: 'createApiKey',
  method: 'POST',
  url: '/api/v1/keys',
  permission: 'keys:write',
  summary: 'Create an API key',
  description: `The response has the secret, which MiniPay shows only this once. A key grants at most what the key that makes it has: its permissions, its account and mode, its networks, its end and its rate limit. ${NOT_IDEMPOTENT}`,
  tag: 'API keys',
  query: NoQuery,
  body: CreateKeyBody,
  responses: { 201: { description: 'The key with its secret.', schema: ApiKeyWithSecret } },
  errors: ['account_not_found', 'account_closed'],
  examples: [
    {
      name: 'created',
      summary: 'A key for people who refund',
      body: { name: 'Support desk', role: 'support', mode: 'test' },
      status: 201,
      response: { ...API_KEY, secret: SECRET },
    },
  ],
  async handle({ context }, request, reply) {
    refuseIdempotencyKey(request)
    const { expires_at: expires, rate_limit: rateLimit, ...body } = validKey(request.body)
    const expiresAt = time('expires_at', expires)
    const made = await createAccessKey(context, request.caller, {
      ...body,
      expiresAt: expiresAt ?? null,
      rateLimit: rateLimit ?? null,
    })
    return sendMade(context, reply, 201, made)
  },
}

const listKeysEndpoint: Endpoint = {
  id: 'listApiKeys',
  method: 'GET',
  url: '/api/v1/keys',
  permission: 'keys:read',
  summary: 'List API keys, newest first',
  description: 'Keys of your account and mode, revoked and expired ones included, without their secrets.',
  tag: 'API keys',
  query: KeysQuery,
  responses: { 200: { description: 'A page of keys.', schema: page(ApiKey) } },
  errors: ['cursor_invalid', 'account_not_found'],
  examples: pageOf('keys', API_KEY),
  async handle({ context }, request, reply) {
    const { limit = DEFAULT_LIMIT, account, mode, ...cursors } = validQuery(request.query)
    const { starting_after: startingAfter, ending_before: endingBefore } = oneCursor(cursors)
    const exists = async (id: string) => !isRejection(await findAccessKey(context, request.caller, id))
    await checkCursor('starting_after', startingAfter, 'key', exists)
    await checkCursor('ending_before', endingBefore, 'key', exists)
    const found = await listAccessKeys(context, request.caller, {
      ...{ limit, account, mode },
      ...(startingAfter !== undefined && { startingAfter }),
      ...(endingBefore !== undefined && { endingBefore }),
    })
    if (isRejection(found)) return sendRejection(reply, found)
    const [first] = found.data
    // They are all of one account.
    const of = first ? await publicAccountId(context, first.scope) : ''
    const backwards = endingBefore !== undefined
    return sendPage(reply, found, (key) => keyView(key, of), { backwards })
  },
}

const retrieveKeyEndpoint: Endpoint = {
  id: 'retrieveApiKey',
  method: 'GET',
  url: '/api/v1/keys/:id',
  permission: 'keys:read',
  summary: 'Retrieve an API key',
  tag: 'API keys',
  params: idOf(keyId),
  query: NoQuery,
  responses: { 200: { description: 'The key, without its secret.', schema: ApiKey } },
  errors: ['api_key_not_found'],
  examples: shows('key', 'A key', API_KEY),
  async handle({ context }, request, reply) {
    const { id } = request.params as { id: string }
    return sendKey(context, reply, await findAccessKey(context, request.caller, id))
  },
}

const updateKeyEndpoint: Endpoint = {
  id: 'updateApiKey',
  method: 'PATCH',
  url: '/api/v1/keys/:id',
  permission: 'keys:write',
  summary: 'Rename an API key',
  description:
    'What a key may do never changes. Make another key, and revoke this one. A key can rename itself, and the keys that may do no more.',
  tag: 'API keys',
  params: idOf(keyId),
  query: NoQuery,
  body: RenameKeyBody,
  responses: { 200: { description: 'The key with its new name.', schema: ApiKey } },
  errors: ['api_key_not_found'],
  examples: [
    {
      name: 'renamed',
      summary: 'A key with another name',
      body: { name: 'Support desk, Lisbon' },
      status: 200,
      response: { ...API_KEY, name: 'Support desk, Lisbon' },
    },
  ],
  async handle({ context }, request, reply) {
    const { id } = request.params as { id: string }
    const { name } = validName(request.body)
    return sendKey(context, reply, await renameAccessKey(context, request.caller, id, name))
  },
}

const rollKeyEndpoint: Endpoint = {
  id: 'rollApiKey',
  method: 'POST',
  url: '/api/v1/keys/:id/roll',
  permission: 'keys:write',
  summary: 'Roll an API key',
  description: `Makes a successor with the same name and rights and with a secret of its own, which MiniPay shows only this once. The old key still works for the overlap, so that its users can change over. ${NOT_IDEMPOTENT}`,
  tag: 'API keys',
  params: idOf(keyId),
  query: NoQuery,
  body: RollKeyBody,
  responses: { 200: { description: 'The successor with its secret.', schema: ApiKeyWithSecret } },
  errors: ['api_key_not_found', 'api_key_ended', 'account_closed'],
  examples: [
    {
      name: 'rolled',
      summary: 'The successor of a key that works for another hour',
      body: { overlap_seconds: 3600 },
      status: 200,
      response: { ...API_KEY, secret: SECRET },
    },
  ],
  async handle({ context }, request, reply) {
    refuseIdempotencyKey(request)
    const { id } = request.params as { id: string }
    const { overlap_seconds: seconds } = validRoll(request.body ?? {})
    const overlapMs = seconds === undefined ? undefined : seconds * 1000
    return sendMade(context, reply, 200, await rollAccessKey(context, request.caller, id, overlapMs))
  },
}

const revokeKeyEndpoint: Endpoint = {
  id: 'revokeApiKey',
  method: 'POST',
  url: '/api/v1/keys/:id/revoke',
  permission: 'keys:write',
  summary: 'Revoke an API key',
  description:
    'Cannot be undone: within a second every node refuses the key. A revoked key stays as it is, so this request needs no Idempotency-Key. A key can revoke itself, and the keys that may do no more.',
  tag: 'API keys',
  params: idOf(keyId),
  query: NoQuery,
  body: NoBody,
  responses: { 200: { description: 'The revoked key.', schema: ApiKey } },
  errors: ['api_key_not_found'],
  examples: shows('revoked', 'A revoked key', { ...API_KEY, revoked_at: TIME }),
  async handle({ context }, request, reply) {
    const { id } = request.params as { id: string }
    validNothing(request.body ?? {})
    return sendKey(context, reply, await revokeAccessKey(context, request.caller, id))
  },
}

type Context = Services['context']

async function sendKey(context: Context, reply: Reply, key: AccessKey | Rejection): Promise<Reply> {
  if (isRejection(key)) return sendRejection(reply, key)
  return sendObject(reply, keyView(key, await publicAccountId(context, key.scope)))
}

async function sendMade(
  context: Context,
  reply: Reply,
  status: number,
  made: MadeKey | Rejection,
): Promise<Reply> {
  if (isRejection(made)) return sendRejection(reply, made)
  const { key, secret } = made
  const view = { ...keyView(key, await publicAccountId(context, key.scope)), secret }
  return sendJson(reply, status, JSON.stringify(view))
}

function keyView(key: AccessKey, account: string): ApiKeyView {
  return {
    id: key.id,
    account,
    mode: key.scope.mode,
    name: key.name,
    hint: key.hint,
    role: key.role,
    permissions: key.permissions,
    networks: key.networks,
    rate_limit: key.rateLimit,
    expires_at: timeOrNull(key.expiresAt),
    revoked_at: timeOrNull(key.revokedAt),
    rolled_to: key.rolledTo,
    created_at: timestamp(key.createdAt),
    created_by: key.createdBy,
    last_used_at: timeOrNull(key.lastUsedAt),
  }
}

export const keyEndpoints: readonly Endpoint[] = [
  createKeyEndpoint,
  listKeysEndpoint,
  retrieveKeyEndpoint,
  updateKeyEndpoint,
  rollKeyEndpoint,
  revokeKeyEndpoint,
]
