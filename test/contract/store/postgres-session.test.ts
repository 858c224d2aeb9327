/** Sessions have the settings that MiniPay needs: they override those of the server, the database, the role and the URL at any time. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { Log } from '../../../src/ports/log.ts'
import { connect } from '../../../src/storage/postgres/connection.ts'
import { hostsOf } from '../../../src/storage/postgres/hosts.ts'
import { withClient } from '../../../src/storage/postgres/migrate.ts'
import {
  assertFit,
  isAcceptedWithoutFsync,
  type WithoutFsync,
} from '../../../src/storage/postgres/session.ts'
import { openPostgresStore } from '../../../src/storage/postgres/store.ts'
import { chargeCommit, committed } from '../../kit/commits.ts'
import { databaseName, onDatabase } from '../../kit/postgres.ts'
import { startPooler } from '../../kit/postgres-pooler.ts'
import { LIVE_SCOPE } from '../../kit/scopes.ts'
import { until } from '../../kit/until.ts'
import { databases } from './postgres-support.ts'

const postgres = databases()

type Line = { readonly level: string; readonly fields: Record<string, unknown>; readonly sentence: string }

function notebook(): { log: Log; lines: Line[] } {
  const lines: Line[] = []
  const at = (level: string) => (fields: object, sentence: string) =>
    void lines.push({ level, fields: { ...fields }, sentence })
  return { log: { info: at('info'), warn: at('warn'), error: at('error') }, lines }
}

/** Runs statements as the superuser. */
const asSuperuser = (...statements: string[]) =>
  onDatabase(postgres.server.url, async (client) => {
    for (const statement of statements) await client.query(statement)
  })

/** A database of a role of its own, both with the settings that are given, and its URL. */
async function ownedDatabase(t: TestContext, settings: Record<string, string>): Promise<string> {
  const url = await postgres.database(t)
  const name = databaseName(url)
  await asSuperuser(
    `CREATE ROLE ${name} LOGIN SUPERUSER PASSWORD 'secret'`,
    ...Object.entries(settings).map(([setting, value]) => `ALTER ROLE ${name} SET ${setting} = ${value}`),
  )
  t.after(() => asSuperuser(`DROP OWNED BY ${name}`, `DROP ROLE ${name}`))
  const owned = new URL(url)
  owned.username = name
  owned.password = 'secret'
  return owned.href
}

async function shown(url: string, names: readonly string[], wanted = {}): Promise<Record<string, unknown>> {
  const connection = await connect(hostsOf(url), wanted)
  const results = await connection.run(names.map((name) => ({ text: `SHOW ${name}` })))
  await connection.close()
  return Object.fromEntries(names.map((name, i) => [name, Object.values(results[i]?.rows[0] ?? {})[0]]))
}

const HOSTILE = {
  synchronous_commit: 'off',
  default_transaction_isolation: 'serializable',
  default_transaction_deferrable: 'on',
  standard_conforming_strings: 'off',
  client_encoding: 'latin1',
  array_nulls: 'off',
  transform_null_equals: 'on',
  row_security: 'on',
  lock_timeout: '1',
  idle_in_transaction_session_timeout: '1',
  idle_session_timeout: '60000',
  enable_indexscan: 'off',
  enable_seqscan: 'on',
}
const WANTED = {
  synchronous_commit: 'on',
  default_transaction_isolation: 'read committed',
  default_transaction_deferrable: 'off',
  standard_conforming_strings: 'on',
  client_encoding: 'UTF8',
  array_nulls: 'on',
  transform_null_equals: 'off',
  row_security: 'off',
  lock_timeout: '5s',
  idle_in_transaction_session_timeout: '10s',
  idle_session_timeout: '0',
  enable_indexscan: 'on',
  enable_seqscan: 'off',
}

test('settings of the role and the URL that would lose commits or change statements are set right on each connection', async (t) => {
  const url = await ownedDatabase(t, HOSTILE)
  const loud = `${url}?options=${encodeURIComponent('-c synchronous_commit=local -c statement_timeout=60000')}`
  assert.deepEqual(await shown(loud, Object.keys(WANTED)), WANTED)
  const { statement_timeout } = await shown(loud, ['statement_timeout'])
  assert.equal(statement_timeout, '10s')
  // Commands that read everything have no such bound.
  const { rows } = await withClient(loud, (client) => client.query('SHOW statement_timeout'))
  assert.deepEqual(rows, [{ statement_timeout: '0' }])
})

test('what is more durable than MiniPay needs stays', async (t) => {
  const url = await ownedDatabase(t, { synchronous_commit: 'remote_apply' })
  assert.deepEqual(await shown(url, ['synchronous_commit']), { synchronous_commit: 'remote_apply' })
})

test('a server that begins to answer commits early while a node runs is overruled, and a start says so', async (t) => {
  const url = await postgres.database(t)
  const { log, lines } = notebook()
  const connection = await connect(hostsOf(url))
  t.after(() => connection.close())
  await asSuperuser('ALTER SYSTEM SET synchronous_commit = off', 'SELECT pg_reload_conf()')
  t.after(() => asSuperuser('ALTER SYSTEM RESET synchronous_commit', 'SELECT pg_reload_conf()'))
  await until('the setting is off', () =>
    onDatabase(url, async (client) => {
      const { rows } = await client.query('SHOW synchronous_commit')
      return rows[0].synchronous_commit === 'off'
    }),
  )
  const [old] = await connection.run([{ text: 'SHOW synchronous_commit' }])
  assert.deepEqual(old?.rows, [{ synchronous_commit: 'on' }])
  assert.deepEqual(await shown(url, ['synchronous_commit']), { synchronous_commit: 'on' })
  const store = await openPostgresStore({ url, onFatal: assert.fail, log })
  await store.close()
  const warned = lines.find(({ fields }) => fields['synchronous_commit'] === 'off')
  assert.equal(warned?.level, 'warn')
})

test('a role or database that is set to read only is no server to write to, and the sentence says which setting', async (t) => {
  const url = await ownedDatabase(t, { default_transaction_read_only: 'on' })
  await assert.rejects(connect(hostsOf(url)), {
    name: 'ConnectionLost',
    message: /: The server takes no writes: default_transaction_read_only is on/,
  })
})

test('a search_path that changes while a node runs does not change where its tables are', async (t) => {
  const url = await ownedDatabase(t, { search_path: 'books' })
  await onDatabase(url, (client) => client.query('CREATE SCHEMA books'))
  const store = await openPostgresStore({ url, onFatal: assert.fail })
  await asSuperuser(`ALTER ROLE ${new URL(url).username} SET search_path = public`)
  await onDatabase(postgres.server.url, (client) =>
    client.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1', [
      databaseName(url),
    ]),
  )
  await until('the store writes again', async () => {
    try {
      await committed(store, chargeCommit({ scope: LIVE_SCOPE }))
      return true
    } catch {
      return false
    }
  })
  await store.close()
  const { rows } = await onDatabase(url, (client) => client.query('SELECT id FROM books.charges'))
  assert.ok(rows.length >= 1)
})

test('a search_path that names no schema is refused in a sentence that says what to set', async (t) => {
  const url = await ownedDatabase(t, { search_path: 'nowhere' })
  await assert.rejects(openPostgresStore({ url, onFatal: assert.fail }), {
    name: 'UnfitServer',
    message: /search_path/,
  })
})

test('a warning says how many connections a node needs when a role allows fewer', async (t) => {
  const url = await postgres.database(t)
  const name = databaseName(url)
  await asSuperuser(`ALTER DATABASE ${name} CONNECTION LIMIT 11`)
  const { log, lines } = notebook()
  const store = await openPostgresStore({ url, onFatal: assert.fail, log })
  await store.close()
  assert.ok(lines.some(({ fields }) => fields['allowed'] === 11 && fields['needed'] === 12))
})

test('the folder of a Unix socket is a host, in each way that libpq writes it', async (t) => {
  const url = await postgres.database(t)
  const { rows } = await onDatabase(url, (client) => client.query('SHOW unix_socket_directories'))
  const [folder = ''] = String(rows[0].unix_socket_directories).split(',')
  if (!folder.startsWith('/')) return t.skip('the server has no Unix socket')
  const { username, password, port } = new URL(url)
  const [name, user] = [databaseName(url), `${username}:${password}`]
  for (const local of [
    `postgres://${user}@${encodeURIComponent(folder)}:${port}/${name}`,
    `postgres://${user}@:${port}/${name}?host=${folder}`,
    `postgres:///${name}?host=${folder}&port=${port}&user=${username}&password=${password}`,
  ])
    assert.deepEqual(await shown(local, ['server_encoding']), { server_encoding: 'UTF8' }, local)
})

const SOUND = {
  version: 'PostgreSQL 18.1 on x86_64-pc-linux-gnu',
  number: 180_001,
  recovering: false,
  read_only: 'off',
  synchronous_commit: 'on',
  isolation: 'read committed',
  encoding: 'UTF8',
  strings: 'on',
  fsync: 'on',
  full_page_writes: 'on',
  schema: 'public',
}

test('a standby, and a session whose settings were lost, are no session to work in', () => {
  const of = (found: Partial<typeof SOUND>) => () => assertFit({ ...SOUND, ...found }, {}, 'db')
  assert.doesNotThrow(of({}))
  assert.throws(of({ recovering: true, read_only: 'on' }), { name: 'ConnectionLost', message: /a standby/ })
  const lost = { synchronous_commit: 'local', isolation: 'serializable', encoding: 'LATIN1', strings: 'off' }
  for (const [name, value] of Object.entries(lost))
    assert.throws(of({ [name]: value }), { name: 'UnfitServer', message: /session pooling/ }, name)
})

test('a server that is too old is refused with both versions; one that only speaks its protocol is not', () => {
  const of = (version: string, number: number) => () => assertFit({ ...SOUND, version, number }, {}, 'db')
  assert.throws(of('PostgreSQL 13.22 on x86_64', 130_022), {
    name: 'UnfitServer',
    message: /PostgreSQL 13\.22 is too old.* 14 or newer/,
  })
  assert.doesNotThrow(of('PostgreSQL 14.0 on x86_64', 140_000))
  assert.doesNotThrow(of('PostgreSQL 11.2-YB-2.25.1.0-b0 on x86_64', 110_002))
  assert.doesNotThrow(of('CockroachDB CCL v25.2.1', 130_000))
})

test('without fsync or full_page_writes a server is taken where the setting says so', () => {
  const cases: [WithoutFsync, string, boolean][] = [
    ...['127.0.0.1', '127.1.2.3', 'localhost', '::1', '/run/postgresql'].map(
      (host) => ['local', host, true] as [WithoutFsync, string, boolean],
    ),
    ['local', '10.0.0.1', false],
    ['local', 'localhost.example', false],
    ['local', '127.example', false],
    ['refuse', '127.0.0.1', false],
    ['allow', 'db', true],
  ]
  for (const [withoutFsync, host, taken] of cases)
    assert.equal(isAcceptedWithoutFsync(withoutFsync, host), taken, host)
  for (const off of ['fsync', 'full_page_writes'])
    assert.throws(() => assertFit({ ...SOUND, [off]: 'off' }, { withoutFsync: 'local' }, 'db'), {
      message: new RegExp(`${off}=off.*--without-fsync`),
    })
  assert.doesNotThrow(() => assertFit(SOUND, { withoutFsync: 'refuse' }, 'db'))
})

test('a pooler that gives a session to each transaction is refused at the start; one that keeps sessions is not', async (t) => {
  const url = await postgres.database(t)
  for (const mode of ['transaction', 'in turn'] as const) {
    const sharing = await startPooler(url, mode)
    t.after(() => sharing.close())
    await assert.rejects(openPostgresStore({ url: sharing.url, onFatal: assert.fail }), {
      name: 'UnfitServer',
      message: /pool_mode=session/,
    })
  }
  const keeping = await startPooler(url, 'session')
  t.after(() => keeping.close())
  const store = await openPostgresStore({ url: keeping.url, onFatal: assert.fail })
  await committed(store, chargeCommit({ scope: LIVE_SCOPE }))
  await store.close()
})
