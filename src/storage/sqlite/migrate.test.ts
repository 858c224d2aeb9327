import assert from 'node:assert/strict'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import Database from 'better-sqlite3'
import { runCli, tempDir } from '../../../test/harness.ts'
import type { Connection } from './connection.ts'
import { type Migration, migrate, migrations, SchemaMismatch, schemaVersion } from './migrate.ts'
import { openWriter } from './open.ts'

function newDatabase(t: TestContext): { file: string; db: Connection } {
  const folder = tempDir()
  const file = join(folder.path, 'test.db')
  const db = openWriter(file)
  t.after(() => {
    db.close()
    folder.remove()
  })
  return { file, db }
}

const tables = (db: Connection) =>
  db.prepare(`SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name`).pluck().all()

test('migrations are numbered from 1 without a gap, and named after their number', () => {
  const all = migrations()
  assert.ok(all.length > 0)
  for (const [index, { number, name, sql }] of all.entries()) {
    assert.equal(number, index + 1)
    assert.match(name, new RegExp(`^${String(number).padStart(4, '0')}_[a-z0-9_]+\\.sql$`))
    assert.notEqual(sql.trim(), '')
  }
})

test('an empty database is brought to the last schema, and applying again is a no-op', (t) => {
  const { db } = newDatabase(t)
  assert.equal(schemaVersion(db), 0)
  assert.deepEqual(migrate(db), migrations())
  assert.equal(schemaVersion(db), migrations().length)
  const made = tables(db)
  assert.ok(made.includes('ledger_entries'))
  assert.deepEqual(migrate(db), [])
  assert.deepEqual(tables(db), made)
})

test('only the migrations that a database lacks are applied, and its rows stay', (t) => {
  const { db } = newDatabase(t)
  migrate(db)
  const next: Migration = {
    number: migrations().length + 1,
    name: 'next.sql',
    sql: 'ALTER TABLE accounts ADD COLUMN note TEXT',
  }
  assert.deepEqual(migrate(db, [...migrations(), next]), [next])
  const account = db.prepare('SELECT id, name, note FROM accounts').get()
  assert.deepEqual(account, { id: 1, name: 'default', note: null })
})

test('a migration that fails leaves the schema as it was before it', (t) => {
  const { db } = newDatabase(t)
  migrate(db)
  const before = tables(db)
  const broken: Migration = {
    number: migrations().length + 1,
    name: 'broken.sql',
    sql: 'CREATE TABLE half_done (id INTEGER); CREATE TABLE accounts (id INTEGER)',
  }
  assert.throws(() => migrate(db, [...migrations(), broken]), /accounts already exists/)
  assert.deepEqual(tables(db), before)
  assert.equal(schemaVersion(db), migrations().length)
})

test('a database from a newer MiniPay is refused in plain words and stays as it is', async (t) => {
  const { file, db } = newDatabase(t)
  migrate(db)
  db.pragma('user_version = 999')
  assert.throws(() => migrate(db), SchemaMismatch)
  for (const command of ['serve', 'migrate', 'verify']) {
    const { code, stderr } = await runCli([command], { MINIPAY_DATABASE: file, PORT: '0' })
    assert.equal(code, 1, command)
    assert.match(
      stderr,
      /^minipay: .*test\.db was written by a newer MiniPay \(schema 999;.*Run the newer version/,
    )
    assert.equal(stderr.trim().split('\n').length, 1, 'one sentence, no stack trace')
  }
  assert.equal(schemaVersion(db), 999)
})

test("another program's database is refused and gets no table", async (t) => {
  const { file, db } = newDatabase(t)
  db.exec('CREATE TABLE notes (text TEXT)')
  for (const command of ['serve', 'migrate', 'verify']) {
    const { code, stderr } = await runCli([command], { MINIPAY_DATABASE: file, PORT: '0' })
    assert.equal(code, 1, command)
    assert.match(stderr, /^minipay: .*test\.db is a SQLite database, but not MiniPay's\.\n$/)
  }
  assert.deepEqual(tables(db), ['notes'])
})

test("another program's migration count is not taken for ours", (t) => {
  const { db } = newDatabase(t)
  db.exec('CREATE TABLE notes (text TEXT)')
  db.pragma('user_version = 1')
  assert.throws(() => migrate(db), /not MiniPay's/)
})

test('a file that is no database is refused with a sentence', async (t) => {
  const folder = tempDir()
  t.after(() => folder.remove())
  const file = join(folder.path, 'not.db')
  const { writeFile } = await import('node:fs/promises')
  await writeFile(file, 'These are words, and not a database at all. '.repeat(100))
  for (const command of ['serve', 'migrate', 'verify']) {
    const { code, stderr } = await runCli([command], { MINIPAY_DATABASE: file, PORT: '0' })
    assert.equal(code, 1, command)
    assert.match(stderr, /^minipay: .*not a SQLite database/)
    assert.equal(stderr.trim().split('\n').length, 1)
  }
})

test('`minipay migrate` makes a database that serves', async (t) => {
  const folder = tempDir()
  t.after(() => folder.remove())
  const file = join(folder.path, 'made.db')
  const made = await runCli(['migrate'], { MINIPAY_DATABASE: file })
  assert.deepEqual([made.code, made.stderr], [0, ''])
  assert.match(made.stdout, /applied 0001_initial\.sql/)
  const again = await runCli(['migrate'], { MINIPAY_DATABASE: file })
  assert.equal(again.code, 0)
  assert.doesNotMatch(again.stdout, /applied/)
  const db = new Database(file, { readonly: true })
  assert.equal(schemaVersion(db), migrations().length)
  db.close()
})
