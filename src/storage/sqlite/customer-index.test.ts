import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import test, { type TestContext } from 'node:test'
import { chargeCommit } from '../../../test/kit/commits.ts'
import { type Draw, drawsFrom } from '../../../test/kit/draws.ts'
import { LIVE_SCOPE } from '../../../test/kit/scopes.ts'
import { openedStore } from '../../../test/kit/sqlite-store.ts'
import type { Charge } from '../../domain/charge.ts'
import type { Commit, Page, Scope } from '../../ports/store.ts'
import { indexedBefore } from './customer-index.ts'
import { foldLongLog } from './fold-customers.ts'
import { IdLog, IdLogReader, logMemory } from './id-log.ts'
import type { createQueries } from './queries.ts'
import { customerIndexProblem } from './verify-customers.ts'
import { isFailure } from './writer.ts'

function opened(t: TestContext, foldAt?: number) {
  const { queries, ...store } = openedStore(t, foldAt)
  type Query = Parameters<ReturnType<typeof queries>['charges']>[1]
  return {
    ...store,
    list: (scope: Scope, query: Query): Promise<Page<Charge>> =>
      Promise.resolve(queries().charges(scope, query)),
  }
}

const byId = (a: { id: string }, b: { id: string }) => (a.id < b.id ? -1 : 1)

const TEST_SCOPE: Scope = { ...LIVE_SCOPE, mode: 'test' }

type Kept = { readonly scope: Scope; readonly charge: Charge }
type Query = Parameters<ReturnType<typeof createQueries>['charges']>[1]

/** A page by a plain filter over all charges. */
function plainPage(
  kept: readonly Kept[],
  scope: Scope,
  query: Query,
): Pick<Page<Charge>, 'data' | 'hasMore'> {
  const { customer, status, createdFrom, createdUntil, startingAfter, endingBefore, oldestFirst, limit } =
    query
  const sorted = kept
    .filter((one) => one.scope === scope)
    .map(({ charge }) => charge)
    .filter((charge) => charge.customer === customer && (status === undefined || charge.status === status))
    .filter(({ createdAt }) => createdAt >= (createdFrom ?? 0) && createdAt < (createdUntil ?? Infinity))
    .sort(byId)
  const shown = oldestFirst ? sorted : sorted.reverse()
  const isAfter = (a: string, b: string) => (oldestFirst ? a > b : a < b)
  if (endingBefore !== undefined) {
    const before = shown.filter(({ id }) => isAfter(endingBefore, id))
    return { data: before.slice(-limit), hasMore: before.length > limit }
  }
  const after = shown.filter(({ id }) => startingAfter === undefined || isAfter(id, startingAfter))
  return { data: after.slice(0, limit), hasMore: after.length > limit }
}

function drawQuery(draw: Draw, kept: readonly Kept[], customers: readonly string[]): Query {
  const some = () => draw.of(kept).charge
  const query: Query = { customer: draw.of(customers), limit: draw.between(1, 12) }
  if (draw.chance(0.3)) Object.assign(query, { status: draw.of(['succeeded', 'failed']) })
  if (draw.chance(0.3)) Object.assign(query, { createdFrom: some().createdAt })
  if (draw.chance(0.2)) Object.assign(query, { createdUntil: some().createdAt })
  if (draw.chance(0.5))
    Object.assign(query, draw.chance(0.5) ? { startingAfter: some().id } : { endingBefore: some().id })
  if (query.endingBefore === undefined && draw.chance(0.3)) Object.assign(query, { oldestFirst: true })
  return query
}

test('a list by customer equals a plain filter over all charges, through folds, rollbacks and restarts', async (t) => {
  const { db, write, list, restart } = opened(t)
  const draw = drawsFrom(5)
  const customers = ['cus_one', 'cus_many', ...Array.from({ length: 30 }, (_, i) => `cus_${i}`), 'ключ 💶']
  const scopes = [LIVE_SCOPE, TEST_SCOPE]
  const kept: Kept[] = []
  let waiting: (Kept & { readonly commit: Commit })[] = []
  let folds = 0
  for (let group = 0; group < 160; group++) {
    const before = indexedBefore(db)
    for (let i = draw.between(1, 9); i > 0; i--) {
      const customer = draw.chance(0.4) ? 'cus_many' : draw.of(customers)
      const scope = draw.of(scopes)
      const commit = chargeCommit({ scope, customer, declined: draw.chance(0.3) })
      waiting.push({ scope, charge: commit.charge, commit })
    }
    // Some requests take longer than others, and a few longer than several folds.
    const ready = waiting.filter(() => !draw.chance(draw.chance(0.1) ? 0.98 : 0.3))
    waiting = waiting.filter((one) => !ready.includes(one))
    const commits = ready.map(({ commit }) => commit)
    // One of the group breaks a rule: the group is rolled back, and the others are written one by one.
    const broken = chargeCommit({ scope: LIVE_SCOPE, customer: 'cus_many' })
    const hasBroken = draw.chance(0.15)
    if (hasBroken) commits.push({ ...broken, charge: { ...broken.charge, amount: -1 } })
    assert.equal(write(commits).filter(isFailure).length, Number(hasBroken))
    kept.push(...ready)
    if (indexedBefore(db) > before) folds++
    if (draw.chance(0.08)) restart()
    for (let i = 0; i < 4 && kept.length > 0; i++) {
      const [scope, query] = [draw.of(scopes), drawQuery(draw, kept, customers)]
      const { data, hasMore } = await list(scope, query)
      assert.deepEqual({ data, hasMore }, plainPage(kept, scope, query), JSON.stringify(query))
    }
    assert.equal(customerIndexProblem(db), undefined)
  }
  assert.ok(folds > 20, `${folds} folds`)
})

test('a rolled back charge is in no list, and its place is free again', async (t) => {
  const { db, write, list } = opened(t)
  const commits = Array.from({ length: 5 }, () => chargeCommit({ scope: LIVE_SCOPE, customer: 'cus_1' }))
  const broken = chargeCommit({ scope: LIVE_SCOPE, customer: 'cus_1', amount: 7 })
  const results = write([...commits, { ...broken, charge: { ...broken.charge, amount: -1 } }])
  assert.deepEqual(results.map(isFailure), [false, false, false, false, false, true])
  for (let i = 0; i < 30; i++) write([chargeCommit({ scope: LIVE_SCOPE, customer: 'cus_2' })])
  const { data } = await list(LIVE_SCOPE, { customer: 'cus_1', limit: 20 })
  assert.deepEqual(data.map(({ id }) => id).reverse(), commits.map(({ charge }) => charge.id).sort())
  assert.equal(customerIndexProblem(db), undefined)
})

test('a charge that is committed after later ones were folded is found, also after a restart', async (t) => {
  const { db, write, list, restart } = opened(t)
  const late = chargeCommit({ scope: LIVE_SCOPE, customer: 'cus_late' })
  for (let i = 0; i < 60; i++) write([chargeCommit({ scope: LIVE_SCOPE, customer: 'cus_1' })])
  assert.ok(indexedBefore(db) > late.charge.id)
  write([late])
  assert.equal(indexedBefore(db), late.charge.id)
  const find = async () =>
    (await list(LIVE_SCOPE, { customer: 'cus_late', limit: 2 })).data.map(({ id }) => id)
  assert.deepEqual(await find(), [late.charge.id])
  restart()
  assert.deepEqual(await find(), [late.charge.id])
  for (let i = 0; i < 60; i++) write([chargeCommit({ scope: LIVE_SCOPE, customer: 'cus_1' })])
  restart()
  assert.deepEqual(await find(), [late.charge.id])
  assert.equal(customerIndexProblem(db), undefined)
})

test('a customer whose text SQLite stores with other characters is found as before', async (t) => {
  const { db, write, list, restart } = opened(t)
  const customer = 'half \ud83d, \udcb6'
  const commits = Array.from({ length: 20 }, () => chargeCommit({ scope: LIVE_SCOPE, customer }))
  const ids = commits.map(({ charge }) => charge.id).reverse()
  for (const commit of commits) write([commit])
  for (let i = 0; i < 3; i++) {
    for (const text of [customer, customer.toWellFormed()])
      assert.deepEqual(
        (await list(LIVE_SCOPE, { customer: text, limit: 20 })).data.map(({ id }) => id),
        ids,
      )
    restart()
  }
  assert.equal(customerIndexProblem(db), undefined)
})

test('pages are exact when another customer has the same hash', async (t) => {
  const { db, write, list } = opened(t)
  const commits = Array.from({ length: 90 }, (_, i) =>
    chargeCommit({ scope: LIVE_SCOPE, customer: i % 3 === 0 ? 'cus_1' : 'cus_2' }),
  )
  for (const commit of commits) write([commit])
  const hash = (customer: string) =>
    db.prepare('SELECT hash_in_scope(?, 1, ?)').pluck().get(LIVE_SCOPE.accountId, customer)
  db.prepare('INSERT INTO customer_index SELECT ?, id FROM customer_index WHERE hash = ?').run(
    hash('cus_1') as number,
    hash('cus_2') as number,
  )
  const ids: string[] = []
  for (let startingAfter: string | undefined; ; ) {
    const { data, hasMore } = await list(LIVE_SCOPE, {
      ...{ customer: 'cus_1', limit: 7 },
      ...(startingAfter !== undefined && { startingAfter }),
    })
    ids.push(...data.map(({ id }) => id))
    assert.ok(data.length === 7 || !hasMore)
    startingAfter = data.at(-1)?.id
    if (!hasMore) break
  }
  const own = commits.map(({ charge }) => charge).filter(({ customer }) => customer === 'cus_1')
  assert.deepEqual(ids, own.map(({ id }) => id).reverse())
})

test('a log that is cleared and filled again shows no entry twice, and none of another hash', () => {
  const memory = logMemory(8)
  const log = new IdLog(memory, 0)
  const reader = new IdLogReader(memory)
  for (let round = 0; round < 5; round++) {
    for (let i = 0; i < 40; i++) log.add(i % 4, `txn_${round}_${100 + i}`)
    assert.deepEqual(reader.find(3, [], true, 99), [])
    log.show()
    const ids = Array.from({ length: 10 }, (_, i) => `txn_${round}_${103 + 4 * i}`)
    assert.deepEqual(reader.find(3, [], true, 99), ids)
    assert.deepEqual(reader.find(3, [], false, 3), ids.toReversed().slice(0, 3))
    assert.deepEqual(reader.find(3, [{ is: '>', id: ids[4] as string }], true, 2), ids.slice(5, 7))
    assert.deepEqual(reader.find(3, [{ is: '<=', id: ids[4] as string }], false, 2), [ids[4], ids[3]])
    assert.deepEqual(reader.find(3 + 2 ** 20, [], true, 9), [])
    log.clear()
  }
  assert.throws(() => log.add(1, `txn_${'x'.repeat(40)}`), /too long/)
})

const MANY = `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
  INSERT INTO charges (account_id, live, id, version, amount, amount_refunded, currency, customer, status, provider,
    idempotency_key, created_at)
  SELECT 1 + i % 2, i % 3 > 0, 'txn_' || printf('%026d', i), 1, 5, 0, 'usd', 'cus_' || i % 1000, 'succeeded', 'sandbox',
    i, 1 FROM n`

test('a long log is folded at the start, and a process that is killed in the middle continues', async (t) => {
  const { db, file } = opened(t)
  db.exec(`INSERT INTO accounts (public_id, name, created_at) VALUES ('acct_2', 'other', 0)`)
  const count = 30_000
  db.prepare(MANY).run(count)
  const module = (name: string) => JSON.stringify(new URL(name, import.meta.url).href)
  const program = `
    const { openWriter } = await import(${module('./open.ts')})
    const { foldLongLog } = await import(${module('./fold-customers.ts')})
    let folds = 0
    foldLongLog(openWriter(${JSON.stringify(file)}), () => ++folds === 2 && process.kill(process.pid, 'SIGKILL'),
      { long: 10_000, chunk: 2_000 })`
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: 'inherit' })
  assert.deepEqual(await once(child, 'exit'), [null, 'SIGKILL'])
  const indexed = db.prepare('SELECT count(*) FROM customer_index').pluck()
  const before = indexed.get() as number
  assert.ok(before > 4_000 && before < count, `${before}`)
  assert.equal(customerIndexProblem(db), undefined)
  const told: number[] = []
  foldLongLog(db, (index, done, all) => void told.push(index === 'customers' && all === count ? done : 0), {
    ...{ long: 10_000, chunk: 5_000 },
  })
  assert.ok(told.length > 1 && (told[0] as number) > before)
  assert.equal(told.at(-1), count)
  assert.equal(indexed.get(), count)
  assert.equal(customerIndexProblem(db), undefined)
  foldLongLog(db, () => assert.fail('Nothing is left to fold.'), { long: 0 })
})

test('verify finds a charge that the index lacks, and an entry of another customer or of no charge', (t) => {
  const { db, write } = opened(t)
  const commits = Array.from({ length: 40 }, () => chargeCommit({ scope: LIVE_SCOPE, customer: 'cus_1' }))
  for (const commit of commits) write([commit])
  const id = commits[0]?.charge.id as string
  const problemAfter = (sql: string) => {
    db.exec(`SAVEPOINT s; ${sql}`)
    const problem = customerIndexProblem(db)
    db.exec('ROLLBACK TO s; RELEASE s')
    return problem
  }
  assert.equal(problemAfter(''), undefined)
  assert.equal(
    problemAfter(`DELETE FROM customer_index WHERE id = '${id}'`),
    `The transaction ${id} is not in the index of customers.`,
  )
  const stray = (of: string) =>
    `The index of customers has an entry of the transaction ${of}, which is not of that customer.`
  assert.equal(problemAfter(`INSERT INTO customer_index VALUES (1, '${id}')`), stray(id))
  assert.equal(
    problemAfter(`INSERT INTO customer_index SELECT hash, 'txn_9' FROM customer_index LIMIT 1`),
    stray('txn_9'),
  )
})
