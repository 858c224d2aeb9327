import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import test from 'node:test'
import { chargeCommit } from '../../../test/kit/commits.ts'
import { drawsFrom } from '../../../test/kit/draws.ts'
import { atEnd, folderOf } from '../../../test/kit/folders.ts'
import { LIVE_SCOPE } from '../../../test/kit/scopes.ts'
import type { Store } from '../../ports/store.ts'
import { indexedBefore } from './customer-index.ts'
import { indexState } from './key-index.ts'
import { openReader } from './open.ts'
import { openSqliteStore } from './store.ts'
import { verify } from './verify.ts'

const scope = LIVE_SCOPE

/** Reads everything that was committed for a customer, page by page. */
async function idsOf(store: Store, customer: string): Promise<string[]> {
  const ids: string[] = []
  for (let startingAfter: string | undefined; ; startingAfter = ids.at(-1)) {
    const { data, hasMore } = await store.charges(scope, {
      ...{ customer, limit: 7 },
      ...(startingAfter !== undefined && { startingAfter }),
    })
    ids.push(...data.map(({ id }) => id))
    if (!hasMore) return ids
  }
}

test('another thread folds, and every committed key and charge is found at each moment; a second try makes no second charge', async (t) => {
  const file = join(folderOf(t), 'race.db')
  const fatal: Error[] = []
  const open = () => openSqliteStore({ file, foldAt: 16, onFatal: (error) => fatal.push(error) })
  let store = await open()
  atEnd(t, () => store.close())
  const draw = drawsFrom(3)
  const customers = Array.from({ length: 9 }, (_, i) => `cus_${i}`)
  const charges: { key: string; id: string; customer: string }[] = []
  async function charge(): Promise<void> {
    const [key, customer] = [randomUUID(), draw.of(customers)]
    const commit = chargeCommit({ scope, key, customer })
    // Two requests with one key, at once.
    const twin = { ...chargeCommit({ scope, key, customer }), key: commit.key }
    const kinds = await Promise.all([store.commit(commit), store.commit(twin)])
    assert.deepEqual(
      kinds.map(({ kind }) => kind),
      ['committed', 'key_exists'],
    )
    charges.push({ key, id: commit.charge.id, customer })
  }
  async function look(): Promise<void> {
    const before = [...charges]
    const customer = draw.of(customers)
    const ids = new Set(await idsOf(store, customer))
    for (const { id, customer: own } of before) assert.equal(ids.has(id), own === customer)
    for (let i = 0; i < 20 && before.length > 0; i++) {
      const { key, id } = draw.of(before)
      assert.equal((await store.idempotencyRecord(scope, key))?.ending.objectId, id)
      assert.equal(await store.idempotencyRecord(scope, `not ${key}`), undefined)
    }
  }
  for (let round = 0; round < 60; round++) {
    await Promise.all([look(), ...Array.from({ length: draw.between(1, 12) }, charge), look()])
    if (round % 20 === 19) {
      await store.close()
      store = await open()
    }
  }
  const reader = openReader(file)
  atEnd(t, () => reader.close())
  assert.ok(indexState(reader).foldedTo > 150 && indexedBefore(reader) > (charges[150]?.id ?? ''))
  assert.equal(verify(reader).problem, undefined)
  assert.deepEqual(fatal, [])
})
