import assert from 'node:assert/strict'
import { renameSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { claim, everything } from '../../../test/kit/commits.ts'
import { tempDir } from '../../../test/kit/folders.ts'
import { fillBooks, LIVE, openBooks } from '../../../test/kit/history.ts'
import { WITHOUT_LONG_TEXTS } from '../../../test/long-texts.ts'
import type { Store } from '../../ports/store.ts'
import { type Migration, migrate, migrations } from './migrate.ts'
import { openReader, openWriter } from './open.ts'
import { openSqliteStore } from './store.ts'
import { verify } from './verify.ts'

/** The transfers as the version before stored them: in two entries each. */
const AS_ENTRIES = `
  CREATE TABLE ledger_entries AS
    SELECT account_id, live, 2 * seq - 1 AS seq, debit_account_id AS ledger_account_id, transaction_id, amount, created_at
    FROM ledger_transfers
    UNION ALL
    SELECT account_id, live, 2 * seq, credit_account_id, transaction_id, -amount, created_at FROM ledger_transfers`

/** Makes of a database one of the schema before long texts, with its rows as the version before stored them. */
function makeEarlier(sound: string): void {
  const file = `${sound}.old`
  const before = migrations().filter(({ name }: Migration) => name < '0007')
  const old = openWriter(file)
  migrate(old, before)
  old.pragma('foreign_keys = OFF')
  const rows = openWriter(sound)
  rows.exec(WITHOUT_LONG_TEXTS)
  rows.exec(AS_ENTRIES)
  rows.close()
  old.prepare('ATTACH ? AS books').run(sound)
  const tables = old
    .prepare(`SELECT name FROM main.sqlite_schema WHERE type = 'table'`)
    .pluck()
    .all() as string[]
  for (const table of tables) {
    const columns = (old.pragma(`main.table_info(${table})`) as { name: string }[])
      .map(({ name }) => name)
      .join(', ')
    old.exec(
      `DELETE FROM main.${table}; INSERT INTO main.${table} (${columns}) SELECT ${columns} FROM books.${table}`,
    )
  }
  old.close()
  renameSync(file, sound)
}

const open = (file: string): Promise<Store> => openSqliteStore({ file, onFatal: assert.fail })

test('rows with long texts of the version before are read as they were, and go on with texts apart', async (t) => {
  const folder = tempDir()
  t.after(() => folder.remove())
  const file = join(folder.path, 'books.db')
  const filling = await open(file)
  t.after(() => filling.close())
  await fillBooks(filling)
  const seen = await everything(filling, LIVE)
  const keys = [...seen.charges.data, ...seen.refunds.data].map(({ idempotencyKey }) => idempotencyKey)
  const records = (store: Store) => Promise.all(keys.map((key) => store.idempotencyRecord(LIVE, key)))
  const answers = await records(filling)
  await filling.close()
  makeEarlier(file)

  const store = await open(file)
  t.after(() => store.close())
  assert.deepEqual(await everything(store, LIVE), seen)
  assert.deepEqual(await records(store), answers)

  const books = openBooks(store)
  const old = seen.charges.data.find(({ amount }) => amount === 2_042)
  assert.ok(old && old.status === 'succeeded' && (old.description?.length ?? 0) > 500)
  const notes = { metadata: { notes: 'n'.repeat(700) } }
  const refund = await books.refund(old, 42, notes)
  assert.deepEqual(refund.metadata, notes.metadata)
  const after = await everything(store, LIVE)
  assert.deepEqual(after.charges.data.find(({ id }) => id === old.id)?.metadata, old.metadata)
  const told = after.events.data.at(-1)
  assert.equal(told?.type, 'payment.refunded')
  const { metadata, description } = JSON.parse(told?.data ?? '') as typeof old
  assert.deepEqual([metadata, description], [old.metadata, old.description])
  const claimed = await claim(store, { now: Number.MAX_SAFE_INTEGER - 2_000, limit: 100 })
  assert.equal(claimed.find(({ sequence }) => sequence === told?.sequence)?.data, told?.data)
  await store.close()

  const reader = openReader(file)
  const { problem } = verify(reader)
  const texts = reader.prepare('SELECT text FROM long_texts ORDER BY id').pluck().all() as string[]
  reader.close()
  assert.equal(problem, undefined)
  // The refund's own, and the rest of its event, which has its charge's too.
  assert.deepEqual(
    [texts.length, texts[0]?.startsWith('"description":null,"metadata":{"notes":"nnn')],
    [2, true],
  )
})
