/** Balances at a time, entries of a time, totals of days, and the slices that make them cheap, on both engines. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { LedgerEntry, Store } from '../../../src/ports/store.ts'
import { SLICE } from '../../../src/ports/store-ledger.ts'
import { openPostgresStore } from '../../../src/storage/postgres/store.ts'
import { verifyPostgres } from '../../../src/storage/postgres/verify.ts'
import { openWriter } from '../../../src/storage/sqlite/open.ts'
import { openSqliteStore } from '../../../src/storage/sqlite/store.ts'
import { verify } from '../../../src/storage/sqlite/verify.ts'
import { type TempDir, tempDir } from '../../kit/folders.ts'
import { onDatabase } from '../../kit/postgres.ts'
import { LIVE_SCOPE } from '../../kit/scopes.ts'
import { sliceTamperings } from '../../tamperings/slices.ts'
import { allEntries, assertDays, CHARGES, DAY, daysOf, fillSlices, MINUTE, START } from './ledger-days.ts'
import { databases } from './postgres-support.ts'

const scope = LIVE_SCOPE
const TEST_SCOPE = { ...scope, mode: 'test' } as const
type Database = {
  readonly open: () => Promise<Store>
  readonly run: (sql: string) => Promise<unknown>
  readonly problem: () => Promise<string | undefined>
}

/** The balances as sums of entries. */
function sumsOf(entries: readonly LedgerEntry[]): Record<string, bigint> {
  const sums: Record<string, bigint> = {}
  for (const { account, currency, amount } of entries) {
    const name = `${account} ${currency}`
    sums[name] = (sums[name] ?? 0n) + BigInt(amount)
  }
  return sums
}

/** Times at and around the ends of slices, before all, after all, and in the middle. */
const TIMES = [
  ...[0, 1, 99, 600, SLICE - 1, SLICE, SLICE + 1, SLICE + 60, 2 * SLICE, 2 * SLICE + 70, CHARGES - 1],
  ...[CHARGES, CHARGES + 200],
].flatMap((i) => [START + i * 1_000 - 1, START + i * 1_000, START + i * 1_000 - MINUTE + 1])

async function assertBalances(store: Store, entries: readonly LedgerEntry[]): Promise<void> {
  for (const time of TIMES) {
    const accounts = await store.ledgerAccountsAt(scope, time)
    const found = Object.fromEntries(accounts.map((a) => [`${a.account} ${a.currency}`, a.balance]))
    assert.deepEqual(found, sumsOf(entries.filter(({ createdAt }) => createdAt < time)), `${time - START}`)
  }
}

const TABLES = ['slices', 'checkpoints', 'days']
function history(engine: string, make: () => Promise<Database>): void {
  describe(`the history of the ledger on ${engine}`, () => {
    let database: Database
    let store: Store
    let entries: LedgerEntry[]
    before(async () => {
      database = await make()
      store = await database.open()
      await fillSlices(store, scope)
      entries = await allEntries(store, scope)
    })
    after(() => store?.close())

    test('before a slice is stored, balances at a time are the sums of the entries before it', async () => {
      assert.equal(entries.length, 2 * CHARGES)
      await assertBalances(store, entries)
      assert.equal((await store.ledgerEnd(scope)).transfers, CHARGES)
      const days = daysOf(entries)
      assert.ok(days.some(({ debits }) => debits > 2n ** 54n))
      await assertDays(store, scope, days, DAY)
    })

    test('each full slice is due, and stored once, in order', async () => {
      assert.deepEqual(await store.ledgerSlicesDue(10), [{ scope, slice: 1 }])
      assert.equal(await store.addLedgerSlice(scope, 2), false, 'the first one comes before')
      const twice = await Promise.all([store.addLedgerSlice(scope, 1), store.addLedgerSlice(scope, 1)])
      assert.deepEqual(twice.sort(), [false, true])
      await assertBalances(store, entries)
      await assertDays(store, scope, daysOf(entries), DAY)
      assert.deepEqual(await store.ledgerSlicesDue(10), [{ scope, slice: 2 }])
      assert.equal(await store.addLedgerSlice(scope, 2), true)
      assert.deepEqual(await store.ledgerSlicesDue(10), [])
      assert.equal(await store.addLedgerSlice(scope, 3), false, 'it is not full')
      assert.equal(await store.addLedgerSlice(TEST_SCOPE, 1), false, 'another mode has none')
    })

    test('with slices, balances and entries of a time are the same', async () => {
      await assertBalances(store, entries)
      assert.deepEqual(await store.ledgerAccountsAt(TEST_SCOPE, START + 9e9), [])
      for (const [i, from] of TIMES.entries()) {
        const until = TIMES[(i + 4) % TIMES.length] as number
        const expected = entries.filter(({ createdAt }) => createdAt >= from && createdAt < until)
        const found = await allEntries(store, scope, { createdFrom: from, createdUntil: until })
        assert.deepEqual(
          found.map(({ sequence }) => sequence),
          expected.map(({ sequence }) => sequence),
          `${from - START} to ${until - START}`,
        )
      }
      const [first = assert.fail()] = entries.filter(
        ({ account, currency }) => account === 'merchant' && currency === 'kwd',
      )
      const same = { account: 'merchant', currency: 'kwd', createdFrom: first.createdAt, limit: 9 }
      assert.equal((await store.ledgerEntries(scope, same)).data[0]?.sequence, first.sequence)
      const one = { transactionId: first.transactionId, limit: 9 }
      const after = { ...one, createdFrom: first.createdAt + 1 }
      assert.equal(
        (await store.ledgerEntries(scope, { ...one, createdFrom: first.createdAt })).data.length,
        2,
      )
      assert.equal((await store.ledgerEntries(scope, after)).data.length, 0)
    })

    test('with slices, the totals of days are the same, and those of another mode are none', async () => {
      await assertDays(store, scope, daysOf(entries), DAY)
      assert.deepEqual((await store.ledgerDays(TEST_SCOPE, { limit: 9 })).data, [])
    })

    test('verify recomputes slices, checkpoints and days', async () => {
      await store.close()
      // The charges of this test have no attempts, of which verify would say so.
      const of = async () => (await database.problem()) ?? ''
      const sound = await of()
      assert.doesNotMatch(sound, /slice|totals/)
      for (const { what, sql, says } of sliceTamperings(DAY)) {
        for (const table of TABLES)
          await database.run(`CREATE TABLE kept_${table} AS SELECT * FROM ledger_${table}`)
        await database.run(sql)
        assert.match(await of(), says, what)
        for (const table of TABLES) {
          await database.run(`DELETE FROM ledger_${table}`)
          await database.run(`INSERT INTO ledger_${table} SELECT * FROM kept_${table}`)
          await database.run(`DROP TABLE kept_${table}`)
        }
      }
      assert.equal(await of(), sound)
    })
  })
}

let dir: TempDir
before(() => {
  dir = tempDir()
})
after(() => dir.remove())
const postgres = databases()

history('SQLite', async () => {
  const file = join(dir.path, 'minipay.db')
  const use = <T>(work: (db: ReturnType<typeof openWriter>) => T): T => {
    const db = openWriter(file)
    try {
      return work(db)
    } finally {
      db.close()
    }
  }
  return {
    open: () => openSqliteStore({ file, onFatal: assert.fail }),
    run: async (sql) => use((db) => db.exec(sql)),
    problem: async () => use((db) => verify(db).problem),
  }
})

history('PostgreSQL', async () => {
  const url = await postgres.server.createDatabase()
  return {
    open: () => openPostgresStore({ url, onFatal: assert.fail }),
    run: (sql) => onDatabase(url, (client) => client.query(sql)),
    problem: async () => (await verifyPostgres(url)).problem,
  }
})
