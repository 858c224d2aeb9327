/** The API key of the commands that call a server: where it goes, where it does not, and the refusals in words. */
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { after, before, beforeEach, describe, test } from 'node:test'
import { COMMANDS } from '../../src/cli.ts'
import { keySecret } from '../../src/domain/access/key-secret.ts'
import { runCli } from '../kit/server.ts'
import { onLoopback } from '../kit/sockets.ts'

const KEY = keySecret('test', new Uint8Array(24).fill(0x5a))
const PAGE = { data: [], has_more: false }
/** A command line of each command that takes a key, which makes one request. */
const LINES = ['alarms', 'attempts', 'routing', 'webhooks', 'keys', 'accounts', 'audit']

let url: string
let close: () => Promise<void>
let received: { path: string; authorization: string | undefined }[] = []
let answer: { status: number; body: object; location?: string }

before(async () => {
  const server = createServer((request, response) => {
    received.push({ path: request.url ?? '', authorization: request.headers.authorization })
    const { status, body, location } = answer
    const headers = { 'content-type': 'application/json', ...(location !== undefined && { location }) }
    response.writeHead(status, headers).end(JSON.stringify(body))
  })
  ;({ url, close } = await onLoopback(server))
})
beforeEach(() => {
  received = []
  answer = { status: 200, body: { ...PAGE, version: 0, document: {} } }
})
after(() => close())

describe('the API key of a command', () => {
  test('every command that calls a server sends the key of the variable or the flag, and prints it nowhere', async () => {
    const withKey = Object.entries(COMMANDS).flatMap(([name, { settings }]) =>
      settings.includes('server') ? [name] : [],
    )
    for (const name of withKey) assert.ok(COMMANDS[name]?.settings.includes('key'), name)
    for (const name of LINES) {
      const variable = await runCli([name, '--server', url], { MINIPAY_KEY: KEY })
      const flag = await runCli([name, '--server', url, `--key=${KEY}`])
      for (const { code, stdout, stderr } of [variable, flag]) {
        assert.equal(code, 0, stderr)
        assert.doesNotMatch(stdout + stderr, /mp_test_/)
      }
    }
    assert.ok(received.length >= 2 * LINES.length)
    for (const { path, authorization } of received) assert.equal(authorization, `Bearer ${KEY}`, path)
  })

  test('without a key a command sends no Authorization header', async () => {
    assert.equal((await runCli(['alarms', '--server', url])).code, 0)
    assert.deepEqual(
      received.map(({ authorization }) => authorization),
      [undefined],
    )
  })

  test('a malformed key is refused before any request, and no part of it is printed', async () => {
    const wrong = [
      'mp_test_',
      `${KEY}0`,
      KEY.slice(0, -1),
      KEY.replace('test', 'prod'),
      ` ${KEY}`,
      `${KEY}\n`,
      'Bearer',
      // One wrong letter.
      `${KEY.slice(0, -1)}${KEY.endsWith('0') ? '1' : '0'}`,
    ]
    for (const key of wrong) {
      const { code, stdout, stderr } = await runCli(['alarms', '--server', url], { MINIPAY_KEY: key })
      assert.deepEqual([code, stdout], [2, ''])
      assert.match(stderr, /^minipay: MINIPAY_KEY must be an API key[:,] [^\n]+\.\n$/)
      assert.ok(!stderr.includes(KEY.slice(8, 20)) && !stderr.includes('prod'))
    }
    assert.deepEqual(received, [])
  })

  test('a key in the wrong place of the command line is not printed', async () => {
    for (const args of [['verify', KEY], [KEY], ['webhooks', 'retry', KEY], ['alarms', `--${KEY}`, 'x']]) {
      const { code, stdout, stderr } = await runCli(args, { MINIPAY_SERVER: url })
      assert.deepEqual([code, stdout], [2, ''], args.join(' '))
      assert.ok(!stderr.includes(KEY.slice(8)), stderr)
    }
  })

  test('a missing, a refused and a too weak key are explained in words', async () => {
    const denied = 'This API key may not read alarms: it lacks the permission operations:read.'
    const cases: [status: number, key: string, says: RegExp][] = [
      [401, '', /^minipay: The server requires an API key\. Set MINIPAY_KEY [^\n]+\n$/],
      [401, KEY, /^minipay: The server refuses this API key: [^\n]+ expired or revoked[^\n]+\n$/],
      [403, KEY, /^minipay: This API key may not read alarms: [^\n]+ Set MINIPAY_KEY [^\n]+\n$/],
    ]
    for (const [status, key, says] of cases) {
      answer = { status, body: { error: denied, code: 'permission_denied' } }
      const { code, stdout, stderr } = await runCli(['alarms', '--server', url], { MINIPAY_KEY: key })
      assert.deepEqual([code, stdout], [1, ''])
      assert.match(stderr, says)
    }
  })

  test('with a key, the commands of keys call the server, also where a variable names a database', async () => {
    // As in a container, whose image names its database.
    const env = { MINIPAY_KEY: KEY, MINIPAY_DATABASE: 'none.db', MINIPAY_SERVER: url }
    const { code, stderr } = await runCli(['keys'], env)
    assert.equal(code, 0, stderr)
    assert.deepEqual(received, [{ path: '/api/v1/keys?limit=100', authorization: `Bearer ${KEY}` }])
  })

  test('a server shows the audit log of the key’s own account and mode only', async () => {
    const { code, stderr } = await runCli(['audit', '--mode', 'live', '--server', url])
    assert.equal(code, 2)
    assert.match(stderr, /^minipay: A server shows the audit log of [^\n]+--database\.\n$/)
    assert.deepEqual(received, [])
  })

  test('the flag --database leads to the database although variables name a server or a key', async () => {
    const { code, stderr } = await runCli(['keys', '--database', 'none.db'], {
      MINIPAY_KEY: KEY,
      MINIPAY_SERVER: url,
    })
    assert.equal(code, 1)
    assert.match(stderr, /There is no database/)
    assert.deepEqual(received, [])
  })

  test('a redirect does not lead the key to another server', async () => {
    answer = { status: 307, body: {}, location: `${url}/elsewhere` }
    const { code, stderr } = await runCli(['alarms', '--server', url], { MINIPAY_KEY: KEY })
    assert.equal(code, 1)
    assert.match(stderr, /responded with 307/)
    assert.equal(received.length, 1)
  })
})
