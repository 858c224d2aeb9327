import assert from 'node:assert/strict'
import { copyFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import Database from 'better-sqlite3'
import { chargeCommit, committed } from '../../../test/kit/commits.ts'
import { tempDir } from '../../../test/kit/folders.ts'
import { LIVE_SCOPE } from '../../../test/kit/scopes.ts'
import type { Connection } from './connection.ts'
import { watchContent } from './content.ts'
import { CHECKPOINT_PAGES, openReader, openWriter } from './open.ts'
import { openSqliteStore } from './store.ts'

function folderOf(t: TestContext): string {
  const folder = tempDir()
  t.after(() => folder.remove())
  return folder.path
}

function opened(t: TestContext, file: string): Connection {
  const db = openWriter(file)
  t.after(() => db.close())
  return db
}

/** A database with a table of blobs, and a way to write so many pages, or a few more, in commits of 50. */
function database(t: TestContext) {
  const file = join(folderOf(t), 'test.db')
  const db = opened(t, file)
  db.exec('CREATE TABLE blobs (bytes BLOB)')
  const insert = db.prepare('INSERT INTO blobs VALUES (randomblob(4000))')
  const some = db.transaction(() => {
    for (let i = 0; i < 50; i++) insert.run()
  })
  const grow = (pages: number) => {
    for (let done = 0; done < pages; done += 50) some()
  }
  const watch = () => watchContent(file, Number(db.pragma('schema_version', { simple: true })))
  return { file, db, grow, watch }
}

const copyOf = (db: Connection, file: string): string => {
  const copy = `${file}.copy`
  db.prepare('VACUUM INTO ?').run(copy)
  return copy
}

describe('a database whose content is watched', () => {
  test('a watched database is not called overwritten after commits, or after checkpoints of this or another connection', (t) => {
    const { file, db, grow, watch } = database(t)
    const isOther = watch()
    const other = new Database(file)
    t.after(() => other.close())
    const reader = openReader(file)
    for (const mode of ['PASSIVE', 'FULL', 'RESTART', 'TRUNCATE'])
      for (const by of [db, other]) {
        grow(CHECKPOINT_PAGES / 3)
        assert.equal(isOther(), false)
        by.pragma(`wal_checkpoint(${mode})`)
        assert.equal(isOther(), false, mode)
      }
    // A reader that keeps its snapshot lets a checkpoint do only a part.
    reader.exec('BEGIN')
    reader.prepare('SELECT count(*) FROM blobs').get()
    grow(CHECKPOINT_PAGES * 2)
    assert.equal(isOther(), false)
    reader.close()
    db.pragma('wal_checkpoint(TRUNCATE)')
    assert.equal(isOther(), false)
  })

  const OVERWRITES: Readonly<Record<string, (file: string, db: Connection, isOther: () => boolean) => void>> =
    {
      'a backup': (file, db) => copyFileSync(copyOf(db, file), file),
      'itself, as it was some commits ago': (file, db, isOther) => {
        copyFileSync(file, `${file}.old`)
        db.prepare('INSERT INTO blobs VALUES (randomblob(9000))').run()
        db.pragma('wal_checkpoint(FULL)')
        assert.equal(isOther(), false)
        copyFileSync(`${file}.old`, file)
      },
      'another database': (file) => {
        const other = openWriter(`${file}.other`)
        other.exec('CREATE TABLE other (x); CREATE TABLE another (y)')
        other.close()
        copyFileSync(`${file}.other`, file)
      },
      'something else': (file) => writeFileSync(file, Buffer.alloc(100_000, 'x')),
    }
  for (const [name, overwrite] of Object.entries(OVERWRITES))
    test(`a watched database is found to be overwritten with ${name}, before the next checkpoint covers that up`, (t) => {
      const { file, db, grow, watch } = database(t)
      grow(50)
      db.pragma('wal_checkpoint(TRUNCATE)')
      grow(50)
      const isOther = watch()
      assert.equal(isOther(), false)
      overwrite(file, db, isOther)
      assert.equal(isOther(), true)
    })
})

test('a commit right after a backup overwrote the database is refused', async (t) => {
  const file = join(folderOf(t), 'test.db')
  const store = await openSqliteStore({ file, onFatal: () => {} })
  t.after(() => store.close().catch(() => {}))
  const commit = () => committed(store, chargeCommit({ scope: LIVE_SCOPE }))
  await commit()
  const reader = new Database(file, { readonly: true })
  const backup = copyOf(reader, file)
  reader.close()
  copyFileSync(backup, file)
  // The thread has not turned since, so that the guard has had no time to look.
  await assert.rejects(commit(), { name: 'StoreUnavailable', reason: 'lost' })
  await assert.rejects(store.close(), /was overwritten while MiniPay was serving it/)
})
