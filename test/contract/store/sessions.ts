import assert from 'node:assert/strict'
import type { AccessKey } from '../../../src/domain/access/access-key.ts'
import type { DashboardSession } from '../../../src/domain/access/dashboard-session.ts'
import type { Store } from '../../../src/ports/store.ts'
import { accessKeyOf } from '../../kit/access-keys.ts'
import { auditEntry } from '../../kit/audit-entries.ts'
import { type Open, rule, START } from '../../kit/commits.ts'

let made = 0
const sessionOf = (key: AccessKey, changes: Partial<DashboardSession> = {}): DashboardSession => ({
  ...{ hash: (++made).toString(16).padStart(64, 'a'), keyId: key.id, host: 'pay.example:8080' },
  ...{ createdAt: START, usedAt: START, ...changes },
})

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
      const session = sessionOf(key)
      assert.equal(await begin(store, key, session), true)
      assert.deepEqual(await store.dashboardSession(session.hash), { session, keyHash: key.hash })
      assert.equal(await store.dashboardSession('f'.repeat(64)), undefined)
      const { data } = await store.auditEntries(other, { limit: 1 })
      assert.equal(data[0]?.action, 'dashboard.signed_in')
    },
  )

  rule(open, 'a key that was revoked begins no session, and nothing is stored', async (store, { test }) => {
    const key = accessKeyOf(test, { revokedAt: START })
    await addKey(store, key)
    const session = sessionOf(key)
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
      const [kept, ended, ...old] = [0, 1, 2, 3, 4].map((i) => sessionOf(key, { usedAt: START + i })) as [
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
}
