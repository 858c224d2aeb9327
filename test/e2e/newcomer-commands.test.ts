/** The commonest mistakes of somebody who never saw the commands: each is answered, in one line, with what to change. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { tempDir } from '../kit/folders.ts'
import { runCli } from '../kit/server.ts'

const folder = tempDir()
after(() => folder.remove())

const SECRET = `whsec_${Buffer.alloc(32).toString('base64')}`
const bank = { kind: 'http', mode: 'test', url: 'http://127.0.0.1:9', secret: SECRET }

/** The command line, the environment and the providers' file; the status, and what its one line says. */
const COMMANDS: readonly (readonly [
  args: string,
  status: number,
  says: RegExp,
  beside?: { env?: Record<string, string>; file?: unknown },
])[] = [
  ['start', 2, /no command "start"\. Did you mean serve\?/],
  ['server', 2, /Did you mean serve\?/],
  ['bank', 2, /Did you mean simulator\?/],
  ['constructor', 2, /no command "constructor"\. See/],
  ['--port 8080', 2, /The command comes first/],
  ['serve --prot 1', 2, /Did you mean --port\?/],
  ['serve -p 1', 2, /Did you mean --port\?/],
  ['serve --db x', 2, /Did you mean --database\?/],
  ['serve --port', 2, /--port needs a value/],
  ['serve --port --host x', 2, /--port needs a value/],
  ['serve --port http', 2, /--port must be a whole number from 0 to 65535/],
  ['serve now', 2, /does not take "now"/],
  ['serve --port 0 now', 2, /does not take "now"/],
  [
    'serve --port 0 --database DIR/none/a.db',
    1,
    /The folder .*none does not exist\. Create it, or check --database/,
  ],
  ['serve --port 0 --database DIR', 2, /--database must be the path of a file, and .* is a folder/],
  ['serve --webhook-target localhost:3000', 2, /must be an http or https URL, such as https:/],
  ['serve --webhook-secret abc', 2, /whsec_ and 24 to 64 bytes in base64; make one with: /],
  ['serve --providers DIR/none.json', 2, /There is no file .*none\.json\. Check --providers/],
  ['serve --providers FILE', 2, /not valid JSON: see line 2, column 3/, { file: '{\n  bank: 1}' }],
  [
    'serve --providers FILE',
    2,
    /colour is not a field of this kind, whose fields are accounts, mode, url, secret/,
    { file: { bank: { ...bank, colour: 1 } } },
  ],
  [
    'serve --providers FILE',
    2,
    /needs the environment variable BANK_SECRET, which is not set/,
    { file: { bank: { ...bank, secret: `$\{BANK_SECRET}` } } },
  ],
  [
    'serve --providers FILE',
    2,
    /secret must have braces around an environment variable: \$\{NAME\}/,
    { file: { bank: { ...bank, secret: '$BANK_SECRET' } } },
  ],
  [
    'serve --providers FILE',
    2,
    /kind must be one of sandbox, http, demo, stripe/,
    { file: { bank: { kind: 'adyen' } } },
  ],
  [
    'serve',
    2,
    /MINIPAY_PORT is not a setting of MiniPay\. Did you mean PORT\?/,
    { env: { MINIPAY_PORT: '1' } },
  ],
  ['serve', 2, /Did you mean WEBHOOK_TARGET\?/, { env: { MINIPAY_WEBHOOK_TARGET: 'http://x' } }],
  ['serve', 2, /Did you mean MINIPAY_DATABASE\?/, { env: { MINIPAY_DATABSE: 'x' } }],
  [
    'verify',
    2,
    /npm took --database for itself\. Put -- before the flags/,
    { env: { npm_config_database: 'x' } },
  ],
  ['serve 9000', 2, /npm took --port for itself/, { env: { npm_config_port: 'true' } }],
  ['verify --database DIR/none.db', 1, /There is no database /],
  ['backup', 2, /Usage: minipay backup FILE/],
  ['backup --database DIR/none.db DIR/copy.db', 1, /There is no database /],
  ['restore DIR/none.db --database DIR/new.db', 1, /There is no backup /],
  ['copy', 2, /--to postgres:\/\//],
  ['routing set', 2, /Usage: minipay routing/],
  ['routing set DIR/none.json', 1, /There is no file /],
  ['routing --server localhost:8080', 2, /must be an http or https URL, such as http:\/\/127\.0\.0\.1:8080/],
  [
    'alarms --server http://127.0.0.1:1',
    1,
    /No response from http:\/\/127\.0\.0\.1:1 .*Is minipay serve running\?/,
  ],
  ['attempts resolve att_1 paid', 2, /Usage: minipay attempts/],
  ['webhooks retry colour=red', 2, /is no filter\. Give event_type=/],
  ['stop --database DIR/none.db', 1, /No MiniPay server uses /],
  ['help sevre', 2, /Did you mean serve\?/],
]

describe('a mistake on the command line', () => {
  COMMANDS.forEach(([args, status, says, { env = {}, file } = {}], i) => {
    const with_ = [...Object.entries(env).map((pair) => pair.join('=')), file ? JSON.stringify(file) : '']
    test(`minipay ${args} ${with_.join(' ').trim()} is refused with what to change`, {
      skip: onSqliteOnly(args),
    }, async () => {
      const path = join(folder.path, `providers-${i}.json`)
      if (file !== undefined) writeFileSync(path, typeof file === 'string' ? file : JSON.stringify(file))
      const words = args.split(' ').map((word) => word.replace('DIR', folder.path).replace('FILE', path))
      const database = { MINIPAY_DATABASE: join(folder.path, `never-${i}.db`) }
      const { code, stdout, stderr } = await runCli(words, { ...database, PORT: '0', ...env })
      assert.deepEqual([code, stdout], [status, ''])
      assert.match(stderr, says)
      assert.match(stderr, /^minipay: [^\n]+\n$/, 'one line')
    })
  })

  test('help of a command is the same before and behind its name, and -v prints the version', async () => {
    const [behind, ...before] = await Promise.all(
      [
        ['verify', '--help'],
        ['help', 'verify'],
        ['--help', 'verify'],
      ].map((args) => runCli(args)),
    )
    for (const one of before) assert.deepEqual(one, behind)
    const [version, short] = await Promise.all([runCli(['version']), runCli(['-v'])])
    assert.deepEqual(short, version)
    assert.match(version?.stdout ?? '', /^\d+\.\d+\.\d+\n$/)
  })
})

/** Where the tests run on PostgreSQL, `--database` of a path stands for a database there. */
function onSqliteOnly(args: string): string | false {
  return process.env['TEST_POSTGRES'] !== undefined && args.includes('--database') ? 'about files' : false
}
