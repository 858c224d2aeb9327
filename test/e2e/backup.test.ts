import assert from 'node:assert/strict'
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { assertSound } from '../kit/audit.ts'
import { tempDir } from '../kit/folders.ts'
import { call } from '../kit/http.ts'
import { runCli, startServer } from '../kit/server.ts'

function folder(t: TestContext): string {
  const dir = tempDir()
  t.after(dir.remove)
  return dir.path
}

const charge = (url: string, key: string) =>
  call<{ id: string }>(
    url,
    'POST',
    '/api/v1/charges',
    { amount: 100, currency: 'usd', customer: 'cus_1' },
    { 'idempotency-key': key },
  )

test('a backup taken under load is a consistent snapshot, and a server can continue from it', async (t) => {
  const dir = folder(t)
  const [database, backup, restored] = ['a.db', 'backup.db', 'restored.db'].map((name) =>
    join(dir, name),
  ) as [string, string, string]
  const server = await startServer(database)
  const before: string[] = []
  for (let i = 0; i < 50; i++) before.push((await charge(server.url, `before-${i}`)).body.id)
  let loading = true
  const load = [1, 2, 3, 4].map(async (client) => {
    for (let i = 0; loading; i++) await charge(server.url, `load-${client}-${i}`)
  })
  const taken = await runCli(['backup', backup, '--database', database])
  loading = false
  await Promise.all(load)
  assert.equal(taken.code, 0, taken.stderr)
  assert.match(taken.stdout, /backup\.db: \d+ charges, 0 refunds, \d+ entries; the books balance\./)
  assert.match(taken.stdout, /does not contain \S*a\.db-key, the key of the stored secrets/)
  assert.equal(await server.stop(), 0)

  const put = await runCli(['restore', backup, '--database', restored])
  assert.equal(put.code, 0)
  assert.match(put.stdout, /put their key file at \S*restored\.db-key, or set MINIPAY_SECRETS_KEY, before/)
  const again = await startServer(restored)
  for (const id of before) assert.equal((await call(again.url, 'GET', `/api/v1/charges/${id}`)).status, 200)
  const replayed = await charge(again.url, 'before-7')
  assert.deepEqual([replayed.status, replayed.body.id], [200, before[7]])
  assert.equal((await charge(again.url, 'after')).status, 201)
  await again.stop()
  await assertSound(restored)
})

test('a backup never takes the place of a file, and a restore never that of a database', async (t) => {
  const dir = folder(t)
  const database = join(dir, 'a.db')
  const backup = join(dir, 'backup.db')
  assert.equal((await runCli(['migrate', '--database', database])).code, 0)
  assert.equal((await runCli(['backup', backup, '--database', database])).code, 0)
  assert.match((await runCli(['backup', backup, '--database', database])).stderr, /backup\.db exists/)
  assert.match((await runCli(['restore', backup, '--database', database])).stderr, /a\.db exists/)
})

test('what is no database of ours is neither backed up nor restored, and leaves nothing behind', async (t) => {
  const dir = folder(t)
  const other = join(dir, 'other.txt')
  writeFileSync(other, 'not a database, though long enough to have a header')
  const target = join(dir, 'target.db')
  for (const args of [
    ['backup', target, '--database', other],
    ['backup', target, '--database', join(dir, 'missing.db')],
    ['restore', other, '--database', target],
    ['restore', join(dir, 'missing.db'), '--database', target],
    ['backup', '--database', other],
  ]) {
    const { code, stderr } = await runCli(args)
    assert.notEqual(code, 0)
    assert.match(stderr, /^minipay: .+\n$/)
    assert.equal(existsSync(target), false)
  }
  assert.deepEqual(
    readdirSync(dir).filter((name) => name.includes('partial')),
    [],
  )
})

test('a backup into a folder that does not exist is refused by a sentence with the name of the folder', async (t) => {
  const dir = folder(t)
  const database = join(dir, 'a.db')
  assert.equal((await runCli(['migrate', '--database', database])).code, 0)
  const { code, stderr } = await runCli(['backup', join(dir, 'nodir', 'x.db'), '--database', database])
  assert.equal(code, 1)
  assert.match(stderr, /^minipay: There is no folder .*nodir\. Create it, or give another name\.\n$/)
})

test('a restore is refused while a server has the database', async (t) => {
  const dir = folder(t)
  const database = join(dir, 'a.db')
  const backup = join(dir, 'backup.db')
  const server = await startServer(database)
  assert.equal((await runCli(['backup', backup, '--database', database])).code, 0)
  assert.equal((await runCli(['restore', backup, '--database', database])).code, 1)
  assert.equal(await server.stop(), 0)
})
