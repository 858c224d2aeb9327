import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { copyFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { after, before } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import Database from 'better-sqlite3'
import { fill } from '../../../bench/fill.ts'
import { auditEntry } from '../../../test/kit/audit-entries.ts'
import { chargeCommit } from '../../../test/kit/commits.ts'
import { tempDir } from '../../../test/kit/folders.ts'
import { WITHOUT_PACKED_TEXTS } from '../../../test/kit/former-rows.ts'
import { fillBooks, LIVE } from '../../../test/kit/history.ts'
import { CLI, runCli } from '../../../test/kit/server.ts'
import { AMOUNT_REWRITTEN } from '../../../test/tamperings/chains.ts'
import { CHAINED, entryOf, eventOf, transferOf } from '../chain/check.ts'
import { readHead } from '../chain/head.ts'
import { digestOf, hashOf, type Link } from '../chain/link.ts'
import type { Row } from '../verify/aggregate.ts'
import { backup } from './backup.ts'
import { beginEpoch } from './epochs.ts'
import { showWholeRows } from './long-texts.ts'
import { openReader } from './open.ts'
import { defineUnpacked } from './packed-texts.ts'
import { openSqliteStore } from './store.ts'
import { verify } from './verify.ts'

const folder = tempDir()
const sound = join(folder.path, 'sound.db')
after(() => folder.remove())
before(async () => {
  const store = await openSqliteStore({ file: sound, onFatal: assert.fail })
  await fillBooks(store)
  await store.close()
})

/** A copy of the sound books, after `change`. */
function copy(name: string, change: (db: Database.Database) => void = () => {}): string {
  const file = join(folder.path, name)
  copyFileSync(sound, file)
  const db = new Database(file)
  change(db)
  db.close()
  return file
}

function verified(file: string, since?: string) {
  const reader = openReader(file)
  try {
    return verify(reader, since === undefined ? undefined : readHead(since))
  } finally {
    reader.close()
  }
}

/** Recomputes every link from the rows as they are. */
function recompute(db: Database.Database): void {
  const rows = (sql: string, ...values: unknown[]) => db.prepare<unknown[], Row>(sql).all(...values)
  const within = (source: string, link: Row, column: string, from: number) =>
    rows(
      `SELECT * FROM (${source}) WHERE account_id = ? AND live = ? AND seq > ? AND seq <= ?`,
      link['account_id'],
      link['live'],
      from,
      link[column],
    )
  const showAsStored = showWholeRows(db)
  let former: Row = {}
  const recomputed = rows(CHAINED.links()).map((link): Row => {
    if (former['live'] !== link['live'] || former['account_id'] !== link['account_id']) former = {}
    const of = (source: string, column: string) => within(source, link, column, Number(former[column] ?? 0))
    const texts = [
      ...of(CHAINED.chainedEvents(), 'events_to').map(eventOf),
      ...of(CHAINED.chainedTransfers(), 'transfers_to').map(transferOf),
      ...of(CHAINED.chainedAudit(), 'audit_to').map(entryOf),
    ]
    const ends = {
      events: Number(link['events_to']),
      transfers: Number(link['transfers_to']),
      audit: Number(link['audit_to']),
    }
    const [accountId, live, number, at] = ['account_id', 'live', 'number', 'at'].map((column) =>
      Number(link[column]),
    )
    const next = { accountId, live, number, at, ends } as Omit<Link, 'hash'>
    former = { ...link, hash: hashOf(next, String(former['hash'] ?? ''), digestOf(texts.join(''))) }
    return former
  })
  showAsStored()
  const update = db.prepare(
    'UPDATE chain_links SET hash = ? WHERE account_id = ? AND live = ? AND number = ?',
  )
  for (const { hash, account_id, live, number } of recomputed) update.run(hash, account_id, live, number)
}

/** Adds commits to a database. */
async function trade(file: string, charges: number): Promise<void> {
  const store = await openSqliteStore({ file, onFatal: assert.fail })
  await store.addAuditEntry(auditEntry(LIVE))
  for (let i = 0; i < charges; i++) await store.commit(chargeCommit({ scope: LIVE }))
  await store.addAuditEntry(auditEntry(LIVE))
  await store.close()
}

test('a head that was kept is found in later books', async () => {
  const file = copy('later.db')
  const { head = '' } = verified(file)
  await trade(file, 20)
  const later = verified(file, head)
  assert.equal(later.problem, undefined)
  assert.notEqual(later.head, head)
})

test('who changes an amount everywhere and recomputes all chains is found by a head that was kept, and not without', () => {
  const { head = '' } = verified(sound)
  const file = copy('rewritten.db', (db) => {
    defineUnpacked(db)
    db.exec(WITHOUT_PACKED_TEXTS)
    db.exec(AMOUNT_REWRITTEN)
    assert.equal(db.prepare('SELECT count(*) FROM charges WHERE amount = 1011').pluck().get(), 1)
    recompute(db)
  })
  const { problem, head: other } = verified(file)
  assert.equal(problem, undefined)
  assert.notEqual(other, head)
  const saying = /^Link \d+ of account 1 \(live\) is not the one of the head: somebody rewrote rows and links/
  assert.match(verified(file, head).problem ?? '', saying)
})

test('an older state of the database is found by a head that was kept', async () => {
  const file = copy('newer.db')
  await trade(file, 3)
  const { head = '' } = verified(file)
  assert.match(
    verified(sound, head).problem ?? '',
    /^The chain of account 1 \(live\) ends with link \d+, before link \d+ of the head: its last rows were removed, or this is an older backup\.$/,
  )
})

test('minipay verify takes a head, or a file with one, and prints the next head', async () => {
  const file = copy('printed.db')
  const first = await runCli(['verify', '--database', file])
  const kept = join(folder.path, 'head.txt')
  writeFileSync(kept, first.stdout)
  await trade(file, 2)
  const second = await runCli(['verify', '--database', file, '--since', kept])
  assert.equal(second.code, 0, second.stderr)
  assert.match(second.stdout, /^The hash chains contain the given head\.$/m)
  const head = /mph1_\S+/.exec(second.stdout)?.[0] ?? ''
  const older = await runCli(['verify', '--database', sound, '--since', head])
  assert.equal(older.code, 1)
  assert.match(older.stderr, /before link \d+ of the head/)
  for (const wrong of [join(folder.path, 'no.txt'), head.slice(0, -2)]) {
    const refused = await runCli(['verify', '--database', file, '--since', wrong])
    assert.equal(refused.code, 2)
    assert.match(refused.stderr, /--since/)
  }
})

test('a backup has the chains of its source, and later epochs continue them', async () => {
  const file = copy('source.db')
  const saved = join(folder.path, 'backup.db')
  const { head = '' } = verified(file)
  assert.equal(backup(file, saved).head, head)
  const db = new Database(saved)
  beginEpoch(db, 'restored', Date.now(), null)
  db.close()
  await trade(saved, 5)
  assert.equal(verified(saved, head).problem, undefined)
})

test('an action between the beginning of an epoch and its first event breaks no chain', async () => {
  const file = copy('restored.db')
  const db = new Database(file)
  beginEpoch(db, 'restored', Date.now(), null)
  db.close()
  const store = await openSqliteStore({ file, onFatal: assert.ifError })
  await store.addAuditEntry(auditEntry({ accountId: 1, mode: 'live' }))
  await store.close()
  assert.equal(verified(file).problem, undefined)
  await trade(file, 3)
  assert.equal(verified(file).problem, undefined)
})

test('an upgrade that is killed while it seals rows continues, and then every row has a link', {
  timeout: 120_000,
}, async () => {
  const file = join(folder.path, 'former.db')
  fill(file, { charges: 100_000, story: 'finished' }, Date.now())
  const db = new Database(file)
  db.exec('DELETE FROM chain_links; UPDATE chain_seal SET sealed_at = NULL')
  const links = db.prepare('SELECT count(*) FROM chain_links').pluck()
  const upgrade = () => spawn(process.execPath, [CLI, 'migrate', '--database', file])
  const first = upgrade()
  while (Number(links.get()) === 0) await delay(1)
  first.kill('SIGKILL')
  await new Promise((resolve) => first.once('exit', resolve))
  const sealed = Number(links.get())
  assert.ok(sealed > 0 && sealed < 50, `it was killed after ${sealed} of 50 links`)
  const before = db.prepare('SELECT * FROM chain_links').all()
  assert.match(
    verified(file).problem ?? '',
    /^Rows from before the hash chains have no link yet\. Run minipay migrate/,
  )
  const second = upgrade()
  await new Promise((resolve) => second.once('exit', resolve))
  assert.deepEqual(db.prepare('SELECT * FROM chain_links ORDER BY number LIMIT ?').all(sealed), before)
  db.close()
  const { problem, charges } = verified(file)
  assert.deepEqual([problem, charges], [undefined, 100_000])
})
