import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type Config,
  ConfigError,
  misspeltVariables,
  readConfig,
  SETTINGS,
  type SettingKey,
} from './config.ts'

const KEYS = Object.keys(SETTINGS) as SettingKey[]
const read = (args: string[] = [], env: NodeJS.ProcessEnv = {}): Config => readConfig(KEYS, args, env)

/** The sentence that a command line and environment are refused with. */
function refusal(args: string[], env: NodeJS.ProcessEnv = {}): string {
  try {
    read(args, env)
  } catch (error) {
    assert.ok(error instanceof ConfigError)
    return error.message
  }
  return assert.fail(`accepted ${args.join(' ')} ${JSON.stringify(env)}`)
}

test('without flags and variables every setting has its default', () => {
  const config = read()
  assert.equal(config.port, 8080)
  assert.equal(config.host, '127.0.0.1')
  assert.equal(config.database, 'minipay.db')
  assert.equal(config.webhookTarget?.href, 'http://localhost:8081/webhook')
  assert.equal(config.webhookSecret, null)
  assert.deepEqual(Object.keys(config), KEYS)
})

test('ports of webhooks are a list of numbers, or any', () => {
  assert.deepEqual(read().webhookPorts, new Set([443, 8443]))
  assert.deepEqual(read(['--webhook-ports', '443, 8000,65535']).webhookPorts, new Set([443, 8000, 65_535]))
  assert.equal(read(['--webhook-ports', 'any']).webhookPorts, null)
  for (const wrong of ['', '0', '65536', '443,', '443;8443', 'https', '443-8443', '4e2'])
    assert.equal(
      refusal(['--webhook-ports', wrong]),
      `--webhook-ports must be ports from 1 to 65535, separated by commas, or any, not "${wrong}".`,
    )
})

test('a flag wins over the environment, and the environment over the default', () => {
  assert.equal(read([], { PORT: '9000' }).port, 9000)
  assert.equal(read(['--port', '9001'], { PORT: '9000' }).port, 9001)
  assert.equal(read(['--port=9001']).port, 9001)
})

test('a variable that is set but empty is a value, not an absence', () => {
  assert.equal(read([], { WEBHOOK_TARGET: '' }).webhookTarget, null)
  assert.match(refusal([], { PORT: '' }), /^PORT must be a whole number/)
})

test('an unknown flag stops the start and is named', () => {
  assert.match(refusal(['--prot', '9000']), /'--prot'.*See --help\.$/)
  assert.match(refusal(['serve']), /'serve'.*See --help\.$/)
})

test('a flag that another command takes is unknown to this one', () => {
  assert.throws(() => readConfig(['database'], ['--port', '1'], {}), /'--port'/)
})

test('a flag without a value stops the start', () => {
  assert.match(refusal(['--port']), /^--port needs a value\. See --help\.$/)
})

test('an unknown MINIPAY_ variable stops the start and is named; other programs’ variables do not', () => {
  assert.match(refusal([], { MINIPAY_DATBASE: 'x.db' }), /^MINIPAY_DATBASE is not a setting/)
  assert.equal(read([], { HOME: '/root', MINIPAYX: '1' }).port, 8080)
})

test('the refusal of an unknown variable suggests the nearest setting, with or without the prefix', () => {
  for (const [wrong, meant] of [
    ['MINIPAY_PROT', 'PORT'],
    ['MINIPAY_PORT', 'PORT'],
    ['MINIPAY_DATBASE', 'MINIPAY_DATABASE'],
    ['MINIPAY_WEBHOOK_TARGET', 'WEBHOOK_TARGET'],
    ['MINIPAY_WEBHOOK_SECRT', 'MINIPAY_WEBHOOK_SECRET'],
  ] as const)
    assert.match(refusal([], { [wrong]: 'x' }), new RegExp(` Did you mean ${meant}\\?`), wrong)
  assert.doesNotMatch(refusal([], { MINIPAY_COLOUR_OF_THE_LOGO: 'x' }), /Did you mean/)
})

test('a variable without the prefix that is nearly a webhook setting is noticed; other programs’ are not', () => {
  assert.deepEqual(misspeltVariables({ WEBHOOK_TARGT: 'x', WEBHOOK_TARGET: 'x', HOST: 'x', SORT: 'x' }), [
    { variable: 'WEBHOOK_TARGT', meant: 'WEBHOOK_TARGET' },
  ])
  assert.deepEqual(misspeltVariables({ WEBHOOK_SECRET: 'x' }), [
    { variable: 'WEBHOOK_SECRET', meant: 'MINIPAY_WEBHOOK_SECRET' },
  ])
  assert.deepEqual(misspeltVariables({ WEBHOOK_SITE_TOKEN_FOR_CI: 'x' }), [])
})

test('each wrong value stops the start with a sentence that names its setting', () => {
  const wrong: [SettingKey, string][] = [
    ['port', '65536'],
    ['port', '-1'],
    ['port', '80a'],
    ['port', '8080.5'],
    ['port', ' 8080'],
    ['host', ''],
    ['database', ''],
    ['webhookTarget', 'localhost:8081'],
    ['webhookTarget', 'ftp://localhost/webhook'],
    ['webhookTarget', 'http://user:secret@localhost/webhook'],
    ['webhookTarget', 'http://169.254.169.254/latest'],
    ['webhookTarget', 'http://[fe80::1]/webhook'],
    ['webhookTarget', 'http://0.0.0.0:8081/webhook'],
    ['webhookConcurrency', '0'],
    ['webhookTargetConcurrency', '10001'],
    ['idempotencyRetentionHours', '0'],
    ['idempotencyWaitMs', '60001'],
    ['shutdownTimeoutMs', 'soon'],
    ['logLevel', 'verbose'],
    ['webhookSecret', 'whsec_c2hvcnQ='],
    ['webhookSecret', 'c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0'],
    ['webhookSecret', `whsec_${Buffer.alloc(65).toString('base64')}`],
  ]
  for (const [key, value] of wrong) {
    const { flag, env } = SETTINGS[key]
    assert.match(refusal([], { [env]: value }), new RegExp(`^${env} must .*\\.$`), `${env}=${value}`)
    assert.match(refusal([`--${flag}=${value}`]), new RegExp(`^--${flag} must .*\\.$`), `--${flag}=${value}`)
  }
})

test('the sentence about a wrong secret or target never repeats the secret', () => {
  const secret = `whsec_${Buffer.alloc(10, 7).toString('base64')}`
  assert.ok(!refusal([], { MINIPAY_WEBHOOK_SECRET: secret }).includes(secret))
  assert.ok(!refusal([], { WEBHOOK_TARGET: 'http://user:hunter2@localhost/' }).includes('hunter2'))
})

test('a secret of 24 to 64 bytes is the key itself', () => {
  for (const bytes of [24, 32, 64]) {
    const key = Buffer.alloc(bytes, 7)
    const read64 = read(['--webhook-secret', `whsec_${key.toString('base64')}`]).webhookSecret
    assert.deepEqual(read64, key)
  }
})

test('every setting has a flag, a variable, a doc sentence and a default that is accepted', () => {
  const settings = Object.values(SETTINGS)
  assert.equal(new Set(settings.map(({ flag }) => flag)).size, settings.length)
  assert.equal(new Set(settings.map(({ env }) => env)).size, settings.length)
  for (const { flag, doc } of settings) {
    assert.match(flag, /^[a-z]+(-[a-z]+)*$/)
    assert.match(doc, /\.$/)
  }
})
