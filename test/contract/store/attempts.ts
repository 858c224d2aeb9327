import assert from 'node:assert/strict'
import type { Attempt } from '../../../src/domain/attempt.ts'
import { idTime } from '../../../src/domain/id.ts'
import type { AttemptClaim, Scope, ScopedAttempt, Store } from '../../../src/ports/store.ts'
import {
  beginCommit,
  beginRefundCommit,
  type ChargeOptions,
  chargeCommit,
  committed,
  endCommit,
  everything,
  followUpCommit,
  NO,
  type Open,
  rule,
  type Sending,
  START,
  succeeded,
  taken,
  tick,
} from '../../kit/commits.ts'

const T = START + 7_200_000

/** Commits a charge whose provider is being called, and returns its attempt. */
export async function sent(store: Store, options: ChargeOptions & Sending): Promise<Attempt> {
  const begun = beginCommit(options)
  await committed(store, begun.commit)
  return begun.attempt
}

/** Claims for a lease of one second from `now`. */
function claim(store: Store, options: Partial<AttemptClaim> & { now: number }): Promise<ScopedAttempt[]> {
  return store.claimAttempts({
    provider: 'bank_a',
    limit: 10,
    leaseUntil: options.now + 1_000,
    token: 'a worker',
    ...options,
  })
}

const idsOf = (owned: readonly ScopedAttempt[]) => owned.map(({ attempt }) => attempt.id).sort()

/** Postpones a claimed attempt as unknown since `since`, due at `dueAt`. */
function putOff(store: Store, { id, token }: Attempt, since: number, dueAt: number | null = since + 500) {
  return store.postponeAttempt({
    ...{ id, token: token ?? '', state: 'unknown', reason: 'no answer' },
    ...{ lookups: 1, unknownSince: since, dueAt },
  })
}

/** Makes an attempt that has been unknown since `since`. */
export async function unknown(
  store: Store,
  scope: Scope,
  since: number,
  provider = 'bank_a',
): Promise<Attempt> {
  const attempt = await sent(store, { scope, provider })
  assert.equal(await putOff(store, attempt, since), true)
  return attempt
}

export function attemptClaims(open: Open): void {
  rule(
    open,
    'one unknown attempt without a lease is claimed by its id, due or not',
    async (store, { live }) => {
      const sending = await sent(store, { scope: live, leaseUntil: T })
      const lease = { now: T, leaseUntil: T + 1_000 }
      assert.equal(await store.claimAttempt(sending.id, { ...lease, token: 'a person' }), undefined)
      const { id } = await unknown(store, live, T)
      const mine = await store.claimAttempt(id, { ...lease, token: 'a person' })
      assert.deepEqual([mine?.attempt.token, mine?.attempt.dueAt], ['a person', T + 1_000])
      assert.equal(await store.claimAttempt(id, { ...lease, token: 'another' }), undefined)
      const late = { now: T + 1_000, leaseUntil: T + 2_000, token: 'another' }
      assert.equal((await store.claimAttempt(id, late))?.attempt.token, 'another')
      const ended = await taken(store, { scope: live })
      assert.equal(await store.claimAttempt(ended.attempt.id, late), undefined)
      assert.equal(await store.claimAttempt('att_nobody', late), undefined)
    },
  )

  rule(
    open,
    'an attempt that is being sent is left to its sender until the lease has run out',
    async (store, { live }) => {
      const attempt = await sent(store, { scope: live, at: T, leaseUntil: T + 5_000 })
      assert.deepEqual(await claim(store, { now: T + 4_999 }), [])
      const claimed = { ...attempt, token: 'mine', dueAt: T + 9_000 }
      const now = T + 5_000
      const owned = await claim(store, { now, leaseUntil: T + 9_000, token: 'mine' })
      assert.deepEqual(owned, [{ scope: live, attempt: claimed }])
      assert.deepEqual(await store.attempt(attempt.id), { scope: live, attempt: claimed })
      assert.deepEqual(await claim(store, { now: T + 8_999 }), [])
      assert.equal((await claim(store, { now: T + 9_000 })).length, 1, 'and to its worker no longer either')
    },
  )

  rule(
    open,
    'no attempt is claimed twice under a lease, even by concurrent claims',
    async (store, { live }) => {
      const made: string[] = []
      for (let i = 0; i < 25; i++) made.push((await sent(store, { scope: live, at: T })).id)
      const now = T + 1_000
      const claims = await Promise.all(Array.from({ length: 6 }, () => claim(store, { now, limit: 5 })))
      assert.deepEqual(
        claims.map((owned) => owned.length),
        [5, 5, 5, 5, 5, 0],
      )
      assert.deepEqual(idsOf(claims.flat()), made.sort())
    },
  )

  rule(
    open,
    'a claim takes only what is due, at its own provider, in every scope, the longest due first',
    async (store, { live, test, other }) => {
      const mine: string[] = []
      for (const [i, scope] of [live, test, other].entries())
        mine.unshift((await sent(store, { scope, leaseUntil: T - i })).id)
      await sent(store, { scope: live, leaseUntil: T, provider: 'bank_b' })
      assert.deepEqual(await claim(store, { now: T - 3 }), [])
      const first = await claim(store, { now: T + 9, limit: 2 })
      assert.deepEqual(idsOf(first), mine.slice(0, 2).sort())
      const scopes = first.map(({ scope }) => JSON.stringify(scope)).sort()
      assert.deepEqual(scopes, [other, test].map((scope) => JSON.stringify(scope)).sort())
      assert.deepEqual(idsOf(await claim(store, { now: T + 9 })), mine.slice(2))
      assert.equal((await claim(store, { now: T, provider: 'bank_b' })).length, 1)
    },
  )

  rule(
    open,
    'an attempt that has ended is due no more, except an authorization when it lapses',
    async (store, { live }) => {
      await taken(store, { scope: live })
      assert.deepEqual(await claim(store, { now: T }), [])
      const begun = beginCommit({ scope: live, capture: false })
      await committed(store, begun.commit)
      const outcome = { ...succeeded(begun.attempt, 'held'), expiresAt: T + 10 }
      const held = endCommit(begun, outcome, { scope: live })
      await committed(store, held)
      assert.equal((await store.charge(live, begun.charge.id))?.expiresAt, T + 10)
      assert.deepEqual(await claim(store, { now: T + 9 }), [])
      const [due] = await claim(store, { now: T + 10 })
      assert.deepEqual([due?.attempt.id, due?.attempt.state], [begun.attempt.id, 'succeeded'])
    },
  )

  rule(
    open,
    'what may have moved money is claimed before what waits, however long that is due, and what waits up to a bound',
    async (store, { live, test }) => {
      const waiting: string[] = []
      for (let i = 0; i < 6; i++) {
        const begun = beginCommit({ scope: i % 2 === 0 ? live : test, capture: false })
        await committed(store, begun.commit)
        const pending = { kind: 'pending', reference: null, redirectUrl: null } as const
        const outcome = i < 4 ? pending : { ...succeeded(begun.attempt, `held_${i}`), expiresAt: 1 }
        await committed(store, endCommit(begun, outcome, { scope: i % 2 === 0 ? live : test }))
        waiting.push(begun.attempt.id)
      }
      const now = T + 3_600_000
      const lost = (await unknown(store, live, T)).id
      const sending = (await sent(store, { scope: test, leaseUntil: now })).id
      const first = await claim(store, { now, limit: 3, waiting: 2 })
      assert.equal(first.length, 3)
      assert.deepEqual(
        idsOf(first).filter((id) => !waiting.includes(id)),
        [lost, sending].sort(),
      )
      assert.equal((await claim(store, { now, limit: 3, waiting: 2 })).length, 2)
      assert.equal((await claim(store, { now, limit: 3, waiting: 0 })).length, 0)
      assert.equal((await claim(store, { now, limit: 10 })).length, 3)
    },
  )

  rule(
    open,
    'pending attempts are counted over all scopes by when they began',
    async (store, { live, test }) => {
      assert.equal(await store.pendingSince(Number.MAX_SAFE_INTEGER), 0)
      const begunAt: number[] = []
      for (const scope of [live, test, live]) {
        const begun = beginCommit({ scope })
        await committed(store, begun.commit)
        const pending = { kind: 'pending', reference: null, redirectUrl: null } as const
        await committed(store, endCommit(begun, pending, { scope }))
        begunAt.push(idTime(begun.attempt.id))
      }
      await taken(store, { scope: live })
      const last = Math.max(...begunAt)
      assert.equal(await store.pendingSince(last + 1), 3)
      assert.equal(await store.pendingSince(last), begunAt.filter((at) => at < last).length)
      assert.equal(await store.pendingSince(0), 0)
    },
  )
}

export function postponements(open: Open): void {
  rule(open, 'an attempt that is put off is unknown, and due again then', async (store, { live }) => {
    const attempt = await sent(store, { scope: live })
    assert.equal(await putOff(store, attempt, T, T + 500), true)
    const changed = { state: 'unknown', reason: 'no answer', lookups: 1, unknownSince: T } as const
    const stored = { ...attempt, ...changed, dueAt: T + 500, token: null }
    assert.deepEqual((await store.attempt(attempt.id))?.attempt, stored)
    assert.deepEqual(await claim(store, { now: T + 499 }), [])
    assert.deepEqual(idsOf(await claim(store, { now: T + 500 })), [attempt.id])
  })

  rule(open, 'an attempt that no worker needs to look at is never due', async (store, { live }) => {
    const attempt = await sent(store, { scope: live })
    assert.equal(await putOff(store, attempt, T, null), true)
    assert.deepEqual(await claim(store, { now: Number.MAX_SAFE_INTEGER }), [])
  })

  rule(open, 'a postponement with a stale token is refused and writes nothing', async (store, { live }) => {
    const begun = beginCommit({ scope: live, leaseUntil: T })
    await committed(store, begun.commit)
    const [held] = await claim(store, { now: T })
    const before = await everything(store, live)
    assert.equal(await putOff(store, begun.attempt, T), false, "the sender's lease is over")
    assert.equal(await putOff(store, { ...begun.attempt, token: null }, T), false)
    assert.deepEqual(await everything(store, live), before)
    await committed(store, endCommit(begun, NO, { scope: live }))
    assert.equal(await putOff(store, held!.attempt, T), false, 'it has ended')
    assert.equal((await store.attempt(begun.attempt.id))?.attempt.state, 'declined')
  })

  rule(open, 'totals are those of every scope, and nothing is counted twice', async (store, scopes) => {
    const { live, test, other } = scopes
    const none = { sending: 0, pending: 0, unknown: 0, succeeded: 0, declined: 0, not_sent: 0 }
    const nothing = { byState: none, oldestUnknownSince: null, overdue: 0 }
    assert.deepEqual(await store.attemptTotals(T), nothing)
    await unknown(store, live, T + 3)
    await unknown(store, test, T + 1)
    const oldest = await unknown(store, other, T, 'bank_b')
    await sent(store, { scope: live })
    await taken(store, { scope: test })
    const byState = { ...none, unknown: 3, sending: 1, succeeded: 1 }
    assert.deepEqual(await store.attemptTotals(T), { byState, oldestUnknownSince: T, overdue: 0 })
    assert.equal((await store.attemptTotals(T + 3)).overdue, 2)

    const [held] = await claim(store, { now: T + 500, provider: 'bank_b' })
    await putOff(store, held!.attempt, T)
    assert.deepEqual((await store.attemptTotals(T)).byState, byState, 'put off again, it is the same one')
    const charge = (await store.charge(other, oldest.chargeId))!
    await committed(store, endCommit({ charge, attempt: held!.attempt }, NO, { scope: other }))
    assert.deepEqual(await store.attemptTotals(T + 2), {
      byState: { ...byState, unknown: 2, declined: 1 },
      oldestUnknownSince: T + 1,
      overdue: 1,
    })
  })
}

export function references(open: Open): void {
  rule(
    open,
    'the authorization or refund that a provider gave a reference to is found by it',
    async (store, { test }) => {
      const { charge, attempt } = await taken(store, { scope: test })
      const reference = attempt.providerReference ?? ''
      assert.deepEqual(await store.attemptByReference('bank_a', 'authorize', reference), {
        scope: test,
        attempt,
      })
      assert.equal(await store.attemptByReference('bank_a', 'refund', reference), undefined)
      assert.equal(await store.attemptByReference('bank_b', 'authorize', reference), undefined)
      const begun = beginRefundCommit(charge, { scope: test })
      await committed(store, begun.commit)
      await committed(store, endCommit(begun, succeeded(begun.attempt, 'back'), { scope: test }))
      const found = await store.attemptByReference('bank_a', 'refund', 'back')
      assert.deepEqual([found?.attempt.id, found?.attempt.refundId], [begun.attempt.id, begun.refund.id])
    },
  )

  rule(
    open,
    'an attempt and a refund are stored with the moved amount, which may differ from the requested one',
    async (store, { live: scope }) => {
      const { charge } = await taken(store, { scope, amount: 900 })
      const begun = beginRefundCommit(charge, { scope, amount: 500 })
      await committed(store, begun.commit)
      const less = { ...succeeded(begun.attempt, `back_${begun.refund.id}`), amount: 120 }
      const ended = endCommit(begun, less, { scope })
      await committed(store, ended)
      assert.equal((await store.attempt(begun.attempt.id))?.attempt.amount, 120)
      assert.deepEqual(await store.refund(scope, begun.refund.id), ended.refund)
      assert.equal(ended.refund?.amount, 120)
      const { amountRefunded, amountRefundPending } = (await store.charge(scope, charge.id)) ?? {}
      assert.deepEqual([amountRefunded, amountRefundPending], [120, 0])
    },
  )

  rule(
    open,
    'a reference that another attempt has is refused in any scope, and nothing is written',
    async (store, { live, test }) => {
      const { attempt } = await taken(store, { scope: live })
      const reference = attempt.providerReference ?? ''
      const begun = beginCommit({ scope: test })
      await committed(store, begun.commit)
      const before = await everything(store, test)
      const again = endCommit(begun, succeeded(begun.attempt, reference), { scope: test })
      assert.deepEqual(await store.commit(again), { kind: 'reference_taken', attemptId: attempt.id })
      assert.deepEqual(await everything(store, test), before)
      await committed(store, endCommit(begun, succeeded(begun.attempt, 'another'), { scope: test }))
    },
  )

  rule(
    open,
    'a reference may be used again by the attempt that has it, at another provider, and by another kind',
    async (store, { live: scope }) => {
      const first = await taken(store, { scope, capture: false })
      const reference = first.attempt.providerReference ?? ''
      const captured = followUpCommit('capture', first.charge, { scope })
      await committed(store, captured.commit)
      const ended = endCommit(captured, succeeded(captured.attempt, reference), { scope })
      await committed(store, { ...ended, attempts: [...ended.attempts, first.attempt] })
      const elsewhere = beginCommit({ scope, provider: 'bank_b' })
      await committed(store, elsewhere.commit)
      await committed(store, endCommit(elsewhere, succeeded(elsewhere.attempt, reference), { scope }))
      const back = beginRefundCommit(ended.charge, { scope, amount: 1 })
      await committed(store, back.commit)
      await committed(store, endCommit(back, succeeded(back.attempt, reference), { scope }))
    },
  )

  rule(
    open,
    'a commit that needs a lease is refused once the lease is lost, and nothing is written',
    async (store, { live: scope }) => {
      const begun = beginCommit({ scope, token: 'mine' })
      await committed(store, begun.commit)
      const { id } = begun.attempt
      const leasedBy = (token: string | null) => ({
        ...endCommit(begun, { kind: 'not_sent', reason: 'refused' }, { scope }),
        lease: { attemptId: id, token },
      })
      const refused = { kind: 'lease_lost' }
      assert.deepEqual(await store.commit(leasedBy(null)), refused)
      const now = tick() + 10_000
      const lease = { provider: 'bank_a', limit: 10, now, leaseUntil: now + 1_000, token: 'yours' }
      await store.claimAttempts(lease)
      const before = await everything(store, scope)
      assert.deepEqual(await store.commit(leasedBy('mine')), refused)
      assert.deepEqual(await everything(store, scope), before)
      await committed(store, leasedBy('yours'))
      assert.equal((await store.attempt(id))?.attempt.state, 'not_sent')
    },
  )

  rule(open, 'a charge in one step is refused for its reference as any other', async (store, { live }) => {
    const { attempt } = await taken(store, { scope: live })
    const commit = chargeCommit({ scope: live })
    const twin = { ...attempt, id: `${attempt.id}x`, chargeId: commit.charge.id }
    const refused = { kind: 'reference_taken', attemptId: attempt.id }
    assert.deepEqual(await store.commit({ ...commit, attempts: [twin] }), refused)
    assert.equal(await store.charge(live, commit.charge.id), undefined)
  })
}
