/** Epochs of event numbers on PostgreSQL: which restores are recognized, and how nodes agree on them. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { Store } from '../../../src/ports/store.ts'
import { openPostgresStore } from '../../../src/storage/postgres/store.ts'
import { verifyPostgres } from '../../../src/storage/postgres/verify.ts'
import { openSqliteStore } from '../../../src/storage/sqlite/store.ts'
import { charged } from '../../kit/commits.ts'
import { tempDir } from '../../kit/folders.ts'
import { onDatabase, startPostgres, startStandby, withDatabase } from '../../kit/postgres.ts'
import { LIVE_SCOPE as scope } from '../../kit/scopes.ts'
import { runCli } from '../../kit/server.ts'
import { accountMade } from './access.ts'
import { allEvents, closeAndVerify, databases, openStores } from './postgres-support.ts'

const postgres = databases()

const epochOf = async (store: Store) => (await store.events(scope, { after: 0, limit: 1 })).epoch

async function withStore<T>(url: string, use: (store: Store) => Promise<T>): Promise<T> {
  const store = await openPostgresStore({ url, onFatal: assert.fail })
  try {
    return await use(store)
  } finally {
    await store.close()
  }
}

/** A database that a node has served, with three events; returns its epoch. */
function served(url: string) {
  return withStore(url, async (store) => {
    for (let i = 0; i < 3; i++) await charged(store, { scope })
    return epochOf(store)
  })
}

async function assertSound(url: string): Promise<void> {
  assert.equal((await verifyPostgres(url)).problem, undefined)
}

/** The next event after `count` of them, which must begin the epoch of its database. */
async function assertBegins(store: Store, count: number): Promise<void> {
  const epoch = await epochOf(store)
  await charged(store, { scope })
  const events = await allEvents(store, scope)
  assert.equal(events.length, count + 1)
  assert.deepEqual([events.at(-1)?.sequence, events.at(-1)?.epoch], [epoch.firstSequence, epoch.id])
  assert.notEqual(events.at(-2)?.epoch, epoch.id)
}

/** A copy of a database, as a restore makes it. */
async function restored(t: TestContext, url: string): Promise<string> {
  const copy = await postgres.server.createDatabase(url)
  t.after(() => postgres.server.dropDatabase(copy))
  return copy
}

test('a node that restarts continues its epoch', async (t) => {
  const url = await postgres.database(t)
  const epoch = await served(url)
  await withStore(url, async (store) => {
    await charged(store, { scope })
    assert.deepEqual(await epochOf(store), epoch)
    assert.equal((await allEvents(store, scope)).at(-1)?.sequence, 4)
  })
  await assertSound(url)
})

test('of nodes that start on a restored database at once, one begins the epoch', async (t) => {
  const url = await postgres.database(t)
  const former = await served(url)
  const copy = await restored(t, url)
  const stores = await openStores(t, copy, 3)
  const epochs = await Promise.all(stores.map(epochOf))
  assert.equal(new Set(epochs.map(({ id }) => id)).size, 1)
  assert.notEqual(epochs[0]?.id, former.id)
  assert.equal(epochs[0]?.cause, 'replaced')
  await assertBegins(stores[0] as Store, 3)
  assert.equal((await closeAndVerify(t, copy)).problem, undefined)
  await withStore(copy, async (store) => assert.deepEqual(await epochOf(store), epochs[0]))
})

test('a scope without events begins in the epoch too, and a mode of its own keeps its numbers', async (t) => {
  const url = await postgres.database(t)
  await served(url)
  await withStore(await restored(t, url), async (store) => {
    const { firstSequence } = await epochOf(store)
    const other = { ...scope, mode: 'test' } as const
    await charged(store, { scope: other })
    assert.equal((await allEvents(store, other))[0]?.sequence, firstSequence)
  })
})

test('tables that were dropped and restored in their own database are recognized', async (t) => {
  const url = await postgres.database(t)
  await served(url)
  await onDatabase(url, async (client) => {
    await client.query('CREATE TABLE dumped AS TABLE epochs')
    await client.query('DROP TABLE epochs')
    await client.query('ALTER TABLE dumped RENAME TO epochs')
    await client.query('ALTER TABLE epochs ADD PRIMARY KEY (first_seq)')
  })
  await withStore(url, (store) => assertBegins(store, 3))
  await assertSound(url)
})

test('another timeline is a recovery, unless other nodes have lived through it', async (t) => {
  const primary = await startPostgres(['wal_level=replica'])
  t.after(() => primary.remove())
  const database = await primary.createDatabase()
  const epoch = await served(database)
  const standby = await startStandby(primary)
  t.after(() => standby.remove())
  await primary.stop('immediate')
  await standby.promote()
  const url = withDatabase(standby.url, new URL(database).pathname.slice(1))

  const beat = (id: string) =>
    onDatabase(url, (client) =>
      client.query(
        `INSERT INTO nodes (id, seen_at) VALUES ($1, (extract(epoch FROM clock_timestamp()) * 1000)::bigint)`,
        [id],
      ),
    )
  const lineage = () =>
    onDatabase(url, async (client) => (await client.query('SELECT lineage FROM epochs')).rows[0].lineage)
  const before = await lineage()
  await beat('another node')
  await withStore(url, async (store) => assert.deepEqual(await epochOf(store), epoch))
  assert.notEqual(await lineage(), before)

  await onDatabase(url, async (client) => {
    await client.query('DELETE FROM nodes')
    await client.query('UPDATE epochs SET lineage = $1', [before])
  })
  await withStore(url, (store) => assertBegins(store, 3))
  await assertSound(url)
})

test('an epoch that is begun by hand is that of the next event of every node', async (t) => {
  const url = await postgres.database(t)
  const [first, second] = (await openStores(t, url, 2)) as [Store, Store]
  await charged(first, { scope })
  await charged(second, { scope })
  const begun = await runCli(['epoch', 'begin', '--database', url])
  assert.equal(begun.code, 0, begun.stderr)
  await assertBegins(second, 2)
  await charged(first, { scope })
  const { firstSequence, cause } = await epochOf(first)
  assert.equal((await allEvents(first, scope)).at(-1)?.sequence, firstSequence + 1)
  assert.equal(cause, 'requested')
  const { stdout } = await runCli(['epoch', '--database', url])
  assert.equal(stdout.trim().split('\n').length, 2)
  const { data } = await first.auditEntries(scope, { limit: 1, action: 'epoch.begun' })
  assert.deepEqual(
    [data[0]?.actor, data[0]?.object],
    ['cli', stdout.trim().split('\n').at(-1)?.split(' ')[0]],
  )
  assert.equal((await closeAndVerify(t, url)).problem, undefined)
})

/** An embedded database with three events, after a server on it has stopped. */
async function embedded(t: TestContext): Promise<string> {
  const dir = tempDir()
  t.after(dir.remove)
  const file = join(dir.path, 'minipay.db')
  await inFile(file, async (store) => {
    for (let i = 0; i < 3; i++) await charged(store, { scope })
  })
  return file
}

async function inFile<T>(file: string, use: (store: Store) => Promise<T>): Promise<T> {
  const store = await openSqliteStore({ file, onFatal: assert.fail })
  try {
    return await use(store)
  } finally {
    await store.close()
  }
}

async function copied(t: TestContext, file: string): Promise<string> {
  const url = await postgres.server.createDatabase()
  t.after(() => postgres.server.dropDatabase(url))
  const { code, stderr } = await runCli(['copy', '--from', file, '--to', url])
  assert.equal(code, 0, stderr)
  return url
}

test('a copied database continues its epoch; its source file does not', async (t) => {
  const file = await embedded(t)
  const url = await copied(t, file)
  const epoch = await withStore(url, async (store) => {
    await charged(store, { scope })
    assert.equal((await allEvents(store, scope)).at(-1)?.sequence, 4)
    return epochOf(store)
  })
  assert.deepEqual([epoch.firstSequence, epoch.cause], [1, 'created'])
  await inFile(file, (store) => assertBegins(store, 3))
})

test('a copy of a backup begins an epoch: events may be missing from it', async (t) => {
  const file = await embedded(t)
  const backup = `${file}-backup`
  assert.equal((await runCli(['backup', backup, '--database', file])).code, 0)
  const url = await copied(t, backup)
  await withStore(url, async (store) => {
    assert.equal((await epochOf(store)).cause, 'copied')
    const { data } = await store.auditEntries(scope, { limit: 1, action: 'database.copied' })
    assert.deepEqual([data[0]?.actor, data[0]?.object], ['cli', (await epochOf(store)).id])
    await assertBegins(store, 3)
  })
  await assertSound(url)
})

test('an embedded database whose epoch has no events yet is copied with its numbers', async (t) => {
  const file = await embedded(t)
  assert.equal((await runCli(['epoch', 'begin', '--database', file])).code, 0)
  const url = await copied(t, file)
  await assertSound(url)
  await withStore(url, (store) => assertBegins(store, 3))
  await assertSound(url)
})

test('verify finds numbers that do not follow the epoch', async (t) => {
  const url = await postgres.database(t)
  await served(url)
  assert.equal((await runCli(['epoch', 'begin', '--database', url])).code, 0)
  await assertSound(url)
  await onDatabase(url, (client) => client.query('UPDATE sequences SET event = 3 WHERE live = 1'))
  assert.match(
    (await verifyPostgres(url)).problem ?? '',
    /^The sequence says that the last event is 3, but it is \d{15,}\.$/,
  )
})

test('the first event of an account that is made later is in the newest epoch', async (t) => {
  const url = await postgres.database(t)
  await served(url)
  const copy = await restored(t, url)
  await withStore(copy, async (store) => {
    const { id } = await accountMade(store, scope, 'shop')
    const epoch = await epochOf(store)
    assert.ok(epoch.firstSequence > 1)
    for (const mode of ['live', 'test'] as const) {
      const own = { accountId: id, mode }
      await charged(store, { scope: own })
      const [event] = await allEvents(store, own)
      assert.deepEqual([event?.sequence, event?.epoch], [epoch.firstSequence, epoch.id])
    }
  })
  await assertSound(copy)
})
