/** Velocity limits that several nodes on one database share. */
import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import { countUse } from '../../../src/domain/velocity.ts'
import { type Commit, KEYLESS_SCOPE, type Store } from '../../../src/ports/store.ts'
import { commitReads, noRows } from '../../../src/storage/postgres/commit-reads.ts'
import { commitWrites } from '../../../src/storage/postgres/commit-writes.ts'
import { nameIn } from '../../../src/storage/postgres/rows.ts'
import { messageOf } from '../../../src/storage/sqlite/commit-message.ts'
import { chargeCommit, START } from '../../kit/commits.ts'
import { closeAndVerify, databases, openStores } from './postgres-support.ts'
import { limited, sumsIn, use } from './velocity.ts'

const scope = KEYLESS_SCOPE
const databasesOf = databases()
/** As long as a hash, which verify expects. */
const nameOf = (subject: string) => subject.padEnd(64, '-')

async function nodes(t: TestContext, number: number): Promise<{ url: string; stores: Store[] }> {
  const url = await databasesOf.database(t)
  return { url, stores: await openStores(t, url, number) }
}

test('a charge without limits reads and writes no counter, on either engine', () => {
  const free = chargeCommit({ scope })
  const tables = (commit: Commit) => {
    const counters = { stored: new Set<string>(), after: commitReads([commit]).found([]).counters }
    for (const use of commit.limits ?? [])
      counters.after.set(nameIn(scope, use.counter), countUse(undefined, use, START))
    return [...commitReads([commit]).statements, ...commitWrites([commit], noRows(), counters, 'a node')]
      .map(({ text }) => text)
      .filter((text) => text.includes('velocity_counters')).length
  }
  assert.equal(tables(free), 0)
  assert.equal(tables({ ...free, limits: [use('card', 1)] }), 2)
  assert.ok(!('limits' in messageOf(free)))
})

test('of 300 charges of one card over three nodes exactly the maximum commits', async (t) => {
  const { url, stores } = await nodes(t, 3)
  const limits = [use(nameOf('card'), 10)]
  const results = await Promise.all(
    Array.from({ length: 300 }, (_, i) => stores[i % 3]!.commit(limited(scope, limits))),
  )
  assert.equal(results.filter(({ kind }) => kind === 'committed').length, 10)
  assert.equal(results.filter(({ kind }) => kind === 'limit_exceeded').length, 290)
  assert.deepEqual(await sumsIn(stores[0]!, scope, [nameOf('card')]), { [nameOf('card')]: 10 })
  assert.deepEqual(await closeAndVerify(t, url), { charges: 10, refunds: 0, entries: 20 })
})

test('charges that share counters in any order on three nodes wait for each other, and none fails', async (t) => {
  const { url, stores } = await nodes(t, 3)
  const cards = Array.from({ length: 12 }, (_, i) => nameOf(`card ${i}`))
  const results = await Promise.all(
    Array.from({ length: 600 }, (_, i) => {
      // Two of the twelve, in every combination and either order.
      const [one, other] = [cards[i % 12]!, cards[(i + 1 + (Math.floor(i / 12) % 11)) % 12]!]
      return stores[i % 3]!.commit(limited(scope, [use(one, 20), use(other, 20)]))
    }),
  )
  const count = results.filter(({ kind }) => kind === 'committed').length
  assert.equal(count + results.filter(({ kind }) => kind === 'limit_exceeded').length, 600)
  const sums = await sumsIn(stores[0]!, scope, cards)
  assert.equal(
    Object.values(sums).reduce((a, b) => a + b, 0),
    2 * count,
  )
  assert.ok(Object.values(sums).every((sum) => sum <= 20))
  for (const result of results)
    if (result.kind === 'limit_exceeded') assert.equal(sums[result.limit.slice('limit of '.length)], 20)
  await closeAndVerify(t, url)
})

test('counters can be deleted while charges count in them', async (t) => {
  const { url, stores } = await nodes(t, 3)
  const [purging, ...charging] = stores as [Store, Store, Store]
  const cards = Array.from({ length: 5 }, (_, i) => nameOf(`card ${i}`))
  let working = true
  const purged = (async () => {
    let count = 0
    while (working) count += await purging.purgeVelocityCounters(START * 2, 3)
    return count
  })()
  for (let round = 0; round < 20; round++) {
    const results = await Promise.all(
      Array.from({ length: 40 }, (_, i) =>
        charging[i % 2]!.commit(limited(scope, [use(cards[i % 5]!, 1_000)])),
      ),
    )
    assert.ok(results.every(({ kind }) => kind === 'committed'))
  }
  working = false
  assert.ok((await purged) > 0)
  await closeAndVerify(t, url)
})
