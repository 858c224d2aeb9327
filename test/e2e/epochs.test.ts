/** After a restore, a reader of the events misses none that come: also one that keeps only the last number it has seen. */
import assert from 'node:assert/strict'
import { copyFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import Database from 'better-sqlite3'
import { assertSound } from '../kit/audit.ts'
import { client, type Event } from '../kit/client.ts'
import { tempDir } from '../kit/folders.ts'
import { type RunningServer, runCli, startServer } from '../kit/server.ts'

type EventPage = { readonly data: Event[]; readonly epoch: string; readonly epoch_first_sequence: number }

function folder(t: TestContext): string {
  const dir = tempDir()
  t.after(dir.remove)
  return dir.path
}

async function charges(server: RunningServer, count: number): Promise<void> {
  for (let i = 0; i < count; i++) await client(server.url).charge()
}

const read = async (server: RunningServer, after = 0): Promise<EventPage> =>
  (await client(server.url).get<EventPage>(`/api/v1/events?after=${after}&limit=100`)).body

/** The entries of work on the database itself, oldest first: action and actor. */
async function databaseLog(database: string): Promise<string[][]> {
  const { stdout } = await runCli(['audit', '--database', database])
  return stdout
    .split('\n')
    .map((line) => line.match(/(epoch\.begun|database\.\w+)|\b(cli|server)\b/g) ?? [])
    .filter((found) => found.some((word) => word.includes('.')))
    .map((found) => found.toSorted())
    .toReversed()
}

/** Runs a server for as long as `use` takes. */
async function served<T>(database: string, use: (server: RunningServer) => Promise<T>): Promise<T> {
  const server = await startServer(database)
  try {
    return await use(server)
  } finally {
    await server.stop()
  }
}

/** Three charges, a backup, and two more that a reader sees and the backup lacks; answers the last page. */
async function shopWithBackup(database: string, backup: string): Promise<EventPage> {
  await served(database, (server) => charges(server, 3))
  assert.equal((await runCli(['backup', backup, '--database', database])).code, 0)
  return served(database, async (server) => {
    await charges(server, 2)
    return read(server)
  })
}

/** What a reader that has seen `before` finds after a restore, once a charge is made. */
async function assertNewEpoch(database: string, before: EventPage): Promise<EventPage> {
  const last = before.data.at(-1)?.sequence ?? 0
  const after = await served(database, async (server) => {
    const empty = await read(server, last)
    assert.notEqual(empty.epoch, before.epoch, 'the epoch is told before its first event')
    await charges(server, 1)
    return read(server, last)
  })
  assert.deepEqual(
    after.data.map(({ sequence, epoch }) => [sequence, epoch]),
    [[after.epoch_first_sequence, after.epoch]],
  )
  assert.ok(after.epoch_first_sequence > last)
  await assertSound(database)
  return after
}

function remove(database: string): void {
  for (const part of ['', '-wal', '-shm']) rmSync(`${database}${part}`, { force: true })
}

test('after a restore, the numbers go on behind every one that was given out, in a new epoch', async (t) => {
  const dir = folder(t)
  const [database, backup] = [join(dir, 'a.db'), join(dir, 'backup.db')]
  const before = await shopWithBackup(database, backup)
  remove(database)
  assert.equal((await runCli(['restore', backup, '--database', database])).code, 0)
  const first = await assertNewEpoch(database, before)

  remove(database)
  assert.equal((await runCli(['restore', backup, '--database', database])).code, 0)
  await assertNewEpoch(database, first)
  assert.deepEqual(await databaseLog(database), [['cli', 'database.restored']])
})

test('a backup that was put back by hand is recognized at the start', async (t) => {
  const dir = folder(t)
  const [database, backup] = [join(dir, 'a.db'), join(dir, 'backup.db')]
  const before = await shopWithBackup(database, backup)
  remove(database)
  copyFileSync(backup, database)
  await assertNewEpoch(database, before)
  assert.deepEqual(await databaseLog(database), [['epoch.begun', 'server']])
})

test('a copy of a stopped server is recognized too, in its place and elsewhere', async (t) => {
  const dir = folder(t)
  const [database, saved] = [join(dir, 'a.db'), join(dir, 'saved.db')]
  await served(database, (server) => charges(server, 3))
  copyFileSync(database, saved)
  const before = await served(database, async (server) => {
    await charges(server, 2)
    return read(server)
  })
  remove(database)
  copyFileSync(saved, database)
  await assertNewEpoch(database, before)
  await assertNewEpoch(saved, before)
})

test('a database that was deleted does not begin again with the same numbers', async (t) => {
  const database = join(folder(t), 'a.db')
  const before = await served(database, async (server) => {
    await charges(server, 2)
    return read(server)
  })
  remove(database)
  await assertNewEpoch(database, before)
})

test('neither a restart, nor a crash, nor a move with its mark begins an epoch', async (t) => {
  const dir = folder(t)
  const database = join(dir, 'a.db')
  const before = await served(database, async (server) => {
    await charges(server, 2)
    return read(server)
  })
  const killed = await startServer(database)
  await charges(killed, 1)
  await killed.kill()
  const moved = folder(t)
  for (const part of ['', '-wal', '-mark']) copyFileSync(`${database}${part}`, join(moved, `a.db${part}`))
  for (const place of [database, join(moved, 'a.db')])
    await served(place, async (server) => {
      await charges(server, 1)
      const { data, epoch } = await read(server)
      assert.equal(epoch, before.epoch)
      assert.deepEqual(
        data.map(({ sequence }) => sequence),
        Array.from({ length: 4 }, (_, i) => i + 1),
      )
    })
})

test('an epoch is begun by hand, and all are listed', async (t) => {
  const database = join(folder(t), 'a.db')
  const before = await served(database, async (server) => {
    await charges(server, 1)
    const { code, stderr } = await runCli(['epoch', 'begin', '--database', database])
    assert.equal(code, 1)
    assert.match(stderr, /Another MiniPay process is using/)
    return read(server)
  })
  const begun = await runCli(['epoch', 'begin', '--database', database])
  assert.match(begun.stdout, /^ep_[0-9a-f]{16} {2}from \d{16} {2}\S+Z {2}requested: /)
  const { stdout } = await runCli(['epoch', '--database', database])
  assert.deepEqual(stdout.split('\n').slice(0, 2), [
    stdout.match(/^ep_[0-9a-f]{16} {2}from 1 {2}.+ created: .+$/m)?.[0],
    begun.stdout.trim(),
  ])
  assert.deepEqual(await databaseLog(database), [['cli', 'epoch.begun']])
  await assertNewEpoch(database, before)
})

test('verify finds what is missing at the end of an epoch, and what was added to it', async (t) => {
  const dir = folder(t)
  const [database, backup] = [join(dir, 'a.db'), join(dir, 'backup.db')]
  const before = await shopWithBackup(database, backup)
  remove(database)
  assert.equal((await runCli(['restore', backup, '--database', database])).code, 0)
  const verified = async (sql: string) => {
    const tampered = join(dir, 'tampered.db')
    remove(tampered)
    copyFileSync(database, tampered)
    const db = new Database(tampered)
    db.pragma('foreign_keys = OFF')
    db.exec(sql)
    db.close()
    return (await runCli(['verify', '--database', tampered])).stderr
  }
  const lastGone = 'DELETE FROM events WHERE seq = 3'
  const said = /^minipay: The events have a gap: before \d{16} the last was 3, and now it is 2\.$/m
  assert.match(await verified(lastGone), said)
  await assertNewEpoch(database, before)
  assert.match(await verified(lastGone), said)
  assert.match(await verified('DELETE FROM events WHERE seq = 2'), /The events have a gap: after 1 comes 3\./)
  assert.match(
    await verified('DELETE FROM epochs WHERE first_seq > 1'),
    /The epoch that begins with event \d{16} is not there\./,
  )
  assert.match(
    await verified('DELETE FROM epoch_ends'),
    /Event 3 should not be there: no event came before the epoch that begins with \d{16}\./,
  )
  assert.match(
    await verified(
      `INSERT INTO events (account_id, live, seq, id, type, data, created_at, details_id, rest_id)
       SELECT account_id, live, 4, 'evt_x', type, data, created_at, details_id, rest_id FROM events WHERE seq = 3`,
    ),
    /The events have a gap: before \d{16} the last was 3, and now it is 4\./,
  )
})
