/**
 * A server loses the files of its database while it charges: it stops, reports the loss, and keeps every acknowledged
 * charge.
 */
import assert from 'node:assert/strict'
import {
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import Database from 'better-sqlite3'
import { assertSound } from '../kit/audit.ts'
import type { Charge } from '../kit/client.ts'
import { atEnd, folderOf } from '../kit/folders.ts'
import { call, charge } from '../kit/http.ts'
import { type RunningServer, runCli, serve } from '../kit/server.ts'
import { startStopwatch } from '../kit/stopwatch.ts'
import { until } from '../kit/until.ts'

const LOST_WITHIN_MS = 1_000

type Shop = {
  readonly t: TestContext
  readonly server: RunningServer
  readonly folder: string
  readonly file: string
  /** Every charge that was answered with 201. */
  readonly acknowledged: Set<string>
  /** Resolves when the clients have all been refused, and says what the last of them were told. */
  readonly ended: Promise<void>
}

/** A server under load from several clients. */
async function shop(t: TestContext, named?: (file: string) => string): Promise<Shop> {
  const folder = join(folderOf(t), 'data')
  mkdirSync(folder)
  const file = join(folder, 'shop.db')
  const server = await serve(t, named?.(file) ?? file)
  const acknowledged = new Set<string>()
  const client = async (name: string) => {
    for (let i = 0; ; i++) {
      const answer = await charge(server.url, `${name}-${i}`).catch(() => undefined)
      if (answer?.status !== 201) return
      acknowledged.add(answer.body.id)
    }
  }
  const ended = Promise.all(['a', 'b', 'c', 'd'].map(client)).then(() => {})
  atEnd(t, () => ended)
  atEnd(t, server.kill)
  await until('some charges were made', () => acknowledged.size > 50)
  return { t, server, folder, file, acknowledged, ended }
}

type Ready = { readonly status: string }

/** It accepts no writes after a second, reports this while it runs, and exits with 1. */
async function assertStops({ t, server, acknowledged, ended }: Shop, reason: RegExp): Promise<void> {
  const watch = startStopwatch()
  t.after(watch.stop)
  await until('it says so', async () => {
    const { status, body } = await call<Ready>(server.url, 'GET', '/ready')
    return status === 503 && body.status === 'store_lost'
  })
  const ms = watch.ms()
  assert.ok(ms < LOST_WITHIN_MS, `it took ${ms} ms`)
  assert.equal((await charge(server.url, 'late')).status, 503)
  await ended
  const before = acknowledged.size
  assert.equal(await server.gone, 1, server.output())
  assert.equal(acknowledged.size, before)
  assert.match(server.output(), /"level":"error".*The database was removed or replaced/)
  assert.match(server.output(), reason)
}

function chargesIn(file: string): Set<unknown> {
  const db = new Database(file, { readonly: true })
  try {
    return new Set(db.prepare('SELECT id FROM charges').pluck().all())
  } finally {
    db.close()
  }
}

async function assertHas(file: string, { acknowledged }: Shop): Promise<void> {
  const stored = chargesIn(file)
  for (const id of acknowledged) assert.ok(stored.has(id), `${id} was acknowledged, and is not in ${file}`)
  const { code, stderr } = await runCli(['verify', '--database', file])
  assert.deepEqual([code, stderr], [0, ''])
}

function rescuedIn(folder: string): string {
  const found = readdirSync(folder).filter((name) => name.startsWith('shop.db.rescued-'))
  assert.equal(found.length, 1, readdirSync(folder).join())
  return join(folder, found[0] as string)
}

/** A backup of the same shop, with some charges less. */
async function backupOf({ file, folder }: Shop): Promise<string> {
  const backup = join(folder, 'backup.db')
  const { code, stderr } = await runCli(['backup', backup, '--database', file])
  assert.equal(code, 0, stderr)
  return backup
}

describe('what was acknowledged is saved', { concurrency: 2 }, () => {
  test('what was acknowledged is saved when the database is removed', async (t) => {
    const running = await shop(t)
    rmSync(running.file)
    await assertStops(running, /was removed or moved/)
    const rescued = rescuedIn(running.folder)
    await assertHas(rescued, running)

    const again = await runCli(['serve', '--database', running.file, '--port', '0'])
    assert.equal(again.code, 1, 'an empty database would forget every key')
    assert.match(again.stderr, /is missing, and .*rescued-.* has its charges.*minipay restore/)
    assert.equal((await runCli(['restore', rescued, '--database', running.file])).code, 0)
    const next = await serve(t, running.file)
    const [id] = running.acknowledged
    assert.equal((await call(next.url, 'GET', `/api/v1/charges/${id}`)).status, 200)
  })

  test('what was acknowledged is saved when every file of it is removed', async (t) => {
    const running = await shop(t)
    for (const end of ['', '-wal', '-shm', '-lock', '-mark', '-pid']) rmSync(running.file + end)
    await assertStops(running, /was removed or moved/)
    await assertHas(rescuedIn(running.folder), running)
  })

  test('what was acknowledged is saved when its folder is removed', async (t) => {
    const running = await shop(t)
    rmSync(running.folder, { recursive: true })
    await assertStops(running, /was removed or moved/)
    await assertHas(rescuedIn(dirname(running.folder)), running)
  })

  test('what was acknowledged is saved when it is moved away alone', async (t) => {
    const running = await shop(t)
    const moved = join(running.folder, 'moved.db')
    renameSync(running.file, moved)
    await assertStops(running, /was removed or moved.*moved\.db has every acknowledged charge/s)
    await assertHas(moved, running)
    assert.equal(existsSync(`${running.file}-wal`), false, 'no WAL waits for the next file of that name')
  })

  test('what was acknowledged is saved when its folder is moved', async (t) => {
    const running = await shop(t)
    const moved = join(dirname(running.folder), 'moved')
    renameSync(running.folder, moved)
    await assertStops(running, /was removed or moved/)
    await assertHas(join(moved, 'shop.db'), running)
  })

  test('what was acknowledged is saved when another database is moved in its place, which stays byte for byte', async (t) => {
    const running = await shop(t)
    const backup = await backupOf(running)
    const bytes = readFileSync(backup)
    renameSync(backup, running.file)
    await assertStops(running, /was replaced/)
    assert.deepEqual(readFileSync(running.file), bytes)
    assert.equal(existsSync(`${running.file}-wal`), false, 'the WAL is not applied to it')
    await assertHas(rescuedIn(running.folder), running)

    const next = await serve(t, running.file)
    assert.match(next.output(), /These files have charges that the database may lack/)
    assert.deepEqual(await next.stop(), 0)
    await assertSound(running.file)
  })

  test('what was acknowledged is saved when the link that names it leads elsewhere', async (t) => {
    let link = ''
    const running = await shop(t, (file) => {
      link = join(dirname(file), 'link.db')
      symlinkSync(file, link)
      return link
    })
    rmSync(link)
    symlinkSync(join(running.folder, 'other.db'), link)
    await assertStops(running, /link\.db was removed or moved/)
    await assertHas(running.file, running)
  })

  for (const end of ['-wal', '-shm', '-lock'])
    test(`what was acknowledged is saved when its ${end} is removed`, async (t) => {
      const running = await shop(t)
      rmSync(running.file + end)
      await assertStops(running, new RegExp(`shop\\.db${end} was removed or moved`))
      await assertHas(running.file, running)
      await startsAgain(t, running)
    })

  test('what was acknowledged is saved when its WAL is cut short', async (t) => {
    const running = await shop(t)
    truncateSync(`${running.file}-wal`, 4096)
    await assertStops(running, /shop\.db-wal was cut short/)
    await assertHas(rescuedIn(running.folder), running)
  })

  test('what was acknowledged is saved when it is given another name', async (t) => {
    const running = await shop(t)
    const link = join(running.folder, 'second.db')
    linkSync(running.file, link)
    await assertStops(running, /was given another name, a hard link/)
    const refused = await runCli(['serve', '--database', running.file, '--port', '0'])
    assert.match(refused.stderr, /has another name, a hard link/)
    rmSync(link)
    await assertHas(running.file, running)
    await startsAgain(t, running)
  })
})

/** What an overwritten file held is no more than what the process still has in memory: it stops before it adds to it. */
describe('a database whose content is destroyed', { concurrency: 2 }, () => {
  test('a database that is cut to nothing takes no more charges', async (t) => {
    const running = await shop(t)
    truncateSync(running.file, 0)
    await assertStops(running, /was cut short/)
    const again = await runCli(['serve', '--database', running.file, '--port', '0'])
    assert.equal(again.code, 1)
    assert.match(again.stderr, /shop\.db-wal does not belong to/)
    assert.ok(existsSync(`${running.file}-wal`), 'the WAL, with the last charges, is still there')
  })

  test('a database that is overwritten by a backup takes no more charges, and the backup is not damaged', async (t) => {
    const running = await shop(t)
    const backup = await backupOf(running)
    const bytes = readFileSync(backup)
    copyFileSync(backup, running.file)
    await assertStops(running, /was (cut short|overwritten)/)
    assert.deepEqual(readFileSync(running.file), bytes)
    const again = await runCli(['serve', '--database', running.file, '--port', '0'])
    assert.equal(again.code, 1, 'the WAL of before would be applied to it')
    assert.match(again.stderr, /does not belong to .*move .*-wal and .*-shm/)
    assert.deepEqual(readFileSync(running.file), bytes)
  })

  test('a database that is overwritten by something else takes no more charges', async (t) => {
    const running = await shop(t)
    // In place: a moment at which the file is empty would look as if it was cut short.
    writeFileSync(running.file, Buffer.alloc(1024 * 1024, 'x'), { flag: 'r+' })
    await assertStops(running, /was overwritten/)
  })
})

async function startsAgain(t: TestContext, { file, acknowledged }: Shop): Promise<void> {
  const next = await serve(t, file)
  const [id] = acknowledged
  assert.equal((await call<Charge>(next.url, 'GET', `/api/v1/charges/${id}`)).status, 200)
  assert.equal(await next.stop(), 0)
  assert.ok(readdirSync(dirname(file)).every((name) => !name.startsWith(`${basename(file)}.rescued`)))
}

test('a stop does not write into what was put in its place just now', async (t) => {
  const running = await shop(t)
  const backup = await backupOf(running)
  const bytes = readFileSync(backup)
  renameSync(backup, running.file)
  running.server.process.kill('SIGTERM')
  assert.equal(await running.server.gone, 1)
  await running.ended
  assert.deepEqual(readFileSync(running.file), bytes)
  await assertHas(rescuedIn(running.folder), running)
})
