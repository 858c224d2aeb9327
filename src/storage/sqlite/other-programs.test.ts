/** Another program's SQLite file is refused before anything of it changes. */
import assert from 'node:assert/strict'
import { chmodSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import Database from 'better-sqlite3'
import { folderOf } from '../../../test/kit/folders.ts'
import { runCli } from '../../../test/kit/server.ts'

const COMMANDS = ['serve', 'migrate', 'verify', 'backup copy.db']

for (const journal of ['DELETE', 'WAL'])
  test(`another program's database in mode ${journal} is refused, gets no table, and keeps its rights`, async (t) => {
    const folder = folderOf(t)
    const file = join(folder, 'test.db')
    const db = new Database(file)
    t.after(() => db.close())
    db.pragma(`journal_mode = ${journal}`)
    db.exec('CREATE TABLE notes (text TEXT)')
    if (journal === 'WAL') db.pragma('wal_checkpoint')
    chmodSync(file, 0o664)
    const beside = readdirSync(folder)
    for (const command of COMMANDS) {
      const { code, stderr } = await runCli(command.split(' '), { MINIPAY_DATABASE: file, PORT: '0' })
      assert.equal(code, 1, command)
      assert.match(stderr, /^minipay: \S*test\.db is a SQLite database, but not MiniPay's\.\n$/)
    }
    assert.deepEqual(db.prepare('SELECT name FROM sqlite_master').pluck().all(), ['notes'])
    assert.equal(statSync(file).mode & 0o777, 0o664)
    assert.deepEqual(readdirSync(folder), beside)
  })
