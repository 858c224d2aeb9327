import assert from 'node:assert/strict'
import type { KeptClock } from '../../../src/domain/clock.ts'
import type { Store } from '../../../src/ports/store.ts'
import { type DueTimeChange, QUEUES } from '../../../src/ports/store-clock.ts'
import {
  beginCommit,
  chargeCommit,
  charged,
  committed,
  endCommit,
  everything,
  type Open,
  rule,
  START,
  succeeded,
} from '../../kit/commits.ts'
import {
  addedEndpoint,
  claimCursors,
  deliveryOf,
  heldEndpoint,
  recorded,
  replayOf,
  resultOf,
} from '../../kit/webhooks.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR
const CLOCK: KeptClock = {
  observedMs: 0,
  wallMs: START,
  trustedMs: START,
  steadyFromMs: 0,
  movedMs: 0,
}

/** Stores which record is the last now, and returns its number. */
export async function marked(store: Store, observedMs = 1): Promise<number> {
  await store.addMark(observedMs, START)
  const mark = await store.markAt(observedMs)
  assert.ok(mark)
  return mark.lastKey
}

export function clocks(open: Open): void {
  rule(open, 'a clock that was not kept is null, and is kept by the first', async (store) => {
    assert.deepEqual(await store.clock(), { kept: null, setBackMs: 0, newest: [] })
    assert.equal(await store.keepClock(CLOCK, 7), false)
    assert.equal(await store.keepClock(CLOCK, null), true)
    assert.equal(await store.keepClock({ ...CLOCK, observedMs: 5 }, null), false)
    assert.deepEqual((await store.clock()).kept, CLOCK)
  })

  rule(open, 'of several that saw the same time pass one keeps it', async (store) => {
    await store.keepClock(CLOCK, null)
    const next = { ...CLOCK, observedMs: 60_000, wallMs: -5, trustedMs: -5, movedMs: -START - 5 }
    const kept = await Promise.all([store.keepClock(next, 0), store.keepClock(next, 0)])
    assert.deepEqual(kept.toSorted(), [false, true])
    assert.deepEqual((await store.clock()).kept, next)
  })

  rule(open, 'how far the clock was set back only grows', async (store) => {
    await store.keepClock(CLOCK, null)
    for (const ms of [5, 9, 7]) await store.setBack(ms)
    assert.equal((await store.clock()).setBackMs, 9)
    await store.keepClock({ ...CLOCK, observedMs: 1 }, 0)
    assert.equal((await store.clock()).setBackMs, 9)
  })

  rule(
    open,
    'the newest row of each kind is returned, of any scope',
    async (store, { live, test, other }) => {
      await charged(store, { scope: live, at: START })
      await charged(store, { scope: other, at: START + 1 })
      const newest = chargeCommit({ scope: test, at: START - DAY })
      const endpoint = await addedEndpoint(store, test, { createdAt: START - DAY })
      await committed(store, newest)
      const event = (await store.events(test, { after: 0, limit: 1 })).data[0]!
      await claimCursors(store, { token: 'mine' })
      await recorded(store, endpoint, 'mine', { results: [resultOf(event, endpoint.id)] })
      const replay = replayOf(endpoint, { createdAt: START - DAY })
      await store.addReplay(replay, null)
      const told = (await store.clock()).newest
      const has = (id: string | undefined, createdAt: number) =>
        told.some((row) => row.id === id && row.createdAt === createdAt)
      assert.ok(has(newest.charge.id, START - DAY))
      for (const id of [deliveryOf(event, endpoint.id).id, endpoint.id, replay.id])
        assert.ok(has(id, START - DAY), id)
      assert.ok(!told.some(({ id }) => id === 'default'), 'that id has no time')
    },
  )

  rule(
    open,
    'a mark is the last at or before its time, with the least clock since',
    async (store, { live }) => {
      assert.equal(await store.markAt(10), undefined)
      await store.addMark(10, START + DAY)
      await charged(store, { scope: live })
      await store.addMark(20, START)
      await store.addMark(20, START + 2 * DAY)
      await store.addMark(30, START + 3 * DAY)
      assert.equal(await store.markAt(9), undefined)
      assert.deepEqual(await store.markAt(19), { observedMs: 10, lastKey: 0, wallMs: START })
      const second = await store.markAt(29)
      assert.deepEqual(
        { ...second, lastKey: (second?.lastKey ?? 0) > 0 },
        { observedMs: 20, lastKey: true, wallMs: START },
      )
      assert.equal((await store.markAt(99))?.observedMs, 30)
      assert.equal(await store.markAt(29), undefined)
    },
  )
}

export function purges(open: Open): void {
  rule(
    open,
    'a purge deletes the records up to a mark, with any times in them, and charges stay',
    async (store, { live }) => {
      const charge = await charged(store, { scope: live, key: 'old', at: START + 80 * 365 * DAY })
      await charged(store, { scope: live, key: 'older', at: -DAY })
      const mark = await marked(store)
      await charged(store, { scope: live, key: 'new', at: -DAY })
      await charged(store, { scope: live, key: 'newest', at: START })
      assert.equal(await store.purgeIdempotency(mark, 10), 2)
      const kept = await Promise.all(
        ['old', 'older', 'new', 'newest'].map((key) => store.idempotencyRecord(live, key)),
      )
      assert.deepEqual(
        kept.map((record) => record !== undefined),
        [false, false, true, true],
      )
      assert.deepEqual(await store.charge(live, charge.id), charge)
      assert.equal(await store.purgeIdempotency(mark, 10), 0)
    },
  )

  rule(open, 'a purge deletes up to its limit, the oldest first', async (store, { live }) => {
    for (const key of ['a', 'b', 'c']) await charged(store, { scope: live, key })
    const mark = await marked(store)
    await charged(store, { scope: live, key: 'd' })
    assert.equal(await store.purgeIdempotency(mark, 2), 2)
    assert.equal(await store.idempotencyRecord(live, 'b'), undefined)
    assert.notEqual(await store.idempotencyRecord(live, 'c'), undefined)
    assert.equal(await store.purgeIdempotency(mark, 2), 1)
    assert.notEqual(await store.idempotencyRecord(live, 'd'), undefined)
  })

  rule(
    open,
    'a record that is made after all others were purged is not taken for one before the mark',
    async (store, { live }) => {
      await charged(store, { scope: live, key: 'a' })
      const mark = await marked(store)
      await store.purgeIdempotency(mark, 10)
      await charged(store, { scope: live, key: 'b' })
      await store.purgeIdempotency(mark, 10)
      assert.equal(await store.idempotencyRecord(live, 'a'), undefined)
      assert.notEqual(await store.idempotencyRecord(live, 'b'), undefined)
    },
  )

  rule(
    open,
    'the key of a request that has not ended is kept, however old, and hides none that can go',
    async (store, { live }) => {
      const { commit } = beginCommit({ scope: live, key: 'open', at: START })
      await committed(store, commit)
      await charged(store, { scope: live, key: 'done', at: START + 1 })
      const mark = await marked(store)
      await charged(store, { scope: live, key: 'new' })
      assert.equal(await store.purgeIdempotency(mark, 1), 1)
      assert.equal(await store.idempotencyRecord(live, 'done'), undefined)
      assert.equal((await store.idempotencyRecord(live, 'open'))?.ending.kind, 'accepted')
      assert.equal(await store.purgeIdempotency(mark, 1), 0)
    },
  )

  rule(open, 'a purged key is free for another request', async (store, { live }) => {
    await charged(store, { scope: live, key: 'again' })
    const mark = await marked(store)
    await charged(store, { scope: live })
    await store.purgeIdempotency(mark, 10)
    await committed(store, chargeCommit({ scope: live, key: 'again' }))
    assert.equal((await everything(store, live)).charges.data.length, 3)
  })
}

/** A clock that was a month ahead is correct again: `START` is now. */
const AHEAD = START + 30 * DAY

function stretch(queue: DueTimeChange['queue'], changed: Partial<DueTimeChange> = {}): DueTimeChange {
  const name = { deliveries: '', notifications: '', unknown: 'bank_a', waiting: 'bank_a' }[queue]
  const times = { latest: START, now: START, leaseUntil: START + 50, latestHeld: START + HOUR }
  return { queue, name, after: { dueAt: START, id: '' }, limit: 100, ...times, ...changed }
}

export function lateWork(open: Open): void {
  rule(open, 'nothing is late in an empty queue', async (store) => {
    for (const queue of QUEUES)
      assert.deepEqual(await store.bringForward(stretch(queue)), { moved: 0, last: null })
  })

  rule(open, 'deliveries that are due too late are due now, of every scope', async (store, scopes) => {
    const mine = await heldEndpoint(store, scopes.live, 'mine', 3)
    const theirs = await heldEndpoint(store, scopes.other, 'mine', 2)
    for (const { endpoint, events } of [mine, theirs])
      await recorded(store, endpoint, 'mine', {
        results: events.map((event, i) =>
          resultOf(event, endpoint.id, { state: 'pending', dueAt: AHEAD + i }),
        ),
      })
    const moved: number[] = []
    for (let after: DueTimeChange['after'] | null = { dueAt: START, id: '' }; after; ) {
      const done = await store.bringForward(stretch('deliveries', { after, limit: 2 }))
      moved.push(done.moved)
      after = done.last
    }
    assert.equal(
      moved.reduce((sum, count) => sum + count, 0),
      5,
    )
    for (const { endpoint } of [mine, theirs])
      assert.equal(await store.nextDue(endpoint.scope, endpoint.id), START)
    assert.equal((await store.bringForward(stretch('deliveries'))).moved, 0)
  })

  rule(open, 'what may wait for longer is left as it is', async (store, { live }) => {
    const { endpoint, events } = await heldEndpoint(store, live, 'mine', 1)
    const latest = START + HOUR
    const waiting = resultOf(events[0]!, endpoint.id, { state: 'pending', dueAt: latest })
    await recorded(store, endpoint, 'mine', { results: [waiting] })
    assert.equal((await store.bringForward(stretch('deliveries', { latest }))).moved, 0)
    assert.equal((await store.bringForward(stretch('deliveries', { latest: latest - 1 }))).moved, 1)
  })

  rule(open, 'notifications that are due too late are due now', async (store) => {
    const subject = { about: 'payment', reference: 'pay_1' } as const
    const notification = { id: 'ntf_1', provider: 'bank_a', notificationId: 'n1', subject, tries: 0 }
    await store.addNotification({ ...notification, receivedAt: AHEAD })
    const claimNow = () =>
      store.claimNotifications({ limit: 9, now: START, leaseUntil: START + 1, token: 't' })
    assert.deepEqual(await claimNow(), [])
    assert.equal((await store.bringForward(stretch('notifications'))).moved, 1)
    assert.equal((await claimNow()).length, 1)
  })

  rule(
    open,
    'an attempt that is being sent keeps its lease, and one that waits is looked at now',
    async (store, { live }) => {
      const sending = beginCommit({ scope: live, at: AHEAD, leaseUntil: AHEAD + 100 })
      await committed(store, sending.commit)
      const waits = beginCommit({ scope: live, at: AHEAD })
      await committed(store, waits.commit)
      const pending = { kind: 'pending', reference: 'pay_1', redirectUrl: null } as const
      await committed(store, endCommit(waits, pending, { scope: live, at: AHEAD }))
      const look = (now: number) =>
        store.claimAttempts({ provider: 'bank_a', limit: 9, now, leaseUntil: now + HOUR, token: 'a worker' })
      assert.deepEqual(await look(START), [])
      for (const queue of ['unknown', 'waiting'] as const)
        assert.equal((await store.bringForward(stretch(queue))).moved, 1)
      const ids = (owned: Awaited<ReturnType<typeof look>>) => owned.map(({ attempt }) => attempt.id)
      assert.deepEqual(ids(await look(START + 49)), [waits.attempt.id])
      assert.deepEqual(ids(await look(START + 50)), [sending.attempt.id])
    },
  )

  rule(
    open,
    'attempts that are being sent and those that are unknown are one queue, in the order of their due times',
    async (store, { live }) => {
      const ids: string[] = []
      for (let i = 0; i < 6; i++) {
        const dueAt = AHEAD + 100 * (5 - i)
        const { commit, attempt } = beginCommit({ scope: live, leaseUntil: dueAt, token: `sender ${i}` })
        await committed(store, commit)
        const postponement = { id: attempt.id, token: `sender ${i}`, state: 'unknown', reason: null } as const
        if (i % 2 === 0)
          await store.postponeAttempt({ ...postponement, lookups: 0, unknownSince: START, dueAt })
        ids.unshift(attempt.id)
      }
      const seen: (string | undefined)[] = []
      for (let after: DueTimeChange['after'] | null = { dueAt: START, id: '' }; after; ) {
        const { moved, last } = await store.bringForward(stretch('unknown', { after, limit: 1 }))
        if (moved > 0) seen.push(last?.id)
        after = last
      }
      assert.deepEqual(seen, ids)
    },
  )

  rule(
    open,
    'an authorization that is held waits for its time, and no longer than that',
    async (store, { live }) => {
      const expiresAt = START + 7 * DAY
      const held = beginCommit({ scope: live, capture: false, at: START })
      await committed(store, held.commit)
      const outcome = { ...succeeded(held.attempt, 'pay_1'), expiresAt }
      await committed(store, endCommit(held, outcome, { scope: live, at: START }))
      assert.equal((await store.bringForward(stretch('waiting'))).moved, 0)
      // It was claimed while the clock was ahead.
      const claimed = { now: AHEAD, leaseUntil: AHEAD + HOUR, token: 'a worker' }
      const [owned] = await store.claimAttempts({ provider: 'bank_a', limit: 1, ...claimed })
      assert.ok(owned)
      const { id, state, reason, lookups, unknownSince } = owned.attempt
      const found = { id, token: 'a worker', state, reason, lookups, unknownSince }
      await store.postponeAttempt({ ...found, dueAt: AHEAD + HOUR })
      assert.equal((await store.bringForward(stretch('waiting'))).moved, 1)
      assert.equal((await store.attempt(id))?.attempt.dueAt, START)
    },
  )
}

export function heldLeases(open: Open): void {
  rule(
    open,
    'while leases may seem to have ended, only rows without a lease are claimed',
    async (store, { live }) => {
      const [sending, left] = [
        beginCommit({ scope: live, at: START }),
        beginCommit({ scope: live, at: START }),
      ]
      for (const { commit } of [sending, left]) await committed(store, commit)
      const { id, state, reason, lookups } = left.attempt
      const unknown = { state: 'unknown', reason, lookups, unknownSince: START, dueAt: START } as const
      assert.equal(state, 'sending')
      await store.postponeAttempt({ id, token: left.attempt.token as string, ...unknown })
      const claim = { provider: 'bank_a', limit: 9, now: AHEAD, leaseUntil: AHEAD + HOUR }
      const found = async (freeOnly: boolean, token: string) =>
        (await store.claimAttempts({ ...claim, freeOnly, token })).map(({ attempt }) => attempt.id)
      assert.deepEqual(await found(true, 'one'), [id])
      assert.deepEqual(await found(false, 'two'), [sending.attempt.id])
    },
  )
}

export function setBackLists(open: Open): void {
  rule(
    open,
    'after a clock was set back lists by time are those of the rows, in the order they were made',
    async (store, { live }) => {
      await store.keepClock(CLOCK, null)
      await store.setBack(80 * 365 * DAY)
      const times = [START, START + 79 * 365 * DAY, START + 10, -DAY, START + 20]
      const made: string[] = []
      for (const at of times) made.push((await charged(store, { scope: live, at })).id)
      const list = async (query: { createdFrom?: number; createdUntil?: number; limit?: number }) =>
        (await store.charges(live, { limit: 100, ...query })).data.map(({ id }) => id)
      const newestFirst = (...places: number[]) => places.map((place) => made[place])
      assert.deepEqual(await list({}), newestFirst(4, 3, 2, 1, 0))
      assert.deepEqual(await list({ createdFrom: START }), newestFirst(4, 2, 1, 0))
      assert.deepEqual(await list({ createdUntil: START + 20 }), newestFirst(3, 2, 0))
      assert.deepEqual(await list({ createdFrom: START + 1, createdUntil: START + 20 }), newestFirst(2))
      assert.deepEqual(await list({ createdUntil: 0 }), newestFirst(3))
      assert.deepEqual(await list({ createdUntil: START + 20, limit: 2 }), newestFirst(3, 2))
      const page = await store.charges(live, {
        limit: 1,
        startingAfter: made[3] as string,
        createdUntil: START + 20,
      })
      assert.deepEqual([page.data.map(({ id }) => id), page.hasMore], [newestFirst(2), true])
    },
  )
}
