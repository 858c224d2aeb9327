/** A node tells the others of new events after each commit, and all works without those signals too. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { Log } from '../../../src/ports/log.ts'
import type { Scope, Store } from '../../../src/ports/store.ts'
import { CHANNEL } from '../../../src/storage/postgres/signals.ts'
import { openPostgresStore } from '../../../src/storage/postgres/store.ts'
import { beginCommit, chargeCommit, committed } from '../../kit/commits.ts'
import { databaseName, onDatabase } from '../../kit/postgres.ts'
import { startPooler } from '../../kit/postgres-pooler.ts'
import { LIVE_SCOPE } from '../../kit/scopes.ts'
import { until } from '../../kit/until.ts'
import { databases } from './postgres-support.ts'

const scope = LIVE_SCOPE
const TEST_SCOPE: Scope = { ...LIVE_SCOPE, mode: 'test' }
const postgres = databases()

type Heard = (Scope | null)[]

/** A store, the signals that it heard, and its log. */
async function openNode(t: TestContext, url: string) {
  const said: string[] = []
  const say = (_: object, sentence: string) => void said.push(sentence)
  const log: Log = { info: say, warn: say, error: say }
  const store = await openPostgresStore({ url, onFatal: assert.fail, log })
  t.after(() => store.close())
  const heard: Heard = []
  store.onRemoteEvents((from) => heard.push(from))
  return { store, heard, said }
}

/** Two nodes that listen and know of each other. */
async function twoNodes(t: TestContext, url: string) {
  const one = await openNode(t, url)
  const two = await openNode(t, url)
  await one.store.ready()
  await listening(url, 2)
  return { one, two }
}

/** Resolves when so many connections listen. */
function listening(url: string, count: number): Promise<void> {
  return onDatabase(url, (client) =>
    until(`${count} connections listen`, async () => {
      const { rows } = await client.query(LISTENERS, [databaseName(url)])
      return rows.length === count
    }),
  )
}

const LISTENERS = `SELECT pid FROM pg_stat_activity WHERE datname = $1 AND query LIKE ANY (ARRAY['LISTEN %', '%pg_notify%'])
  AND pid <> pg_backend_pid()`

test('a node signals a commit with an event to the other node, with its scope, and no commit without one', async (t) => {
  const { one, two } = await twoNodes(t, await postgres.database(t))
  two.heard.length = 0
  await committed(one.store, beginCommit({ scope: TEST_SCOPE }).commit)
  await committed(one.store, chargeCommit({ scope }))
  await until('the other node heard of it', () => two.heard.length > 0)
  assert.deepEqual(two.heard, [scope])
  assert.ok(one.heard.every((from) => from === null))
})

test('a node that commits much sends a signal every 10 ms at most, and one for the last commit', async (t) => {
  const url = await postgres.database(t)
  const { one, two } = await twoNodes(t, url)
  const payloads: string[] = []
  await onDatabase(url, async (client) => {
    client.on('notification', ({ payload = '' }) => payloads.push(payload))
    await client.query(`LISTEN ${CHANNEL}`)
    const startedAt = performance.now()
    const chains = Array.from({ length: 16 }, async () => {
      for (let i = 0; i < 20; i++) await committed(one.store, chargeCommit({ scope }))
    })
    await Promise.all(chains)
    const most = (performance.now() - startedAt) / 10 + 2
    const sent = payloads.length
    await committed(one.store, chargeCommit({ scope: TEST_SCOPE }))
    await until('the last commit was told', () => two.heard.some((from) => from?.mode === 'test'))
    assert.ok(sent > 1 && sent <= most, `${sent} signals, at most ${most}`)
  })
})

test('a node alone sends no signal', async (t) => {
  const url = await postgres.database(t)
  const { store } = await openNode(t, url)
  await listening(url, 1)
  const payloads: string[] = []
  await onDatabase(url, async (client) => {
    client.on('notification', ({ payload = '' }) => payloads.push(payload))
    await client.query(`LISTEN ${CHANNEL}`)
    await committed(store, chargeCommit({ scope }))
    await client.query(`SELECT pg_notify('${CHANNEL}', 'the last')`)
    await until('the last signal', () => payloads.includes('the last'))
  })
  assert.deepEqual(payloads, ['the last'])
})

test('after an outage the nodes listen again, look everywhere, and hear each other', async (t) => {
  const url = await postgres.database(t)
  const { one, two } = await twoNodes(t, url)
  await until('both have looked once', () => one.heard.length > 0 && two.heard.length > 0)
  two.heard.length = 0
  await onDatabase(url, async (client) => {
    const { rows } = await client.query(LISTENERS, [databaseName(url)])
    for (const { pid } of rows) await client.query('SELECT pg_terminate_backend($1)', [pid])
  })
  await until('the other node looked everywhere', () => two.heard.includes(null))
  await listening(url, 2)
  await committed(one.store, chargeCommit({ scope }))
  await until('the other node heard of it', () => two.heard.some((from) => from !== null))
})

test('a text that no node sent makes every node look everywhere', async (t) => {
  const url = await postgres.database(t)
  const { two } = await twoNodes(t, url)
  for (const text of ['', 'a b', '. 1/2/ *', `x ${'9'.repeat(40)}/1/`]) {
    two.heard.length = 0
    await onDatabase(url, (client) => client.query(`SELECT pg_notify('${CHANNEL}', $1)`, [text]))
    await until('the node looked', () => two.heard.length > 0)
    assert.deepEqual(two.heard, [null], text)
  }
})

test('behind a pooler that refuses LISTEN a node serves, and says so once', async (t) => {
  const pooler = await startPooler(await postgres.database(t), 'without LISTEN')
  t.after(() => pooler.close())
  const { store, said }: { store: Store; said: string[] } = await openNode(t, pooler.url)
  await until('the node says so', () => said.some((line) => line.includes('refuses LISTEN')))
  await committed(store, chargeCommit({ scope }))
  assert.equal(said.filter((line) => line.includes('refuses LISTEN')).length, 1)
  await store.close()
})
