import assert from 'node:assert/strict'
import { test } from 'node:test'
import { accessKeyOf } from '../../test/kit/access-keys.ts'
import { createKeyring } from '../app/access/keyring.ts'
import { sha256 } from '../app/context.ts'
import { keySecret } from '../domain/access/key-secret.ts'
import type { AccessKeyUse } from '../ports/store-access.ts'
import { StoreUnavailable } from '../ports/store-unavailable.ts'
import { manualRuntime } from '../runtime/manual.ts'
import { startKeyUses } from './access-keys.ts'

const secret = keySecret('test', new Uint8Array(24))
const key = accessKeyOf({ accountId: 1, mode: 'test' }, { id: 'key_1', hash: sha256(secret) })
const quiet = { info() {}, warn() {}, error() {} }

test('the last use of a key is stored once a minute and at the stop, also after an outage', async () => {
  const runtime = manualRuntime({ now: 1_000_000 })
  const stored: (readonly AccessKeyUse[])[] = []
  let down = false
  const store = {
    accessKeyByHash: async () => ({ key, accountClosedAt: null }),
    anyAccessKey: async () => true,
    async touchAccessKeys(uses: readonly AccessKeyUse[]) {
      if (down) throw new StoreUnavailable('disk', 'The disk is full.')
      stored.push(uses)
    },
  }
  const keyring = createKeyring({ store, now: runtime.now, monotonic: runtime.monotonic, sha256 })
  const worker = startKeyUses({ keyring, log: quiet, runtime })
  await runtime.advance(1_000)
  for (let i = 0; i < 100; i++) await keyring.authenticate(secret, '127.0.0.1')
  await runtime.advance(58_000)
  assert.deepEqual(stored, [])
  await runtime.advance(2_000)
  assert.deepEqual(stored, [[{ id: 'key_1', at: 1_001_000 }]])
  await runtime.advance(600_000)
  assert.equal(stored.length, 1, 'a key that is not used is not written')

  down = true
  await keyring.authenticate(secret, '127.0.0.1')
  const used = runtime.now()
  await runtime.advance(60_000)
  assert.equal(stored.length, 1)
  down = false
  await runtime.advance(60_000)
  assert.deepEqual(stored.at(-1), [{ id: 'key_1', at: used }])

  await keyring.authenticate(secret, '127.0.0.1')
  await worker.stop()
  assert.deepEqual(stored.at(-1), [{ id: 'key_1', at: runtime.now() }])
  assert.equal(stored.length, 3)
})
