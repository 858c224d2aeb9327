/** The start of a server that other machines can reach. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { client, type Page } from '../kit/client.ts'
import { type TempDir, tempDir } from '../kit/folders.ts'
import { call } from '../kit/http.ts'
import { bearer, inDatabase } from '../kit/keys.ts'
import { onEngine, runCli, serve } from '../kit/server.ts'

let dir: TempDir
before(() => {
  dir = tempDir()
})
after(() => dir.remove())

const EVERYWHERE = { MINIPAY_HOST: '0.0.0.0' }
const SECRET = /^mp_(?:test|live)_[0-9A-Za-z]{39}$/gm
const statusOf = async (url: string, headers: Record<string, string> = {}) =>
  (await call(url, 'GET', '/api/v1/balance', undefined, headers)).status

test('the first start off loopback prints an administrator once, on a line of its own and not in the log', async (t) => {
  const file = join(dir.path, 'first.db')
  const first = await serve(t, file, EVERYWHERE)
  const printed = first.output().match(SECRET) ?? []
  assert.equal(printed.length, 1, first.output())
  const [secret = ''] = printed
  assert.ok(secret.startsWith('mp_test_'))
  const log = first
    .output()
    .split('\n')
    .filter((line) => line.startsWith('{'))
  assert.ok(log.length > 0 && !log.join().includes(secret.slice(8)))
  assert.equal(await statusOf(first.url), 401)
  assert.equal(await statusOf(first.url, bearer(secret)), 200)
  const { body } = await client(first.url, bearer(secret)).get<
    Page<{ name: string; role: string; created_by: string }>
  >('/api/v1/keys')
  assert.deepEqual(
    body.data.map(({ name, role, created_by }) => [name, role, created_by]),
    [['first key', 'administrator', 'server']],
  )
  await first.stop()
  const second = await serve(t, file, EVERYWHERE)
  assert.doesNotMatch(second.output(), SECRET)
  assert.equal(await statusOf(second.url, bearer(secret)), 200)
})

test('a start that cannot listen leaves no key, so the next one makes and prints it', async (t) => {
  const file = join(dir.path, 'taken.db')
  await (await serve(t, file)).stop()
  const other = createServer().listen({ host: '127.0.0.1', port: 0 })
  t.after(() => other.close())
  await once(other, 'listening')
  const { port } = other.address() as AddressInfo
  const failed = await runCli(['serve', '--database', file, '--host', '0.0.0.0', '--port', String(port)])
  assert.equal(failed.code, 1)
  assert.match(failed.stderr, /is in use/)
  assert.doesNotMatch(failed.stdout, SECRET)
  const server = await serve(t, file, EVERYWHERE)
  assert.equal(server.output().match(SECRET)?.length, 1, server.output())
})

test('a database that has a key, or had one, gets no other', async (t) => {
  const file = join(dir.path, 'has.db')
  const { secret } = await inDatabase(file, ({ key }) => key({ role: 'read_only' }))
  const server = await serve(t, file, EVERYWHERE)
  assert.doesNotMatch(server.output(), SECRET)
  assert.deepEqual([await statusOf(server.url), await statusOf(server.url, bearer(secret))], [401, 200])
})

test('a start warns of proxies and targets that are all addresses', async (t) => {
  const open = { MINIPAY_TRUSTED_PROXIES: '0.0.0.0/0', MINIPAY_ALLOWED_TARGETS: '0.0.0.0/0' }
  const server = await serve(t, join(dir.path, 'open.db'), open)
  assert.match(server.output(), /INSECURE[^\n]*--trusted-proxies/)
  assert.match(server.output(), /INSECURE[^\n]*--allowed-targets/)
})

test('a server whose name is loopback when it is checked, and another address when it is bound, stops', async () => {
  const patch = `import names from 'node:dns/promises'
    import { syncBuiltinESMExports } from 'node:module'
    names.lookup = async () => [{ address: '127.0.0.1', family: 4 }]
    syncBuiltinESMExports()`
  const { code, stdout, stderr } = await runCli(['serve', '--port', '0'], {
    ...EVERYWHERE,
    MINIPAY_DATABASE: await onEngine(join(dir.path, 'moved.db')),
    NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(patch)}`,
  })
  assert.equal(code, 1, stdout + stderr)
  assert.match(stderr, /0\.0\.0\.0 was an address of loopback, but MiniPay is bound to 0\.0\.0\.0:/)
})

test('--insecure-no-auth opens every address in test mode, says so at every start, and still checks keys', async (t) => {
  const file = join(dir.path, 'insecure.db')
  const { secret } = await inDatabase(file, ({ key }) => key({ mode: 'live', role: 'read_only' }))
  for (let start = 0; start < 2; start++) {
    const server = await serve(t, file, { ...EVERYWHERE, MINIPAY_INSECURE_NO_AUTH: 'true' })
    assert.match(server.output(), /"level":"?(?:warn|40)"?[^\n]*INSECURE/)
    assert.doesNotMatch(server.output(), SECRET)
    assert.equal(await statusOf(server.url), 200)
    assert.equal(await statusOf(server.url, bearer('mp_live_wrong')), 401)
    const order = { amount: 2500, currency: 'usd', customer: 'cus_42' }
    assert.equal((await call(server.url, 'POST', '/api/v1/charges', order)).status, 201)
    const live = await client(server.url, bearer(secret)).get<Page<object>>('/api/v1/charges')
    assert.deepEqual([live.status, live.body.data], [200, []])
    await server.stop()
  }
})
