import assert from 'node:assert/strict'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import Database from 'better-sqlite3'
import { refunded } from '../../../test/kit/commits.ts'
import { tempDir } from '../../../test/kit/folders.ts'
import { LIVE_SCOPE } from '../../../test/kit/scopes.ts'
import { runCli } from '../../../test/kit/server.ts'
import { endingView } from '../../api/minipay/endings.ts'
import { recordedEnding } from '../../app/payments/endings.ts'
import { encodeTime, type IdPrefix } from '../../domain/id.ts'
import { canonicalRequest } from '../../domain/idempotency.ts'
import type { LedgerEntry } from '../../ports/store.ts'
import type { Connection } from './connection.ts'
import { type Migration, migrate, migrations, SchemaMismatch, schemaVersion } from './migrate.ts'
import { openWriter } from './open.ts'
import { openSqliteStore } from './store.ts'
import { verify } from './verify.ts'

function newDatabase(t: TestContext): { file: string; db: Connection } {
  const folder = tempDir()
  const file = join(folder.path, 'test.db')
  const db = openWriter(file)
  t.after(() => {
    db.close()
    folder.remove()
  })
  return { file, db }
}

const tables = (db: Connection) =>
  db.prepare(`SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name`).pluck().all()

test('migrations are numbered from 1 without a gap, and named after their number', () => {
  const all = migrations()
  assert.ok(all.length > 0)
  for (const [index, { number, name, sql }] of all.entries()) {
    assert.equal(number, index + 1)
    assert.match(name, new RegExp(`^${String(number).padStart(4, '0')}_[a-z0-9_]+\\.sql$`))
    assert.notEqual(sql.trim(), '')
  }
})

test('an empty database is brought to the last schema, and applying again is a no-op', (t) => {
  const { db } = newDatabase(t)
  assert.equal(schemaVersion(db), 0)
  assert.deepEqual(migrate(db), migrations())
  assert.equal(schemaVersion(db), migrations().length)
  const made = tables(db)
  assert.ok(made.includes('ledger_transfers'))
  assert.deepEqual(migrate(db), [])
  assert.deepEqual(tables(db), made)
})

test('a migration that fails in an empty database leaves it empty, because all of them are one transaction', (t) => {
  const { db } = newDatabase(t)
  const broken: Migration = {
    number: migrations().length + 1,
    name: 'broken.sql',
    sql: 'CREATE TABLE accounts (id INTEGER)',
  }
  assert.throws(() => migrate(db, [...migrations(), broken]), /accounts already exists/)
  assert.deepEqual(tables(db), [])
  assert.equal(schemaVersion(db), 0)
  assert.deepEqual(migrate(db), migrations())
})

test('only the migrations that a database lacks are applied, and its rows stay', (t) => {
  const { db } = newDatabase(t)
  migrate(db)
  const next: Migration = {
    number: migrations().length + 1,
    name: 'next.sql',
    sql: 'ALTER TABLE accounts ADD COLUMN note TEXT',
  }
  assert.deepEqual(migrate(db, [...migrations(), next]), [next])
  const account = db.prepare('SELECT id, name, note FROM accounts').get()
  assert.deepEqual(account, { id: 1, name: 'default', note: null })
})

test('a migration that fails leaves the schema as it was before it', (t) => {
  const { db } = newDatabase(t)
  migrate(db)
  const before = tables(db)
  const broken: Migration = {
    number: migrations().length + 1,
    name: 'broken.sql',
    sql: 'CREATE TABLE half_done (id INTEGER); CREATE TABLE accounts (id INTEGER)',
  }
  assert.throws(() => migrate(db, [...migrations(), broken]), /accounts already exists/)
  assert.deepEqual(tables(db), before)
  assert.equal(schemaVersion(db), migrations().length)
})

test('a database from a newer MiniPay is refused in plain words and stays as it is', async (t) => {
  const { file, db } = newDatabase(t)
  migrate(db)
  db.pragma('user_version = 999')
  assert.throws(() => migrate(db), SchemaMismatch)
  for (const command of ['serve', 'migrate', 'verify']) {
    const { code, stderr } = await runCli([command], { MINIPAY_DATABASE: file, PORT: '0' })
    assert.equal(code, 1, command)
    assert.match(
      stderr,
      /^minipay: .*test\.db was written by a newer MiniPay \(schema 999;.*Run the newer version/,
    )
    assert.equal(stderr.trim().split('\n').length, 1, 'one sentence, no stack trace')
  }
  assert.equal(schemaVersion(db), 999)
})

test("another program's migration count is not read as ours", (t) => {
  const { db } = newDatabase(t)
  db.exec('CREATE TABLE notes (text TEXT)')
  db.pragma('user_version = 1')
  assert.throws(() => migrate(db), /not MiniPay's/)
})

test('a file that is no database is refused with a sentence', async (t) => {
  const folder = tempDir()
  t.after(() => folder.remove())
  const file = join(folder.path, 'not.db')
  const { writeFile } = await import('node:fs/promises')
  await writeFile(file, 'These are words, and not a database at all. '.repeat(100))
  for (const command of ['serve', 'migrate', 'verify']) {
    const { code, stderr } = await runCli([command], { MINIPAY_DATABASE: file, PORT: '0' })
    assert.equal(code, 1, command)
    assert.match(stderr, /^minipay: .*not a SQLite database/)
    assert.equal(stderr.trim().split('\n').length, 1)
  }
})

test('`minipay migrate` makes a database that serves', async (t) => {
  const folder = tempDir()
  t.after(() => folder.remove())
  const file = join(folder.path, 'made.db')
  const made = await runCli(['migrate'], { MINIPAY_DATABASE: file })
  assert.deepEqual([made.code, made.stderr], [0, ''])
  assert.match(made.stdout, /applied 0001_initial\.sql/)
  const again = await runCli(['migrate'], { MINIPAY_DATABASE: file })
  assert.equal(again.code, 0)
  assert.doesNotMatch(again.stdout, /applied/)
  const db = new Database(file, { readonly: true })
  assert.equal(schemaVersion(db), migrations().length)
  db.close()
})

/** An id of that prefix that was made so many ms after 1970. */
const idOf = (prefix: IdPrefix, ms: number) => `${prefix}_${encodeTime(ms)}0000000000000000`
const [FIRST, FAILED, EURO, BACK] = [idOf('txn', 1), idOf('txn', 2), idOf('txn', 3), idOf('re', 4)]
/** A charge as the first release told of it. */
const FIRST_VIEW = {
  ...{ id: FIRST, amount: 1000, amount_refunded: 0, currency: 'usd', customer: 'c', status: 'succeeded' },
  ...{ payment_method: 'tok', description: 'd', metadata: { a: 'b' }, provider: 'sandbox' },
  ...{ provider_reference: 'ref_1', decline_code: null, failure_message: null, idempotency_key: 'k1' },
  created_at: '1970-01-01T00:00:00.001Z',
}
const PLAIN = { payment_method: null, description: null, metadata: {} }
const FAILED_VIEW = {
  ...{ ...FIRST_VIEW, id: FAILED, amount: 500, status: 'failed', ...PLAIN, provider_reference: null },
  ...{ decline_code: 'insufficient_funds', failure_message: 'No.', idempotency_key: 'k2' },
  created_at: '1970-01-01T00:00:00.002Z',
}
const EURO_VIEW = {
  ...{ ...FIRST_VIEW, id: EURO, amount: 7, currency: 'eur', ...PLAIN, provider_reference: 'ref_3' },
  ...{ idempotency_key: 'k3', created_at: '1970-01-01T00:00:00.003Z' },
}
const REFUND_VIEW = {
  ...{
    id: FIRST,
    refund_id: BACK,
    amount: 300,
    currency: 'usd',
    customer: 'c',
    status: 'partially_refunded',
  },
  ...{ reason: null, description: null, metadata: {}, idempotency_key: 'k4' },
  refunded_at: '1970-01-01T00:00:00.004Z',
}
const REFUNDED_VIEW = {
  ...FIRST_VIEW,
  amount_refunded: 300,
  status: 'partially_refunded',
  refund: REFUND_VIEW,
}
const DECLINED = {
  ...{ error: 'No.', code: 'card_declined', decline_code: 'insufficient_funds' },
  charge: FAILED_VIEW,
}
const text = (value: unknown) => `'${typeof value === 'string' ? value : JSON.stringify(value)}'`
const asked = (operation: string, body: object) => text(canonicalRequest(operation, body))

/** What the first schema held of two charges, one refunded in part, a decline and a webhook, in short. */
const FIRST_ROWS = `
  INSERT INTO charges VALUES
    (1, 1, '${FIRST}', 2, 1000, 300, 'usd', 'c', 'partially_refunded', 'tok', 'd', '{"a":"b"}', 'sandbox', 'ref_1', NULL, NULL, 'k1', 1),
    (1, 1, '${FAILED}', 1, 500, 0, 'usd', 'c', 'failed', NULL, NULL, NULL, 'sandbox', NULL, 'insufficient_funds', 'No.', 'k2', 2),
    (1, 1, '${EURO}', 1, 7, 0, 'eur', 'c', 'succeeded', NULL, NULL, NULL, 'sandbox', 'ref_3', NULL, NULL, 'k3', 3);
  INSERT INTO refunds VALUES
    (1, 1, '${BACK}', '${FIRST}', 300, 'usd', 'c', 'partially_refunded', NULL, NULL, NULL, 'k4', 4);
  INSERT INTO idempotency_keys VALUES
    (1, 1, 1, 'k1', ${asked('POST /api/v1/charges', { amount: 1000, currency: 'usd', customer: 'c', payment_method: 'tok', description: 'd', metadata: { a: 'b' } })}, 'created', NULL, 1, 1),
    (2, 1, 1, 'k2', ${asked('POST /api/v1/charges', { amount: 500, currency: 'usd', customer: 'c' })}, 'declined', ${text(DECLINED)}, 2, 2),
    (3, 1, 1, 'k3', ${asked('POST /api/v1/charges', { amount: 7, currency: 'EUR', customer: 'c' })}, 'created', NULL, 3, 3),
    (4, 1, 1, 'k4', ${asked('POST /api/v1/refunds', { transaction_id: FIRST, amount: 300 })}, 'done', ${text(REFUND_VIEW)}, 4, 4);
  INSERT INTO ledger_accounts VALUES
    (1, 1, 1, 'provider:sandbox', 'usd', 700), (2, 1, 1, 'merchant', 'usd', -700),
    (3, 1, 1, 'provider:sandbox', 'eur', 7), (4, 1, 1, 'merchant', 'eur', -7);
  INSERT INTO ledger_entries VALUES
    (1, 1, 1, 1, '${FIRST}', 1000, 1), (1, 1, 2, 2, '${FIRST}', -1000, 1),
    (1, 1, 3, 3, '${EURO}', 7, 3), (1, 1, 4, 4, '${EURO}', -7, 3),
    (1, 1, 5, 2, '${BACK}', 300, 4), (1, 1, 6, 1, '${BACK}', -300, 4);
  INSERT INTO counters VALUES
    (1, 1, 'charges_succeeded', 'usd', 1), (1, 1, 'charges_succeeded', 'eur', 1), (1, 1, 'charges_failed', 'usd', 1),
    (1, 1, 'charges_refunded', 'usd', 1), (1, 1, 'refunds', 'usd', 1), (1, 1, 'deliveries_pending', '', 1);
  INSERT INTO events VALUES
    (1, 1, 1, 'evt_1', 'payment.succeeded', ${text(FIRST_VIEW)}, 1), (1, 1, 2, 'evt_2', 'payment.failed', ${text(FAILED_VIEW)}, 2),
    (1, 1, 3, 'evt_3', 'payment.succeeded', ${text(EURO_VIEW)}, 3), (1, 1, 4, 'evt_4', 'payment.refunded', ${text(REFUNDED_VIEW)}, 4);
  INSERT INTO deliveries VALUES ('dlv_1', 1, 1, 'default', 1, 'pending', 0, 1, NULL, NULL, NULL, 1);`

const ENTRY = ({ sequence, transactionId, account, currency, amount, createdAt }: LedgerEntry) => [
  ...[sequence, transactionId, account, currency, amount, createdAt],
]

test('a database of the first schema keeps its books and can be served', async (t) => {
  const { file, db } = newDatabase(t)
  migrate(db, migrations().slice(0, 1))
  db.exec(FIRST_ROWS)
  const early = await runCli(['verify'], { MINIPAY_DATABASE: file })
  assert.equal(early.code, 1)
  assert.match(early.stderr, /^minipay: .*test\.db is at schema 1 of \d+\. Run `minipay migrate` first/)

  assert.equal((await runCli(['migrate'], { MINIPAY_DATABASE: file })).code, 0)
  assert.partialDeepStrictEqual(verify(db), { charges: 3, refunds: 1, entries: 6 })
  // A process opens a database once.
  db.close()

  const store = await openSqliteStore({ file, onFatal: assert.fail })
  try {
    const scope = LIVE_SCOPE
    const charge = (await store.charge(scope, FIRST))!
    const taken = [charge.amountCaptured, charge.amountRefundPending, charge.amountDisputed, charge.capture]
    assert.deepEqual(taken, [1000, 0, 0, true])
    assert.deepEqual([charge.redirectUrl, charge.expiresAt, charge.metadata], [null, null, { a: 'b' }])
    assert.equal((await store.charge(scope, FAILED))?.amountCaptured, 0)
    assert.equal((await store.charge(scope, EURO))?.amountCaptured, 7)
    assert.equal((await store.refund(scope, BACK))?.providerReference, null)
    const bodies = await Promise.all(['k1', 'k2'].map((key) => store.idempotencyRecord(scope, key)))
    const expected = [FIRST_VIEW, DECLINED].map((view) => JSON.stringify(view))
    assert.deepEqual(
      bodies.map((record) => JSON.stringify(endingView(recordedEnding(record!)!, 'card_declined'))),
      expected,
    )
    const { data: entries } = await store.ledgerEntries(scope, { limit: 10 })
    assert.deepEqual(entries.map(ENTRY), [
      [6, BACK, 'provider:sandbox', 'usd', -300, 4],
      [5, BACK, 'merchant', 'usd', 300, 4],
      [4, EURO, 'merchant', 'eur', -7, 3],
      [3, EURO, 'provider:sandbox', 'eur', 7, 3],
      [2, FIRST, 'merchant', 'usd', -1000, 1],
      [1, FIRST, 'provider:sandbox', 'usd', 1000, 1],
    ])
    const { refund } = await refunded(store, charge, { scope })
    assert.equal((await store.charge(scope, FIRST))?.status, 'refunded')
    const { data: added } = await store.ledgerEntries(scope, { limit: 9, transactionId: refund.id })
    assert.deepEqual(
      added.map(({ sequence }) => sequence),
      [8, 7],
    )
  } finally {
    await store.close()
  }
  const served = openWriter(file)
  t.after(() => served.close())
  assert.partialDeepStrictEqual(verify(served), { charges: 3, refunds: 2, entries: 8 })
})

/** What the second schema held of a charge with a won, an open and a lost dispute, one with a refund on its way, and an attempt. */
const SECOND_ROWS = `
  INSERT INTO charges
    (account_id, live, id, version, amount, amount_captured, amount_refunded, amount_refund_pending, amount_disputed,
     currency, customer, status, capture, payment_method, description, metadata, provider, provider_reference,
     redirect_url, expires_at, idempotency_key, created_at)
  VALUES
    (1, 1, 'txn_1', 6, 1000, 1000, 0, 0, 700, 'usd', 'c', 'succeeded', 1, 'tok', 'd', '{"a":"b"}', 'bank', 'p1', NULL, NULL, 'k1', 1),
    (1, 1, 'txn_2', 4, 900, 500, 0, 200, 0, 'usd', 'd', 'succeeded', 0, NULL, NULL, NULL, 'bank', 'p2', NULL, NULL, 'k2', 2),
    (1, 1, 'txn_3', 2, 800, 0, 0, 0, 0, 'usd', 'c', 'requires_action', 0, NULL, NULL, NULL, 'bank', 'p3', 'https://b/', 9, 'k3', 3);
  INSERT INTO refunds
    (account_id, live, id, transaction_id, amount, currency, customer, status, idempotency_key, created_at)
  VALUES (1, 1, 're_1', 'txn_2', 200, 'usd', 'd', 'processing', 'k4', 4);
  INSERT INTO disputes VALUES
    (1, 1, 'dp_1', 'txn_1', 'bank', 'd1', 100, 'usd', 'c', 'won', NULL, 5),
    (1, 1, 'dp_2', 'txn_1', 'bank', 'd2', 300, 'usd', 'c', 'open', 'fraudulent', 6),
    (1, 1, 'dp_3', 'txn_1', 'bank', 'd3', 400, 'usd', 'c', 'lost', NULL, 7);
  INSERT INTO attempts
    (id, account_id, live, transaction_id, refund_id, kind, provider, state, amount, currency, provider_reference,
     idempotency_key, started_at, lookups, due_at)
  VALUES
    ('att_1', 1, 1, 'txn_2', 're_1', 'refund', 'bank', 'pending', 200, 'usd', NULL, 'k4', 4, 0, 10),
    ('att_3', 1, 1, 'txn_3', NULL, 'authorize', 'bank', 'pending', 800, 'usd', 'p3', 'k3', 3, 0, 10);`

/** A database of the second schema with these rows, and what is done to them. */
function secondSchema(t: TestContext, changes = ''): { file: string; db: Connection } {
  const { file, db } = newDatabase(t)
  migrate(db, migrations().slice(0, 2))
  db.exec(SECOND_ROWS + changes)
  return { file, db }
}

const indexes = (db: Connection) =>
  db
    .prepare(
      `SELECT name, sql FROM sqlite_master
       WHERE type = 'index' AND tbl_name IN ('charges', 'disputes') AND sql IS NOT NULL ORDER BY name`,
    )
    .all()

test('a database of the second schema keeps its rows and indexes, and says what of its disputes is booked', (t) => {
  const { db } = secondSchema(t)
  const charges = () => db.prepare('SELECT * FROM charges ORDER BY id').all() as object[]
  const [before, indexed] = [charges(), indexes(db)]
  migrate(db)
  // A later migration may add columns.
  for (const [i, row] of charges().entries()) assert.partialDeepStrictEqual(row, before[i]!)
  assert.equal(charges().length, before.length)
  const kept = new Map((indexes(db) as { name: string; sql: string }[]).map(({ name, sql }) => [name, sql]))
  // A later migration gave one another order of its columns, and replaced one by a table.
  for (const { name, sql } of indexed as { name: string; sql: string }[])
    if (name !== 'disputes_by_reference' && name !== 'charges_by_customer') assert.equal(kept.get(name), sql)
  const disputes = db.prepare('SELECT id, amount, amount_booked AS booked, reason FROM disputes ORDER BY id')
  assert.deepEqual(disputes.all(), [
    { id: 'dp_1', amount: 100, booked: 0, reason: null },
    { id: 'dp_2', amount: 300, booked: 300, reason: 'fraudulent' },
    { id: 'dp_3', amount: 400, booked: 400, reason: null },
  ])
  const made = db.prepare(`SELECT sql FROM sqlite_master WHERE name IN ('charges', 'disputes')`).pluck().all()
  for (const sql of made as string[]) assert.match(sql, /STRICT, WITHOUT ROWID$/)
  assert.equal(db.pragma('integrity_check', { simple: true }), 'ok')
})

test('a transaction that a migration cannot take is named with what to do, and the database stays as it was', async (t) => {
  const broken = {
    'more disputed than captured': [
      'txn_1',
      'UPDATE charges SET amount_disputed = 1600',
      'of 1000 captured .*1600 is disputed',
    ],
    'disputed below zero': ['txn_1', 'UPDATE charges SET amount_disputed = -500', '-500 is disputed'],
    'more given back than captured': [
      'txn_2',
      'UPDATE charges SET amount_refunded = 400',
      'of 500 captured 600 is refunded',
    ],
    'refunds on their way below zero': [
      'txn_2',
      'UPDATE charges SET amount_refund_pending = -1',
      '-1 is refunded or being',
    ],
    'captured below zero': ['txn_3', 'UPDATE charges SET amount_captured = -1', 'of -1 captured'],
  } as const
  for (const [what, [id, change, says]] of Object.entries(broken)) {
    const { file, db } = secondSchema(t, `${change} WHERE id = '${id}';`)
    const contents = () => db.prepare('SELECT * FROM charges ORDER BY id').all()
    const before = [contents(), tables(db)]
    for (const command of ['serve', 'migrate']) {
      const { code, stderr } = await runCli([command], { MINIPAY_DATABASE: file, PORT: '0' })
      assert.equal(code, 1, what)
      assert.match(stderr, new RegExp(`^minipay: .*test\\.db stays at schema 2: the transaction ${id} says`))
      assert.match(stderr, new RegExp(`${says}.* Correct it first: see ".*" in docs/operations\\.md\\.\n$`))
      assert.equal(stderr.trim().split('\n').length, 1, 'one sentence, no stack trace')
    }
    assert.deepEqual([contents(), tables(db)], before)
    assert.equal(schemaVersion(db), 2)
    db.exec(`UPDATE charges SET amount_captured = 1000, amount_refunded = 0, amount_refund_pending = 0,
      amount_disputed = 0 WHERE id = '${id}'`)
    migrate(db)
    assert.equal(schemaVersion(db), migrations().length)
  }
})

test('of several transactions that a migration cannot take the first is named, with how many there are more', (t) => {
  const { db } = secondSchema(t, 'UPDATE charges SET amount_disputed = 5000;')
  assert.throws(() => migrate(db), {
    name: 'SchemaMismatch',
    message: /transaction txn_1 says .*\(as of 2 more\)/,
  })
})
