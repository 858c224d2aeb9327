import assert from 'node:assert/strict'
import type { NotificationSubject } from '../../../src/ports/provider.ts'
import type {
  AttemptClaim,
  NotificationSettlement,
  Store,
  StoredNotification,
} from '../../../src/ports/store.ts'
import { newId, type Open, rule, START } from '../../kit/commits.ts'

const T = START + 10_800_000

const SUBJECTS: readonly NotificationSubject[] = [
  { about: 'attempt', attemptId: 'att_1' },
  { about: 'payment', reference: 'pay_1' },
  { about: 'refund', reference: 're_1' },
  { about: 'dispute', reference: 'dsp_1' },
  { about: 'nothing' },
]

function notification(changes: Partial<StoredNotification> = {}): StoredNotification {
  const id = newId('ntf')
  const subject = SUBJECTS[0] as NotificationSubject
  return { id, provider: 'bank_a', notificationId: `of ${id}`, subject, tries: 0, receivedAt: T, ...changes }
}

/** Claims for a lease of one second from `now`. */
function claim(store: Store, options: Partial<Omit<AttemptClaim, 'provider'>> & { now: number }) {
  return store.claimNotifications({ limit: 10, leaseUntil: options.now + 1_000, token: 'mine', ...options })
}

/** Settles what was claimed with the token `mine`, as done unless said otherwise. */
function settled(store: Store, { id }: { id: string }, changes: Partial<NotificationSettlement> = {}) {
  return store.settleNotification({ id, token: 'mine', state: 'done', dueAt: null, error: null, ...changes })
}

export function notifications(open: Open): void {
  rule(open, 'a notification is due when it was received, and says what it is about', async (store) => {
    const made = SUBJECTS.map((subject) => notification({ subject, provider: 'bank_b' }))
    for (const each of made) assert.equal(await store.addNotification(each), true)
    assert.deepEqual(await claim(store, { now: T - 1 }), [])
    const claimed = await claim(store, { now: T })
    assert.deepEqual(
      claimed.toSorted((a, b) => (a.id < b.id ? -1 : 1)),
      made,
    )
  })

  rule(
    open,
    'a notification that was stored before is not stored again, even once it is done',
    async (store) => {
      const first = notification({ notificationId: 'n_1' })
      const again = () => store.addNotification(notification({ notificationId: 'n_1' }))
      assert.equal(await store.addNotification(first), true)
      assert.deepEqual(await Promise.all([again(), again()]), [false, false])
      assert.equal((await claim(store, { now: T })).length, 1)
      await settled(store, first)
      assert.equal(await again(), false)
      assert.equal(
        await store.addNotification(notification({ notificationId: 'n_1', provider: 'bank_b' })),
        true,
        'another provider numbers its own',
      )
    },
  )

  rule(
    open,
    'no notification is claimed twice under a lease, and again when it has run out',
    async (store) => {
      for (let i = 0; i < 12; i++) await store.addNotification(notification())
      const claims = await Promise.all(Array.from({ length: 3 }, () => claim(store, { now: T, limit: 5 })))
      assert.deepEqual(
        claims.map((each) => each.length),
        [5, 5, 2],
      )
      assert.equal(new Set(claims.flat().map((each) => each.id)).size, 12)
      assert.deepEqual(await claim(store, { now: T + 999 }), [])
      assert.equal((await claim(store, { now: T + 1_000, limit: 20 })).length, 12)
    },
  )
}

export function settledNotifications(open: Open): void {
  rule(
    open,
    'a notification that was acted on in vain is due again then, and counted; one that failed never',
    async (store) => {
      const made = notification()
      await store.addNotification(made)
      await claim(store, { now: T })
      assert.equal(await settled(store, made, { state: 'pending', dueAt: T + 500, error: 'not yet' }), true)
      assert.deepEqual(await claim(store, { now: T + 499 }), [])
      assert.deepEqual(await claim(store, { now: T + 500 }), [{ ...made, tries: 1 }])
      assert.equal(await settled(store, made, { state: 'failed', error: 'given up' }), true)
      assert.deepEqual(await claim(store, { now: T + 9_999 }), [])
    },
  )

  rule(open, 'a notification that is put off without having been tried is not counted', async (store) => {
    const made = notification()
    await store.addNotification(made)
    await claim(store, { now: T })
    await settled(store, made, { state: 'pending', dueAt: T + 5, error: 'busy', inVain: false })
    assert.deepEqual(await claim(store, { now: T + 5 }), [made])
  })

  rule(open, 'a notification that was given up is due again when it comes again', async (store) => {
    const made = notification({ notificationId: 'n_1' })
    await store.addNotification(made)
    await claim(store, { now: T })
    await settled(store, made, { state: 'failed', error: 'in vain' })
    assert.deepEqual(await claim(store, { now: T + 9 }), [])
    const again = notification({ notificationId: 'n_1', receivedAt: T + 5 })
    assert.equal(await store.addNotification(again), true)
    const claimed = await claim(store, { now: T + 9 })
    assert.deepEqual(
      claimed.map(({ id, tries }) => [id, tries]),
      [[made.id, 0]],
    )
  })

  rule(open, 'a settlement with a stale token is refused and writes nothing', async (store) => {
    const made = notification()
    await store.addNotification(made)
    await claim(store, { now: T, token: 'first' })
    await claim(store, { now: T + 1_000 })
    assert.equal(await settled(store, made, { token: 'first', state: 'failed' }), false)
    assert.equal(await settled(store, made), true)
    assert.equal(await settled(store, made), false, 'and none is settled twice')
  })

  rule(
    open,
    'a purge deletes only what is settled and older, the oldest first, up to its limit',
    async (store) => {
      const made = [0, 1, 2, 3, 4].map((i) => notification({ notificationId: `n_${i}`, receivedAt: T + i }))
      for (const each of made) await store.addNotification(each)
      await claim(store, { now: T + 9 })
      const [first, second, failed, fourth, pending] = made
      for (const each of [first, second, fourth]) await settled(store, each!)
      await settled(store, failed!, { state: 'failed' })
      assert.equal(await store.purgeNotifications(T + 3, 1), 1)
      assert.equal(
        await store.addNotification(notification({ notificationId: 'n_0' })),
        true,
        'it is forgotten',
      )
      assert.equal(await store.addNotification(notification({ notificationId: 'n_1' })), false)
      assert.equal(await store.purgeNotifications(T + 3, 9), 2)
      assert.equal(await store.purgeNotifications(T + 3, 9), 0)
      assert.equal(await settled(store, pending!), true)
      assert.equal(await store.purgeNotifications(T + 9, 9), 2)
    },
  )
}
