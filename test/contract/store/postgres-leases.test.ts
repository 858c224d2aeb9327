/** Leases are freed when their node has ended, and only then, even with locked rows and changed clocks. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Client } from 'pg'
import type { Log } from '../../../src/ports/log.ts'
import type { Store } from '../../../src/ports/store.ts'
import { connect } from '../../../src/storage/postgres/connection.ts'
import { assertNotCopying } from '../../../src/storage/postgres/copying.ts'
import { hostsOf } from '../../../src/storage/postgres/hosts.ts'
import { freeAbsentAsOf } from '../../../src/storage/postgres/nodes.ts'
import { retryConnecting } from '../../../src/storage/postgres/retry-connecting.ts'
import { openPostgresStore } from '../../../src/storage/postgres/store.ts'
import { beginCommit, committed, newId, START } from '../../kit/commits.ts'
import { databaseName, onDatabase } from '../../kit/postgres.ts'
import { startProxy } from '../../kit/postgres-proxy.ts'
import { LIVE_SCOPE } from '../../kit/scopes.ts'
import { databases, settableClock } from './postgres-support.ts'

const scope = LIVE_SCOPE
const HOUR_MS = 3_600_000
const postgres = databases()

/** A store whose log messages the test reads. */
async function openStore(url: string): Promise<{ store: Store; said: string[] }> {
  const said: string[] = []
  const say = (_: object, sentence: string) => void said.push(sentence)
  const log: Log = { info: say, warn: say, error: say }
  const store = await openPostgresStore({ url, onFatal: assert.fail, log })
  // The start logs this about a server for tests.
  said.length = 0
  return { store, said }
}

/** Repeats until the condition is true. */
async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise((resolve) => setTimeout(resolve, 20))
}

/** A notification that an ended node had leased. */
async function orphaned(store: Store, client: Client): Promise<string> {
  const id = newId('ntf')
  await store.addNotification({
    ...{ id, provider: 'bank_a', notificationId: id, subject: { about: 'nothing' } },
    ...{ tries: 0, receivedAt: START },
  })
  await client.query(
    `UPDATE notifications SET owner = 'gone', token = 'of the gone', due_at = ${START + HOUR_MS} WHERE id = $1`,
    [id],
  )
  return id
}

async function isFreed(client: Client, id: string): Promise<boolean> {
  const { rows } = await client.query('SELECT owner FROM notifications WHERE id = $1', [id])
  return rows[0].owner === null
}

/** Whether a statement on the database waits for a lock of another. */
async function isBlocked(client: Client, url: string): Promise<boolean> {
  const waits = `SELECT 1 FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE NOT l.granted AND a.datname = $1`
  return (await client.query(waits, [databaseName(url)])).rows.length > 0
}

async function seenAt(client: Client): Promise<number> {
  return Number((await client.query('SELECT max(seen_at) AS at FROM nodes')).rows[0].at)
}

describe('leases', { concurrency: true }, () => {
  test('a row that somebody has locked is left, and freed when the lock is gone; the others are freed at once', async (t) => {
    const url = await postgres.database(t)
    const { store, said } = await openStore(url)
    try {
      await onDatabase(url, async (client) => {
        const [locked, other] = [await orphaned(store, client), await orphaned(store, client)]
        await client.query('BEGIN')
        await client.query('SELECT 1 FROM notifications WHERE id = $1 FOR UPDATE', [locked])
        await until(() => isFreed(client, other))
        assert.equal(await isFreed(client, locked), false)
        await client.query('COMMIT')
        await until(() => isFreed(client, locked))
      })
      assert.deepEqual(new Set(said), new Set(['Took over the work of a dead node.']))
    } finally {
      await store.close()
    }
  })

  test('a node whose tidying waits for a lock is ready, and says that it is there', async (t) => {
    const url = await postgres.database(t)
    const { store, said } = await openStore(url)
    try {
      await onDatabase(url, async (client) => {
        const orphan = await orphaned(store, client)
        await client.query('BEGIN')
        await client.query('LOCK TABLE notifications IN ACCESS EXCLUSIVE MODE')
        await until(() => isBlocked(client, url))
        const before = await seenAt(client)
        await store.ready()
        const asked = await seenAt(client)
        assert.ok(asked > before)
        // Its next heartbeat follows by itself.
        await until(async () => (await seenAt(client)) > asked)
        assert.equal(await isBlocked(client, url), true)
        // Until its lock time-out.
        await until(async () => !(await isBlocked(client, url)))
        await client.query('COMMIT')
        await until(() => isFreed(client, orphan))
      })
      assert.ok(
        said.includes('The work of dead nodes could not be released yet; MiniPay retries.'),
        said.join(),
      )
      assert.ok(!said.includes('Database unavailable.'), said.join())
    } finally {
      await store.close()
    }
  })

  test("a database's clock that is set forward makes no living node gone, and those that are gone are freed after it", async (t) => {
    const url = await postgres.database(t)
    const setClock = await settableClock(url)
    // One after the other, so that the node has time to decide between two heartbeats.
    const stores = [(await openStore(url)).store, (await openStore(url)).store]
    try {
      const sending: string[] = []
      for (const store of stores) {
        const begun = beginCommit({ scope, leaseUntil: store.now() + HOUR_MS, at: store.now() })
        await committed(store, begun.commit)
        sending.push(begun.attempt.id)
      }
      await onDatabase(url, async (client) => {
        for (const ahead of ['0', '30 s', '1 h']) {
          await setClock(ahead)
          const orphan = await orphaned(stores[0] as Store, client)
          await until(() => isFreed(client, orphan))
          const { rows } = await client.query(
            'SELECT state FROM attempts WHERE id = ANY($1) AND owner IS NOT NULL',
            [sending],
          )
          assert.deepEqual(rows, [{ state: 'sending' }, { state: 'sending' }], `ahead by ${ahead}`)
        }
      })
    } finally {
      await Promise.all(stores.map((store) => store.close()))
    }
  })

  test('a judgement that runs late is as of the beat it was made after', async (t) => {
    const url = await postgres.database(t)
    const { store } = await openStore(url)
    const connection = await connect(hostsOf(url))
    try {
      await onDatabase(url, async (client) => {
        const orphan = await orphaned(store, client)
        const at = store.now() - HOUR_MS
        const run = async (asOf: number) => {
          for (const statement of freeAbsentAsOf(asOf)) await connection.run([statement])
        }
        // Its last heartbeat is as old as ours, an hour: as if the server had been paused since.
        await client.query(`INSERT INTO nodes (id, seen_at) VALUES ('gone', $1)`, [at])
        await run(at)
        assert.equal(await isFreed(client, orphan), false)
        await run(at + 5_001)
        assert.equal(await isFreed(client, orphan), true)
      })
    } finally {
      await connection.close()
      await store.close()
    }
  })
})

test('a node that starts waits for its database at every step', async (t) => {
  const proxy = await startProxy(await postgres.database(t))
  try {
    const beaten = proxy.cut({ when: 'sent', word: 'INSERT INTO nodes', becomes: 'lost' })
    const opening = openStore(proxy.url)
    await Promise.race([beaten, opening])
    const looked = proxy.cut({ when: 'sent', word: 'FROM copies', becomes: 'lost' })
    const { store } = await opening
    await looked
    await store.ready()
    await store.close()
  } finally {
    await proxy.close()
  }
})

test('a node that starts while its database is copied into does not wait', async (t) => {
  const url = await postgres.database(t)
  await onDatabase(url, (client) =>
    client.query(`INSERT INTO copies (one, source, seen_at, copied) VALUES (1, 'a file', 0, 0)`),
  )
  let tries = 0
  const start = retryConnecting(() => {
    tries++
    return assertNotCopying(url)
  })
  await assert.rejects(start, { name: 'UnfinishedCopy', message: /contains an unfinished copy/ })
  assert.equal(tries, 1)
})
