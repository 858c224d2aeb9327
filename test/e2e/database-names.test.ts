/** What is no name of a database stops every command with status 2, and leaves nothing behind. */
import assert from 'node:assert/strict'
import { mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { type TempDir, tempDir } from '../kit/folders.ts'
import { runCli, startServer } from '../kit/server.ts'

let dir: TempDir
before(() => {
  dir = tempDir()
  mkdirSync(join(dir.path, 'folder'))
})
after(() => dir.remove())

/** Every command that opens a database, with the flag and the variable that name it. */
const COMMANDS: readonly (readonly [string[], string, string])[] = [
  ...[['serve', '--port', '0'], ['stop'], ['verify'], ['migrate'], ['backup', 'b.db'], ['restore', 'b.db']],
  ...[['epoch'], ['epoch', 'begin']],
  ...[['simulator', '--port', '0', '--secret', 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=']],
].map((words) => [words, 'database', 'MINIPAY_DATABASE'] as const)
const COPIES: typeof COMMANDS = [
  [['copy', '--to', 'postgres://127.0.0.1:1/a'], 'from', 'MINIPAY_COPY_FROM'],
  [['copy'], 'to', 'MINIPAY_COPY_TO'],
]

const NAMES = [
  'host=db dbname=minipay password=s3cret',
  'postgres:/pay:s3cret@db/minipay',
  'POSTGRES://pay:s3cret@db/minipay',
  'pay:s3cret@db/minipay',
  'minipay.db\n',
  'folder',
  'postgres://pay:s3cret@db:0/minipay',
  'postgres://pay:s3cret@db/minipay?sslmode=yes',
]

async function refused(words: string[], setting: string, env: Record<string, string> = {}): Promise<void> {
  const { code, stdout, stderr } = await runCli(words, env, dir.path)
  const what = JSON.stringify([words, env])
  assert.deepEqual([code, stdout], [2, ''], `${what}: ${stderr}`)
  assert.match(stderr, /^minipay: [^\n]+\.\n$/, what)
  assert.ok(stderr.startsWith(`minipay: ${setting} `), `${what}: ${stderr}`)
  assert.doesNotMatch(stderr, /s3cret/, what)
}

describe('what is no name of a database', { concurrency: 2 }, () => {
  for (const name of NAMES)
    test(`${JSON.stringify(name)} stops every command, as a flag and as a variable`, async () => {
      for (const [words, flag, variable] of [...COMMANDS, ...COPIES]) {
        if (words[0] === 'serve' || flag === 'to') await refused([...words, `--${flag}`, name], `--${flag}`)
        await refused(words, variable, { [variable]: name })
      }
      assert.deepEqual(readdirSync(dir.path), ['folder'])
    })

  test('a backup is no URL or connection string either', async () => {
    for (const verb of ['backup', 'restore']) await refused([verb, 'host=db dbname=a'], 'FILE')
    await refused(['simulator', '--secret', 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo='], 'The', {
      MINIPAY_DATABASE: 'postgres://db/minipay',
    })
    assert.deepEqual(readdirSync(dir.path), ['folder'])
  })
})

test('variables of a service named minipay are named in the log and change nothing; a mistake beside them is refused', async () => {
  const variables = {
    MINIPAY_SERVICE_HOST: '10.0.0.1',
    MINIPAY_SERVICE_PORT_HTTP: '8080',
    MINIPAY_PORT: 'tcp://10.0.0.1:8080',
    MINIPAY_PORT_8080_TCP_ADDR: '10.0.0.1',
  }
  const server = await startServer(join(dir.path, 'a.db'), variables)
  await server.stop()
  for (const name of Object.keys(variables)) assert.ok(server.output().includes(`"${name}"`), name)
  const { code, stderr } = await runCli(['verify'], { ...variables, MINIPAY_SERVICE_PROT: '8080' }, dir.path)
  assert.equal(code, 2)
  assert.match(stderr, /^minipay: MINIPAY_SERVICE_PROT is not a setting/)
})
