/** The caller itself: what a program or a page needs to know before it draws anything. */

import { serves } from '../../app/routing/serving.ts'
import { PERMISSIONS } from '../../domain/access/permissions.ts'
import { NoQuery, sendObject } from '../../http/endpoint.ts'
import type { Caller } from '../caller.ts'
import type { Endpoint, Services } from '../endpoint.ts'
import { shows } from '../openapi/examples.ts'
import { accountOf } from './accounts.ts'
import { Me, type MeView } from './me-schemas.ts'
import { timeOrNull } from './views.ts'

async function keyOf({ context }: Services, { scope, keyId }: Caller): Promise<MeView['key']> {
  const key = keyId === null ? undefined : await context.store.accessKey(scope, keyId)
  return key ? { id: key.id, name: key.name, role: key.role, expires_at: timeOrNull(key.expiresAt) } : null
}

async function meView(services: Services, caller: Caller): Promise<MeView> {
  const { context, server } = services
  const { scope, keyId, permissions } = caller
  const [account, key] = await Promise.all([accountOf(context, scope), keyOf(services, caller)])
  const providers = [...context.providers.values()]
  return {
    account: { id: account.publicId, name: account.name },
    mode: scope.mode,
    access: keyId !== null ? 'key' : server.insecureNoAuth ? 'open' : 'loopback',
    key,
    permissions: PERMISSIONS.filter((permission) => permissions.has(permission)),
    version: server.version,
    public_url: server.publicUrl,
    features: {
      docs: server.withDocs,
      sandbox: providers.some((provider) => provider.kind === 'sandbox' && serves(provider, scope)),
      webhook_endpoints: context.vault.unusable === null,
    },
  }
}

const meEndpoint: Endpoint = {
  id: 'retrieveMe',
  method: 'GET',
  url: '/api/v1/me',
  permission: 'any',
  summary: 'Find out who makes the request',
  description:
    'The account, the mode, the API key and its permissions, and the version and the public address of the server. Every valid key may read it, and so may a request without one where MiniPay needs none.',
  tag: 'API keys',
  query: NoQuery,
  responses: { 200: { description: 'The caller.', schema: Me } },
  errors: [],
  examples: shows('me', 'A request without a key, on loopback', {
    account: { id: 'acct_default', name: 'default' },
    mode: 'test',
    access: 'loopback',
    key: null,
    permissions: PERMISSIONS.filter((permission) => permission !== 'accounts:write'),
    version: '0.1.0',
    public_url: null,
    features: { docs: true, sandbox: true, webhook_endpoints: true },
  }),
  async handle(services, request, reply) {
    return sendObject(reply, await meView(services, request.caller))
  },
}

export const meEndpoints: readonly Endpoint[] = [meEndpoint]
