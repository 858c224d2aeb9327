import assert from 'node:assert/strict'
import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { after, before } from 'node:test'
import Database from 'better-sqlite3'
import { tempDir } from '../../../test/kit/folders.ts'
import { fillPurgedBooks, PURGED } from '../../../test/tamperings/purged.ts'
import { openReader } from './open.ts'
import { openSqliteStore } from './store.ts'
import { verify } from './verify.ts'

const folder = tempDir()
const sound = join(folder.path, 'sound.db')
after(() => folder.remove())

before(async () => {
  const store = await openSqliteStore({ file: sound, onFatal: assert.fail })
  await fillPurgedBooks(store)
  await store.close()
})

function afterTampering(sql: string): string {
  const copy = join(folder.path, 'tampered.db')
  copyFileSync(sound, copy)
  const writer = new Database(copy)
  writer.pragma('foreign_keys = OFF')
  writer.pragma('journal_mode = DELETE')
  assert.ok(sql === '' || writer.prepare(sql).run().changes > 0, 'nothing was tampered with')
  writer.close()
  const reader = openReader(copy)
  try {
    return verify(reader).problem ?? 'nothing'
  } finally {
    reader.close()
  }
}

test('books whose old events were deleted pass, and have few of the events', () => {
  assert.equal(afterTampering(''), 'nothing')
  const db = new Database(sound)
  const { events_to: to } = db.prepare('SELECT events_to FROM event_purges').get() as { events_to: number }
  assert.ok(to > 10, String(to))
  assert.equal(db.prepare('SELECT min(seq) FROM events WHERE live = 1').pluck().get(), to + 1)
  db.close()
})

for (const { what, sql, says } of PURGED)
  test(`after a purge, verify names ${what}`, () => assert.match(afterTampering(sql), says))

test('events of a link that somebody changed are not deleted', async (t) => {
  const copy = join(folder.path, 'changed.db')
  copyFileSync(sound, copy)
  const writer = new Database(copy)
  writer.pragma('journal_mode = DELETE')
  writer.exec('UPDATE events SET created_at = created_at - 1 WHERE live = 0 AND seq = 1')
  // A disabled endpoint needs no event any more.
  writer.exec('UPDATE webhook_cursors SET position = (SELECT max(seq) FROM events) WHERE live = 0')
  writer.close()
  const store = await openSqliteStore({ file: copy, onFatal: assert.fail })
  t.after(() => store.close())
  const scope = { accountId: 1, mode: 'test' } as const
  const purge = { before: Date.UTC(2028, 0, 1), limit: 100, entry: { id: 'aud_1', at: 1 } }
  const { deleted, problem } = await store.purgeEvents(scope, purge)
  assert.deepEqual([deleted, problem], [0, 'Link 1 does not match its rows.'])
  assert.equal(await store.eventsPurgedTo(scope), 0)
})
