/**
 * The messages of a serving process about its database: while it is unreachable, when it refuses, and never with stored
 * data.
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { type TestContext, test } from 'node:test'
import { call } from '../../kit/http.ts'
import { databaseName, onDatabase } from '../../kit/postgres.ts'
import { CLI, runCli, startServer } from '../../kit/server.ts'
import { freePort } from '../../kit/sockets.ts'
import { until } from '../../kit/until.ts'
import { databases } from './postgres-support.ts'

const postgres = databases()
const SECRET = 'pa55w0rd'

/** Begins to serve, without waiting until it does. */
function startServing(t: TestContext, database: string, env: Record<string, string> = {}) {
  const child = spawn(process.execPath, [CLI, 'serve', '--port', '0'], {
    env: { PATH: process.env['PATH'], WEBHOOK_TARGET: '', MINIPAY_DATABASE: database, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk))
  const ended = once(child, 'close').then(([code]) => code as number | null)
  t.after(() => child.kill('SIGKILL'))
  return { child, ended, output: () => output }
}

/** A port that accepts connections and never responds. */
async function silentPort(t: TestContext): Promise<number> {
  const listener = createServer((socket) => {
    socket.on('error', () => {})
    t.after(() => socket.destroy())
  })
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  t.after(() => listener.close())
  return (listener.address() as AddressInfo).port
}

test('a server that is not there is named in the log at once, with why and until when; a stop ends the wait', async (t) => {
  const port = await freePort()
  const serving = startServing(t, `postgres://pay:${SECRET}@127.0.0.1:${port}/minipay`)
  await until('it says why', () => serving.output().includes('It retries'))
  const lines = serving
    .output()
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line))
  assert.equal(lines[0].database, `postgres://pay@127.0.0.1:${port}/minipay`)
  assert.deepEqual(lines[0].servers, [`127.0.0.1:${port}`])
  const { level, cause, until: end } = lines.find(({ msg }) => /It retries/.test(msg))
  assert.equal(level, 'warn')
  assert.match(cause, new RegExp(`127\\.0\\.0\\.1:${port}: .*ECONNREFUSED`))
  assert.match(end, /^\d{4}-\d\d-\d\dT/)
  serving.child.kill('SIGTERM')
  assert.equal(await serving.ended, 0)
  assert.doesNotMatch(serving.output(), new RegExp(SECRET))
  assert.match(serving.output(), /"msg":"MiniPay stops before it could use PostgreSQL\."/)
  assert.doesNotMatch(serving.output(), /minipay: /)
})

test('a server that takes connections and says nothing is named before it is given up; a stop ends that wait too', async (t) => {
  const port = await silentPort(t)
  const serving = startServing(t, `postgres://pay:${SECRET}@127.0.0.1:${port}/minipay`)
  await until('it says where it connects', () => serving.output().includes('Connecting to PostgreSQL.'))
  serving.child.kill('SIGINT')
  assert.equal(await serving.ended, 0)
})

test('of several hosts each is named with what it failed with', async (t) => {
  const [one, two] = [await freePort(), await freePort()]
  const serving = startServing(t, `postgres://pay:${SECRET}@127.0.0.1:${one},localhost:${two}/minipay`)
  await until('it says why', () => serving.output().includes('It retries'))
  for (const host of [`127.0.0.1:${one}: `, `localhost:${two}: `])
    assert.ok(serving.output().includes(host), host)
  serving.child.kill('SIGTERM')
  await serving.ended
})

test('a node waits for a database that becomes writable, and says what it waited for', async (t) => {
  const url = await postgres.database(t)
  const name = databaseName(url)
  const set = (to: string) =>
    onDatabase(postgres.server.url, (client) =>
      client.query(`ALTER DATABASE ${name} SET default_transaction_read_only = ${to}`),
    )
  await set('on')
  const serving = startServing(t, url)
  await until('it says why', () => serving.output().includes('default_transaction_read_only is on'))
  await set('off')
  await until('it listens', () => serving.output().includes('MiniPay is listening.'))
  serving.child.kill('SIGTERM')
  assert.equal(await serving.ended, 0)
})

const CUSTOMER = 'cus_of_the_row'
const TOKEN = 'tok_of_the_row'

test('a rule of the schema that breaks is logged with its name and its table, and never with the row', async (t) => {
  const url = await postgres.database(t)
  const alter = (statement: string) => onDatabase(url, (client) => client.query(statement))
  await alter('ALTER TABLE charges ADD CONSTRAINT no_such_amount CHECK (amount <> 4242)')
  await alter(`CREATE FUNCTION quote_row() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      RAISE EXCEPTION 'row %', NEW USING DETAIL = NEW::text, HINT = NEW::text, ERRCODE = '55000', COLUMN = 'customer';
    END $$`)
  await alter(`CREATE TRIGGER quoting BEFORE INSERT ON charges FOR EACH ROW
    WHEN (NEW.amount = 4343) EXECUTE FUNCTION quote_row()`)
  const server = await startServer(url, { MINIPAY_LOG_LEVEL: 'debug' })
  t.after(() => server.kill())
  for (const amount of [4242, 4343]) {
    const body = {
      amount,
      currency: 'usd',
      customer: CUSTOMER,
      payment_method: TOKEN,
      metadata: { of: TOKEN },
    }
    const { status } = await call(server.url, 'POST', '/api/v1/charges', body, { 'idempotency-key': TOKEN })
    assert.equal(status, 500)
  }
  await server.stop()
  const output = server.output()
  assert.match(output, /"code":"23514"/)
  assert.match(output, /"constraint":"no_such_amount"/)
  assert.match(output, /"table":"charges"/)
  assert.match(output, /"severity":"ERROR"/)
  assert.match(output, /"code":"55000"/)
  for (const word of [CUSTOMER, TOKEN, 'Failing row', '"detail"', '"where"', '"hint"', '"parameters"'])
    assert.ok(!output.includes(word), `${word}: ${output}`)
})

test('commands print no row either: a migration that breaks, and what is checked before', async (t) => {
  const url = await postgres.database(t)
  await onDatabase(url, async (client) => {
    await client.query(`CREATE FUNCTION quote_row() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN RAISE EXCEPTION 'row %', '${CUSTOMER}' USING DETAIL = '${TOKEN}'; END $$`)
    await client.query(
      'CREATE TRIGGER quoting BEFORE UPDATE OR INSERT ON schema_version FOR EACH ROW EXECUTE FUNCTION quote_row()',
    )
    await client.query('UPDATE schema_version SET number = number').catch(() => {})
    await client.query('ALTER TABLE schema_version DISABLE TRIGGER quoting')
    await client.query('UPDATE schema_version SET number = number - 1')
    await client.query('ALTER TABLE schema_version ENABLE TRIGGER quoting')
  })
  for (const command of ['migrate', 'verify', 'serve', 'epoch']) {
    const { code, stderr, stdout } = await runCli([command], { MINIPAY_DATABASE: url, PORT: '0' })
    assert.equal(code, 1, command)
    assert.match(stderr, /^minipay: /, command)
    for (const word of [CUSTOMER, TOKEN])
      assert.ok(!(stdout + stderr).includes(word), `${command}: ${stderr}`)
  }
})

test('without fsync a server is refused in one sentence where the setting says so, and named in the log where it is not', async (t) => {
  const url = await postgres.database(t)
  const { rows } = await onDatabase(url, (client) => client.query('SHOW fsync'))
  if (rows[0].fsync === 'on') return t.skip('the server that DATABASE_URL names runs with fsync')
  const { code, stderr } = await runCli(['serve', '--without-fsync', 'refuse'], {
    MINIPAY_DATABASE: url,
    PORT: '0',
  })
  assert.equal(code, 1)
  assert.match(stderr, /^minipay: [^\n]*fsync=off[^\n]*\.\n$/)
  const server = await startServer(url)
  t.after(() => server.kill())
  assert.match(server.output(), /"off":"fsync=off"/)
  const alter = (...statements: string[]) =>
    onDatabase(postgres.server.url, async (client) => {
      for (const statement of statements) await client.query(statement)
    })
  await alter('ALTER SYSTEM SET full_page_writes = off', 'SELECT pg_reload_conf()')
  t.after(() => alter('ALTER SYSTEM RESET full_page_writes', 'SELECT pg_reload_conf()'))
  await until('the node sees it', () =>
    server.output().includes('"off":"fsync=off and full_page_writes=off"'),
  )
  await server.stop()
})
