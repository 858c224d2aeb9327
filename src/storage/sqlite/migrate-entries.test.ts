import assert from 'node:assert/strict'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { tempDir } from '../../../test/kit/folders.ts'
import { LIVE_SCOPE } from '../../../test/kit/scopes.ts'
import { migrate, migrations, schemaVersion } from './migrate.ts'
import { openWriter } from './open.ts'
import { createQueries } from './queries.ts'
import { tailMemory } from './tails.ts'

const TRANSFERS = migrations().findIndex(({ name }) => name.endsWith('_transfers.sql'))

/** The former table's rows of five transfers in two modes, the newest first: an order of rows means nothing. */
const ROWS = `
  INSERT INTO ledger_accounts VALUES
    (1, 1, 1, 'provider:a', 'usd', 1495), (2, 1, 1, 'merchant', 'usd', -1495), (3, 1, 1, 'merchant', 'eur', -7),
    (4, 1, 1, 'provider:a', 'eur', 7), (5, 1, 0, 'provider:a', 'usd', 20), (6, 1, 0, 'merchant', 'usd', -20);
  INSERT INTO ledger_entries VALUES
    (1, 0, 2, 6, 'txn_9', -20, 8), (1, 0, 1, 5, 'txn_9', 20, 8),
    (1, 1, 8, 1, 're_1', -5, 7), (1, 1, 7, 2, 're_1', 5, 7),
    (1, 1, 6, 3, 'txn_2', -7, 6), (1, 1, 5, 4, 'txn_2', 7, 6),
    (1, 1, 4, 2, 'txn_1', -500, 5), (1, 1, 3, 1, 'txn_1', 500, 5),
    (1, 1, 2, 2, 'txn_1', -1000, 5), (1, 1, 1, 1, 'txn_1', 1000, 5);`

function formerDatabase(t: TestContext, changes = '') {
  const folder = tempDir()
  const db = openWriter(join(folder.path, 'test.db'))
  t.after(() => {
    db.close()
    folder.remove()
  })
  migrate(db, migrations().slice(0, TRANSFERS))
  db.exec(ROWS + changes)
  return db
}

test('an upgrade to transfers keeps every entry with its number', async (t) => {
  const db = formerDatabase(t)
  const former = db.prepare(
    `SELECT e.seq AS sequence, e.transaction_id AS transactionId, a.code AS account, a.currency, e.amount,
         e.created_at AS createdAt
       FROM ledger_entries e JOIN ledger_accounts a ON a.id = e.ledger_account_id
       WHERE e.live = ? ORDER BY e.seq DESC`,
  )
  const before = { live: former.all(1), test: former.all(0) }
  migrate(db)
  const { ledgerEntries } = createQueries(db, tailMemory())
  for (const mode of ['live', 'test'] as const)
    assert.deepEqual((await ledgerEntries({ ...LIVE_SCOPE, mode }, { limit: 9 })).data, before[mode])
  assert.deepEqual(
    (await ledgerEntries(LIVE_SCOPE, { limit: 9, before: 4, account: 'merchant' })).data.map(
      ({ sequence }) => sequence,
    ),
    [2],
  )
  assert.deepEqual(db.pragma('foreign_key_check'), [])
})

const NOT_A_PAIR = /: the entry \d+ of \w+ has no opposite beside it: .* docs\/operations\.md\.$/
const NUMBERS =
  /: the ledger of account 1 \(live\) has \d entries with \d numbers from \d to \d+, and not one debit/
const UNPAIRED: Readonly<Record<string, [change: string, says: RegExp]>> = {
  'an amount that differs': ['UPDATE ledger_entries SET amount = -6 WHERE seq = 6', NOT_A_PAIR],
  'a credit before its debit': ['UPDATE ledger_entries SET amount = -amount WHERE seq IN (5, 6)', NOT_A_PAIR],
  'another transaction': [`UPDATE ledger_entries SET transaction_id = 'txn_3' WHERE seq = 6`, NOT_A_PAIR],
  'another time': ['UPDATE ledger_entries SET created_at = 9 WHERE seq = 6', NOT_A_PAIR],
  'one account': ['UPDATE ledger_entries SET ledger_account_id = 4 WHERE seq = 6', NOT_A_PAIR],
  'another currency': [
    'UPDATE ledger_entries SET ledger_account_id = 2 WHERE seq = 6 AND live = 1',
    NOT_A_PAIR,
  ],
  'an entry alone': ['DELETE FROM ledger_entries WHERE seq = 8', NUMBERS],
  'a gap': ['DELETE FROM ledger_entries WHERE seq IN (5, 6)', NUMBERS],
  'a number that is there twice': [
    'INSERT INTO ledger_entries SELECT account_id, live, seq, 3, transaction_id, amount, created_at FROM ledger_entries WHERE live = 1 AND seq = 1',
    NUMBERS,
  ],
}
for (const [what, [change, says]] of Object.entries(UNPAIRED))
  test(`an upgrade to transfers refuses entries that it would lose: ${what}`, (t) => {
    const db = formerDatabase(t, `${change};`)
    const entries = () => db.prepare('SELECT * FROM ledger_entries ORDER BY ledger_account_id, seq').all()
    const before = entries()
    assert.throws(() => migrate(db), { name: 'SchemaMismatch', message: says })
    assert.equal(schemaVersion(db), TRANSFERS)
    assert.deepEqual(entries(), before)
  })
