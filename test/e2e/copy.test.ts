/** `minipay copy`: an embedded database moves to PostgreSQL, whatever interrupts it. */
import assert from 'node:assert/strict'
import { copyFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, type TestContext, test } from 'node:test'
import Database from 'better-sqlite3'
import { fill } from '../../bench/fill.ts'
import { TABLES } from '../../src/storage/copy/tables.ts'
import { migrate, migrations } from '../../src/storage/sqlite/migrate.ts'
import { sealRows } from '../../src/storage/sqlite/seal.ts'
import { assertSound } from '../kit/audit.ts'
import {
  type Attempt,
  all,
  type Charge,
  type Client,
  type Delivery,
  eventsAfter,
  type LedgerEntry,
  type Page,
  until,
} from '../kit/client.ts'
import { call } from '../kit/http.ts'
import { onDatabase, type PostgresServer, postgresServer } from '../kit/postgres.ts'
import { startProxy } from '../kit/postgres-proxy.ts'
import { type Receiver, startReceiver } from '../kit/receiver.ts'
import { runCli, startServer } from '../kit/server.ts'
import {
  assertCopied,
  contentsOf,
  copyOf,
  folder,
  rowsOfFile,
  serving,
  startCopy,
  startShop,
  trade,
} from './copying.ts'

let postgres: PostgresServer
before(async () => {
  postgres = await postgresServer()
})
after(() => postgres?.remove())

/** An empty database, dropped after the test. */
async function emptyDatabase(t: TestContext): Promise<string> {
  const url = await postgres.createDatabase()
  t.after(() => postgres.dropDatabase(url))
  return url
}

/** A file with that many charges, each with a webhook that waits. */
function filled(t: TestContext, charges: number): string {
  const file = join(folder(t), 'minipay.db')
  fill(file, { charges, story: 'undelivered' }, Date.now())
  return file
}

async function receiving(t: TestContext, answer?: Parameters<typeof startReceiver>[0]): Promise<Receiver> {
  const receiver = await startReceiver(answer)
  t.after(() => receiver.close())
  return receiver
}

const deliveries = (api: Client) => all<Delivery>(api, '/api/v1/webhook_deliveries')

/** Everything that a client can see and that background work does not change meanwhile. */
async function visible(api: Client): Promise<object> {
  const seen = async (path: string) => (await api.get<object>(path)).body
  const [balance, accounts, routing, metrics] = await Promise.all(
    ['/api/v1/balance', '/api/v1/ledger/accounts', '/api/v1/routing', '/metrics'].map(seen),
  )
  const { total_charges, total_refunds } = metrics as { total_charges: number; total_refunds: number }
  const attempts = await all<Attempt>(api, '/api/v1/attempts')
  return {
    ...{ balance, accounts, routing, total_charges, total_refunds },
    charges: await all(api, '/api/v1/charges'),
    refunds: await all(api, '/api/v1/refunds'),
    disputes: await all(api, '/api/v1/disputes'),
    alarms: await all(api, '/api/v1/alarms'),
    entries: (await api.get<Page<LedgerEntry>>('/api/v1/ledger/entries?limit=100')).body,
    events: await eventsAfter(api),
    // One that is waited for is asked about again and again.
    attempts: attempts.map(({ lookups: _, next_lookup_at: __, ...attempt }) => attempt),
    deliveries: (await deliveries(api)).map(({ id, event_sequence }) => [id, event_sequence]),
  }
}

test('what was served from a file is served from PostgreSQL, and its numbers continue without a gap', async (t) => {
  let patient = true
  const receiver = await receiving(t, (webhook, response) => {
    const { customer } = JSON.parse(webhook.body) as Charge
    if (patient) response.statusCode = Number(/^status (\d+)$/.exec(customer)?.[1] ?? 200)
    response.end()
  })
  const shop = await startShop(t, receiver)
  const first = await trade(shop)
  const states = async (api: Client) => (await deliveries(api)).map(({ status }) => status)
  await until(
    () => states(shop.api),
    (all) => all.filter((state) => state === 'pending').length === 1,
  )
  const told = await visible(shop.api)
  assert.equal(await shop.server.stop(), 0)

  const to = await emptyDatabase(t)
  const before = contentsOf(shop.file)
  const { code, stdout, stderr } = await copyOf(shop.file, to)
  assert.equal(code, 0, stderr)
  assert.match(stdout, /The books balance at both ends, and agree: \d+ charges, 3 refunds, \d+ entries\./)
  assert.match(stdout, /MINIPAY_DATABASE/)
  assert.doesNotMatch(stdout + stderr, /:secret@/)
  assert.deepEqual(contentsOf(shop.file), before)
  await assertCopied(shop.file, to)

  patient = false
  const sent = receiver.received.length
  const { api } = await serving(t, to, shop.env)
  assert.deepEqual(await visible(api), told)
  await until(
    () => states(api),
    (all) => !all.includes('pending') && all.filter((state) => state === 'failed').length === 1,
  )
  assert.equal(receiver.received.length, sent + 1)
  const again = await api.post<Charge>(
    '/api/v1/charges',
    {
      ...{ amount: 2500, currency: 'usd', customer: 'cus_42', description: first.description },
      metadata: first.metadata,
    },
    { 'idempotency-key': 'first-key' },
  )
  assert.deepEqual([again.status, again.body], [200, first])
  await assertGoesOn(api)
  await assertSound(to)
})

/** A charge takes the next numbers, and a ledger account of its own. */
async function assertGoesOn(api: Client): Promise<void> {
  const lastEvent = (await eventsAfter(api)).at(-1)?.sequence ?? 0
  const newest = async () =>
    (await api.get<Page<LedgerEntry>>('/api/v1/ledger/entries?limit=2')).body.data[0]?.sequence ?? 0
  const lastEntry = await newest()
  await api.charge({ currency: 'chf' })
  assert.equal((await eventsAfter(api)).at(-1)?.sequence, lastEvent + 1)
  assert.equal(await newest(), lastEntry + 2)
}

test('what a killed server left unfinished is finished by the nodes', async (t) => {
  let hold = true
  const receiver = await receiving(t, (_, response) => {
    if (!hold) response.end()
  })
  const { api, bank, env, file, server } = await startShop(t, receiver)
  await api.charge()
  await receiver.waitFor(1)
  await bank.arm('authorize', 'hold_before')
  const body = { amount: 4200, currency: 'usd', customer: 'cus_1' }
  const headers = { 'idempotency-key': 'cut-off' }
  const asked = bank.waitFor('received', 'authorize', 2)
  const answered = call(api.url, 'POST', '/api/v1/charges', body, headers).catch(() => 'cut off')
  await asked
  await server.kill()
  assert.equal(await answered, 'cut off')
  const before = contentsOf(file)
  assert.notEqual(before.log, 'empty', 'what was committed last stands in the write-ahead log')

  const to = await emptyDatabase(t)
  const { code, stderr } = await copyOf(file, to)
  assert.equal(code, 0, stderr)
  assert.deepEqual(contentsOf(file), before)
  await bank.control('POST', '/release')
  hold = false
  const node = (await serving(t, to, env)).api
  const charge = await until(
    async () => (await all<Charge>(node, '/api/v1/charges'))[0] as Charge,
    ({ status }) => status !== 'processing',
  )
  const again = await node.post<Charge>('/api/v1/charges', body, headers)
  assert.equal(again.body.id ?? charge.id, charge.id)
  assert.equal((await all<Charge>(node, '/api/v1/charges')).length, 2)
  await until(
    () => deliveries(node),
    (all) => all.every(({ status }) => status === 'delivered'),
  )
  const ids = receiver.received.map(({ headers }) => headers['x-webhook-delivery'])
  assert.equal(ids.filter((id) => id === ids[0]).length, 2)
  await assertSound(to)
})

test('a copy that is killed at any point continues where it stopped', async (t) => {
  const file = filled(t, 4_000)
  const to = await emptyDatabase(t)
  for (const rows of [0, 6_000, 13_000]) {
    const copy = startCopy(t, file, to)
    await copy.copied(rows)
    await copy.kill()
  }
  await assert.rejects(startServer(to), /unfinished copy.*minipay copy again/)
  const verified = await runCli(['verify', '--database', to])
  assert.equal(verified.code, 1)
  const last = startCopy(t, file, to)
  await last.said('Checking the books of the copy')
  await last.kill()
  await assert.rejects(startServer(to), /unfinished copy/)

  const { code, stdout, stderr } = await copyOf(file, to)
  assert.equal(code, 0, stderr)
  assert.match(stdout, /: 0 rows in/)
  await assertCopied(file, to)
  const again = await copyOf(file, to)
  assert.equal(again.code, 0)
  assert.match(again.stdout, /Nothing to do/)
  await serving(t, to)
})

test('a connection that breaks, before a batch or behind it, neither loses nor doubles a row', async (t) => {
  const file = filled(t, 3_000)
  const to = await emptyDatabase(t)
  const proxy = await startProxy(to)
  t.after(() => proxy.close())
  for (const [when, word] of [
    ['sent', 'INSERT INTO idempotency_keys'],
    ['answered', 'INSERT 0 2000'],
  ] as const) {
    const cut = proxy.cut({ when, word, becomes: 'lost' })
    const { code, stderr } = await copyOf(file, proxy.url)
    await cut
    assert.equal(code, 1)
    assert.match(stderr, /Run the same command again when it is: the copy continues where it stopped\.\n$/)
    assert.doesNotMatch(stderr, /:secret@/)
  }
  assert.equal((await copyOf(file, to)).code, 0)
  await assertCopied(file, to)
})

test('a source that was changed since its copy was interrupted is refused', async (t) => {
  const file = filled(t, 2_000)
  const to = await emptyDatabase(t)
  const copy = startCopy(t, file, to)
  await copy.copied(5_000)
  await copy.kill()
  const { server, api } = await serving(t, file)
  await api.charge()
  assert.equal(await server.stop(), 0)
  const { code, stderr } = await copyOf(file, to)
  assert.equal(code, 1)
  assert.match(
    stderr,
    /unfinished copy of another database, or of this one before it changed.*new, empty database/,
  )
})

test('of two copies at once into one database one is refused', async (t) => {
  const file = filled(t, 8_000)
  const twin = `${file}-twin`
  copyFileSync(file, twin)
  const to = await emptyDatabase(t)
  const both = await Promise.all([file, twin].map((from) => copyOf(from, to)))
  assert.deepEqual(both.map(({ code }) => code).sort(), [0, 1], JSON.stringify(both))
  assert.match(both.find(({ code }) => code === 1)?.stderr ?? '', /Another copy into .* is running/)
  await assertCopied(file, to)
})

test('a copy that was held up finds that another took over, and writes nothing more', async (t) => {
  const file = filled(t, 2_000)
  const twin = `${file}-twin`
  copyFileSync(file, twin)
  const to = await emptyDatabase(t)
  const slow = startCopy(t, file, to)
  await slow.copied(3_000)
  slow.process.kill('SIGSTOP')
  const { code, stderr } = await copyOf(twin, to)
  assert.equal(code, 0, stderr)
  slow.process.kill('SIGCONT')
  assert.equal(await slow.ended, 1)
  await slow.said('took over')
  await assertCopied(file, to)
})

describe('in plain words it is refused', () => {
  const refused = async (from: string, to: string, words: RegExp, status = 1) => {
    const { code, stdout, stderr } = await copyOf(from, to)
    assert.equal(code, status, stderr)
    assert.match(stderr, words)
    assert.doesNotMatch(stderr, /:secret@|^ +at /m)
    assert.equal(stdout, '')
  }

  test('a copy is refused while a server has the source', async (t) => {
    const file = join(folder(t), 'minipay.db')
    await serving(t, file)
    await refused(file, await emptyDatabase(t), /Another MiniPay process is using .*Stop it/)
  })

  test('a copy is refused while nodes serve from the target, and when it has anything in it', async (t) => {
    const file = filled(t, 1_000)
    const to = await emptyDatabase(t)
    const { server, api } = await serving(t, to)
    await refused(file, to, /MiniPay nodes serve postgres:.*Stop its nodes/)
    await api.charge()
    assert.equal(await server.stop(), 0)
    await refused(file, to, /is not empty: it has charges\. Copy into an empty database/)
    await serving(t, to)
  })

  test('a copy is refused when the target is of another program, of another copy, or out of reach', async (t) => {
    const file = filled(t, 1_000)
    const others = await emptyDatabase(t)
    await onDatabase(others, (client) => client.query('CREATE TABLE something (id integer)'))
    await refused(file, others, /has tables that are not MiniPay's/)
    const to = await emptyDatabase(t)
    const { code, stderr } = await copyOf(file, to)
    assert.equal(code, 0, stderr)
    await refused(filled(t, 1_000), to, /another database was copied into it/)
    const proxy = await startProxy(to)
    await proxy.close()
    await refused(file, proxy.url, /is not reachable/)
  })

  test('a copy is refused when the source is missing, no database, of an older schema or unsound', async (t) => {
    const dir = folder(t)
    const to = await emptyDatabase(t)
    const file = join(dir, 'minipay.db')
    await refused(file, to, /There is no database/)
    writeFileSync(file, 'nothing that SQLite would know')
    await refused(file, to, /is not a SQLite database/)
    const old = new Database(join(dir, 'old.db'))
    migrate(old, migrations().slice(0, 1))
    old.close()
    await refused(join(dir, 'old.db'), to, /is at schema 1 of \d+\. Run `minipay migrate` first/)
    const unsound = filled(t, 1_000)
    const db = new Database(unsound)
    db.exec('UPDATE ledger_accounts SET balance = balance + 1 WHERE id = 1')
    db.close()
    await refused(unsound, to, /are wrong: The account/)
  })

  test('a copy is refused when a text of the source holds what PostgreSQL does not take, before anything is copied', async (t) => {
    const file = filled(t, 1_000)
    const db = new Database(file)
    db.exec(
      `UPDATE charges SET description = 'a' || char(0) || 'b' WHERE idempotency_key = 'fill-000000000500';
       UPDATE events SET data = replace(data, ',"provider":', ',"description":"a\\u0000b","metadata":{},"provider":') WHERE seq = 500;
       UPDATE idempotency_keys SET fingerprint = replace(fingerprint, '"}', '","description":"a\\u0000b"}') WHERE seq = 500;
       DELETE FROM chain_links`,
    )
    sealRows(db)
    db.close()
    const to = await emptyDatabase(t)
    await refused(file, to, /A text of the row .*txn_.* of charges contains a NUL/)
    const tables = await onDatabase(to, (client) =>
      client.query('SELECT 1 FROM pg_tables WHERE schemaname = $1', ['public']),
    )
    assert.equal(tables.rowCount, 0)
  })

  test('a copy is refused when the command line names no file or no PostgreSQL', async (t) => {
    const file = join(folder(t), 'minipay.db')
    await refused(file, file, /--to must be a postgres:\/\/ URL/, 2)
    await refused(file, '', /Give the database to copy to/, 2)
    await refused('postgres://127.0.0.1/a', 'postgres://127.0.0.1/b', /--from must be the path of a file/, 2)
  })
})

test('every table of the embedded database is one that is copied', (t) => {
  const tables = TABLES.filter(({ from }) => from === undefined).map(({ name }) => name)
  assert.deepEqual(tables.sort(), Object.keys(rowsOfFile(filled(t, 1_000))))
})
