import assert from 'node:assert/strict'
import type { AccessKey } from '../../../src/domain/access/access-key.ts'
import type { DashboardSession } from '../../../src/domain/access/dashboard-session.ts'
import type { Store } from '../../../src/ports/store.ts'
import { accessKeyOf } from '../../kit/access-keys.ts'
import { auditEntry } from '../../kit/audit-entries.ts'
import { type Open, rule, START } from '../../kit/commits.ts'
import { sessionOf } from '../../kit/sessions.ts'

const addKey = (store: Store, key: AccessKey) =>
  store.addAccessKey(key, auditEntry(key.scope, { action: 'key.created', object: key.id }))

const begin = (store: Store, key: AccessKey, session: DashboardSession) =>
  store.addDashboardSession(session, auditEntry(key.scope, { action: 'dashboard.signed_in', object: key.id }))

export function sessions(open: Open): void {
  rule(
    open,
    'a session is stored whole with its sign-in, and found with the hash of its key',
    async (store, { other }) => {
      const key = accessKeyOf(other)
      await addKey(store, key)
      const session = sessionOf(key.id)
      assert.equal(await begin(store, key, session), true)
      assert.deepEqual(await store.dashboardSession(session.hash), { session, keyHash: key.hash })
      assert.deepEqual(await store.dashboardSessionById(session.id), session)
      assert.equal(await store.dashboardSession('f'.repeat(64)), undefined)
      assert.equal(await store.dashboardSessionById('ses_1'), undefined)
      const { data } = await store.auditEntries(other, { limit: 1 })
      assert.equal(data[0]?.action, 'dashboard.signed_in')
    },
  )

  rule(open, 'a key that was revoked begins no session, and nothing is stored', async (store, { test }) => {
    const key = accessKeyOf(test, { revokedAt: START })
    await addKey(store, key)
    const session = sessionOf(key.id)
    assert.equal(await begin(store, key, session), false)
    assert.equal(await store.dashboardSession(session.hash), undefined)
    const { data } = await store.auditEntries(test, { limit: 10 })
    assert.ok(data.every(({ action }) => action !== 'dashboard.signed_in'))
  })

  rule(
    open,
    'a session keeps its last use, ends, and is deleted once it was not used for long',
    async (store, { test }) => {
      const key = accessKeyOf(test)
      await addKey(store, key)
      const [kept, ended, ...old] = [0, 1, 2, 3, 4].map((i) => sessionOf(key.id, { usedAt: START + i })) as [
        DashboardSession,
        DashboardSession,
        ...DashboardSession[],
      ]
      for (const session of [kept, ended, ...old]) await begin(store, key, session)
      await store.touchDashboardSession(kept.hash, START + 10)
      await store.touchDashboardSession(kept.hash, START + 5)
      assert.equal((await store.dashboardSession(kept.hash))?.session.usedAt, START + 10)
      await store.endDashboardSession(ended.hash)
      await store.endDashboardSession(ended.hash)
      assert.equal(await store.dashboardSession(ended.hash), undefined)
      assert.equal(await store.purgeDashboardSessions(START + 2, 10), 0)
      assert.equal(await store.purgeDashboardSessions(START + 10, 2), 2)
      assert.equal(await store.purgeDashboardSessions(START + 10, 10), 1)
      assert.ok(await store.dashboardSession(kept.hash))
    },
  )

  rule(
    open,
    'the sessions of a key are listed newest first, those that ended long ago left out, and end with one audit entry',
    async (store, { other }) => {
      const [key, stranger] = [accessKeyOf(other), accessKeyOf(other)]
      await addKey(store, key)
      await addKey(store, stranger)
      const mine = [
        sessionOf(key.id, { createdAt: START + 1, usedAt: START + 1 }),
        sessionOf(key.id, { createdAt: START + 2, usedAt: START + 9, browser: null }),
        sessionOf(key.id, { createdAt: START + 3, usedAt: START + 9 }),
      ]
      const [old, second, third] = mine as [DashboardSession, DashboardSession, DashboardSession]
      const foreign = sessionOf(stranger.id, { usedAt: START + 9 })
      for (const session of mine) await begin(store, key, session)
      await begin(store, stranger, foreign)
      const all = { usedAfter: 0, createdAfter: 0, limit: 10 }
      assert.deepEqual(await store.dashboardSessions(key.id, all), [third, second, old])
      assert.deepEqual(await store.dashboardSessions(key.id, { ...all, limit: 2 }), [third, second])
      assert.deepEqual(await store.dashboardSessions(key.id, { ...all, usedAfter: START + 1 }), [
        third,
        second,
      ])
      assert.deepEqual(await store.dashboardSessions(key.id, { ...all, createdAfter: START + 2 }), [third])

      const ended = auditEntry(other, { action: 'dashboard.sessions_ended', object: key.id })
      assert.equal(await store.endDashboardSessions([old.id, third.id, 'ses_1'], ended), true)
      assert.deepEqual(await store.dashboardSessions(key.id, all), [second])
      const again = auditEntry(other, { action: 'dashboard.sessions_ended', object: key.id })
      assert.equal(await store.endDashboardSessions([old.id], again), false)
      assert.equal(await store.endDashboardSessions([], again), false)
      assert.deepEqual(await store.dashboardSessions(stranger.id, all), [foreign])
      const { data } = await store.auditEntries(other, { limit: 10 })
      assert.equal(data.filter(({ action }) => action === 'dashboard.sessions_ended').length, 1)
    },
  )
}
