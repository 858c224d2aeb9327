/** `minipay keys`, `accounts` and `audit` while a server uses the SQLite file; and the first key of a server. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, describe, type TestContext, test } from 'node:test'
import { accountsTask } from '../../src/cli/accounts.ts'
import { type Administration, withAdministration } from '../../src/cli/administration.ts'
import { auditTask } from '../../src/cli/audit.ts'
import { keysTask } from '../../src/cli/keys.ts'
import { modeOfSecret } from '../../src/domain/access/key-secret.ts'
import { tempDir } from '../kit/folders.ts'
import { inDatabase } from '../kit/keys.ts'
import { runCli, serve } from '../kit/server.ts'

const dir = tempDir()
after(() => dir.remove())
const ON_POSTGRES = process.env['TEST_POSTGRES'] !== undefined
const IN_USE = /^Error: A server uses [^\n]+MINIPAY_KEY[^\n]+--server[^\n]+minipay stop\.$/

type Task = (administration: Administration) => Promise<number>
type Place = { readonly database: string; readonly server: string }

/** Runs a command without a key, at a server that no flag or variable names: in here, since others may use port 8080. */
async function runBeside(t: TestContext, { database, server }: Place, task: Task, flags: 'database'[] = []) {
  const [stdout, stderr] = (['log', 'error'] as const).map((name) => t.mock.method(console, name, () => {}))
  const printed = (mock = stdout) => mock?.mock.calls.map((each) => each.arguments.join(' ')).join('\n') ?? ''
  try {
    const config = { database, server: new URL(server), key: null }
    const code = await withAdministration(
      config,
      { flags: new Set(flags), variables: new Set(['database']) },
      task,
    )
    return { code, stdout: printed(), stderr: printed(stderr) }
  } finally {
    t.mock.restoreAll()
  }
}

const newKey = (role: string) => keysTask(['create', 'web shop'], { mode: 'test', role }, Date.now())

describe('a server uses the SQLite file', {
  skip: ON_POSTGRES && 'nodes share a PostgreSQL database',
}, () => {
  test('while it needs no key, the commands of keys call it', async (t) => {
    const database = join(dir.path, 'keyless.db')
    const { url: server } = await serve(t, database)
    const place = { database, server }
    const accounts = await runBeside(t, place, accountsTask([]))
    assert.match(accounts.stdout, /^acct_default /m)
    const made = await runBeside(t, place, newKey('administrator'))
    assert.deepEqual([made.code, modeOfSecret(made.stdout)], [0, 'test'])
    const audit = await runCli(['audit'], { MINIPAY_SERVER: server, MINIPAY_KEY: made.stdout })
    assert.match(audit.stdout, /keyless .*key\.created/)
  })

  test('the note names the server, and the flag --database keeps the command from it', async (t) => {
    const database = join(dir.path, 'named.db')
    const { url: server } = await serve(t, database)
    const { stdout, stderr } = await runBeside(t, { database, server }, auditTask([], {}, Date.now()))
    assert.match(stdout, /server\.started/)
    assert.ok(stderr.startsWith(`A server uses ${database}. This command calls ${server}.`), stderr)
    await assert.rejects(runBeside(t, { database, server }, keysTask([], {}, 0), ['database']), IN_USE)
  })

  test('where it needs a key or does not respond, the command says how to go on', async (t) => {
    const database = join(dir.path, 'keyed.db')
    await inDatabase(database, ({ key }) => key())
    const { url: server } = await serve(t, database)
    for (const other of [server, 'http://127.0.0.1:9'])
      await assert.rejects(runBeside(t, { database, server: other }, keysTask([], {}, 0)), IN_USE)
  })
})

describe('the first key of a server that needed none', () => {
  const LOCKED = /requires a key[^\n]+minipay keys create [^\n]+--role administrator[^\n]+minipay stop\.\n/

  test('that is no administrator’s: the command says how to make one', async (t) => {
    const { url } = await serve(t, join(dir.path, 'weak.db'))
    const made = await runCli(['keys', 'create', 'web shop', '--role', 'application', '--server', url])
    assert.equal(made.code, 0, made.stderr)
    assert.equal(modeOfSecret(made.stdout.trimEnd()), 'test')
    assert.match(made.stderr, LOCKED)
  })

  test('that is an administrator’s, and each key after it, are made without this warning', async (t) => {
    const { url } = await serve(t, join(dir.path, 'strong.db'))
    const admin = await runCli(['keys', 'create', 'Ada', '--role', 'administrator', '--server', url])
    const env = { MINIPAY_KEY: admin.stdout.trimEnd(), MINIPAY_SERVER: url }
    const shop = await runCli(['keys', 'create', 'web shop', '--role', 'application'], env)
    for (const { code, stderr } of [admin, shop]) {
      assert.equal(code, 0, stderr)
      assert.doesNotMatch(stderr, /requires a key/)
    }
  })

  test('where keys are never required, no key locks anyone out', async (t) => {
    const { url } = await serve(t, join(dir.path, 'open.db'), { MINIPAY_INSECURE_NO_AUTH: 'true' })
    const { code, stderr } = await runCli(['keys', 'create', 'x', '--role', 'support', '--server', url])
    assert.equal(code, 0, stderr)
    assert.doesNotMatch(stderr, /requires a key/)
  })
})
