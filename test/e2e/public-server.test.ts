/**
 * A newcomer puts MiniPay on a public interface, gets a key, gives a colleague a weaker one, rolls the first under load,
 * finds all of that in the audit log, and changes a row by hand.
 */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import Database from 'better-sqlite3'
import { Client } from 'pg'
import type { Charge } from '../kit/client.ts'
import { tempDir } from '../kit/folders.ts'
import { type Answer, call } from '../kit/http.ts'
import { onEngine, type RunningServer, runCli, startServer } from '../kit/server.ts'
import { until } from '../kit/until.ts'

const dir = tempDir()
const database = join(dir.path, 'minipay.db')
let server: RunningServer
let url: string
/** The secret of the first key, which the first start prints. */
let first: string
let support: string

/** A server on every interface, as the image starts it. */
async function start(): Promise<void> {
  server = await startServer(database, { MINIPAY_HOST: '0.0.0.0' })
  url = `http://127.0.0.1:${new URL(server.url).port}`
}
const bearer = (key: string) => ({ authorization: `Bearer ${key}` })
const charge = (key: string): Promise<Answer<Charge>> =>
  call<Charge>(
    url,
    'POST',
    '/api/v1/charges',
    { amount: 100, currency: 'usd', customer: 'cus_1' },
    bearer(key),
  )

/** Runs a command with a key; its standard output. */
async function command(key: string, ...words: string[]): Promise<string> {
  const { code, stdout, stderr } = await runCli(words, { MINIPAY_KEY: key, MINIPAY_SERVER: url })
  assert.equal(code, 0, `${words.join(' ')}: ${stderr}`)
  return stdout.trimEnd()
}

before(start)
after(async () => {
  await server?.kill()
  dir.remove()
})

describe('a server on a public interface', () => {
  test('prints one key at its first start, on a line of its own, and needs it for every request', async () => {
    const printed = server.output()
    const keys = [...printed.matchAll(/^.*mp_(?:live|test)_.*$/gm)].map(([line]) => line)
    assert.equal(keys.length, 1, printed)
    first = /mp_(?:live|test)_\w{39}/.exec(keys[0] ?? '')?.[0] ?? assert.fail(printed)
    assert.doesNotMatch(keys[0] ?? '', /^\{/, 'the log does not contain it')
    assert.equal((await charge(first)).status, 201)
    assert.equal((await call(url, 'GET', '/api/v1/charges')).status, 401)
    assert.equal((await charge(`${first.slice(0, -1)}${first.endsWith('a') ? 'b' : 'a'}`)).status, 401)
    assert.equal((await call(url, 'GET', '/health')).status, 200)
  })

  test('the colleague with a support key refunds, and cannot change the routing rules or make a key', async () => {
    support = await command(first, 'keys', 'create', 'Ada, support', '--role', 'support')
    const { body } = await charge(first)
    const refund = await call(url, 'POST', '/api/v1/refunds', { transaction_id: body.id }, bearer(support))
    assert.equal(refund.status, 200)
    const rules = { document: { rules: [] } }
    const refused = await call<{ code: string; error: string }>(
      url,
      'PUT',
      '/api/v1/routing',
      rules,
      bearer(support),
    )
    assert.deepEqual([refused.status, refused.body.code], [403, 'permission_denied'])
    assert.match(refused.body.error, /routing:write/)
    assert.equal((await charge(support)).status, 403)
    const { code, stderr } = await runCli(['keys'], { MINIPAY_KEY: support, MINIPAY_SERVER: url })
    assert.equal(code, 1)
    assert.match(stderr, /^minipay: .*keys:read.* Set MINIPAY_KEY to a key that may do this\.\n$/)
  })

  test('the first key is rolled under load without a failed request', async () => {
    const id = /key_\w+/.exec(
      (await command(first, 'keys')).split('\n').find((line) => /first key/.test(line)) ?? '',
    )
    assert.ok(id)
    let current = first
    let running = true
    const statuses = new Map<string, number>()
    const clients = Array.from({ length: 8 }, async () => {
      while (running) {
        const { status } = await charge(current)
        const counted = `${current === first ? 'old' : 'new'} ${status}`
        statuses.set(counted, (statuses.get(counted) ?? 0) + 1)
      }
    })
    const successor = await command(first, 'keys', 'roll', id[0], '--overlap', '5s')
    // Some clients get the new key early, some late: both work.
    while ((statuses.get('old 201') ?? 0) < 200) await new Promise(setImmediate)
    current = successor
    while ((statuses.get('new 201') ?? 0) < 200) await new Promise(setImmediate)
    running = false
    await Promise.all(clients)
    assert.deepEqual([...statuses.keys()].sort(), ['new 201', 'old 201'])
    const rolled = (await command(successor, 'keys')).split('\n').find((line) => line.startsWith(`${id} `))
    assert.match(rolled ?? '', /until \S+, rolled to key_/)
    await until('the old key ends', async () => (await charge(first)).status === 401)
    first = successor
  })

  test('the audit log has the first key, the colleague’s key and the roll, with who did it and from where', async () => {
    const log = (await command(first, 'audit')).split('\n')
    const has = (...parts: RegExp[]) => log.some((line) => parts.every((part) => part.test(line)))
    assert.ok(has(/server/, /key\.created/, /first key/), log.join('\n'))
    assert.ok(has(/key_\w+ from 127\.0\.0\.1/, /key\.created/, /Ada, support/), log.join('\n'))
    assert.ok(has(/key_\w+ from 127\.0\.0\.1/, /key\.rolled/, /rolled_to/), log.join('\n'))
    assert.doesNotMatch(log.join('\n'), new RegExp(`${first.slice(8)}|${support.slice(8)}`))
  })

  test('a second start prints no key', async () => {
    assert.equal(await server.stop(), 0)
    await start()
    assert.doesNotMatch(server.output(), /mp_(live|test)_/)
    assert.equal((await charge(first)).status, 201)
  })

  test('a row that was changed by hand is named by verify, also against a head that was kept', async () => {
    assert.equal(await server.stop(), 0)
    const verify = (...words: string[]) => runCli(['verify', '--database', database, ...words])
    const { code, stdout } = await verify()
    assert.equal(code, 0)
    const heads = join(dir.path, 'heads.txt')
    writeFileSync(heads, stdout)
    assert.equal((await verify('--since', heads)).code, 0)
    const hides = `UPDATE audit_log SET actor = 'cli' WHERE action = 'key.rolled'`
    assert.equal(await byHand(hides), 1)
    for (const words of [[], ['--since', heads]]) {
      const changed = await verify(...words)
      assert.deepEqual([changed.code, changed.stdout], [1, ''])
      assert.match(changed.stderr, /^minipay: Link \d+ [^\n]*audit entry/m)
    }
  })
})

/** Changes rows without MiniPay, as with `sqlite3` or `psql`; the number of changed rows. */
async function byHand(sql: string): Promise<number | null> {
  const name = await onEngine(database)
  if (!name.startsWith('postgres')) {
    const db = new Database(name)
    const { changes } = db.prepare(sql).run()
    db.close()
    return changes
  }
  const client = new Client(name)
  await client.connect()
  const { rowCount } = await client.query(sql)
  await client.end()
  return rowCount
}
