import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync, statSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { tempDir } from '../../../test/kit/folders.ts'
import { call } from '../../../test/kit/http.ts'
import { runCli, startServer } from '../../../test/kit/server.ts'
import { migrate } from './migrate.ts'
import { lockDatabase, openReader, openWriter } from './open.ts'
import { readPid } from './pid.ts'

function newFile(t: TestContext): string {
  const folder = tempDir()
  t.after(() => folder.remove())
  return join(folder.path, 'test.db')
}

test('the writer syncs every commit: WAL with synchronous=FULL', (t) => {
  const db = openWriter(newFile(t))
  assert.equal(db.pragma('journal_mode', { simple: true }), 'wal')
  assert.equal(db.pragma('synchronous', { simple: true }), 2, '2 is FULL')
  db.close()
})

test('a reader can not write, and makes no database', (t) => {
  const file = newFile(t)
  assert.throws(() => openReader(file), /unable to open/)
  const writer = openWriter(file)
  migrate(writer)
  const reader = openReader(file)
  assert.throws(() => reader.exec('DELETE FROM accounts'), /readonly/)
  reader.close()
  writer.close()
})

test('a lock is free again once it was released', (t) => {
  const file = newFile(t)
  lockDatabase(file).release()
  const lock = lockDatabase(file)
  assert.throws(() => lockDatabase(file), /Another MiniPay process is using/)
  lock.release()
})

test('a second process on the same file is refused with a sentence, and works once the first was killed', async (t) => {
  const file = newFile(t)
  const first = await startServer(file)
  t.after(() => first.kill())
  const charged = await call<{ id: string }>(first.url, 'POST', '/api/v1/charges', {
    amount: 5,
    currency: 'usd',
    customer: 'c',
  })
  assert.equal(charged.status, 201)

  const pid = readPid(file)
  for (const command of ['serve', 'migrate']) {
    const second = await runCli([command], { MINIPAY_DATABASE: file, PORT: '0' })
    assert.equal(second.code, 1, command)
    assert.equal(
      second.stderr,
      `minipay: Another MiniPay process is using ${file}: process ${pid}. Stop it with "minipay stop --database ${file}", or use another file.\n`,
    )
  }
  assert.equal((await call(first.url, 'GET', '/ready')).status, 200, 'the first goes on')

  await first.kill()
  const third = await startServer(file)
  t.after(() => third.kill())
  assert.equal((await call(third.url, 'GET', `/api/v1/charges/${charged.body.id}`)).status, 200)
  assert.equal(await third.stop(), 0)
})

test('another name of the same file is the same database', async (t) => {
  const file = newFile(t)
  const server = await startServer(file)
  t.after(() => server.kill())
  const link = join(file, '..', 'link.db')
  symlinkSync(file, link)
  const second = await runCli(['serve'], { MINIPAY_DATABASE: link, PORT: '0' })
  assert.equal(second.code, 1)
  assert.match(second.stderr, /Another MiniPay process is using .*link\.db: process \d+\./)
})

test('a file that can not be opened stops the start with a sentence', async (t) => {
  const file = newFile(t)
  mkdirSync(file)
  for (const [database, status] of [
    [file, 2],
    [join(file, 'no', 'such', 'folder.db'), 1],
  ] as const) {
    const { code, stderr } = await runCli(['serve'], { MINIPAY_DATABASE: database, PORT: '0' })
    assert.equal(code, status)
    assert.match(stderr, /^minipay: \S.*\n$/)
    assert.doesNotMatch(stderr, /Another MiniPay process/)
  }
})

const LOCKS = '/proc/locks'
test('a serving process holds a lock on the database itself, as SQLite needs in WAL mode', {
  skip: !existsSync(LOCKS) && 'this system does not list its locks',
}, async (t) => {
  const server = await startServer(newFile(t))
  t.after(() => server.stop())
  const { ino } = statSync(server.database)
  const held = readFileSync(LOCKS, 'utf8')
    .split('\n')
    .filter((line) => line.includes(` ${server.process.pid} `) && line.includes(`:${ino} `))
  // Closing any descriptor of the file in that process would have dropped it.
  assert.match(held.join('\n'), /POSIX +ADVISORY +READ/)
})
