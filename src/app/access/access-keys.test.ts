import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { tempDir } from '../../../test/kit/folders.ts'
import { addedEndpoint, webhookEndpointOf } from '../../../test/kit/webhooks.ts'
import type { AccessKey } from '../../domain/access/access-key.ts'
import { permissionsOf } from '../../domain/access/permissions.ts'
import { isRejection, type Rejection } from '../../domain/error.ts'
import { idFactory } from '../../domain/id.ts'
import { MODES } from '../../domain/scope.ts'
import { type Store, StoreUnavailable } from '../../ports/store.ts'
import { manualRuntime } from '../../runtime/manual.ts'
import { openSqliteStore } from '../../storage/sqlite/store.ts'
import { sha256 } from '../context.ts'
import {
  createAccessKey,
  findAccessKey,
  listAccessKeys,
  type MadeKey,
  renameAccessKey,
  revokeAccessKey,
  rollAccessKey,
} from './access-keys.ts'
import { type ClosingContext, closeAccount, createAccount, findAccount, renameAccount } from './accounts.ts'
import { type Administrator, operator } from './administrator.ts'
import { createKeyring } from './keyring.ts'

const DAY_MS = 86_400_000
const CLI = operator('cli')
const dir = tempDir()
const runtime = manualRuntime()
let store: Store
let context: ClosingContext

before(async () => {
  store = await openSqliteStore({ file: `${dir.path}/keys.db`, onFatal: assert.ifError })
  let drawn = 0n
  const { now, monotonic } = runtime
  const newId = idFactory(now, () => ++drawn << 40n)
  context = { store, now, newId, runtime, keyring: createKeyring({ store, now, monotonic, sha256 }) }
})
after(async () => {
  await store?.close()
  dir.remove()
})

async function done<T extends object>(result: Promise<T | Rejection>): Promise<T> {
  const found = await result
  assert.ok(!isRejection(found), isRejection(found) ? found.message : '')
  return found
}

async function refused(result: Promise<object>, code: string, param?: string): Promise<void> {
  const found = await result
  assert.ok(isRejection(found), 'was not refused')
  assert.deepEqual([found.code, found.param], [code, param])
}

const make = (request: object = {}, by: Administrator = CLI): Promise<MadeKey> =>
  done(createAccessKey(context, by, { name: 'key', ...request } as Parameters<typeof createAccessKey>[2]))

/** The caller that a key is. */
function callerOf(key: AccessKey): Administrator {
  const permissions = permissionsOf(key, key.scope)
  return {
    ...{ scope: key.scope, actor: key.id, permissions, keyId: key.id },
    ...{ address: '10.0.0.1', requestId: 'req_1' },
  }
}

const authenticated = async (secret: string) =>
  (await context.keyring.authenticate(secret, '127.0.0.1'))?.key.id
const loggedOf = async ({ scope, id }: AccessKey) =>
  (await store.auditEntries(scope, { limit: 100, object: id })).data

test('a new key is shown once, works at once, and only its hash is stored', async () => {
  const { key, secret } = await make({ role: 'application', mode: 'test' })
  assert.match(secret, /^mp_test_/)
  assert.equal(await authenticated(secret), key.id)
  assert.deepEqual(await findAccessKey(context, CLI, key.id), key)
  assert.equal(key.hash, sha256(secret))
  assert.ok(!JSON.stringify([key, await loggedOf(key)]).includes(secret))
  assert.equal(key.createdBy, 'cli')
})

test('each change of a key is in the audit log with what it was before and after', async () => {
  const { key } = await make({ role: 'support' })
  const by = callerOf((await make({ role: 'administrator' })).key)
  await done(renameAccessKey(context, by, key.id, 'Desk'))
  const rolled = await done(rollAccessKey(context, by, key.id))
  await done(revokeAccessKey(context, by, key.id))
  const log = await loggedOf(key)
  assert.deepEqual(log.map(({ action, actor }) => [action, actor]).toReversed(), [
    ['key.created', 'cli'],
    ['key.renamed', by.actor],
    ['key.rolled', by.actor],
    ['key.revoked', by.actor],
  ])
  const [, roll, rename] = log.map(({ before, after, ...rest }) => ({
    ...rest,
    before: JSON.parse(before ?? 'null'),
    after: JSON.parse(after ?? 'null'),
  }))
  assert.deepEqual([rename?.before.name, rename?.after.name], ['key', 'Desk'])
  assert.deepEqual([roll?.after.rolled_to, roll?.after.successor.name], [rolled.key.id, 'Desk'])
  assert.deepEqual([roll?.address, roll?.requestId], ['10.0.0.1', 'req_1'])
})

test('a change that changes nothing is no entry of the log', async () => {
  const { key } = await make({ role: 'support' })
  await done(renameAccessKey(context, CLI, key.id, 'key'))
  const once = await done(revokeAccessKey(context, CLI, key.id))
  await runtime.advance(10)
  assert.deepEqual(await done(revokeAccessKey(context, CLI, key.id)), once)
  assert.equal((await loggedOf(key)).length, 2)
})

test('a revoked key is refused at once on this node, and makes nothing more', async () => {
  const { key, secret } = await make({ role: 'administrator' })
  assert.equal(await authenticated(secret), key.id)
  const by = callerOf(key)
  await make({ role: 'support' }, by)
  await done(revokeAccessKey(context, by, key.id))
  assert.equal(await authenticated(secret), undefined)
  const wanted = { name: 'late', role: 'support' }
  await refused(createAccessKey(context, by, wanted), 'permission_denied')
  const other = await make({ role: 'support' })
  await refused(rollAccessKey(context, by, other.key.id), 'permission_denied')
})

test('a rolled key works for the overlap beside its successor', async () => {
  const old = await make({
    role: null,
    permissions: ['refunds:write'],
    networks: ['127.0.0.1'],
    rateLimit: 7,
  })
  const { key, secret, old: expiring } = await done(rollAccessKey(context, CLI, old.key.id, 60_000))
  const { name, role, permissions, networks, rateLimit, scope, expiresAt } = old.key
  assert.partialDeepStrictEqual(key, { name, role, permissions, networks, rateLimit, scope, expiresAt })
  assert.deepEqual([expiring.rolledTo, expiring.expiresAt], [key.id, context.now() + 60_000])
  await runtime.advance(59_999)
  assert.deepEqual([await authenticated(old.secret), await authenticated(secret)], [old.key.id, key.id])
  await runtime.advance(1)
  assert.deepEqual([await authenticated(old.secret), await authenticated(secret)], [undefined, key.id])
})

test('a key is rolled without an overlap, for a day unless chosen, and never beyond its own end', async () => {
  const at = context.now()
  const { key: first, secret } = await make({ role: 'support' })
  await done(rollAccessKey(context, CLI, first.id, 0))
  assert.equal(await authenticated(secret), undefined)
  const { key: second } = await make({ role: 'support' })
  assert.equal((await done(rollAccessKey(context, CLI, second.id))).old.expiresAt, at + DAY_MS)
  const { key: third } = await make({ role: 'support', expiresAt: at + 5 })
  const rolled = await done(rollAccessKey(context, CLI, third.id))
  assert.deepEqual([rolled.old.expiresAt, rolled.key.expiresAt], [at + 5, at + 5])
  for (const overlap of [-1, 30 * DAY_MS + 1, 0.5, Number.NaN])
    await refused(rollAccessKey(context, CLI, rolled.key.id, overlap), 'parameter_invalid', 'overlap_seconds')
})

test('a key that has ended is not rolled', async () => {
  const { key } = await make({ role: 'support', expiresAt: context.now() + 5 })
  const { key: rolled } = await make({ role: 'support' })
  const { key: revoked } = await make({ role: 'support' })
  await done(rollAccessKey(context, CLI, rolled.id))
  await done(revokeAccessKey(context, CLI, revoked.id))
  await runtime.advance(5)
  for (const { id } of [key, rolled, revoked])
    await refused(rollAccessKey(context, CLI, id), 'api_key_ended', 'id')
  await refused(rollAccessKey(context, CLI, 'key_none'), 'api_key_not_found', 'id')
})

test('of two rolls of one key at once, the second is refused', async () => {
  const { key } = await make({ role: 'support' })
  const both = await Promise.all([1, 2].map(() => rollAccessKey(context, CLI, key.id)))
  assert.deepEqual(both.map((result) => (isRejection(result) ? result.code : 'rolled')).sort(), [
    'api_key_ended',
    'rolled',
  ])
})

test('a key cannot roll one that may do more, whose successor would be its own', async () => {
  const { key: admin } = await make({ role: 'administrator' })
  const { key: clerk } = await make({ permissions: ['keys:write', 'refunds:write'] })
  const by = callerOf(clerk)
  await refused(rollAccessKey(context, by, admin.id), 'permission_denied', 'role')
  assert.equal(((await findAccessKey(context, CLI, admin.id)) as AccessKey).rolledTo, null)
  const { key: lesser } = await make({ permissions: ['refunds:read'] }, by)
  await done(rollAccessKey(context, by, lesser.id))
  await done(rollAccessKey(context, by, clerk.id))
})

test('a key renames and revokes only itself and keys that may do no more', async () => {
  const { key: admin } = await make({ role: 'administrator' })
  const { key: clerk } = await make({ permissions: ['keys:write', 'refunds:write'] })
  const { key: lesser } = await make({ permissions: ['refunds:read'] })
  const by = callerOf(clerk)
  await refused(renameAccessKey(context, by, admin.id, 'mine'), 'permission_denied', 'id')
  await refused(revokeAccessKey(context, by, admin.id), 'permission_denied', 'id')
  assert.deepEqual(await findAccessKey(context, CLI, admin.id), admin)
  await done(renameAccessKey(context, by, lesser.id, 'Desk'))
  await done(revokeAccessKey(context, by, lesser.id))
  const limited = await make({ role: 'administrator', expiresAt: context.now() + DAY_MS, rateLimit: 1 })
  await done(revokeAccessKey(context, callerOf(limited.key), admin.id))
  await done(revokeAccessKey(context, callerOf(limited.key), limited.key.id))
  await done(revokeAccessKey(context, by, clerk.id))
  await refused(renameAccessKey(context, by, clerk.id, 'late'), 'permission_denied')
})

test('a key cannot make one after it has lost its own rights, although its request has them', async () => {
  const { key } = await make({ role: 'administrator', expiresAt: context.now() + 100 })
  const by = callerOf(key)
  await refused(
    createAccessKey(context, by, { name: 'x', role: 'support' }),
    'permission_denied',
    'expires_at',
  )
  await make({ role: 'support', expiresAt: key.expiresAt }, by)
  await runtime.advance(100)
  await refused(
    createAccessKey(context, by, { name: 'x', role: 'support', expiresAt: context.now() + 1 }),
    'permission_denied',
  )
})

test('an expired key makes no keys when the clock is set back, and a roll then still has its whole overlap', async (t) => {
  const { key } = await make({ role: 'administrator', expiresAt: context.now() + 100 })
  const { key: rolled } = await make({ role: 'support' })
  await runtime.advance(100)
  const now = context.keyring.latest()
  t.after(() => runtime.setClock(now))
  runtime.setClock(now - DAY_MS)
  const wanted = { name: 'x', role: 'support', expiresAt: now + 50 }
  await refused(createAccessKey(context, callerOf(key), wanted), 'permission_denied')
  await refused(
    createAccessKey(context, CLI, { ...wanted, expiresAt: now }),
    'parameter_invalid',
    'expires_at',
  )
  await refused(rollAccessKey(context, CLI, key.id), 'api_key_ended', 'id')
  assert.equal((await done(rollAccessKey(context, CLI, rolled.id, 60_000))).old.expiresAt, now + 60_000)
})

test('a caller finds and changes keys of its own account and mode only, unless it is the operator', async () => {
  const shop = await done(createAccount(context, CLI, 'shop'))
  const own = await make({ role: 'administrator', account: shop.publicId })
  const foreign = await make({ role: 'support' })
  const inTest = await make({ role: 'support', account: shop.publicId, mode: 'test' })
  const by = callerOf(own.key)
  for (const { key } of [foreign, inTest]) {
    await refused(findAccessKey(context, by, key.id), 'api_key_not_found', 'id')
    await refused(renameAccessKey(context, by, key.id, 'mine'), 'api_key_not_found', 'id')
    await refused(revokeAccessKey(context, by, key.id), 'api_key_not_found', 'id')
    await refused(rollAccessKey(context, by, key.id), 'api_key_not_found', 'id')
  }
  const list = async (request: object, caller = by) => {
    const page = await done(listAccessKeys(context, caller, { limit: 100, ...request }))
    return page.data.map(({ id }) => id)
  }
  assert.deepEqual(await list({}), [own.key.id])
  assert.deepEqual(await list({ account: shop.publicId, mode: 'live' }), [own.key.id])
  await refused(listAccessKeys(context, by, { limit: 1, mode: 'test' }), 'permission_denied', 'mode')
  // Whether an account exists is not to be seen either.
  for (const account of ['acct_default', 'acct_none'])
    await refused(listAccessKeys(context, by, { limit: 1, account }), 'permission_denied', 'account')

  const admin = callerOf((await make({ role: 'administrator' })).key)
  assert.deepEqual(await list({ account: shop.publicId, mode: 'test' }, admin), [inTest.key.id])
  await refused(
    listAccessKeys(context, admin, { limit: 1, account: 'acct_none' }),
    'account_not_found',
    'account',
  )
  await done(revokeAccessKey(context, admin, inTest.key.id))
  assert.equal((await loggedOf(inTest.key)).at(0)?.action, 'key.revoked', 'in the log of its own scope')
})

test('a request without a key makes keys of test mode only', async () => {
  const scope = { accountId: 1, mode: 'test' } as const
  const keyless: Administrator = { ...CLI, scope, actor: 'keyless' }
  assert.equal((await make({ role: 'administrator' }, keyless)).key.scope.mode, 'test')
  for (const request of [
    { mode: 'live' },
    { account: (await done(createAccount(context, CLI, 'x'))).publicId },
  ] as const)
    await refused(
      createAccessKey(context, keyless, { name: 'x', role: 'support', ...request }),
      'permission_denied',
      Object.keys(request)[0],
    )
})

test('a closed account refuses its keys and gets no new ones, and is closed for ever', async () => {
  const shop = await done(createAccount(context, CLI, 'shop'))
  const { key, secret } = await make({ role: 'application', account: shop.publicId })
  assert.equal(await authenticated(secret), key.id)
  const closed = await done(closeAccount(context, CLI, shop.publicId))
  assert.equal(closed.closedAt, context.now())
  assert.equal(await authenticated(secret), undefined)
  const wanted = { name: 'x', role: 'support', account: shop.publicId }
  await refused(createAccessKey(context, CLI, wanted), 'account_closed', 'account')
  await refused(rollAccessKey(context, CLI, key.id), 'account_closed', 'account')
  await runtime.advance(1)
  assert.deepEqual(await done(closeAccount(context, CLI, shop.publicId)), closed)
  assert.equal((await done(renameAccount(context, CLI, shop.publicId, 'former'))).name, 'former')
})

test('closing an account deletes its webhook endpoints of both modes, also when it was interrupted', async () => {
  const shop = await done(createAccount(context, CLI, 'shop'))
  const scopes = MODES.map((mode) => ({ accountId: shop.id, mode }))
  const added = []
  for (const scope of scopes) for (let i = 0; i < 2; i++) added.push(await addedEndpoint(store, scope))
  const other = await addedEndpoint(store, { accountId: 1, mode: 'test' })
  let left = 1
  const interrupted = {
    ...context,
    store: new Proxy(store, {
      get(target, name) {
        if (name === 'changeWebhookEndpoint' && left-- === 0) throw new StoreUnavailable('connection', 'gone')
        return Reflect.get(target, name)
      },
    }),
  }
  await assert.rejects(closeAccount(interrupted, CLI, shop.publicId), StoreUnavailable)
  await done(closeAccount(context, CLI, shop.publicId))
  for (const { scope, id } of added) {
    const stored = await store.webhookEndpoint(scope, id)
    assert.equal(stored?.deletedAt, context.now())
    assert.deepEqual(stored?.secrets, [])
    const { data } = await store.auditEntries(scope, { limit: 9, object: id })
    assert.deepEqual(
      data.map(({ action, actor }) => [action, actor]),
      [['webhook_endpoint.deleted', 'cli']],
    )
  }
  assert.equal((await store.webhookEndpoint(other.scope, other.id))?.deletedAt, null)
  assert.equal(await store.addWebhookEndpoint(webhookEndpointOf(scopes[0]!), null), false)
})

test('names of keys and accounts have no characters that hide or reorder a text; emoji and scripts stay', async () => {
  for (const code of [
    0, 10, 0x85, 0x61c, 0x200e, 0x200f, 0x2028, 0x2029, 0x202a, 0x202e, 0x2066, 0x2069, 0xfeff,
  ]) {
    const name = `shop${String.fromCodePoint(code)}nimda`
    const title = code.toString(16)
    const role = 'support'
    assert.ok(isRejection(await createAccessKey(context, CLI, { name, role })), title)
    assert.ok(isRejection(await createAccount(context, CLI, name)), title)
  }
  for (const name of [
    '\u{1f468}\u200d\u{1f469}\u200d\u{1f467} shop',
    'نامه\u200cها',
    '\u2764\ufe0f',
    '\u{1f3f4}\u{e0067}\u{e007f}',
  ])
    assert.equal((await make({ role: 'support', name })).key.name, name)
})

test("the operator's account stays open, and names are checked", async () => {
  await refused(closeAccount(context, CLI, 'acct_default'), 'parameter_invalid', 'id')
  await refused(createAccount(context, CLI, ''), 'parameter_invalid', 'name')
  await refused(renameAccount(context, CLI, 'acct_default', 'x'.repeat(256)), 'parameter_invalid', 'name')
  await refused(findAccount(context, 'acct_none'), 'account_not_found', 'id')
  const { key } = await make({ role: 'support' })
  await refused(renameAccessKey(context, CLI, key.id, '\n'), 'parameter_invalid', 'name')
})

test('two different changes of one key at once are both made', async () => {
  const { key } = await make({ role: 'support' })
  await Promise.all([
    done(renameAccessKey(context, CLI, key.id, 'Desk')),
    done(revokeAccessKey(context, CLI, key.id)),
  ])
  const { name, revokedAt } = (await findAccessKey(context, CLI, key.id)) as AccessKey
  assert.deepEqual([name, revokedAt === null], ['Desk', false])
  assert.equal((await loggedOf(key)).length, 3)
})
