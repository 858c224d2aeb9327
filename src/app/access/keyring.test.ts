import assert from 'node:assert/strict'
import { test } from 'node:test'
import { accessKeyOf } from '../../../test/kit/access-keys.ts'
import type { AccessKey } from '../../domain/access/access-key.ts'
import { keySecret, SECRET_BYTES } from '../../domain/access/key-secret.ts'
import type { FoundAccessKey } from '../../ports/store-access.ts'
import { StoreUnavailable } from '../../ports/store-unavailable.ts'
import { manualRuntime } from '../../runtime/manual.ts'
import { sha256 } from '../context.ts'
import { type Authenticated, createKeyring } from './keyring.ts'

const HERE = '127.0.0.1'
let drawn = 0
const newSecret = () => keySecret('test', new Uint8Array(SECRET_BYTES).fill(++drawn))

/** A keyring over rows that the test changes. `reads` has the hash of every look-up. */
function setUp() {
  const runtime = manualRuntime()
  const rows = new Map<string, FoundAccessKey>()
  const reads: string[] = []
  const held: (() => void)[] = []
  const state = { holds: false, down: false, askedAny: 0, floor: 0 }
  const store = {
    async accessKeyByHash(hash: string) {
      reads.push(hash)
      const found = rows.get(hash)
      if (state.holds) await new Promise<void>((resolve) => held.push(resolve))
      if (state.down) throw new StoreUnavailable('disk', 'The disk is full.')
      return found
    },
    async anyAccessKey() {
      state.askedAny++
      return rows.size > 0
    },
    touchAccessKeys: async () => {},
  }
  const { now, monotonic } = runtime
  const keyring = createKeyring({ store, now, floor: () => state.floor, monotonic, sha256 })
  function addKey(changes: Partial<AccessKey> = {}): string {
    const secret = newSecret()
    put(accessKeyOf({ accountId: 1, mode: 'test' }, { hash: sha256(secret), ...changes }))
    return secret
  }
  const put = (key: AccessKey, accountClosedAt: number | null = null) =>
    void rows.set(key.hash, { key, accountClosedAt })
  const rowOf = (secret: string) => rows.get(sha256(secret))?.key as AccessKey
  return { runtime, rows, reads, held, state, keyring, addKey, put, rowOf }
}

const found = async (found: Authenticated | undefined | Promise<Authenticated | undefined>) =>
  (await found) !== undefined

test('a key is read once a second although it is used by every request', async () => {
  const { keyring, reads, addKey, runtime } = setUp()
  const secret = addKey({ role: null, permissions: ['refunds:write'] })
  const first = await keyring.authenticate(secret, HERE)
  assert.deepEqual([...(first?.permissions ?? [])], ['refunds:write', 'refunds:read'])
  for (let ms = 0; ms < 10_000; ms += 10) {
    const found = keyring.authenticate(secret, HERE)
    assert.ok(found && !(found instanceof Promise), 'no request waits once the key is known')
    await runtime.advance(10)
  }
  assert.ok(reads.length <= 23, `${reads.length} reads in ten seconds`)
})

test('requests that come at once wait for one look-up', async () => {
  const { keyring, reads, addKey } = setUp()
  const secret = addKey()
  const all = await Promise.all(Array.from({ length: 50 }, () => keyring.authenticate(secret, HERE)))
  assert.ok(all.every((found) => found?.key.id === all[0]?.key.id))
  assert.equal(reads.length, 1)
})

test('a malformed secret is refused without a look-up, and an unknown one with one each time', async () => {
  const { keyring, reads, addKey } = setUp()
  const secret = addKey()
  const typed = secret.slice(0, -1) + (secret.endsWith('0') ? '1' : '0')
  for (const text of [
    '',
    'Bearer',
    typed,
    secret.replace('test', 'live'),
    `${secret} `,
    'x'.repeat(1_000_000),
  ])
    assert.equal(keyring.authenticate(text, HERE), undefined)
  assert.equal(reads.length, 0)
  const unknown = newSecret()
  for (let i = 1; i <= 3; i++) {
    assert.equal(await keyring.authenticate(unknown, HERE), undefined)
    assert.equal(reads.length, i)
  }
})

test('a key that this node does not know is read only if that is allowed, and a known one always', async () => {
  const { keyring, reads, addKey, runtime } = setUp()
  const secret = addKey()
  let asked = 0
  const mayRead = (allowed: boolean) => () => {
    asked++
    return allowed
  }
  assert.equal(keyring.authenticate('malformed', HERE, mayRead(true)), undefined)
  assert.equal(asked, 0)
  assert.equal(keyring.authenticate(secret, HERE, mayRead(false)), undefined)
  assert.deepEqual([asked, reads.length], [1, 0])
  const first = keyring.authenticate(secret, HERE, mayRead(true))
  assert.ok(await found(keyring.authenticate(secret, HERE, mayRead(false))), 'shares the read of the first')
  assert.ok(await found(first))
  await runtime.advance(5_000)
  assert.ok(await found(keyring.authenticate(secret, HERE, mayRead(false))))
  assert.deepEqual([asked, reads.length], [2, 2])
})

test('a key that another node revokes is refused within a second', async () => {
  const { keyring, addKey, rowOf, put, runtime } = setUp()
  for (const first of [0, 100, 440, 460, 890]) {
    const secret = addKey()
    assert.ok(await found(keyring.authenticate(secret, HERE)))
    await runtime.advance(first)
    assert.ok(await found(keyring.authenticate(secret, HERE)))
    put({ ...rowOf(secret), revokedAt: 1 })
    await runtime.advance(999)
    assert.equal(await keyring.authenticate(secret, HERE), undefined, `${first} ms`)
  }
})

test('a read that hangs serves no request that comes a second after it began', async () => {
  const { keyring, addKey, rowOf, put, runtime, held, state } = setUp()
  const secret = addKey()
  state.holds = true
  const early = keyring.authenticate(secret, HERE)
  put({ ...rowOf(secret), revokedAt: 1 })
  await runtime.advance(1_000)
  const late = keyring.authenticate(secret, HERE)
  state.holds = false
  for (const go of held) go()
  assert.ok(await found(early))
  assert.equal(await late, undefined)
  assert.equal(await keyring.authenticate(secret, HERE), undefined)
})

test('a key that this node changes is read again at once, also while it is being read', async () => {
  const { keyring, addKey, rowOf, put, held, state } = setUp()
  const secret = addKey()
  assert.ok(await found(keyring.authenticate(secret, HERE)))
  put({ ...rowOf(secret), revokedAt: 1 })
  keyring.forget(sha256(secret))
  assert.equal(await keyring.authenticate(secret, HERE), undefined)

  const other = addKey()
  state.holds = true
  const reading = keyring.authenticate(other, HERE)
  put({ ...rowOf(other), revokedAt: 1 })
  keyring.forget(sha256(other))
  state.holds = false
  held[0]?.()
  await reading
  assert.equal(await keyring.authenticate(other, HERE), undefined)
})

test('a closed account refuses its keys', async () => {
  const { keyring, addKey, rowOf, put } = setUp()
  const secret = addKey()
  assert.ok(await found(keyring.authenticate(secret, HERE)))
  put(rowOf(secret), 5)
  keyring.forgetAll()
  assert.equal(await keyring.authenticate(secret, HERE), undefined)
})

test('a key expires by the clock of the store, also while it is cached', async () => {
  const { keyring, addKey, runtime } = setUp()
  const secret = addKey({ expiresAt: runtime.now() + 100 })
  assert.ok(await found(keyring.authenticate(secret, HERE)))
  await runtime.advance(99)
  assert.ok(await found(keyring.authenticate(secret, HERE)))
  await runtime.advance(1)
  assert.equal(await keyring.authenticate(secret, HERE), undefined)
})

test('an expired key stays expired when the clock is set back, and one that has not expired works', async () => {
  const { keyring, addKey, runtime } = setUp()
  const start = runtime.now()
  const [ended, lasting] = [addKey({ expiresAt: start + 100 }), addKey({ expiresAt: start + 200 })]
  assert.ok(await found(keyring.authenticate(ended, HERE)))
  await runtime.advance(100)
  assert.equal(await keyring.authenticate(ended, HERE), undefined)
  runtime.setClock(start - 86_400_000)
  assert.equal(await keyring.authenticate(ended, HERE), undefined)
  assert.ok(await found(keyring.authenticate(lasting, HERE)))
  assert.equal(keyring.latest(), start + 100)
  runtime.setClock(start + 200)
  assert.equal(await keyring.authenticate(lasting, HERE), undefined)
})

test('a key that expired before the latest time that the database remembers is refused', async () => {
  const { keyring, addKey, runtime, state } = setUp()
  const secret = addKey({ expiresAt: runtime.now() + 100 })
  state.floor = runtime.now() + 100
  assert.equal(await keyring.authenticate(secret, HERE), undefined)
})

test('a key is refused from other networks than its own', async () => {
  const { keyring, addKey } = setUp()
  const secret = addKey({ networks: ['10.0.0.0/8', '2001:db8::1'] })
  for (const address of ['10.1.2.3', '::ffff:10.1.2.3', '2001:db8::1'])
    assert.ok(await found(keyring.authenticate(secret, address)), address)
  for (const address of ['11.0.0.1', '::ffff:11.0.0.1', '2001:db8::2', '::1', '', 'unknown'])
    assert.equal(await keyring.authenticate(secret, address), undefined, address)
})

test('an outage refuses no key that was read within the second, and then rejects', async () => {
  const { keyring, addKey, runtime, state } = setUp()
  const secret = addKey()
  await keyring.authenticate(secret, HERE)
  state.down = true
  await runtime.advance(800)
  assert.ok(await found(keyring.authenticate(secret, HERE)))
  await runtime.advance(200)
  await assert.rejects(async () => keyring.authenticate(secret, HERE), StoreUnavailable)
  state.down = false
  assert.ok(await found(keyring.authenticate(secret, HERE)))
})

test('whether a key was ever made is known for good once it is so', async () => {
  const { keyring, addKey, rows, runtime, state } = setUp()
  assert.equal(await keyring.anyKey(), false)
  assert.equal(keyring.anyKey(), false)
  assert.equal(state.askedAny, 1)
  addKey()
  await runtime.advance(1_000)
  assert.equal(await keyring.anyKey(), true)
  rows.clear()
  await runtime.advance(100_000)
  assert.equal(keyring.anyKey(), true)
  assert.equal(state.askedAny, 2)
})

test('the first key of this node is known at once', async () => {
  const { keyring, addKey } = setUp()
  assert.equal(await keyring.anyKey(), false)
  keyring.forget(sha256(addKey()))
  assert.equal(await keyring.anyKey(), true)
})

test('requests without a key wait for one read together, and while they come steadily for none', async () => {
  const { keyring, runtime, state } = setUp()
  const first = [keyring.anyKey(), keyring.anyKey(), keyring.anyKey()]
  assert.deepEqual(await Promise.all(first), [false, false, false])
  assert.equal(state.askedAny, 1)
  for (let ms = 0; ms < 5_000; ms += 100) {
    assert.equal(keyring.anyKey(), false, `after ${ms} ms`)
    await runtime.advance(100)
  }
  assert.ok(state.askedAny <= 12, String(state.askedAny))
})

test('a read that began before the first key was made does not hide it', async () => {
  const { keyring, addKey } = setUp()
  const early = keyring.anyKey()
  keyring.forget(sha256(addKey()))
  await early
  assert.equal(await keyring.anyKey(), true)
})
