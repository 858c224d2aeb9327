/** Access keys on several nodes of one database. */
import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import { createAccessKey, revokeAccessKey, rollAccessKey } from '../../../src/app/access/access-keys.ts'
import type { ClosingContext } from '../../../src/app/access/accounts.ts'
import { closeAccount, createAccount } from '../../../src/app/access/accounts.ts'
import { operator } from '../../../src/app/access/administrator.ts'
import { makeFirstKey } from '../../../src/app/access/first-key.ts'
import { createKeyring } from '../../../src/app/access/keyring.ts'
import { sha256 } from '../../../src/app/context.ts'
import type { KeyRequest } from '../../../src/domain/access/new-key.ts'
import { isRejection, type Rejection } from '../../../src/domain/error.ts'
import { manualRuntime } from '../../../src/runtime/manual.ts'
import { verifyPostgres } from '../../../src/storage/postgres/verify.ts'
import { newId } from '../../kit/commits.ts'
import { onDatabase } from '../../kit/postgres.ts'
import { databases, openStores } from './postgres-support.ts'

const databasesOf = databases()
const CLI = operator('cli')
const HERE = '127.0.0.1'

/** Two nodes with clocks that the test moves. */
async function twoNodes(t: TestContext) {
  const url = await databasesOf.database(t)
  const stores = await openStores(t, url, 2)
  const runtime = manualRuntime()
  const nodes = stores.map((store): ClosingContext => {
    const { now, monotonic } = runtime
    return { store, now, newId, runtime, keyring: createKeyring({ store, now, monotonic, sha256 }) }
  })
  const [a, b] = nodes as [ClosingContext, ClosingContext]
  return { a, b, runtime, url }
}

async function done<T extends object>(result: Promise<T | Rejection>): Promise<T> {
  const found = await result
  assert.ok(!isRejection(found), isRejection(found) ? found.message : '')
  return found
}

const make = (node: ClosingContext, request: Partial<KeyRequest> & { account?: string } = {}) =>
  done(createAccessKey(node, CLI, { name: 'key', role: 'administrator', ...request }))
const works = async ({ keyring }: ClosingContext, secret: string) =>
  (await keyring.authenticate(secret, HERE)) !== undefined

test('a key that one node revokes is refused there at once, and by every other within a second', async (t) => {
  const { a, b, runtime } = await twoNodes(t)
  for (const age of [0, 449, 700]) {
    const { key, secret } = await make(a)
    assert.deepEqual([await works(a, secret), await works(b, secret)], [true, true])
    await runtime.advance(age)
    await done(revokeAccessKey(a, CLI, key.id))
    assert.equal(await works(a, secret), false)
    await runtime.advance(1_000)
    assert.equal(await works(b, secret), false, `after ${age} ms in the cache`)
  }
})

test('of two nodes that make the first key at once, one makes it, and the log has it once', async (t) => {
  const { a, b, url } = await twoNodes(t)
  const made = await Promise.all([a, b, a, b].map((node) => makeFirstKey(node, 'test')))
  const keys = made.filter((each) => each !== undefined)
  assert.equal(keys.length, 1)
  assert.equal(await works(b, keys[0]?.secret ?? ''), true)
  const { rows } = await onDatabase(url, (client) =>
    client.query(`SELECT 1 FROM audit_log WHERE action = 'key.created'`),
  )
  assert.equal(rows.length, 1)
  assert.equal((await verifyPostgres(url)).problem, undefined)
})

test('a key that one node makes works on every other at once', async (t) => {
  const { a, b } = await twoNodes(t)
  assert.equal(await b.keyring.anyKey(), false)
  const { secret } = await make(a)
  assert.equal(await works(b, secret), true)
})

test('a roll on one node lets both keys work on every other, until the overlap ends', async (t) => {
  const { a, b, runtime } = await twoNodes(t)
  const { key, secret } = await make(a)
  assert.equal(await works(b, secret), true)
  const rolled = await done(rollAccessKey(a, CLI, key.id, 5_000))
  assert.deepEqual([await works(b, secret), await works(b, rolled.secret)], [true, true])
  await runtime.advance(5_000)
  assert.deepEqual([await works(b, secret), await works(b, rolled.secret)], [false, true])
})

test('an account that one node closes is refused by every other within a second', async (t) => {
  const { a, b, runtime } = await twoNodes(t)
  const shop = await done(createAccount(a, CLI, 'shop'))
  const { secret } = await make(b, { account: shop.publicId })
  assert.equal(await works(b, secret), true)
  await done(closeAccount(a, CLI, shop.publicId))
  await runtime.advance(1_000)
  assert.equal(await works(b, secret), false)
})

test('a key that is revoked makes no key on another node, which has it in its cache', async (t) => {
  const { a, b } = await twoNodes(t)
  const { key, secret } = await make(a)
  const cached = await b.keyring.authenticate(secret, HERE)
  assert.ok(cached)
  await done(revokeAccessKey(a, CLI, key.id))
  assert.ok(await works(b, secret), 'still in the cache')
  const by = { ...CLI, actor: key.id, keyId: key.id, permissions: cached.permissions }
  const late = await createAccessKey(b, by, { name: 'late', role: 'support' })
  assert.equal(isRejection(late) && late.code, 'permission_denied')
})

test('of makings and the revocation of their maker on two nodes at once, the log has no making after the revocation', async (t) => {
  const { a, b, url } = await twoNodes(t)
  let made = 0
  for (let i = 0; i < 20; i++) {
    const { key } = await make(a)
    const by = { ...CLI, actor: key.id, keyId: key.id }
    const makings = Promise.all([1, 2, 3].map(() => createAccessKey(b, by, { name: 'n', role: 'support' })))
    const [results] = await Promise.all([makings, done(revokeAccessKey(a, CLI, key.id))])
    for (const result of results)
      if (isRejection(result)) assert.equal(result.code, 'permission_denied')
      else made++
  }
  const { rows } = await onDatabase(url, (client) =>
    client.query(`SELECT c.object FROM audit_log c JOIN audit_log r ON r.object = c.actor AND r.action = 'key.revoked'
      WHERE c.action = 'key.created' AND c.seq > r.seq`),
  )
  assert.deepEqual(rows, [])
  assert.ok(made > 0)
})
