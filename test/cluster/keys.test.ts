/** API keys on several nodes of one database: a change on one node takes effect on the others within a second. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { client } from '../kit/client.ts'
import { call } from '../kit/http.ts'
import { basic, bearer, inDatabase } from '../kit/keys.ts'
import type { ClusterNode } from '../kit/nodes.ts'
import { startStopwatch } from '../kit/stopwatch.ts'
import { until } from '../kit/until.ts'
import { ownServer, threeNodes } from './nodes.ts'

type Made = { readonly id: string; readonly secret: string }

const server = ownServer()
/** The promise of one second, and the time of one request on a busy machine. */
const WITHIN_MS = 1_250

const statusOf = async ({ url }: ClusterNode, headers: Record<string, string> = {}) =>
  (await call(url, 'GET', '/api/v1/balance', undefined, headers)).status

/** How long a node still answers 200, in ms. */
async function servedFor(node: ClusterNode, headers: Record<string, string>): Promise<number> {
  const watch = startStopwatch()
  try {
    for (let last = 0; ; ) {
      const sent = watch.ms()
      if ((await statusOf(node, headers)) !== 200) return last
      last = sent
    }
  } finally {
    watch.stop()
  }
}

test('a key that one node revokes, rolls or whose account it closes is refused by the others within a second', async (t) => {
  const database = await server().createDatabase()
  const { admin, account } = await inDatabase(database, async (maker) => ({
    admin: (await maker.key({ mode: 'live' })).secret,
    account: (await maker.account('closing')).publicId,
  }))
  const [one, ...others] = await threeNodes(t, database)
  const api = client(one.url, bearer(admin))
  const make = async (fields = {}) =>
    (await api.post<Made>('/api/v1/keys', { name: 'a', role: 'application', ...fields })).body
  const [revoked, rolled, closed] = [await make(), await make(), await make({ account })]
  for (const [{ secret }, end] of [
    [revoked, () => api.post(`/api/v1/keys/${revoked.id}/revoke`)],
    [rolled, () => api.post(`/api/v1/keys/${rolled.id}/roll`, { overlap_seconds: 0 })],
    [closed, () => api.post(`/api/v1/accounts/${account}/close`)],
  ] as const) {
    for (const node of [one, ...others]) assert.equal(await statusOf(node, bearer(secret)), 200)
    // Under way while it ends: the nodes have it in their caches, and use it all the time.
    const served = others.map((node) => servedFor(node, bearer(secret)))
    assert.equal((await end()).status, 200)
    assert.equal(await statusOf(one, bearer(secret)), 401, 'the node itself refuses it at once')
    for (const ms of await Promise.all(served)) assert.ok(ms < WITHIN_MS, `${ms} ms`)
    for (const node of others) assert.equal(await statusOf(node, basic(secret)), 401)
  }
})

test('a first key that one node makes closes the others to requests without a key within a second', async (t) => {
  const nodes = await threeNodes(t, await server().createDatabase())
  const [one, ...others] = nodes
  for (const node of nodes) assert.equal(await statusOf(node), 200)
  const served = others.map((node) => servedFor(node, {}))
  const { body } = await client(one.url).post<Made>('/api/v1/keys', { name: 'first', role: 'administrator' })
  for (const ms of await Promise.all(served)) assert.ok(ms < WITHIN_MS, `${ms} ms`)
  for (const node of nodes) assert.equal(await statusOf(node, bearer(body.secret)), 200)
})

test('while the database is away, a node trusts no key longer than a second, and refuses none as wrong', async (t) => {
  const database = await server().createDatabase()
  const { secret } = await inDatabase(database, ({ key }) => key({ role: 'read_only' }))
  const [node] = await threeNodes(t, database)
  assert.equal(await statusOf(node, bearer(secret)), 200)
  await server().stop('immediate')
  try {
    await setTimeout(1_000)
    for (const [headers, expected] of [
      [bearer(secret), 503],
      [basic(secret), 503],
      // Whether a key exists is unknown, too.
      [{}, 503],
      // The checksum needs no database.
      [bearer(secret.slice(0, -1)), 401],
    ] as const) {
      const { status, body } = await call(node.url, 'GET', '/api/v1/providers', undefined, { ...headers })
      assert.equal(status, expected, JSON.stringify(body))
    }
    assert.equal((await call(node.url, 'GET', '/health')).status, 200)
  } finally {
    await server().start()
  }
  await until('the key works again', async () => (await statusOf(node, bearer(secret))) === 200)
})
