import assert from 'node:assert/strict'
import type { ClaimedDelivery, Scope, Store } from '../../../src/ports/store.ts'
import { auditEntry } from '../../kit/audit-entries.ts'
import { chargeCommit, claim, committed, everything, type Open, rule, START } from '../../kit/commits.ts'

const T = START + 3_600_000

/** One charge per delivery, all due at `T`; returns the ids of the deliveries in the order they were made. */
async function due(store: Store, scope: Scope, count: number, endpoint = 'default'): Promise<string[]> {
  const commits = Array.from({ length: count }, () => chargeCommit({ scope, at: T, endpoints: [endpoint] }))
  for (const commit of commits) await committed(store, commit)
  return commits.map((commit) => commit.deliveries[0]!.id)
}

/** Makes one delivery and claims it until `T` + 1 s. */
async function held(store: Store, scope: Scope): Promise<ClaimedDelivery> {
  await due(store, scope, 1)
  const [delivery] = await claim(store, { now: T })
  return delivery!
}

const settled = (store: Store, { id, token }: ClaimedDelivery, state: 'delivered' | 'failed') =>
  store.settleDelivery({ id, token, verdict: { state }, status: 200, error: null })

export function claims(open: Open): void {
  rule(open, 'a claim carries the event, and how often it was tried', async (store, { live }) => {
    const commit = chargeCommit({ scope: live, at: T, endpoints: ['default'] })
    await committed(store, commit)
    const { id, type, data } = commit.event
    assert.deepEqual(await claim(store, { now: T, token: 'mine' }), [
      {
        id: commit.deliveries[0]?.id,
        token: 'mine',
        attempts: 0,
        sequence: 1,
        epoch: (await store.events(live, { after: 0, limit: 1 })).epoch.id,
        eventId: id,
        eventType: type,
        eventAt: T,
        data,
      },
    ])
  })

  rule(
    open,
    'no delivery is claimed twice under a lease, even by concurrent claims',
    async (store, { live }) => {
      const made = await due(store, live, 25)
      const claimed = await Promise.all(Array.from({ length: 6 }, () => claim(store, { now: T, limit: 5 })))
      assert.deepEqual(
        claimed.map((deliveries) => deliveries.length),
        [5, 5, 5, 5, 5, 0],
      )
      assert.deepEqual(
        claimed
          .flat()
          .map((delivery) => delivery.id)
          .sort(),
        made.toSorted(),
      )
      assert.deepEqual(await claim(store, { now: T + 999 }), [])
    },
  )

  rule(
    open,
    'a delivery whose lease ran out is claimed again, its attempts uncounted',
    async (store, { live }) => {
      const first = await held(store, live)
      const [second] = await claim(store, { now: T + 1_000 })
      assert.deepEqual([second?.id, second?.attempts], [first.id, 0])
      assert.notEqual(second?.token, first.token)
    },
  )
}

export function claimable(open: Open): void {
  rule(
    open,
    'a claim takes only what is due, of its own endpoint, in every scope',
    async (store, { live, test, other }) => {
      const mine = [
        ...(await due(store, live, 1)),
        ...(await due(store, test, 1)),
        ...(await due(store, other, 1)),
      ]
      await due(store, live, 1, 'second')
      assert.deepEqual(await claim(store, { now: T - 1 }), [])
      const claimed = await claim(store, { now: T })
      assert.deepEqual(claimed.map((delivery) => delivery.id).sort(), mine.toSorted())
      assert.equal((await claim(store, { now: T, endpoint: 'second' })).length, 1)
    },
  )

  rule(open, 'a released delivery is due at once, and no attempt is counted', async (store, { live }) => {
    const first = await held(store, live)
    assert.equal(await store.releaseDelivery(first.id, first.token), true)
    const [second] = await claim(store, { now: T })
    assert.deepEqual([second?.id, second?.attempts], [first.id, 0])
    assert.equal(await store.releaseDelivery(first.id, first.token), false, 'the token is stale')
    assert.deepEqual(await claim(store, { now: T }), [], 'and released nothing')
  })
}

export function settlements(open: Open): void {
  rule(open, 'a delivered webhook is done and counted', async (store, { live }) => {
    const delivery = await held(store, live)
    assert.equal(await settled(store, delivery, 'delivered'), true)
    const stored = await store.delivery(live, delivery.id)
    assert.deepEqual([stored?.state, stored?.attempts, stored?.lastStatus], ['delivered', 1, 200])
    assert.equal(stored?.nextAttemptAt, null)
    assert.deepEqual(await claim(store, { now: T + 3_600_000 }), [])
    assert.deepEqual(await store.deliveryTotals(), { pending: 0, delivered: 1, failed: 0, retries: 0 })
  })

  rule(
    open,
    'a webhook that is to be retried waits until then, with its attempt counted',
    async (store, { live }) => {
      const { id, token } = await held(store, live)
      const verdict = { state: 'pending', retryAt: T + 5_000 } as const
      assert.equal(await store.settleDelivery({ id, token, verdict, status: null, error: 'refused' }), true)
      const stored = await store.delivery(live, id)
      assert.deepEqual(
        [stored?.state, stored?.nextAttemptAt, stored?.lastError],
        ['pending', T + 5_000, 'refused'],
      )
      assert.deepEqual(await claim(store, { now: T + 4_999 }), [])
      const [again] = await claim(store, { now: T + 5_000 })
      assert.deepEqual([again?.id, again?.attempts], [id, 1])
      assert.deepEqual(await store.deliveryTotals(), { pending: 1, delivered: 0, failed: 0, retries: 1 })
    },
  )
}

export function staleSettlements(open: Open): void {
  rule(open, 'a settlement with a stale token is refused and writes nothing', async (store, { live }) => {
    const first = await held(store, live)
    const [second] = await claim(store, { now: T + 1_000 })
    const before = await everything(store, live)
    assert.equal(await settled(store, first, 'delivered'), false)
    assert.equal(await settled(store, { ...first, token: 'never given' }, 'failed'), false)
    assert.deepEqual(await everything(store, live), before)
    assert.equal(await settled(store, second!, 'delivered'), true)
    assert.equal(await settled(store, second!, 'failed'), false, 'and none is settled twice')
    assert.deepEqual(await store.deliveryTotals(), { pending: 0, delivered: 1, failed: 0, retries: 0 })
  })

  rule(
    open,
    'only a failed delivery is put back, due at once with all its attempts',
    async (store, { live }) => {
      const delivery = await held(store, live)
      const retry = () => store.retryDelivery(live, delivery.id, T + 9_000, auditEntry(live))
      assert.equal(await retry(), false, 'it is in flight')
      await settled(store, delivery, 'failed')
      assert.deepEqual(await claim(store, { now: T + 8_000 }), [])
      assert.deepEqual(await store.deliveryTotals(), { pending: 0, delivered: 0, failed: 1, retries: 0 })

      assert.equal(await retry(), true)
      assert.equal(await retry(), false, 'it is pending again')
      assert.deepEqual(await claim(store, { now: T + 8_999 }), [])
      const [again] = await claim(store, { now: T + 9_000 })
      assert.deepEqual([again?.id, again?.attempts], [delivery.id, 0])
      assert.deepEqual(await store.deliveryTotals(), { pending: 1, delivered: 0, failed: 0, retries: 0 })
    },
  )

  rule(open, 'totals are those of every scope', async (store, { live, test, other }) => {
    for (const scope of [live, test, other]) await due(store, scope, 2)
    const [first, second] = await claim(store, { now: T })
    await settled(store, first!, 'delivered')
    await settled(store, second!, 'failed')
    assert.deepEqual(await store.deliveryTotals(), { pending: 4, delivered: 1, failed: 1, retries: 0 })
  })
}

export function deliveryLists(open: Open): void {
  rule(open, 'deliveries are listed newest first, a page at a time', async (store, { live }) => {
    const made = (await due(store, live, 3)).toReversed()
    const list = async (startingAfter?: string) => {
      const page = await store.deliveries(live, { limit: 2, ...(startingAfter && { startingAfter }) })
      return [page.data.map((delivery) => delivery.id), page.hasMore]
    }
    assert.deepEqual(await list(), [made.slice(0, 2), true])
    assert.deepEqual(await list(made[1]), [made.slice(2), false])
  })

  rule(open, 'failed deliveries can be listed alone', async (store, { live, test }) => {
    await due(store, test, 1)
    const made = await due(store, live, 3)
    const claimed = await claim(store, { now: T })
    for (const delivery of claimed)
      await settled(store, delivery, delivery.id === made[1] ? 'delivered' : 'failed')
    const { data } = await store.deliveries(live, { limit: 10, state: 'failed' })
    assert.deepEqual(
      data.map((delivery) => delivery.id),
      [made[2], made[0]],
    )
    const after = await store.deliveries(live, { limit: 10, state: 'failed', startingAfter: made[2]! })
    assert.deepEqual(
      after.data.map((delivery) => delivery.id),
      [made[0]],
    )
  })
}

/** Failed deliveries, in the order they were made. */
async function failed(store: Store, scope: Scope, count: number): Promise<string[]> {
  const made = await due(store, scope, count)
  for (const delivery of await claim(store, { now: T, limit: 100 })) await settled(store, delivery, 'failed')
  return made
}

const ALL = { after: 'dlv_', before: 'dlv`' }

export function retriedTogether(open: Open): void {
  rule(
    open,
    'failed deliveries are read oldest first, between two ids and a page at a time',
    async (store, { live, test }) => {
      await failed(store, test, 1)
      const made = await failed(store, live, 5)
      await due(store, live, 1)
      const read = async (after: string, before: string, limit: number) => {
        const { data, hasMore } = await store.failedDeliveries(live, { after, before, limit })
        return [data.map(({ id }) => id), hasMore]
      }
      assert.deepEqual(await read(ALL.after, ALL.before, 3), [made.slice(0, 3), true])
      assert.deepEqual(await read(made[2]!, ALL.before, 3), [made.slice(3), false])
      assert.deepEqual(await read(made[0]!, made[3]!, 10), [made.slice(1, 3), false])
      const [first] = (await store.failedDeliveries(live, { ...ALL, limit: 1 })).data
      assert.deepEqual(first, await store.delivery(live, made[0]!))
    },
  )

  rule(
    open,
    'the failed deliveries of a list are put back together, due at once with all their attempts',
    async (store, { live, test }) => {
      const [foreign] = await failed(store, test, 1)
      const made = await failed(store, live, 4)
      const [waiting] = await due(store, live, 1)
      const ids = [made[0]!, made[2]!, waiting!, foreign!, 'dlv_none', 'a NUL \0', made[0]!]
      assert.equal(await store.retryDeliveries(live, ids, T + 9_000, auditEntry(live)), 2)
      assert.equal(
        await store.retryDeliveries(live, ids, T + 9_000, auditEntry(live)),
        0,
        'they are pending again',
      )
      assert.equal(await store.retryDeliveries(live, [], T, auditEntry(live)), 0)
      const again = await claim(store, { now: T + 9_000, limit: 100 })
      assert.deepEqual(again.map(({ id }) => id).sort(), [waiting, made[0], made[2]].sort())
      assert.deepEqual(new Set(again.map(({ attempts }) => attempts)), new Set([0]))
      assert.deepEqual(await store.deliveryTotals(), { pending: 3, delivered: 0, failed: 3, retries: 0 })
    },
  )

  rule(open, 'deliveries that are put back twice at once count once each', async (store, { live }) => {
    const made = await failed(store, live, 20)
    const counts = await Promise.all([
      store.retryDeliveries(live, made, T, auditEntry(live)),
      store.retryDeliveries(live, made.toReversed(), T, auditEntry(live)),
      store.retryDelivery(live, made[7]!, T, auditEntry(live)).then(Number),
    ])
    assert.equal(
      counts.reduce((sum, count) => sum + count),
      20,
    )
    assert.deepEqual(await store.deliveryTotals(), { pending: 20, delivered: 0, failed: 0, retries: 0 })
  })
}
