/** SIGKILL among charges that count in velocity limits. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import test from 'node:test'
import { assertSound } from '../kit/audit.ts'
import { chargeCard, countedOf, limitCards } from '../kit/cards.ts'
import { folderOf } from '../kit/folders.ts'
import { type RunningServer, serve } from '../kit/server.ts'

const KILLS = 4

test('SIGKILL among charges of many cards loses no count and repeats none', async (t) => {
  const database = join(folderOf(t), 'minipay.db')
  let server: RunningServer = await serve(t, database)
  await limitCards(server.url, 5, 'sandbox')
  const cards = Array.from({ length: 20 }, (_, i) => `tok_visa_${i}`)
  let answered = 0
  const work = cards.flatMap((card) =>
    Array.from({ length: 30 }, async (_, i) => {
      const taken = await chargeCard(() => server.url, `order-${card}-${i}`, card)
      answered++
      return { card, taken }
    }),
  )
  for (let kill = 1; kill <= KILLS; kill++) {
    while (answered < kill * 20) await new Promise((resolve) => setImmediate(resolve))
    await server.kill()
    server = await serve(t, database)
  }
  const done = await Promise.all(work)
  for (const card of cards) {
    assert.equal(done.filter((one) => one.card === card && one.taken).length, 5, card)
    assert.equal(await countedOf(server.url, card), 5)
  }
  assert.equal(await server.stop(), 0)
  await assertSound(database)
})
