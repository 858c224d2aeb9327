import assert from 'node:assert/strict'
import type { Attempt, KnownOutcome } from '../../../src/domain/attempt.ts'
import type { Charge, Refund } from '../../../src/domain/charge.ts'
import { concludeCharge } from '../../../src/domain/lifecycle.ts'
import { DAY_HOURS, DURATION_BOUNDS_MS, HOUR_MS, hourOf } from '../../../src/domain/statistics.ts'
import type { Scope, Store } from '../../../src/ports/store.ts'
import { DIMENSIONS, type StatisticsQuery } from '../../../src/ports/store-statistics.ts'
import {
  beginCommit,
  beginRefundCommit,
  chargeCommit,
  charged,
  commitOf,
  committed,
  endCommit,
  followUpCommit,
  NO,
  type Open,
  refunded,
  rule,
  START,
  succeeded,
} from '../../kit/commits.ts'

/** An hour of its own. */
const AT = START + 48 * HOUR_MS
const HOUR = hourOf(AT)

/** The rows of the days around that hour, split by everything unless given. */
const counts = (store: Store, scope: Scope, query: Partial<StatisticsQuery> = {}) =>
  store.statistics(scope, {
    ...{ from: HOUR - 48, until: HOUR + 48, bucketHours: 1, by: DIMENSIONS, limit: 1_000 },
    ...query,
  })

/** The rows in words: kind, state and decline code at the provider, with the number of calls and their amount. */
async function told(store: Store, scope: Scope, query: Partial<StatisticsQuery> = {}): Promise<string[]> {
  const rows = await counts(store, scope, query)
  return rows.map(
    ({ hour, provider, currency, kind, state, declineCode, calls, amount }) =>
      `${hour - HOUR}: ${calls} ${[kind, state, declineCode, provider, currency].filter(Boolean).join(' ')} ${amount}`,
  )
}

/** The end of an attempt that its own response gave, after so many ms. */
function answered(
  begun: { charge: Charge; attempt: Attempt },
  outcome: KnownOutcome,
  scope: Scope,
  ms: number,
) {
  const at = begun.attempt.startedAt + ms
  return commitOf(concludeCharge(begun.charge, begun.attempt, outcome, 'answer', at), { scope }, null, at)
}

export function statistics(open: Open): void {
  rule(open, 'a charge that is decided at once counts as one call', async (store, { live }) => {
    await Promise.all([
      charged(store, { scope: live, at: AT }),
      charged(store, { scope: live, at: AT + HOUR_MS - 1, amount: 500 }),
      charged(store, { scope: live, at: AT + HOUR_MS, currency: 'eur' }),
      store.commit(chargeCommit({ scope: live, at: AT, declined: true })),
    ])
    assert.deepEqual(await told(store, live), [
      '0: 1 sale declined insufficient_funds sandbox usd 1000',
      '0: 2 sale succeeded sandbox usd 1500',
      '1: 1 sale succeeded sandbox eur 1000',
    ])
  })

  rule(
    open,
    'an attempt counts once it is no longer being sent, always in the hour in which it began',
    async (store, { live }) => {
      const begun = beginCommit({ scope: live, at: AT, provider: 'bank_a' })
      await committed(store, begun.commit)
      assert.deepEqual(await told(store, live), [])
      const { id, token } = begun.attempt
      const postponement = { id, token: token ?? '', state: 'unknown', reason: 'none', lookups: 1 } as const
      const dueAt = AT + 500
      assert.equal(await store.postponeAttempt({ ...postponement, unknownSince: AT, dueAt }), true)
      assert.deepEqual(await told(store, live), ['0: 1 sale unknown bank_a usd 1000'])
      const lease = { now: dueAt, leaseUntil: AT + 9_000, token: 'second' }
      const claimed = await store.claimAttempt(id, lease)
      assert.ok(claimed)
      const again = { ...postponement, token: 'second', unknownSince: AT, dueAt }
      assert.equal(await store.postponeAttempt(again), true)
      assert.deepEqual(await told(store, live), ['0: 1 sale unknown bank_a usd 1000'])
      const outcome = succeeded(begun.attempt, 'found')
      await committed(store, endCommit(begun, outcome, { scope: live, at: AT + 3 * HOUR_MS }))
      assert.deepEqual(await told(store, live), ['0: 1 sale succeeded bank_a usd 1000'])
    },
  )

  rule(open, 'captures, cancels and refunds count as calls of their own', async (store, { live }) => {
    const end = (begun: { charge: Charge; attempt: Attempt; refund?: Refund }, outcome: KnownOutcome) => {
      const ended = endCommit(begun, outcome, { scope: live, at: AT + 1 })
      return committed(store, ended).then(() => ended.charge)
    }
    const held = async () => {
      const begun = beginCommit({ scope: live, at: AT, capture: false })
      await committed(store, begun.commit)
      return end(begun, succeeded(begun.attempt, `pay_${begun.charge.id}`))
    }
    const capture = followUpCommit('capture', await held(), { scope: live, at: AT, amount: 400 })
    await committed(store, capture.commit)
    const captured = await end(capture, { ...succeeded(capture.attempt, 'cap'), amount: 400 })
    const cancel = followUpCommit('cancel', await held(), { scope: live, at: AT })
    await committed(store, cancel.commit)
    await end(cancel, NO)
    const refund = beginRefundCommit(captured, { scope: live, at: AT, amount: 150 })
    await committed(store, refund.commit)
    await end(refund, succeeded(refund.attempt, 'back'))
    assert.deepEqual(await told(store, live), [
      '0: 2 authorize succeeded bank_a usd 2000',
      '0: 1 cancel declined insufficient_funds bank_a usd 1000',
      '0: 1 capture succeeded bank_a usd 400',
      '0: 1 refund succeeded bank_a usd 150',
    ])
  })

  rule(open, 'a commit that is refused counts nothing', async (store, { live }) => {
    const { charge } = chargeCommit({ scope: live, at: AT })
    await charged(store, { scope: live, at: AT, key: 'one' })
    const results = await Promise.all([
      store.commit(chargeCommit({ scope: live, at: AT, key: 'one' })),
      store.commit(chargeCommit({ scope: live, at: AT, key: 'two' })),
      store.commit(beginRefundCommit(charge, { scope: live, at: AT }).commit),
    ])
    assert.deepEqual(
      results.map(({ kind }) => kind),
      ['key_exists', 'committed', 'version_conflict'],
    )
    assert.deepEqual(await told(store, live), ['0: 2 sale succeeded sandbox usd 2000'])
  })

  rule(
    open,
    'the duration of a call counts if its own response gave the outcome',
    async (store, { live }) => {
      const ms = [0, 25, 26, 999, 10_001]
      for (const [i, each] of [...ms, 3 * HOUR_MS].entries()) {
        const begun = beginCommit({ scope: live, at: AT })
        await committed(store, begun.commit)
        await committed(store, answered(begun, succeeded(begun.attempt, `pay_${i}`), live, each))
      }
      const found = beginCommit({ scope: live, at: AT })
      await committed(store, found.commit)
      await committed(store, endCommit(found, NO, { scope: live, at: AT + 70 }))
      const [row, ...others] = await counts(store, live, { by: [] })
      assert.deepEqual(others, [])
      assert.equal(row?.calls, 7)
      const bounds = [...DURATION_BOUNDS_MS, 'longer']
      const filled = bounds.flatMap((bound, i) => (row?.durations[i] ? [[bound, row.durations[i]]] : []))
      assert.deepEqual(filled, [
        [25, 2],
        [50, 1],
        [1_000, 1],
        ['longer', 1],
      ])
    },
  )

  rule(open, 'sums of amounts may exceed 64 bits', async (store, { live }) => {
    const amount = Number.MAX_SAFE_INTEGER
    const many = 1_030
    await Promise.all(
      Array.from({ length: many }, () =>
        committed(store, chargeCommit({ scope: live, at: AT, amount, declined: true })),
      ),
    )
    const [row] = await counts(store, live, { by: [] })
    assert.deepEqual([row?.calls, row?.amount], [many, BigInt(many) * BigInt(amount)])
    assert.ok((row?.amount ?? 0n) > 2n ** 63n)
  })
}

export function statisticQueries(open: Open): void {
  rule(open, 'buckets are hours, days or one for all, split as wanted', async (store, { live, test }) => {
    const day = AT - (AT % (DAY_HOURS * HOUR_MS))
    const firsts = [day - 1, day, day + 5 * HOUR_MS, day + 24 * HOUR_MS]
    for (const at of firsts) await charged(store, { scope: live, at })
    const charge = await charged(store, { scope: live, at: day, currency: 'eur' })
    await refunded(store, charge, { scope: live, at: day + HOUR_MS })
    await charged(store, { scope: test, at: day })
    const first = hourOf(day)
    const range = { from: first - 24, until: first + 24 }
    const found = async (query: Partial<StatisticsQuery>) =>
      (await counts(store, live, { ...range, by: [], ...query })).map(
        ({ hour, kind, currency, calls }) =>
          `${hour - first} ${[kind, currency].filter(Boolean).join(' ')} ${calls}`,
      )
    assert.deepEqual(await found({}), ['-1  1', '0  2', '1  1', '5  1'])
    assert.deepEqual(await found({ bucketHours: 24 }), ['-24  1', '0  4'])
    assert.deepEqual(await found({ bucketHours: null }), ['-24  5'])
    assert.deepEqual(await found({ bucketHours: null, by: ['currency', 'kind'] }), [
      '-24 refund eur 1',
      '-24 sale eur 1',
      '-24 sale usd 3',
    ])
    assert.deepEqual(await found({ bucketHours: 24, currency: 'eur', kind: 'sale', provider: 'sandbox' }), [
      '0  1',
    ])
    assert.deepEqual(await found({ provider: 'bank_a' }), [])
    assert.deepEqual(await found({ until: first }), ['-1  1'])
  })

  rule(open, 'one row more than the limit shows that there are more', async (store, { live }) => {
    for (const currency of ['usd', 'eur', 'gbp']) await charged(store, { scope: live, at: AT, currency })
    const rows = (limit: number) => counts(store, live, { by: ['currency'], limit })
    assert.equal((await rows(3)).length, 3)
    assert.ok((await rows(2)).length > 2)
    assert.equal((await rows(1)).length > 1, true)
  })
}
