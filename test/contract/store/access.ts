import assert from 'node:assert/strict'
import type { AccessKey, Account } from '../../../src/domain/access/access-key.ts'
import type { AuditAction } from '../../../src/domain/audit.ts'
import { type Scope, type Store, StoreUnavailable } from '../../../src/ports/store.ts'
import { accessKeyOf } from '../../kit/access-keys.ts'
import { auditEntry } from '../../kit/audit-entries.ts'
import { newId, type Open, rule, START, tick } from '../../kit/commits.ts'

const entryOf = (scope: Scope, action: AuditAction, object: string) =>
  auditEntry(scope, { action, object, actor: 'cli' })

const add = (store: Store, key: AccessKey) =>
  store.addAccessKey(key, entryOf(key.scope, 'key.created', key.id))

const change = (store: Store, before: AccessKey, after: AccessKey) =>
  store.changeAccessKey(before, after, entryOf(before.scope, 'key.renamed', before.id))

const roll = (store: Store, before: AccessKey, after: AccessKey, successor: AccessKey) =>
  store.rollAccessKey(before, after, successor, entryOf(before.scope, 'key.rolled', before.id))

async function stored(store: Store, key: AccessKey): Promise<AccessKey> {
  assert.equal(await add(store, key), true)
  return key
}

/** A new account with this name, made by a caller of the scope. */
export const accountMade = (store: Store, scope: Scope, name: string): Promise<Account> => {
  const account = { publicId: newId('acct'), name, createdAt: tick(), closedAt: null }
  const entry = entryOf(scope, 'account.created', account.publicId)
  return store.addAccount(account, { ...entry, after: JSON.stringify({ name }) })
}

const close = (store: Store, scope: Scope, account: Account) =>
  store.changeAccount(
    account,
    { ...account, closedAt: tick() },
    entryOf(scope, 'account.closed', account.publicId),
  )

export function accessKeys(open: Open): void {
  rule(
    open,
    'a key is stored whole, and is found by its hash in any scope',
    async (store, { live, test, other }) => {
      assert.equal(await store.anyAccessKey(), false)
      const full = accessKeyOf(other, {
        ...{ role: null, permissions: ['charges:read', 'refunds:write'], networks: ['10.0.0.0/8', '::1'] },
        ...{ expiresAt: START + 5, revokedAt: START, rolledTo: newId('key'), lastUsedAt: START - 1 },
        ...{ rateLimit: 25, name: 'Zoë "1" 💶', createdBy: newId('key') },
      })
      for (const key of [full, accessKeyOf(live), accessKeyOf(test, { role: 'administrator' })]) {
        await stored(store, key)
        assert.deepEqual(await store.accessKeyByHash(key.hash), { key, accountClosedAt: null })
        assert.deepEqual(await store.accessKey(key.scope, key.id), key)
        assert.deepEqual(await store.accessKey(null, key.id), key)
      }
      for (const scope of [live, test]) assert.equal(await store.accessKey(scope, full.id), undefined)
      assert.equal(await store.accessKeyByHash('f'.repeat(64)), undefined)
      assert.equal(await store.accessKey(null, newId('key')), undefined)
    },
  )

  rule(open, 'a key was ever made although all are revoked', async (store, { live }) => {
    const key = await stored(store, accessKeyOf(live))
    assert.equal(await change(store, key, { ...key, revokedAt: tick() }), true)
    assert.equal(await store.anyAccessKey(), true)
  })

  rule(open, 'a key was ever made if only the audit log still has it', async (store, { other }) => {
    await store.addAuditEntry(entryOf(other, 'account.renamed', newId('acct')))
    assert.equal(await store.anyAccessKey(), false)
    await store.addAuditEntry(entryOf(other, 'key.created', newId('key')))
    assert.equal(await store.anyAccessKey(), true)
  })

  rule(
    open,
    'of several first keys at once one is stored, and none once a key was made',
    async (store, { live, other }) => {
      const addFirst = (scope: Scope) => {
        const key = accessKeyOf(scope)
        return store.addAccessKey(key, entryOf(scope, 'key.created', key.id), true)
      }
      const won = await Promise.all(Array.from({ length: 5 }, (_, i) => addFirst(i % 2 === 0 ? live : other)))
      assert.equal(won.filter(Boolean).length, 1)
      const stored = await Promise.all([live, other].map((scope) => store.accessKeys(scope, { limit: 10 })))
      assert.equal(stored.flatMap(({ data }) => data).length, 1)
      assert.equal(await addFirst(live), false)
    },
  )

  rule(open, 'a key changes only from the state that was read', async (store, { live }) => {
    const key = await stored(store, accessKeyOf(live))
    const renamed = { ...key, name: 'store' }
    assert.equal(await change(store, key, renamed), true)
    assert.equal(await change(store, key, { ...key, revokedAt: tick() }), false)
    const ended = { ...renamed, expiresAt: tick(), rolledTo: newId('key'), revokedAt: tick() }
    assert.equal(await change(store, renamed, ended), true)
    assert.equal(await change(store, renamed, { ...renamed, name: 'x' }), false)
    assert.deepEqual(await store.accessKey(live, key.id), ended)
    assert.equal(await change(store, accessKeyOf(live), accessKeyOf(live)), false)
  })

  rule(open, 'of many changes of one key at once, one wins', async (store, { live }) => {
    const key = await stored(store, accessKeyOf(live))
    const won = await Promise.all(
      Array.from({ length: 8 }, (_, i) => change(store, key, { ...key, name: `name ${i}` })),
    )
    assert.equal(won.filter((done) => done).length, 1)
    assert.equal((await store.accessKey(live, key.id))?.name, `name ${won.indexOf(true)}`)
  })

  rule(open, 'a revoked key makes no key', async (store, { live }) => {
    const maker = await stored(store, accessKeyOf(live))
    await stored(store, accessKeyOf(live, { createdBy: maker.id }))
    assert.equal(await change(store, maker, { ...maker, revokedAt: tick() }), true)
    const late = accessKeyOf(live, { createdBy: maker.id })
    assert.equal(await add(store, late), false)
    assert.equal(await store.accessKey(null, late.id), undefined)
  })

  rule(open, 'a last use only moves forward', async (store, { live, test }) => {
    const [a, b] = [await stored(store, accessKeyOf(live)), await stored(store, accessKeyOf(test))]
    const uses = async () =>
      Promise.all([a, b].map(async ({ id }) => (await store.accessKey(null, id))?.lastUsedAt))
    await store.touchAccessKeys([
      { id: b.id, at: START + 7 },
      { id: newId('key'), at: START },
      { id: a.id, at: START + 9 },
    ])
    assert.deepEqual(await uses(), [START + 9, START + 7])
    await store.touchAccessKeys([
      { id: a.id, at: START + 8 },
      { id: b.id, at: START + 8 },
    ])
    assert.deepEqual(await uses(), [START + 9, START + 8])
    await store.touchAccessKeys([])
  })

  rule(open, 'the schema refuses keys that cannot be', async (store, { live }) => {
    const key = await stored(store, accessKeyOf(live))
    const impossible = {
      'two of one secret': { hash: key.hash },
      'two of one id': { id: key.id },
      'a role and a list': { permissions: ['charges:read'] },
      'neither a role nor a list': { role: null },
      'no name': { name: '' },
      'no request a second': { rateLimit: 0 },
    } as const
    for (const [what, changes] of Object.entries(impossible)) {
      const result = await add(store, accessKeyOf(live, changes)).catch((error: Error) => error)
      assert.ok(result instanceof Error && !(result instanceof StoreUnavailable), what)
    }
    assert.deepEqual((await store.accessKeys(live, { limit: 9 })).data, [key])
  })
}

export function recordedChanges(open: Open): void {
  rule(
    open,
    'each change is in the audit log of its scope, and a refused one is not',
    async (store, { live, test }) => {
      const key = await stored(store, accessKeyOf(test))
      const renamed = { ...key, name: 'store' }
      const successor = accessKeyOf(test)
      const rolled = { ...renamed, rolledTo: successor.id, expiresAt: tick() }
      assert.equal(await change(store, key, renamed), true)
      assert.equal(await change(store, key, renamed), false)
      assert.equal(await roll(store, renamed, rolled, successor), true)
      assert.equal(await roll(store, renamed, rolled, accessKeyOf(test)), false)
      const account = await accountMade(store, live, 'shop')
      assert.equal(await close(store, live, account), true)
      assert.equal(await close(store, live, account), false)
      assert.equal(await add(store, accessKeyOf({ accountId: account.id, mode: 'live' })), false)
      const logged = async (scope: Scope) => {
        const { data } = await store.auditEntries(scope, { limit: 100 })
        return data.map(({ action, object }) => [action, object]).toReversed()
      }
      assert.deepEqual(await logged(test), [
        ['key.created', key.id],
        ['key.renamed', key.id],
        ['key.rolled', key.id],
      ])
      assert.deepEqual(await logged(live), [
        ['account.created', account.publicId],
        ['account.closed', account.publicId],
      ])
      assert.deepEqual(await logged({ accountId: account.id, mode: 'live' }), [])
      const { data } = await store.auditEntries(live, { limit: 1, action: 'account.created' })
      assert.deepEqual(JSON.parse(data[0]?.after ?? ''), { name: 'shop', number: account.id })
    },
  )
}

export function rolledKeys(open: Open): void {
  rule(open, 'a roll changes the old key and stores its successor', async (store, { live }) => {
    const key = await stored(store, accessKeyOf(live))
    const successor = accessKeyOf(live, { createdBy: key.id })
    const old = { ...key, expiresAt: tick(), rolledTo: successor.id }
    assert.equal(await roll(store, key, old, successor), true)
    assert.deepEqual(await store.accessKey(live, key.id), old)
    assert.deepEqual(await store.accessKey(live, successor.id), successor)
  })

  rule(open, 'a roll that is refused changes nothing', async (store, { live }) => {
    const key = await stored(store, accessKeyOf(live))
    const revoked = await stored(store, accessKeyOf(live, { revokedAt: tick() }))
    const refused = async (before: AccessKey, successor: AccessKey) => {
      const old = { ...before, expiresAt: tick(), rolledTo: successor.id }
      assert.equal(await roll(store, before, old, successor), false)
      assert.deepEqual(await store.accessKey(live, key.id), key)
      assert.equal(await store.accessKey(null, successor.id), undefined)
    }
    await refused({ ...key, name: 'another' }, accessKeyOf(live))
    await refused({ ...key, id: newId('key') }, accessKeyOf(live))
    await refused(key, accessKeyOf(live, { createdBy: revoked.id }))
  })

  rule(open, 'of many rolls of one key at once, one wins', async (store, { live }) => {
    const key = await stored(store, accessKeyOf(live))
    const successors = Array.from({ length: 8 }, () => accessKeyOf(live, { createdBy: key.id }))
    const won = await Promise.all(
      successors.map((next) => roll(store, key, { ...key, expiresAt: tick(), rolledTo: next.id }, next)),
    )
    assert.equal(won.filter((done) => done).length, 1)
    const { data } = await store.accessKeys(live, { limit: 9 })
    const winner = successors[won.indexOf(true)]?.id
    assert.deepEqual(
      data.map(({ id, rolledTo }) => [id, rolledTo]),
      [
        [winner, null],
        [key.id, winner],
      ],
    )
  })
}

export function accessKeyLists(open: Open): void {
  rule(open, 'keys are listed newest first, in their scope', async (store, { live, test, other }) => {
    const ids: string[] = []
    for (const name of ['a', 'b', 'c', 'd'])
      ids.unshift((await stored(store, accessKeyOf(live, { name }))).id)
    const foreign = await stored(store, accessKeyOf(test))
    const [d, c, b, a] = ids as [string, string, string, string]
    const list = async (query: object, scope = live) => {
      const { data, hasMore } = await store.accessKeys(scope, { limit: 10, ...query })
      return [data.map(({ id }) => id), hasMore]
    }
    assert.deepEqual(await list({}), [[d, c, b, a], false])
    assert.deepEqual(await list({ limit: 2, startingAfter: d }), [[c, b], true])
    assert.deepEqual(await list({ limit: 2, endingBefore: a }), [[c, b], true])
    assert.deepEqual(await list({}, test), [[foreign.id], false])
    assert.deepEqual(await list({}, other), [[], false])
  })
}

export function accountRows(open: Open): void {
  rule(open, "the operator's account exists from the start", async (store) => {
    const account = { id: 1, publicId: 'acct_default', name: 'default', createdAt: 0, closedAt: null }
    assert.deepEqual(await store.account('acct_default'), account)
  })

  rule(open, 'accounts made at once get numbers of their own', async (store, { live }) => {
    const names = Array.from({ length: 8 }, (_, i) => `shop ${i}`)
    const all = await Promise.all(names.map((name) => accountMade(store, live, name)))
    assert.deepEqual(
      all.map(({ name }) => name),
      names,
    )
    assert.equal(new Set(all.map(({ id }) => id)).size, all.length)
    assert.ok(all.every(({ id }) => id > live.accountId))
    for (const account of all) assert.deepEqual(await store.account(account.publicId), account)
    assert.equal(await store.account(newId('acct')), undefined)
  })

  rule(open, 'accounts are listed newest first', async (store, { live }) => {
    const before = (await store.accounts({ limit: 9 })).data.map(({ publicId }) => publicId)
    assert.equal(before.at(-1), 'acct_default')
    const [a, b] = [await accountMade(store, live, 'a'), await accountMade(store, live, 'b')]
    const list = async (query: object) => {
      const { data, hasMore } = await store.accounts({ limit: 9, ...query })
      return [data.map(({ publicId }) => publicId), hasMore]
    }
    assert.deepEqual(await list({}), [[b.publicId, a.publicId, ...before], false])
    assert.deepEqual(await list({ limit: 1, startingAfter: b.publicId }), [[a.publicId], true])
    assert.deepEqual(await list({ startingAfter: 'acct_default' }), [[], false])
  })

  rule(open, 'an account changes only from the state that was read', async (store, { live }) => {
    const account = await accountMade(store, live, 'shop')
    const renamed = { ...account, name: 'store' }
    const audit = () => entryOf(live, 'account.renamed', account.publicId)
    assert.equal(await store.changeAccount(account, renamed, audit()), true)
    assert.equal(await store.changeAccount(account, { ...account, name: 'x' }, audit()), false)
    const closed = { ...renamed, closedAt: tick() }
    assert.equal(await store.changeAccount(renamed, closed, audit()), true)
    assert.deepEqual(await store.account(account.publicId), closed)
  })

  rule(open, 'a closed account shows with its keys, and gets no new ones', async (store, { live }) => {
    const account = await accountMade(store, live, 'shop')
    const scope = { accountId: account.id, mode: 'live' } as const
    const key = await stored(store, accessKeyOf(scope))
    assert.equal(await close(store, live, account), true)
    const { closedAt } = (await store.account(account.publicId)) as Account
    assert.deepEqual(await store.accessKeyByHash(key.hash), { key, accountClosedAt: closedAt })
    assert.equal(await add(store, accessKeyOf(scope)), false)
    const successor = accessKeyOf(scope)
    assert.equal(await roll(store, key, { ...key, rolledTo: successor.id }, successor), false)
    assert.deepEqual(await store.accessKey(scope, key.id), key)
    assert.equal(await add(store, accessKeyOf({ accountId: account.id + 100, mode: 'test' })), false)
    // To revoke one is still possible.
    assert.equal(await change(store, key, { ...key, revokedAt: tick() }), true)
  })
}
