import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { COMMANDS } from '../../src/cli.ts'
import { SETTINGS } from '../../src/config.ts'
import { client } from '../kit/client.ts'
import { type TempDir, tempDir } from '../kit/folders.ts'
import { CLI, type RunningServer, runCli, startServer } from '../kit/server.ts'

let dir: TempDir
let server: RunningServer

before(async () => {
  dir = tempDir()
  server = await startServer(`${dir.path}/minipay.db`)
  const api = client(server.url)
  await api.refund((await api.charge()).id, { amount: 1 })
})
after(async () => {
  await server?.stop()
  dir?.remove()
})

describe('the command line', () => {
  const HELPS = [[], ['--help'], ['-h'], ['help']]

  test('minipay alone and --help list every command', async () => {
    for (const args of HELPS) {
      const { code, stdout: out, stderr } = await runCli(args)
      // Alone it is a command line that says nothing to do: the usage, as an error.
      assert.deepEqual([code, args.length === 0 ? out : stderr], [args.length === 0 ? 2 : 0, ''])
      const stdout = out + stderr
      for (const [name, { summary }] of Object.entries(COMMANDS))
        assert.ok(stdout.includes(name) && stdout.includes(summary), name)
    }
  })

  test('--help of every command says what it does, and each setting with its flag, variable and default', async () => {
    for (const [name, { summary, settings, defaults, docs, flags = [], details = '' }] of Object.entries(
      COMMANDS,
    )) {
      const { code, stdout, stderr } = await runCli([name, '--help'])
      assert.deepEqual([code, stderr], [0, ''], name)
      assert.ok(stdout.includes(`Usage: minipay ${name}`) && stdout.includes(summary))
      for (const key of settings) {
        const { flag, env, doc } = SETTINGS[key]
        for (const part of [`--${flag}`, env, docs?.[key] ?? doc, defaults?.[key] ?? SETTINGS[key].default])
          assert.ok(stdout.includes(part), `${name} ${part}`)
      }
      for (const flag of flags) assert.ok(details.includes(`--${flag}`), `${name} does not explain --${flag}`)
    }
  })

  test('--help after the first word of a form shows this form alone, with its settings', async () => {
    const [replay, before, keys, unknown, whole] = await Promise.all(
      [
        ['webhooks', 'replay', '--help'],
        ['help', 'webhooks', 'replay'],
        ['keys', 'create', 'shop', '--help'],
        ['webhooks', 'explode', '--help'],
        ['webhooks', '--help'],
      ].map(async (words) => (await runCli(words)).stdout),
    )
    for (const part of [
      /^Usage: minipay webhooks replay …/,
      /replay ENDPOINT past since=/,
      /replay follow ID/,
      /--key VALUE/,
    ])
      assert.match(replay ?? '', part)
    assert.doesNotMatch(replay ?? '', /retry|endpoints/)
    assert.equal(before, replay)
    assert.match(keys ?? '', /--rate-limit/)
    assert.doesNotMatch(keys ?? '', /keys roll/)
    assert.equal(unknown, whole)
    assert.match(whole ?? '', /webhooks retry[\s\S]*webhooks endpoints create/)
  })

  test('the simulator’s help speaks of the simulator, not of the server', async () => {
    const { stdout } = await runCli(['simulator', '--help'])
    assert.doesNotMatch(stdout, /API key|serve|postgres/)
  })

  test('what is unknown or wrong stops the start with one sentence and status 2', async () => {
    const database = { MINIPAY_DATABASE: join(dir.path, 'never.db') }
    const wrong: [string[], Record<string, string>, RegExp][] = [
      [['sevre'], {}, /There is no command "sevre"/],
      [['constructor'], {}, /There is no command "constructor"/],
      [['serve', '--prot', '80'], {}, /'--prot'/],
      [['serve', '--port'], {}, /--port/],
      [['serve', 'now'], {}, /now/],
      [['verify', '--port', '80'], {}, /'--port'/],
      [['serve', '--port', 'http'], {}, /^minipay: --port must be a whole number/],
      [['serve', '--port', '65536'], {}, /^minipay: --port must be a whole number/],
      [['serve', '--port', '1e3'], {}, /^minipay: --port must be a whole number/],
      [['serve'], { PORT: '-1' }, /^minipay: PORT must be a whole number/],
      [['serve'], { PORT: '' }, /^minipay: PORT must be a whole number/],
      [['serve'], { MINIPAY_LOG_LEVEL: 'loud' }, /^minipay: MINIPAY_LOG_LEVEL must be one of/],
      [['serve'], { MINIPAY_WEBHOOK_SECRET: 'guess' }, /^minipay: MINIPAY_WEBHOOK_SECRET must be whsec_/],
      [
        ['serve'],
        { MINIPAY_DATABASE: '' },
        /^minipay: MINIPAY_DATABASE must be the path of a file, or a postgres:\/\/ URL\./,
      ],
      [['serve'], { MINIPAY_COLOUR: 'red' }, /^minipay: MINIPAY_COLOUR is not a setting/],
      [['verify'], { MINIPAY_COLOUR: 'red' }, /^minipay: MINIPAY_COLOUR is not a setting/],
    ]
    await Promise.all(
      wrong.map(async ([args, env, message]) => {
        const { code, stdout, stderr } = await runCli(args, { PORT: '0', ...database, ...env })
        assert.deepEqual([code, stdout], [2, ''], args.join(' '))
        assert.match(stderr, message)
        assert.match(stderr, /^minipay: [^\n]+\.\n$/)
        assert.doesNotMatch(stderr, /guess/)
      }),
    )
    assert.equal(existsSync(database.MINIPAY_DATABASE), false)
  })

  test('a port or a database that is in use stops the start with one sentence and status 1', async () => {
    const port = new URL(server.url).port
    const taken = await runCli(['serve', '--port', port], { MINIPAY_DATABASE: join(dir.path, 'other.db') })
    assert.deepEqual([taken.code, taken.stdout], [1, ''])
    assert.match(
      taken.stderr,
      /^minipay: Port \d+ on 127\.0\.0\.1 is in use\. Choose another with --port or PORT\.\n$/,
    )
    assert.deepEqual(
      readdirSync(dir.path).filter((name) => name.startsWith('other.db')),
      [],
      'no fresh database is left behind',
    )
    const second = await runCli(['serve', '--port', '0', '--database', server.database])
    assert.deepEqual([second.code, second.stdout], [1, ''])
    assert.match(second.stderr, /^minipay: Another MiniPay process is using [^\n]+\n$/)
  })

  test('verify agrees with the books of a running server, and misses a database that is not there', async () => {
    const { code, stdout } = await runCli(['verify', '--database', server.database])
    assert.equal(code, 0)
    assert.match(
      stdout,
      /^The books balance: \d+ charges, \d+ refunds, \d+ entries\.\nHead of the hash chains: mph1_\S+\n$/,
    )
    const none = await runCli(['verify', '--database', join(dir.path, 'none.db')])
    assert.deepEqual([none.code, none.stdout], [1, ''])
    assert.match(none.stderr, /^minipay: There is no database [^\n]+\n$/)
  })

  const old = oldNode()
  test('on a Node that is too old, one line says which version is needed', {
    skip: old === undefined && 'no Node older than 24 is in the PATH of this machine',
  }, () => {
    const run = () => execFileSync(old ?? '', [CLI, 'serve'], { encoding: 'utf8', stdio: 'pipe' })
    assert.throws(run, (error: { status: number; stdout: string; stderr: string }) => {
      assert.deepEqual([error.status, error.stdout], [1, ''])
      assert.match(error.stderr, /^MiniPay needs Node\.js 24 or newer, and this is \d[^\n]*\n$/)
      return true
    })
  })
})

/** A Node in the PATH, outside this checkout, that is too old to run TypeScript. */
function oldNode(): string | undefined {
  return (process.env['PATH'] ?? '')
    .split(delimiter)
    .filter((folder) => !folder.includes('node_modules'))
    .map((folder) => join(folder, 'node'))
    .find((node) => existsSync(node) && majorVersion(node) < 24)
}

function majorVersion(node: string): number {
  return Number.parseInt(execFileSync(node, ['--version'], { encoding: 'utf8' }).slice(1), 10)
}
