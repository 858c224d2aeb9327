/** Outages of the database: broken connections, stops, refused writes. MiniPay never returns a wrong result. */
import assert from 'node:assert/strict'
import test, { after, before, type TestContext } from 'node:test'
import { type Commit, type Store, StoreUnavailable } from '../../../src/ports/store.ts'
import { migratePostgres } from '../../../src/storage/postgres/migrate.ts'
import { openPostgresStore } from '../../../src/storage/postgres/store.ts'
import { verifyPostgres } from '../../../src/storage/postgres/verify.ts'
import { chargeCommit, charged, committed, recordOf, refundCommit, tick } from '../../kit/commits.ts'
import { databaseName, type OwnServer, onDatabase, startPostgres } from '../../kit/postgres.ts'
import { type DatabaseProxy, startProxy } from '../../kit/postgres-proxy.ts'
import { LIVE_SCOPE } from '../../kit/scopes.ts'
import { addedEndpoint, claimCursors } from '../../kit/webhooks.ts'
import { allEvents, count } from './postgres-support.ts'

const scope = LIVE_SCOPE
let server: OwnServer
let template: string

before(async () => {
  server = await startPostgres()
  template = await server.createDatabase()
  await migratePostgres(template)
})
after(() => server.remove())

type Opened = { readonly url: string; readonly proxy: DatabaseProxy; readonly store: Store }

/** A store behind a proxy, on its own database. */
async function behindProxy(t: TestContext): Promise<Opened> {
  const url = await server.createDatabase(template)
  const proxy = await startProxy(url)
  const store = await openPostgresStore({ url: proxy.url, onFatal: assert.fail })
  t.after(async () => {
    await store.close()
    await proxy.close()
  })
  return { url, proxy, store }
}

/** Repeats a commit as a client repeats its request, until it is definitely committed. */
async function surely(store: Store, commit: Commit): Promise<void> {
  for (;;) {
    try {
      const { kind } = await store.commit(commit)
      if (kind === 'committed' || kind === 'key_exists') return
      throw new Error(kind)
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error
    }
  }
}

test('a commit whose answer was lost is answered as made, and made once', async (t) => {
  const { url, proxy, store } = await behindProxy(t)
  await charged(store, { scope })
  const cut = proxy.cut({ when: 'answered', word: 'COMMIT', becomes: 'lost' })
  const commit = chargeCommit({ scope })
  const [result] = await Promise.all([store.commit(commit), cut])
  assert.deepEqual(result, { kind: 'committed' })
  assert.deepEqual(await store.charge(scope, commit.charge.id), commit.charge)
  assert.partialDeepStrictEqual(await verifyPostgres(url), { charges: 2, refunds: 0, entries: 4 })
})

test('a commit that never arrived is made again, once', async (t) => {
  const { url, proxy, store } = await behindProxy(t)
  const cut = proxy.cut({ when: 'sent', word: 'payment.succeeded', becomes: 'lost' })
  const commit = chargeCommit({ scope })
  const [result] = await Promise.all([store.commit(commit), cut])
  assert.deepEqual(result, { kind: 'committed' })
  assert.partialDeepStrictEqual(await verifyPostgres(url), { charges: 1, refunds: 0, entries: 2 })
})

test('a new charge that arrives after its node has made it again changes nothing', async (t) => {
  const { url, proxy, store } = await behindProxy(t)
  const cut = proxy.cut({ when: 'sent', word: 'payment.succeeded', becomes: 'late' })
  const making = store.commit(chargeCommit({ scope }))
  await cut
  assert.deepEqual(await making, { kind: 'committed' })
  await proxy.release()
  assert.partialDeepStrictEqual(await verifyPostgres(url), { charges: 1, refunds: 0, entries: 2 })
  assert.deepEqual(
    (await allEvents(store, scope)).map(({ sequence }) => sequence),
    [1],
  )
})

test('a change that arrives after its node has looked for its outcome is waited for, and made once', async (t) => {
  const { url, proxy, store } = await behindProxy(t)
  const charge = await charged(store, { scope })
  const cut = proxy.cut({ when: 'sent', word: 'payment.refunded', becomes: 'late' })
  const making = store.commit(refundCommit(charge, { scope }))
  await cut
  // The old transaction is still open: a query for its id waits until it ends.
  await blocked(url)
  await proxy.release()
  assert.deepEqual(await making, { kind: 'committed' })
  assert.partialDeepStrictEqual(await verifyPostgres(url), { charges: 1, refunds: 1, entries: 4 })
  assert.deepEqual(
    (await allEvents(store, scope)).map(({ sequence }) => sequence),
    [1, 2],
  )
})

test('a used key affects only its own request when its group takes one round trip', async (t) => {
  const { url, store } = await behindProxy(t)
  const first = chargeCommit({ scope, key: 'taken' })
  await store.commit(first)
  const group = ['one', 'taken', 'two', 'two'].map((key) => chargeCommit({ scope, key }))
  const results = await Promise.all(group.map((commit) => store.commit(commit)))
  const exists = (commit: Commit) => ({
    kind: 'key_exists',
    record: recordOf(commit),
  })
  const committed = { kind: 'committed' }
  assert.deepEqual(results, [committed, exists(first), committed, exists(group[2] as Commit)])
  assert.partialDeepStrictEqual(await verifyPostgres(url), { charges: 3, refunds: 0, entries: 6 })
})

test('a server that takes no writes leaves no doubt about a commit, so no lookup is needed', async (t) => {
  const { url, store } = await behindProxy(t)
  const readOnly = (value: string) =>
    onDatabase(server.url, async (client) => {
      await client.query('SET default_transaction_read_only = off')
      await client.query(`ALTER SYSTEM SET default_transaction_read_only = ${value}`)
      await client.query('SELECT pg_reload_conf()')
    })
  t.after(() => readOnly('off'))
  await charged(store, { scope })
  await readOnly('on')
  // Until the open connections have detected it.
  let refused: unknown
  let made = 1
  while (refused === undefined)
    await store.commit(chargeCommit({ scope })).then(
      () => made++,
      (error: unknown) => (refused = error),
    )
  assert.ok(refused instanceof StoreUnavailable && refused.reason === 'connection', String(refused))
  assert.doesNotMatch(refused.message, /tells whether it was made/)
  await readOnly('off')
  await surely(store, chargeCommit({ scope }))
  assert.partialDeepStrictEqual(await verifyPostgres(url), {
    charges: made + 1,
    refunds: 0,
    entries: 2 * made + 2,
  })
})

test('what a claim took whose answer was lost is returned by the next one of its process', async (t) => {
  const { proxy, store } = await behindProxy(t)
  const { id } = await addedEndpoint(store, scope)
  const cut = proxy.cut({ when: 'answered', word: id, becomes: 'lost' })
  const [first] = await Promise.all([claimCursors(store, { token: 'mine' }).catch(() => []), cut])
  const held = first.length > 0 ? first : await claimCursors(store, { token: 'mine' })
  assert.deepEqual(
    held.map(({ endpoint }) => endpoint.id),
    [id],
  )
})

/** Resolves when a statement on the database waits for another transaction. */
async function blocked(url: string): Promise<void> {
  const waits = `SELECT 1 FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE NOT l.granted AND a.datname = $1`
  await onDatabase(url, async (client) => {
    while ((await client.query(waits, [databaseName(url)])).rows.length === 0);
  })
}

test('a storm whose connections are ended again and again loses nothing and makes nothing twice', async (t) => {
  const { url, proxy, store } = await behindProxy(t)
  const commits: Commit[] = []
  let done = false
  const ending = onDatabase(server.url, async (client) => {
    for (let i = 0; !done; i++) {
      if (i % 2) proxy.breakAll()
      else
        await client.query(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND application_name = 'minipay'`,
          [databaseName(url)],
        )
      await new Promise((resolve) => setTimeout(resolve, 40))
    }
  })
  const client = async () => {
    for (let i = 0; i < 30; i++) {
      const commit = chargeCommit({ scope, at: tick() })
      commits.push(commit)
      await surely(store, commit)
    }
  }
  await Promise.all(Array.from({ length: 12 }, client))
  done = true
  await ending
  const { head, ...books } = await verifyPostgres(url)
  assert.deepEqual(books, { charges: commits.length, refunds: 0, entries: 2 * commits.length })
  assert.equal(await count(url, 'events'), commits.length)
})

test('a crash of the server is answered as unavailable, and heals without a restart', async (t) => {
  const { url, store } = await behindProxy(t)
  const first = await charged(store, { scope })
  await server.stop('immediate')
  const refused = (error: unknown) => error instanceof StoreUnavailable && error.reason === 'connection'
  await assert.rejects(store.commit(chargeCommit({ scope })), refused)
  await assert.rejects(store.charge(scope, first.id), refused)
  await assert.rejects(store.ready(), refused)
  await server.start()
  const commit = chargeCommit({ scope })
  await surely(store, commit)
  await healed(() => store.ready())
  assert.deepEqual(await store.charge(scope, first.id), first)
  assert.equal((await verifyPostgres(url)).problem, undefined)
})

/** Retries until the store can use the database again. */
async function healed<T>(work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await work()
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error
    }
  }
}

test('a request that comes while the server restarts waits for it, when that is soon', async (t) => {
  const { store } = await behindProxy(t)
  await charged(store, { scope })
  await server.stop('fast')
  const committing = healed(() => store.commit(chargeCommit({ scope })))
  await server.start()
  assert.deepEqual(await committing, { kind: 'committed' })
})

test('a database that takes no writes is not ready, and takes them again when it may', async (t) => {
  const { url, store } = await behindProxy(t)
  await committed(store, chargeCommit({ scope }))
  const readOnly = (value: string) =>
    onDatabase(server.url, async (client) => {
      await client.query(`ALTER DATABASE ${databaseName(url)} SET default_transaction_read_only = ${value}`)
      await client.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND application_name = 'minipay'`,
        [databaseName(url)],
      )
    })
  await readOnly('on')
  const refused = (error: unknown) =>
    error instanceof StoreUnavailable && /takes no writes/.test(error.message)
  await assert.rejects(
    untilRefused(() => store.ready(), refused),
    refused,
  )
  await assert.rejects(store.commit(chargeCommit({ scope })), StoreUnavailable)
  await readOnly('off')
  await surely(store, chargeCommit({ scope }))
  await healed(() => store.ready())
})

/** Retries while it still gets a former connection. */
async function untilRefused(work: () => Promise<void>, refused: (error: unknown) => boolean): Promise<void> {
  for (;;) {
    try {
      await work()
    } catch (error) {
      if (refused(error)) throw error
    }
  }
}

test('of several hosts the one that takes writes is used', async (t) => {
  const url = await server.createDatabase(template)
  const nobody = await startProxy(url)
  const gone = new URL(nobody.url).host
  await nobody.close()
  const here = new URL(url)
  const both = `postgres://${here.username}@${gone},${here.host}${here.pathname}`
  const store = await openPostgresStore({ url: both, onFatal: assert.fail })
  t.after(() => store.close())
  await committed(store, chargeCommit({ scope }))
})
