import assert from 'node:assert/strict'
import type { AuditEntry } from '../../../src/domain/audit.ts'
import type { AuditQuery } from '../../../src/ports/store-audit.ts'
import { accessKeyOf } from '../../kit/access-keys.ts'
import { auditEntry } from '../../kit/audit-entries.ts'
import { chargeCommit, newId, type Open, rule, START } from '../../kit/commits.ts'

/** The audit log: each entry is stored with the change that it records, or not at all. */
export function auditLog(open: Open): void {
  rule(open, 'an entry is stored with its commit, and is read as it was stored', async (store, { live }) => {
    const entry = auditEntry(live, {
      action: 'attempt.resolved',
      object: 'att_1',
      before: '{"status":"unknown"}',
      after: '{"note":"é 💶 \\u0000","status":"declined"}',
    })
    const commit = { ...chargeCommit({ scope: live }), audit: entry }
    assert.deepEqual(await store.commit(commit), { kind: 'committed' })
    assert.deepEqual(await store.auditEntry(live, entry.id), entry)
    assert.deepEqual(await store.auditEntries(live, { limit: 10 }), { data: [entry], hasMore: false })
  })

  rule(open, 'a commit that is refused stores no entry', async (store, { live }) => {
    const commit = chargeCommit({ scope: live })
    await store.commit(commit)
    const again = { ...chargeCommit({ scope: live, key: commit.key.key }), audit: auditEntry(live) }
    assert.equal((await store.commit(again)).kind, 'key_exists')
    assert.deepEqual((await store.auditEntries(live, { limit: 10 })).data, [])
  })

  rule(open, 'commits of one group store their entries in their order', async (store, { live, test }) => {
    const scopes = Array.from({ length: 12 }, (_, i) => (i % 3 === 0 ? test : live))
    const commits = scopes.map((scope) => ({ ...chargeCommit({ scope }), audit: auditEntry(scope) }))
    await Promise.all(commits.map((commit) => store.commit(commit)))
    for (const scope of [live, test]) {
      const stored = (await store.auditEntries(scope, { limit: 20 })).data.map(({ id }) => id)
      const made = commits.filter((commit) => commit.scope === scope).map(({ audit }) => audit.id)
      assert.deepEqual(stored, made.toReversed())
    }
  })

  rule(open, 'a change of the rules and a retry are stored with their entry', async (store, { live }) => {
    const [first, late] = [auditEntry(live), auditEntry(live)]
    const rules = { document: '{}', note: null, createdAt: START }
    assert.equal(await store.replaceRuleSet(live, 0, rules, first), true)
    assert.equal(await store.replaceRuleSet(live, 0, rules, late), false, 'version 0 is gone')
    assert.equal(await store.retryWebhookDelivery(live, newId('dlv'), START, auditEntry(live)), false)
    assert.equal(await store.retryWebhookDeliveries(live, [newId('dlv')], START, auditEntry(live)), 0)
    const started = auditEntry(live, { action: 'server.started', actor: 'server', address: null })
    await store.addAuditEntry(started)
    assert.deepEqual((await store.auditEntries(live, { limit: 10 })).data, [started, first])
  })

  rule(open, 'keys and accounts are stored with their entries, or neither', async (store, { live }) => {
    const key = accessKeyOf(live)
    const entries = [auditEntry(live), auditEntry(live), auditEntry(live), auditEntry(live)] as const
    assert.equal(await store.addAccessKey(key, entries[0]), true)
    const revoked = { ...key, revokedAt: START }
    assert.equal(await store.changeAccessKey(key, revoked, entries[1]), true)
    assert.equal(await store.changeAccessKey(key, revoked, auditEntry(live)), false, 'it has changed')
    const account = { publicId: 'acct_new', name: 'new', createdAt: START, closedAt: null }
    const added = await store.addAccount(account, entries[2])
    assert.equal(await store.changeAccount(added, { ...added, name: 'newer' }, entries[3]), true)
    assert.equal(await store.changeAccount(added, { ...added, name: 'late' }, auditEntry(live)), false)
    assert.deepEqual((await store.auditEntries(live, { limit: 10 })).data, entries.toReversed())
    const own = { accountId: added.id, mode: 'live' } as const
    await store.addAuditEntry(auditEntry(own))
    assert.deepEqual(await store.commit(chargeCommit({ scope: own })), { kind: 'committed' })
  })
}

/** Lists of the audit log, as the other lists of a scope. */
export function auditLists(open: Open): void {
  rule(open, 'the log is listed by action, actor, object and time, newest first', async (store, scopes) => {
    const { live, test, other } = scopes
    const all: AuditEntry[] = []
    for (let i = 0; i < 24; i++) {
      const entry = auditEntry(live, {
        action: i % 2 === 0 ? 'key.created' : 'key.revoked',
        actor: i % 3 === 0 ? 'key_a' : 'cli',
        object: i % 4 === 0 ? null : `key_${i % 4}`,
      })
      await store.addAuditEntry(entry)
      all.unshift(entry)
    }
    await store.addAuditEntry(auditEntry(test, { actor: 'key_a' }))
    const ids = async (query: Omit<AuditQuery, 'limit'>, limit = 100) =>
      (await store.auditEntries(live, { ...query, limit })).data.map(({ id }) => id)
    const those = (are: (entry: AuditEntry) => boolean) => all.filter(are).map(({ id }) => id)
    assert.deepEqual(
      await ids({ action: 'key.revoked' }),
      those(({ action }) => action === 'key.revoked'),
    )
    assert.deepEqual(
      await ids({ actor: 'key_a' }),
      those(({ actor }) => actor === 'key_a'),
    )
    assert.deepEqual(
      await ids({ object: 'key_2' }),
      those(({ object }) => object === 'key_2'),
    )
    assert.deepEqual(
      await ids({ actor: 'cli', action: 'key.created', object: 'key_2' }),
      those(({ actor, action, object }) => actor === 'cli' && action === 'key.created' && object === 'key_2'),
    )
    const [from, until] = [all[19]!.at, all[4]!.at]
    assert.deepEqual(
      await ids({ createdFrom: from, createdUntil: until }),
      those(({ at }) => at >= from && at < until),
    )
    assert.deepEqual(
      await ids({ startingAfter: all[9]!.id }, 5),
      all.slice(10, 15).map(({ id }) => id),
    )
    assert.deepEqual(
      await ids({ endingBefore: all[9]!.id }, 5),
      all.slice(4, 9).map(({ id }) => id),
    )
    assert.deepEqual((await store.auditEntries(other, { limit: 10 })).data, [])
    assert.equal(await store.auditEntry(other, all[0]!.id), undefined)
  })
}
