import assert from 'node:assert/strict'
import { join } from 'node:path'
import test from 'node:test'
import { everything } from '../../../test/kit/commits.ts'
import { tempDir } from '../../../test/kit/folders.ts'
import { makeFormer } from '../../../test/kit/former-rows.ts'
import { fillBooks, LIVE, openBooks } from '../../../test/kit/history.ts'
import type { Store } from '../../ports/store.ts'
import { openReader } from './open.ts'
import { openSqliteStore } from './store.ts'
import { verify } from './verify.ts'

const open = (file: string): Promise<Store> => openSqliteStore({ file, onFatal: assert.fail })

test('events and keys of the version before are read as they were beside packed ones', async (t) => {
  const folder = tempDir()
  t.after(() => folder.remove())
  const file = join(folder.path, 'books.db')
  const filling = await open(file)
  await fillBooks(filling)
  const seen = await everything(filling, LIVE)
  const keys = [...seen.charges.data, ...seen.refunds.data].map(({ idempotencyKey }) => idempotencyKey)
  const records = (store: Store) => Promise.all(keys.map((key) => store.idempotencyRecord(LIVE, key)))
  const found = await records(filling)
  await filling.close()
  makeFormer(file, 'packed_texts')

  const store = await open(file)
  assert.deepEqual(await everything(store, LIVE), seen)
  assert.deepEqual(await records(store), found)
  const old = seen.charges.data.find(({ amount, status }) => amount === 2_042 && status === 'succeeded')
  await openBooks(store).refund(old ?? assert.fail(), 42)
  const after = await everything(store, LIVE)
  assert.deepEqual(after.events.data.slice(0, -1), seen.events.data)
  await store.close()

  const reader = openReader(file)
  t.after(() => reader.close())
  assert.equal(verify(reader).problem, undefined)
  const packed = reader
    .prepare('SELECT data <> unpacked(data) FROM events WHERE live = 1 ORDER BY seq')
    .pluck()
  const isPacked = packed.all()
  assert.deepEqual([isPacked.at(-1), isPacked.indexOf(1)], [1, isPacked.length - 1])
})
