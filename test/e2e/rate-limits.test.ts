/** The limits of requests at a started server: per API key, and in flight. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { client } from '../kit/client.ts'
import { folderOf } from '../kit/folders.ts'
import { bearer, inDatabase } from '../kit/keys.ts'
import { serve } from '../kit/server.ts'

/** A server with this limit, and the secrets of a key without a limit of its own and of one with 1,000 a second. */
async function started(t: TestContext, env: Record<string, string>) {
  const file = join(folderOf(t), 'a.db')
  const [usual, own] = await inDatabase(file, async ({ key }) => [
    (await key({ name: 'usual' })).secret,
    (await key({ name: 'own', rateLimit: 1_000 })).secret,
  ])
  const { url } = await serve(t, file, env)
  const get = (secret: string | undefined, count: number) =>
    Promise.all(Array.from({ length: count }, () => client(url, bearer(secret ?? '')).get('/api/v1/balance')))
  return { get, usual, own }
}

test('a key gets 429 beyond the limit of all keys, as documented, and a key with its own limit does not', async (t) => {
  const { get, usual, own } = await started(t, { MINIPAY_RATE_LIMIT: '1' })
  const [first, ...others] = await get(usual, 20)
  assert.equal(first?.status, 200)
  assert.equal(first.headers.get('ratelimit-policy'), '"key";q=1;w=1')
  const refused = others.filter(({ status }) => status === 429)
  assert.ok(refused.length > 0, 'twenty requests took nineteen seconds')
  for (const { headers, body } of refused) {
    assert.equal((body as { code: string }).code, 'rate_limited')
    assert.equal(headers.get('retry-after'), '1')
    assert.equal(headers.get('ratelimit'), '"key";r=0;t=1')
  }
  assert.ok((await get(own, 20)).every(({ status }) => status === 200))
})

test('without the setting a key has no limit', async (t) => {
  const { get, usual } = await started(t, {})
  for (const { status, headers } of await get(usual, 200)) {
    assert.equal(status, 200)
    assert.equal(headers.get('ratelimit'), null)
  }
})
