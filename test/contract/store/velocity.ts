import assert from 'node:assert/strict'
import { countUse, type LimitUse } from '../../../src/domain/velocity.ts'
import type { Commit, CommitResult, Scope, Store } from '../../../src/ports/store.ts'
import { beginCommit, chargeCommit, everything, type Open, rule, START, tick } from '../../kit/commits.ts'

const WINDOW = 600_000
/** How long a charge at the start of a sub-window counts. */
const COUNTED = 1.1 * WINDOW
const NOW = START + 1

/** A use of one of `max` charges. */
export const use = (counter: string, max: number, changes: Partial<LimitUse> = {}): LimitUse => ({
  limit: `limit of ${counter}`,
  counter,
  windowMs: WINDOW,
  unit: 'charges',
  by: 1,
  max,
  ...changes,
})

/** A charge that counts in these limits. */
export function limited(
  scope: Scope,
  limits: readonly LimitUse[],
  changes: { readonly key?: string; readonly at?: number } = {},
): Commit {
  return { ...chargeCommit({ scope, ...changes }), limits }
}

const kindsOf = (results: readonly CommitResult[]) => results.map(({ kind }) => kind)
const exceeded = (counter: string) => ({ kind: 'limit_exceeded', limit: `limit of ${counter}` })

/** The sums of counters, by their names. */
export async function sumsIn(
  store: Store,
  scope: Scope,
  counters: readonly string[],
): Promise<Record<string, number>> {
  const found = await store.velocityCounters(scope, counters)
  return Object.fromEntries(found.map(({ counter, sums }) => [counter, sums.reduce((a, b) => a + b, 0)]))
}

export function velocityLimits(open: Open): void {
  rule(open, 'a charge past a limit is refused, and stores and counts nothing', async (store, { live }) => {
    for (let i = 0; i < 2; i++)
      assert.equal((await store.commit(limited(live, [use('card', 2)], { at: NOW }))).kind, 'committed')
    const before = await everything(store, live)
    const over = limited(live, [use('card', 2)], { key: 'over' })
    assert.deepEqual(await store.commit(over), exceeded('card'))
    assert.deepEqual(await everything(store, live), before)
    assert.equal(await store.idempotencyRecord(live, 'over'), undefined)
    assert.deepEqual(await store.velocityCounters(live, ['card', 'other']), [
      countUse(countUse(undefined, use('card', 2), NOW), use('card', 2), NOW),
    ])
    assert.equal((await store.commit(limited(live, [use('other', 2)]))).kind, 'committed')
    assert.equal((await store.commit(limited(live, [use('card', 3)]))).kind, 'committed')
  })

  rule(
    open,
    'a charge that fails counts, and so does one that is sent to its provider',
    async (store, { live }) => {
      const limits = [use('card', 2)]
      const declined = chargeCommit({ scope: live, declined: true })
      assert.equal((await store.commit({ ...declined, limits })).kind, 'committed')
      const { commit } = beginCommit({ scope: live })
      assert.equal((await store.commit({ ...commit, limits })).kind, 'committed')
      assert.deepEqual(await store.commit(limited(live, limits)), exceeded('card'))
    },
  )

  rule(open, 'a charge counts in all of its limits, or in none', async (store, { live }) => {
    const both = (max: number) => [use('card', 5), use('money', max, { by: 400 })]
    assert.equal((await store.commit(limited(live, both(1_000)))).kind, 'committed')
    assert.equal((await store.commit(limited(live, both(1_000)))).kind, 'committed')
    assert.deepEqual(await store.commit(limited(live, both(1_000))), exceeded('money'))
    assert.deepEqual(await sumsIn(store, live, ['card', 'money']), { card: 2, money: 800 })
  })

  rule(open, 'a window slides: what left it counts no more', async (store, { live }) => {
    const at = (after: number) => limited(live, [use('card', 1)], { at: START + after })
    assert.equal((await store.commit(at(0))).kind, 'committed')
    assert.equal((await store.commit(at(COUNTED - 1))).kind, 'limit_exceeded')
    assert.equal((await store.commit(at(COUNTED))).kind, 'committed')
  })

  rule(open, 'a counter of one scope does not count in another', async (store, { live, test, other }) => {
    for (const scope of [live, test, other]) {
      assert.equal((await store.commit(limited(scope, [use('card', 1)]))).kind, 'committed')
      assert.deepEqual(await store.commit(limited(scope, [use('card', 1)])), exceeded('card'))
    }
  })

  rule(open, 'a charge whose key exists does not count again', async (store, { live }) => {
    const first = limited(live, [use('card', 2)], { key: 'one' })
    assert.equal((await store.commit(first)).kind, 'committed')
    const again = () => limited(live, [use('card', 2)], { key: 'one' })
    assert.equal((await store.commit(again())).kind, 'key_exists')
    assert.deepEqual(await sumsIn(store, live, ['card']), { card: 1 })
    assert.equal((await store.commit(limited(live, [use('card', 2)]))).kind, 'committed')
    assert.deepEqual(await store.commit(again()), exceeded('card'))
    const { limits: _, ...decline } = again()
    assert.equal((await store.commit(decline)).kind, 'key_exists')
  })
}

export function concurrentLimits(open: Open): void {
  rule(open, 'of many charges at once exactly the maximum commits', async (store, { live }) => {
    const commits = Array.from({ length: 100 }, () => limited(live, [use('card', 10)]))
    const results = await Promise.all(commits.map((commit) => store.commit(commit)))
    assert.deepEqual(kindsOf(results).sort(), [
      ...Array(10).fill('committed'),
      ...Array(90).fill('limit_exceeded'),
    ])
    assert.deepEqual(await sumsIn(store, live, ['card']), { card: 10 })
    assert.equal((await everything(store, live)).charges.data.length, 10)
  })

  rule(open, 'charges of many subjects at once each keep their own limits', async (store, scopes) => {
    const subjects = Array.from({ length: 20 }, (_, i) => `card ${i}`)
    const commits = Array.from({ length: 5 }, () => subjects)
      .flat()
      .flatMap((card, i) => {
        // Two counters in either order: the store locks them in one.
        const limits = [use(card, 3), use('account', 1_000)]
        return [scopes.live, scopes.test].map((scope) => limited(scope, i % 2 ? limits : limits.toReversed()))
      })
    const results = await Promise.all(commits.map((commit) => store.commit(commit)))
    assert.equal(kindsOf(results).filter((kind) => kind === 'committed').length, 120)
    for (const scope of [scopes.live, scopes.test])
      assert.deepEqual(await sumsIn(store, scope, [...subjects, 'account']), {
        ...Object.fromEntries(subjects.map((card) => [card, 3])),
        account: 60,
      })
  })
}

export function purgedCounters(open: Open): void {
  rule(open, 'counters are deleted once they count no more, and not before', async (store, { live }) => {
    for (const card of ['first', 'second']) await store.commit(limited(live, [use(card, 1)], { at: START }))
    await store.commit(limited(live, [use('third', 1)], { at: START + WINDOW / 10 }))
    assert.equal(await store.purgeVelocityCounters(START + COUNTED - 1, 10), 0)
    assert.equal(await store.purgeVelocityCounters(START + COUNTED, 1), 1)
    assert.equal(await store.purgeVelocityCounters(START + COUNTED, 10), 1)
    assert.deepEqual(await sumsIn(store, live, ['first', 'second', 'third']), { third: 1 })
    assert.equal((await store.commit(limited(live, [use('first', 1)], { at: tick() }))).kind, 'committed')
  })
}
