/** Every caller finds out who it is, and what it may do. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { MeView } from '../../src/api/minipay/me-schemas.ts'
import { PERMISSIONS } from '../../src/domain/access/permissions.ts'
import { client } from '../kit/client.ts'
import { tempDir } from '../kit/folders.ts'
import { bearer, inDatabase } from '../kit/keys.ts'
import { serve } from '../kit/server.ts'

const dir = tempDir()
const file = `${dir.path}/keys.db`
const EXPIRES_AT = Date.parse('2999-01-01T00:00:00.000Z')
const secrets = { support: '', live: '', other: '' }
const ids = { support: '', account: '' }

before(() =>
  inDatabase(file, async ({ key, account }) => {
    const support = await key({ name: 'Support desk', role: 'support', expiresAt: EXPIRES_AT })
    const live = await key({ name: 'Monitor', mode: 'live', permissions: ['metrics:read', 'charges:write'] })
    const { publicId } = await account('Shop in Lisbon')
    const other = await key({ account: publicId, name: 'Owner' })
    Object.assign(secrets, { support: support.secret, live: live.secret, other: other.secret })
    Object.assign(ids, { support: support.key.id, account: publicId })
  }),
)
after(() => dir.remove())

test('each key sees its account, its mode, itself and its effective permissions, and nothing without a key', async (t) => {
  const { url } = await serve(t, file)
  const me = async (secret: string) => (await client(url, bearer(secret)).get<MeView>('/api/v1/me')).body
  const support = await me(secrets.support)
  assert.deepEqual([support.account.id, support.mode, support.access], ['acct_default', 'test', 'key'])
  assert.deepEqual(support.key, {
    ...{ id: ids.support, name: 'Support desk', role: 'support' },
    expires_at: '2999-01-01T00:00:00.000Z',
  })
  assert.ok(support.permissions.includes('refunds:write') && !support.permissions.includes('charges:write'))

  const live = await me(secrets.live)
  assert.deepEqual([live.mode, live.key?.role, live.features.sandbox], ['live', null, false])
  assert.deepEqual(live.permissions, ['charges:read', 'charges:write', 'metrics:read'])

  const other = await me(secrets.other)
  assert.deepEqual(other.account, { id: ids.account, name: 'Shop in Lisbon' })
  assert.ok(!other.permissions.some((permission) => /^(accounts|metrics):/.test(permission)))
  assert.equal(other.features.sandbox, true)

  const without = await client(url).get<{ code: string }>('/api/v1/me')
  assert.deepEqual([without.status, without.body.code], [401, 'unauthenticated'])
  const wrong = await client(url, bearer(`${secrets.support.slice(0, -1)}x`)).get('/api/v1/me')
  assert.equal(wrong.status, 401)
})

test('a request without a key learns that it has none, and why MiniPay serves it', async (t) => {
  const open = await serve(t, file, {
    MINIPAY_INSECURE_NO_AUTH: 'true',
    MINIPAY_PUBLIC_URL: 'https://pay.example.com',
  })
  const { body } = await client(open.url).get<MeView>('/api/v1/me')
  assert.deepEqual([body.access, body.key, body.mode], ['open', null, 'test'])
  await open.stop()

  const loopback = await serve(t, `${dir.path}/new.db`, { MINIPAY_DOCS: 'never' })
  const { body: own } = await client(loopback.url).get<MeView>('/api/v1/me')
  assert.deepEqual([own.access, own.key, own.account.id], ['loopback', null, 'acct_default'])
  assert.deepEqual(
    own.permissions,
    PERMISSIONS.filter((permission) => permission !== 'accounts:write'),
  )
  assert.equal(own.features.docs, false)
  assert.deepEqual([body.public_url, own.public_url], ['https://pay.example.com', null])
})
