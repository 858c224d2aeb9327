import assert from 'node:assert/strict'
import { join } from 'node:path'
import test from 'node:test'
import { everything } from '../../../test/kit/commits.ts'
import { tempDir } from '../../../test/kit/folders.ts'
import { FORMER_WEBHOOKS, makeFormer, rendered, withFormerIds } from '../../../test/kit/former-rows.ts'
import { fillBooks, LIVE, openBooks } from '../../../test/kit/history.ts'
import { decodeSnapshot } from '../../domain/snapshot.ts'
import type { Store } from '../../ports/store.ts'
import { openReader } from './open.ts'
import { openSqliteStore } from './store.ts'
import { verify } from './verify.ts'

const open = (file: string): Promise<Store> => openSqliteStore({ file, onFatal: assert.fail })

/**
 * Everything, with events as the API shows them: those of a former version do not have former values. Without what that
 * version did not store: when a dispute ended, and who stored the rules.
 */
async function shown(store: Store) {
  const all = await everything(store, LIVE)
  const events = {
    ...all.events,
    data: all.events.data.map((event) => ({ ...event, data: rendered(event.data) })),
  }
  const disputes = {
    ...all.disputes,
    data: all.disputes.data.map((dispute) => ({ ...dispute, closedAt: null })),
  }
  const ruleSet = all.ruleSet && { ...all.ruleSet, author: null }
  return { ...all, events, disputes, ruleSet, ...FORMER_WEBHOOKS }
}

test('rows with long texts of the version before are read as they were, and go on with texts apart', async (t) => {
  const folder = tempDir()
  t.after(() => folder.remove())
  const file = join(folder.path, 'books.db')
  const filling = await open(file)
  t.after(() => filling.close())
  await fillBooks(withFormerIds(filling))
  const seen = await shown(filling)
  const keys = [...seen.charges.data, ...seen.refunds.data].map(({ idempotencyKey }) => idempotencyKey)
  const records = (store: Store) =>
    Promise.all(
      keys.map(async (key) => {
        const { event, ...record } = (await store.idempotencyRecord(LIVE, key)) ?? assert.fail()
        return { ...record, event: event && rendered(event) }
      }),
    )
  const answers = await records(filling)
  await filling.close()
  makeFormer(file, 'long_texts')

  const store = await open(file)
  t.after(() => store.close())
  assert.deepEqual(await shown(store), seen)
  assert.deepEqual(await records(store), answers)

  const books = openBooks(store)
  const old = seen.charges.data.find(({ amount }) => amount === 2_042)
  assert.ok(old && old.status === 'succeeded' && (old.description?.length ?? 0) > 500)
  const notes = { metadata: { notes: 'n'.repeat(700) } }
  const refund = await books.refund(old, 42, notes)
  assert.deepEqual(refund.metadata, notes.metadata)
  const after = await everything(store, LIVE)
  assert.deepEqual(after.charges.data.find(({ id }) => id === old.id)?.metadata, old.metadata)
  const told = after.events.data.at(-1)
  assert.equal(told?.type, 'payment.refunded')
  const { charge } = decodeSnapshot(told?.data ?? '')
  assert.deepEqual([charge?.metadata, charge?.description], [old.metadata, old.description])
  const { data: toDeliver } = await store.eventsToDeliver(LIVE, {
    after: (told?.sequence ?? 0) - 1,
    limit: 1,
  })
  assert.equal(toDeliver[0]?.data, told?.data)
  await store.close()

  const reader = openReader(file)
  const { problem } = verify(reader)
  const texts = reader.prepare('SELECT text FROM long_texts ORDER BY id').pluck().all() as string[]
  reader.close()
  assert.equal(problem, undefined)
  // The refund's own, and the rest of its event, which has its charge's too.
  assert.deepEqual(
    [texts.length, texts[0]?.startsWith('"description":null,"metadata":{"notes":"nnn')],
    [2, true],
  )
})
