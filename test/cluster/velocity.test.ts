/** Velocity limits that two real nodes share, one of which dies. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { chargeCard, countedOf, limitCards, untilLimited } from '../kit/cards.ts'
import { atEnd } from '../kit/folders.ts'
import { startNodes } from '../kit/nodes.ts'
import { assertBooks, ownServer, patientBank } from './nodes.ts'

const server = ownServer()

test('of 200 charges of one card at once at two nodes exactly ten reach the provider', async (t) => {
  const database = await server().createDatabase()
  const { bank, env } = await patientBank(t)
  const nodes = await startNodes(database, [env, env])
  atEnd(t, () => Promise.all(nodes.map((node) => node.kill())))
  await limitCards(nodes[0]!.url, 10, 'bank')
  // The other node has the rules within a second.
  const before = await untilLimited(nodes[1]!.url, 'tok_mastercard')
  const taken = await Promise.all(
    Array.from({ length: 200 }, (_, i) => chargeCard(() => nodes[i % 2]!.url, `order-${i}`, 'tok_visa')),
  )
  assert.equal(taken.filter((one) => one).length, 10)
  assert.equal((await bank.calls()).received.authorize, before + 10)
  assert.equal(await countedOf(nodes[1]!.url, 'tok_visa'), 10)
  await assertBooks(database, before + 201)
})

test('a node that is killed among charges of many cards loses no count and repeats none', async (t) => {
  const database = await server().createDatabase()
  const nodes = await startNodes(database, [{}, {}])
  atEnd(t, () => Promise.all(nodes.map((node) => node.kill())))
  const [first, second] = nodes as [(typeof nodes)[0], (typeof nodes)[0]]
  await limitCards(first.url, 5, 'sandbox')
  const before = await untilLimited(second.url, 'tok_mastercard')
  const cards = Array.from({ length: 20 }, (_, i) => `tok_visa_${i}`)
  let answered = 0
  const work = cards.flatMap((card) =>
    Array.from({ length: 20 }, async (_, i) => {
      const taken = await chargeCard(() => nodes[i % 2]!.url, `order-${card}-${i}`, card)
      answered++
      return { card, taken }
    }),
  )
  const killed = (async () => {
    while (answered < 40) await new Promise((resolve) => setImmediate(resolve))
    await first.kill()
    await first.start()
  })()
  const done = await Promise.all(work)
  await killed
  assert.equal(first.deaths(), 1)
  for (const card of cards) {
    assert.equal(done.filter((one) => one.card === card && one.taken).length, 5, card)
    assert.equal(await countedOf(second.url, card), 5)
  }
  await assertBooks(database, before + 1 + cards.length * 20)
})
