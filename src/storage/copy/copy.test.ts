import assert from 'node:assert/strict'
import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { after, before, type TestContext } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import Database from 'better-sqlite3'
import type { Client } from 'pg'
import { fill } from '../../../bench/fill.ts'
import { copyOf, folder, startCopy } from '../../../test/e2e/copying.ts'
import { onDatabase, type PostgresServer, postgresServer } from '../../../test/kit/postgres.ts'
import { COUNT_CALLS } from '../hourly.ts'
import { migratePostgres } from '../postgres/migrate.ts'
import { sealRows } from '../sqlite/seal.ts'
import { copyTables } from './copy.ts'
import { digestOf, digestQuery } from './digest.ts'
import type { Source } from './source.ts'
import type { Target } from './target.ts'

let postgres: PostgresServer
before(async () => {
  postgres = await postgresServer()
})
after(() => postgres?.remove())

/** A database with the schema and nothing else, dropped after the test. */
async function database(t: TestContext): Promise<string> {
  const url = await postgres.createDatabase()
  t.after(() => postgres.dropDatabase(url))
  await migratePostgres(url)
  return url
}

/** The facts of a key in the audit log. */
const MADE = JSON.stringify({
  ...{ expires_at: null, fingerprint: '7'.repeat(16), networks: null, permissions: ['charges:read'] },
  ...{ name: 'shop', rate_limit: null, role: null, rolled_to: null },
})

/** A thousand charges with an event, a webhook and an attempt each; a hundred have an alarm and a dispute of nothing. */
function filled(t: TestContext): string {
  const file = join(folder(t), 'minipay.db')
  fill(file, { charges: 1_000, story: 'undelivered' }, Date.now())
  const db = new Database(file)
  db.exec(`UPDATE charges SET description = 'quoted ' || char(31) || ', "é" 💶 \\' WHERE idempotency_key LIKE '%0';
    UPDATE events SET data = replace(data, ',"provider":',
        ',"description":' || json_quote(c.description) || ',"metadata":{},"provider":')
      FROM charges c WHERE c.description IS NOT NULL AND events.id = replace(c.id, 'txn_', 'evt_');
    UPDATE idempotency_keys SET fingerprint = substr(fingerprint, 1, length(fingerprint) - 1)
        || ',"description":' || json_quote(c.description) || '}'
      FROM charges c WHERE c.description IS NOT NULL AND c.idempotency_key = idempotency_keys.key;
    INSERT INTO attempts (id, account_id, live, transaction_id, kind, provider, state, amount, currency, route,
      provider_reference, resolved_by, idempotency_key, started_at, ended_at, lookups)
    SELECT replace(id, 'txn_', 'att_'), 1, 0, id, 'authorize', provider, 'succeeded', amount, currency,
      '{"ruleSetVersion":null,"rule":"default","next":[],"skipped":[],"failoverOn":[]}', provider_reference, 'answer',
      idempotency_key, created_at, created_at, 0 FROM charges;
    INSERT INTO counters VALUES (1, 0, 'attempts_succeeded', '', 1000), (1, 0, 'alarms_contradiction', '', 100);
    INSERT INTO alarms (account_id, live, id, transaction_id, attempt_id, kind, provider, said, reference, amount,
      message, state, in_doubt, opened_at)
    SELECT 1, 0, replace(id, 'txn_', 'alm_'), id, replace(id, 'txn_', 'att_'), 'contradiction', 'sandbox', 'declined',
      'pay', 9007199254740991, 'It says the opposite.', 'open', 1, created_at FROM charges LIMIT 100;
    ${told('alarms', 'alarm', 'alarm.opened', ALARM)};
    INSERT INTO disputes (account_id, live, id, transaction_id, provider, provider_reference, amount, currency,
      amount_booked, customer, status, created_at)
    SELECT 1, 0, replace(id, 'txn_', 'dp_'), id, 'bank_a', id, 2600, 'jpy', 0, customer, 'open', created_at
    FROM charges LIMIT 100;
    ${told('disputes', 'dispute', 'dispute.opened', DISPUTE)};
    INSERT INTO accounts (id, public_id, name, created_at) VALUES (7, 'acct_7', 'shop', 5);
    INSERT INTO access_keys (id, account_id, live, name, hash, hint, permissions, created_at, created_by)
    VALUES ('key_7', 7, 1, 'shop', '${'7'.repeat(64)}', 'mp_live_…wxyz', '["charges:read"]', 6, 'cli');
    INSERT INTO audit_log (account_id, live, id, seq, created_at, actor, action, object, after)
    VALUES (1, 1, 'aud_1', 1, 5, 'cli', 'account.created', 'acct_7', '{"name":"shop"}'),
      (7, 1, 'aud_2', 1, 6, 'cli', 'key.created', 'key_7', '${MADE}');
    DELETE FROM hourly_statistics;
    ${COUNT_CALLS};
    DELETE FROM chain_links`)
  sealRows(db)
  db.close()
  return file
}

const ALARM = `'id', x.id, 'chargeId', x.transaction_id, 'attemptId', x.attempt_id, 'kind', x.kind,
  'provider', x.provider, 'said', x.said, 'reference', x.reference, 'amount', x.amount, 'message', x.message,
  'state', x.state, 'inDoubt', json('true'), 'openedAt', x.opened_at`
const DISPUTE = `'id', x.id, 'chargeId', x.transaction_id, 'provider', x.provider,
  'providerReference', x.provider_reference, 'amount', x.amount, 'currency', x.currency, 'customer', x.customer,
  'status', x.status, 'createdAt', x.created_at`

/** An event of each row of a table, beside its charge as the charge's own event has it. */
function told(table: string, part: string, type: string, fields: string): string {
  return `INSERT INTO events (account_id, live, seq, id, type, data, created_at)
    SELECT 1, 0, (SELECT max(seq) FROM events) + row_number() OVER (ORDER BY x.id),
      'evt_' || replace(hex(randomblob(13)), 'E', '0'), '${type}',
      substr(e.data, 1, length(e.data) - 1) || ',"${part}":' || json_object(${fields}) || '}', e.created_at
    FROM ${table} x JOIN events e ON e.id = replace(x.transaction_id, 'txn_', 'evt_')`
}

/** What no count would show. */
const TAMPERINGS = {
  accounts: ['name', `'tampered'`],
  access_keys: ['hint', `'tampered'`],
  charges: ['customer', `'someone else'`],
  idempotency_keys: ['fingerprint', `'another'`],
  attempts: ['reason', `'tampered'`],
  alarms: ['message', `'tampered'`],
  disputes: ['amount', 'amount + 1'],
  events: ['data', `'{}'`],
  webhook_endpoints: ['url', `'tampered'`],
  webhook_cursors: ['failing_since', '1'],
  ledger_transfers: ['created_at', 'created_at + 1'],
} as const

test('a row that is stored differently from the source is refused, in any table', async (t) => {
  const from = filled(t)
  const to = await database(t)
  await onDatabase(to, (client) =>
    client.query(`
      CREATE FUNCTION tamper() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN NEW.description := 'tampered'; RETURN NEW; END $$;
      CREATE TRIGGER tamper BEFORE INSERT ON charges FOR EACH ROW
        WHEN (NEW.idempotency_key = 'fill-000000000500') EXECUTE FUNCTION tamper()`),
  )
  const refused = async (table: string) => {
    const { code, stderr } = await copyOf(from, to)
    assert.equal(code, 1)
    // The books of the copy are checked first: a fault that they show by themselves is reported as theirs.
    const differs = `The ${table.replace('_', ' ')} of the copy differ from the source|The books of the copy in \\S+ are wrong: `
    assert.match(stderr, new RegExp(differs))
  }
  await refused('charges')
  await onDatabase(to, async (client) => {
    const source = new Database(from, { readonly: true })
    const was = source.prepare(`SELECT description FROM charges WHERE idempotency_key = 'fill-000000000500'`)
    const mended = was.pluck().get()
    source.close()
    await client.query('DROP TRIGGER tamper ON charges')
    await client.query(`UPDATE charges SET description = $1 WHERE description = 'tampered'`, [mended])
    for (const [table, [column, value]] of Object.entries(TAMPERINGS)) {
      await client.query(`CREATE TEMP TABLE kept AS SELECT * FROM ${table}`)
      // The last one, which the database generates.
      await client.query('ALTER TABLE kept DROP COLUMN IF EXISTS listed_status')
      await client.query(`UPDATE ${table} SET ${column} = ${value}`)
      await refused(table)
      await client.query(`DELETE FROM ${table}`)
      await client.query(`INSERT INTO ${table} SELECT * FROM kept`)
      await client.query('DROP TABLE kept')
    }
  })
  assert.equal((await copyOf(from, to)).code, 0)
  // Also an account without events has its next numbers, and the next account has one of its own.
  await onDatabase(to, async (client) => {
    const own = await client.query('SELECT live, event FROM sequences WHERE account_id = 7 ORDER BY live')
    assert.deepEqual(own.rows, [
      { live: 0, event: '0' },
      { live: 1, event: '0' },
    ])
    const { rows } = await client.query(
      `INSERT INTO accounts (public_id, name, created_at) VALUES ('acct_8', 'next', 7) RETURNING id`,
    )
    assert.deepEqual(rows, [{ id: 8 }])
  })
})

test('a digest is the same at both ends, and differs for rows that read alike', async (t) => {
  const table = { name: 'told', key: ['id'] }
  const columns = { id: 'bigint', one: 'text', two: 'text', three: 'integer' } as const
  const texts = [null, '', ',', 'a\x1fb', '\x1f', '\x1f,\x1f', "'", '"', '\\', '\n', 'é💶']
  const rows = texts.flatMap((one) => texts.map((two) => ({ one, two, three: two === '' ? null : -1 })))
  const numbered = rows.map((row, i) => ({ id: String(2n ** 62n + BigInt(i)), ...row }))
  const single = rows.map((row) => digestOf(columns, [{ id: '1', ...row }]))
  assert.equal(new Set(single).size, rows.length)
  await onDatabase(await database(t), async (client) => {
    await client.query('CREATE TABLE told (id bigint PRIMARY KEY, one text, two text, three integer)')
    for (const { id, one, two, three } of numbered)
      await client.query('INSERT INTO told VALUES ($1, $2, $3, $4)', [id, one, two, three])
    const found = async (first: number | null, last: number | null) => {
      const key = (i: number | null) => (i === null ? null : [numbered[i]?.id ?? ''])
      const { text, values } = digestQuery(table, columns, key(first), key(last))
      return (await client.query(text, [...values])).rows[0].digest
    }
    assert.equal(await found(null, null), digestOf(columns, numbered))
    assert.equal(await found(3, 7), digestOf(columns, numbered.slice(4, 8)))
    assert.equal(await found(numbered.length - 1, null), digestOf(columns, []))
  })
})

test('a source that fails while rows are stored fails the copy once they are, with its own words', async () => {
  let stored = 0
  const source = {
    assertCovered: () => {},
    *batches() {
      yield [{ id: 1 }]
      throw new Error('The file is damaged.')
    },
  } as Partial<Source> as Source
  const target = {
    place: { table: null, lastKey: null, copied: 0 },
    columns: async () => ({ id: 'integer' }) as const,
    async put() {
      await turn()
      stored++
      throw new Error('The connection broke.')
    },
  } as Partial<Target> as Target
  await assert.rejects(
    copyTables(source, target, 1, () => {}),
    /The file is damaged/,
  )
  assert.equal(stored, 1)
})

test('a copy that is long at one statement keeps its place', { timeout: 60_000 }, async (t) => {
  const from = filled(t)
  const twin = `${from}-twin`
  copyFileSync(from, twin)
  const to = await database(t)
  const blocked = async (locker: Client, client: Client) => {
    // Rows are stored and read beside this lock, but no statistics are made.
    await locker.query('BEGIN')
    await locker.query('LOCK TABLE webhook_deliveries IN SHARE UPDATE EXCLUSIVE MODE')
    const copy = startCopy(t, from, to)
    const seen = async () => (await client.query('SELECT seen_at FROM copies')).rows[0]?.seen_at
    const waiting = `SELECT 1 FROM pg_stat_activity
      WHERE datname = current_database() AND query = 'ANALYZE webhook_deliveries' AND wait_event_type = 'Lock'`
    while (!(await client.query(waiting)).rowCount) assert.equal(copy.process.exitCode, null)
    const since = await seen()
    while ((await seen()) === since) assert.equal(copy.process.exitCode, null)
    const { code, stderr } = await copyOf(twin, to)
    assert.equal(code, 1)
    assert.match(stderr, /Another copy into .* is running/)
    await locker.query('COMMIT')
    assert.equal(await copy.ended, 0)
  }
  await onDatabase(to, (locker) => onDatabase(to, (client) => blocked(locker, client)))
})
