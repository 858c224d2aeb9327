/** `minipay keys`, `accounts` and `audit` on the database itself. */
import assert from 'node:assert/strict'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { modeOfSecret } from '../../src/domain/access/key-secret.ts'
import { tempDir } from '../kit/folders.ts'
import { call } from '../kit/http.ts'
import { runCli, serve } from '../kit/server.ts'
import { startStopwatch } from '../kit/stopwatch.ts'
import { until } from '../kit/until.ts'

const dir = tempDir()
after(() => dir.remove())
const ON_POSTGRES = process.env['TEST_POSTGRES'] !== undefined
const database = join(dir.path, 'minipay.db')

const run = (...words: string[]) => runCli([...words, '--database', database])

/** Runs a command that must succeed; the lines of its standard output. */
async function lines(...words: string[]): Promise<string[]> {
  const { code, stdout, stderr } = await run(...words)
  assert.equal(code, 0, `${words.join(' ')}: ${stderr}`)
  return stdout.trimEnd().split('\n')
}

async function create(name: string, ...flags: string[]): Promise<{ id: string; secret: string }> {
  const { code, stdout, stderr } = await run('keys', 'create', name, ...flags)
  assert.equal(code, 0, stderr)
  return { id: /key_\w+/.exec(stderr)?.[0] ?? assert.fail(stderr), secret: stdout.trimEnd() }
}

const rowOf = async (id: string) =>
  (await lines('keys')).find((line) => line.startsWith(`${id} `)) ?? assert.fail(`${id} is not listed`)

before(async () => {
  assert.equal((await run('migrate')).code, 0)
})

describe('the keys command', () => {
  test('a new key is shown once, alone on standard output, and stored as a hash', async () => {
    const { id, secret } = await create('shop', '--mode', 'test', '--role', 'application')
    assert.equal(modeOfSecret(secret), 'test')
    const row = await rowOf(id)
    assert.match(row, /^key_\w+ +test +acct_default +shop +application +mp_test_…\w{4} +active +never$/)
    assert.ok(row.includes(`…${secret.slice(-4)}`) && !row.includes(secret.slice(8, -4)))
    for (const file of globSync(`${database}*`)) assert.ok(!readFileSync(file).includes(secret), file)
  })

  test('a key has the permissions, networks, expiry and limit that were given', async () => {
    const { id } = await create(
      'till',
      ...['--mode', 'live', '--permissions', 'charges:write,refunds:read', '--networks', '203.0.113.0/24'],
      ...['--expires', '2099-01-31', '--rate-limit', '20'],
    )
    assert.match(
      await rowOf(id),
      /live +acct_default +till +charges:write,refunds:read .* until 2099-01-31T00:00:00\.000Z, from 203\.0\.113\.0\/24 /,
    )
    const short = await create('visitor', '--mode', 'test', '--role', 'read_only', '--expires', '2h')
    const [, end = ''] = /until (\S+)/.exec(await rowOf(short.id)) ?? []
    assert.ok(Math.abs(Date.parse(end) - Date.now() - 7_200_000) < 120_000, end)
  })

  test('a rolled key works until its overlap ends, and names its successor', async () => {
    const old = await create('rolled', '--mode', 'live', '--role', 'support')
    const { code, stdout, stderr } = await run('keys', 'roll', old.id, '--overlap', '1h')
    assert.equal(code, 0, stderr)
    assert.equal(modeOfSecret(stdout.trimEnd()), 'live')
    assert.notEqual(stdout.trimEnd(), old.secret)
    assert.match(stderr, new RegExp(`^${old.id} still works for 1h`, 'm'))
    const [, successor = ''] = /until \S+, rolled to (key_\w+)/.exec(await rowOf(old.id)) ?? []
    assert.match(await rowOf(successor), /rolled +support .* active/)
    assert.match((await run('keys', 'roll', old.id)).stderr, /rolled already/)
  })

  test('a key is renamed and revoked, and stays in the list', async () => {
    const { id } = await create('befor', '--mode', 'test', '--role', 'read_only')
    assert.match((await lines('keys', 'rename', id, 'before all')).join('\n'), /before all/)
    assert.match((await lines('keys', 'revoke', id)).join('\n'), /revoked 2/)
    assert.match(await rowOf(id), /before all .* revoked 2/)
    assert.equal((await run('keys', 'revoke', id)).code, 0)
  })

  test('accounts have keys of their own, and a closed one gets no more', async () => {
    const [, row = ''] = await lines('accounts', 'create', 'Café Nord')
    const account = /^acct_\w+/.exec(row)?.[0] ?? assert.fail(row)
    assert.match((await lines('accounts', 'rename', account, 'Café Süd')).join('\n'), /open +Café Süd/)
    const { id } = await create('café', '--account', account, '--mode', 'live', '--role', 'administrator')
    assert.match((await lines('keys', '--account', account, '--mode', 'live')).join('\n'), new RegExp(id))
    assert.equal((await run('keys', '--account', account, '--mode', 'test')).stdout, '')
    assert.match((await lines('accounts', 'close', account)).join('\n'), /closed 2/)
    const late = await run(
      'keys',
      'create',
      'late',
      '--account',
      account,
      '--mode',
      'live',
      '--role',
      'support',
    )
    assert.deepEqual([late.code, late.stdout], [1, ''])
    assert.match(late.stderr, /^minipay: The account .*closed\.\n/)
    assert.match((await run('accounts', 'close', 'acct_default')).stderr, /cannot be closed/)
  })

  test('the audit log has each change, by cli, without secrets', async () => {
    const { id, secret } = await create('audited', '--mode', 'test', '--role', 'support')
    await run('keys', 'rename', id, 'audited twice')
    await run('keys', 'revoke', id)
    const entries = await lines('audit', `object=${id}`)
    assert.deepEqual(
      entries.map((line) => line.split('  ').slice(1, 3)),
      [`key.revoked ${id}`, `key.renamed ${id}`, `key.created ${id}`].map((what) => ['cli', what]),
    )
    assert.match(entries[1] ?? '', /name: "audited" -> "audited twice"/)
    assert.ok(!entries.join('\n').includes(secret.slice(8, -4)))
    const revoked = await lines('audit', 'action=key.revoked', 'actor=cli', '--mode', 'test', '--limit', '1')
    assert.equal(revoked.length, 1)
    assert.equal((await run('audit', 'created_gte=2099-01-01')).stdout, '')
    assert.notEqual((await run('audit', 'created_gte=1h')).stdout, '')
    assert.equal((await run('audit', 'created_lt=1h')).stdout, '')
  })

  test('what is wrong or unknown is refused in one line, and changes nothing', async () => {
    const before = await lines('audit', '--limit', '100')
    const create = ['keys', 'create', 'x']
    const wrong: readonly (readonly [words: readonly string[], status: number, says: RegExp])[] = [
      [['keys', 'make'], 2, /^minipay: Usage: minipay keys/],
      [['keys', 'create'], 2, /Usage: minipay keys/],
      [['keys', 'create', '', '--mode', 'test', '--role', 'support'], 2, /Usage: minipay keys/],
      [['keys', 'create', 'a', 'b', '--mode', 'test', '--role', 'support'], 2, /Usage: minipay keys/],
      [create, 2, /Give the new API key --role read_only, .*or --permissions/],
      [[...create, '--role', 'support'], 2, /--mode test or --mode live/],
      [[...create, '--role', 'support', '--permissions', 'charges:read', '--mode', 'test'], 2, /--role/],
      [[...create, '--role', 'god', '--mode', 'test'], 1, /no such role\. The roles are read_only/],
      [[...create, '--role', 'support', '--mode', 'prod'], 2, /--mode must be test or live/],
      [[...create, '--permissions', 'money:write', '--mode', 'test'], 1, /no permission "money:write"/],
      [
        [...create, '--permissions', 'metrics:read', '--mode', 'test', '--account', 'acct_0'],
        1,
        /no such account/,
      ],
      [[...create, '--role', 'support', '--mode', 'test', '--networks', '10.0.0.1/8'], 1, /is not a network/],
      [[...create, '--role', 'support', '--mode', 'test', '--expires', 'soon'], 2, /--expires must be a /],
      [
        [...create, '--role', 'support', '--mode', 'test', '--expires', '2027-02-31'],
        2,
        /--expires must be a date/,
      ],
      [
        [...create, '--role', 'support', '--mode', 'test', '--expires', '2001-01-01'],
        1,
        /expiry is in the past/,
      ],
      [[...create, '--role', 'support', '--mode', 'test', '--rate-limit', '0'], 2, /--rate-limit must be/],
      [[...create, '--role', 'support', '--mode', 'test', '--overlap', '1h'], 2, /Usage: minipay keys/],
      [['keys', 'create', '4242 4242 4242 4242', '--role', 'support', '--mode', 'test'], 1, /card number/],
      [['keys', 'revoke', 'key_0'], 1, /no such API key/],
      [['keys', 'revoke', 'shop'], 1, /begins with key_/],
      [['keys', 'roll', 'key_0', '--overlap', '31d'], 1, /0 seconds to 30 days/],
      [['keys', 'roll', 'key_0', '--overlap', 'late'], 2, /--overlap must be a duration such as/],
      [['accounts', 'create'], 2, /Usage: minipay accounts/],
      [['accounts', 'create', ' '], 1, /1 to 255 characters/],
      [['accounts', 'close', 'acct_0'], 1, /no such account/],
      [['audit', 'yesterday'], 2, /"yesterday" is no filter/],
      [['audit', 'action=key.stolen'], 1, /no action "key\.stolen"/],
      [['audit', 'created_gte=yesterday'], 2, /created_gte must be a date/],
      [['audit', 'created_lt=2027-02-30T00:00:00Z'], 2, /created_lt must be a date/],
      [['audit', '--limit', '0'], 2, /--limit must be/],
    ]
    for (const [words, status, says] of wrong) {
      const { code, stdout, stderr } = await run(...words)
      assert.deepEqual([code, stdout], [status, ''], `${words.join(' ')}: ${stderr}`)
      assert.match(stderr, says, words.join(' '))
      assert.match(stderr, /^minipay: [^\n]+\.\n$/, words.join(' '))
    }
    assert.deepEqual(await lines('audit', '--limit', '100'), before)
  })

  test('a database that does not exist is not made', { skip: ON_POSTGRES && 'a file is meant' }, async () => {
    const none = join(dir.path, 'none.db')
    for (const words of [['keys'], ['accounts', 'create', 'x'], ['audit']]) {
      const { code, stderr } = await runCli([...words, '--database', none])
      assert.equal(code, 1)
      assert.match(stderr, /^minipay: There is no database [^\n]+none\.db/)
    }
    assert.equal(existsSync(none), false)
  })

  test('while a server uses a SQLite file, the command says how to go on', {
    skip: ON_POSTGRES && 'nodes share a PostgreSQL database',
  }, async (t) => {
    await serve(t, database)
    const { code, stdout, stderr } = await run('keys')
    assert.deepEqual([code, stdout], [1, ''])
    assert.match(stderr, /^minipay: A server uses [^\n]+MINIPAY_KEY[^\n]+--server[^\n]+minipay stop\.\n$/)
  })

  test('on PostgreSQL the command works while nodes serve, and a node refuses a revoked key within a second', {
    skip: !ON_POSTGRES && 'one process uses a SQLite file',
  }, async (t) => {
    const { url } = await serve(t, database)
    const { id, secret } = await create('beside', '--mode', 'test', '--role', 'support')
    const status = async () =>
      (await call(url, 'GET', '/api/v1/charges', undefined, { authorization: `Bearer ${secret}` })).status
    assert.equal(await status(), 200)
    await lines('keys', 'revoke', id)
    const watch = startStopwatch()
    await until('the revoked key is refused', async () => (await status()) === 401)
    assert.ok(watch.ms() < 1_500)
    watch.stop()
  })

  test('with a live administrator’s key, the commands do the same through a server', async (t) => {
    const admin = await create('admin', '--mode', 'live', '--role', 'administrator')
    const { url } = await serve(t, database)
    const ask = (key: string, ...words: string[]) => runCli(words, { MINIPAY_KEY: key, MINIPAY_SERVER: url })
    const done = async (...words: string[]) => {
      const { code, stdout, stderr } = await ask(admin.secret, ...words)
      assert.equal(code, 0, `${words.join(' ')}: ${stderr}`)
      return { stdout: stdout.trimEnd(), stderr }
    }
    const account = /acct_(?!default)\w+/.exec((await done('accounts', 'create', 'Third')).stdout)?.[0] ?? ''
    assert.match((await done('accounts', 'rename', account, 'Third shop')).stdout, /open +Third shop$/)
    const made = await done(
      'keys',
      'create',
      'third',
      '--account',
      account,
      '--mode',
      'test',
      '--role',
      'support',
    )
    assert.equal(modeOfSecret(made.stdout), 'test')
    const id = /key_\w+/.exec(made.stderr)?.[0] ?? assert.fail(made.stderr)
    assert.match((await done('keys', 'rename', id, 'third till')).stdout, /third till/)
    const rolled = await done('keys', 'roll', id, '--overlap', '0')
    const successor = /key_\w+/.exec(rolled.stderr)?.[0] ?? assert.fail(rolled.stderr)
    assert.match((await done('keys', 'revoke', successor)).stdout, /revoked 2/)
    assert.match((await ask(made.stdout, 'alarms')).stderr, /refuses this API key/)
    const listed = (await done('keys', '--account', account, '--mode', 'test')).stdout
    assert.match(listed, new RegExp(`${successor} .* revoked 2[^]*${id} .* rolled to ${successor}`))
    assert.match((await done('accounts', 'close', account)).stdout, /closed 2/)
    assert.match(
      (await done('audit', `object=${account}`, 'action=account.closed')).stdout,
      new RegExp(admin.id),
    )
    const refused = await ask(admin.secret, 'keys', 'create', 'x', '--role', 'nobody')
    assert.deepEqual([refused.code, refused.stdout], [1, ''])
    assert.match(refused.stderr, /^minipay: [^\n]*role[^\n]*\.\n$/)
  })
})
