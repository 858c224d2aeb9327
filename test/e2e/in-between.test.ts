/** Calls that an intermediary between MiniPay and a provider cuts, swallows or responds to. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { ProviderView } from '../../src/api/minipay/provider-schemas.ts'
import { type Attempt, type Charge, type Page, until } from '../kit/client.ts'
import { type StandIn, startStandIn, type Turn } from '../kit/stand-in.ts'
import { ruleTo, startWorld, type World } from '../kit/world.ts'

const FORBIDDEN: NonNullable<Turn['answer']> = {
  status: 403,
  body: '<html><body>Forbidden</body></html>',
  type: 'text/html',
}
/** A provider each, by what its file says of lookups, so that no fault opens the circuit breaker of another test. */
const LOOKUPS = ['final', 'eventual', 'none'] as const
const PER_KIND = 10
/** Long enough that a busy machine does not let lookups time out, which would open their own breaker. */
const DEADLINE_MS = 3_000

let world: World
const standIns = new Map<string, StandIn>()
const unused = Object.fromEntries(LOOKUPS.map((kind) => [kind, [] as string[]]))

before(async () => {
  for (const lookup of LOOKUPS)
    for (let i = 0; i < PER_KIND; i++) {
      standIns.set(`${lookup}_${i}`, await startStandIn())
      unused[lookup]?.push(`${lookup}_${i}`)
    }
  const providers = [...standIns].map(([name, { at }]) => [
    name,
    { ...at, deadline_ms: DEADLINE_MS, lookup: name.split('_')[0] },
  ])
  world = await startWorld({
    banks: ['bank'],
    providers: Object.fromEntries(providers),
    // A call is made once more, and another provider is called, only while the client waits.
    env: { MINIPAY_PROVIDER_WAIT_MS: '30000' },
  })
  await world.route({
    rules: [...standIns.keys()].map((name) => ruleTo(name, [name, 'bank'])),
    default: { providers: ['bank'] },
  })
})
after(async () => {
  await world?.close()
  await Promise.all([...standIns.values()].map((one) => one.close()))
})

function take(lookup: (typeof LOOKUPS)[number]) {
  const name = unused[lookup]?.shift() ?? assert.fail('every stand-in was used')
  const standIn = standIns.get(name) ?? assert.fail()
  return { name, standIn, order: { metadata: { to: name } } }
}
const story = (attempts: readonly Attempt[]) =>
  attempts.map(({ kind, provider, status, resolved_by }) => [kind, provider, status, resolved_by])
const lookups = ({ asked }: StandIn) => asked.filter(({ operation }) => operation === 'lookup').length
const doneBy = ({ done }: StandIn, what: string) =>
  [...done.values()].filter(({ operation }) => operation === what).map(({ amount }) => amount)

describe('where a lookup that finds nothing is final', { concurrency: true }, () => {
  test('a connection that had gone stale loses no sale: the same provider is called once more', async () => {
    const { name, standIn, order } = take('final')
    await world.api.charge(order)
    standIn.stale.connections = true
    const charge = await world.api.charge(order)
    assert.deepEqual([charge.status, charge.provider], ['succeeded', name])
    const attempts = await world.api.attempts(charge.id)
    assert.deepEqual(story(attempts), [
      ['authorize', name, 'not_sent', 'lookup'],
      ['authorize', name, 'succeeded', 'answer'],
    ])
    const [first, second] = attempts as [Attempt, Attempt]
    assert.equal(second.route?.again, first.id)
    assert.notEqual(second.id, first.id)
    assert.deepEqual(doneBy(standIn, 'authorize'), [2500, 2500])
  })

  test('a provider is called once more a single time; then the next provider is', async () => {
    const { name, standIn, order } = take('final')
    standIn.always('authorize', { done: false, instead: 'cut' })
    const charge = await world.api.charge(order)
    assert.deepEqual(story(await world.api.attempts(charge.id)), [
      ['authorize', name, 'not_sent', 'lookup'],
      ['authorize', name, 'not_sent', 'lookup'],
      ['authorize', 'bank', 'succeeded', 'answer'],
    ])
    assert.equal(standIn.done.size, 0)
  })

  for (const status of [401, 403, 404, 405, 413, 415, 429])
    test(`a bare ${status} after it was done: no other provider is called, and the money is booked`, async () => {
      const { name, standIn, order } = bare()
      standIn.next('authorize', { answer: { ...FORBIDDEN, status } })
      const charge = await world.api.charge(order)
      assert.deepEqual([charge.status, charge.provider], ['succeeded', name])
      assert.deepEqual(story(await world.api.attempts(charge.id)), [
        ['authorize', name, 'succeeded', 'lookup'],
      ])
      assert.deepEqual(await world.stated('bank', charge.id), [])
    })
  // They do not trip a breaker: half of its calls are answered.
  let shared: ReturnType<typeof take> | undefined
  const bare = () => (shared ??= take('final'))

  for (const [what, amounts] of [
    ['capture', { amount_captured: 1000 }],
    ['refund', { amount_refunded: 1000 }],
  ] as const)
    test(`a ${what} that was done and answered with a bare 403 is done once, and its amount is not free before`, async () => {
      const { standIn, order } = take('final')
      const { id } = await world.api.charge({ ...order, capture: what === 'refund' })
      standIn.next(what, { answer: FORBIDDEN })
      const answer =
        what === 'refund'
          ? await world.tryRefund(id, { amount: 1000 })
          : await world.api.post<Charge>(`/api/v1/charges/${id}/capture`, { amount: 1000 })
      assert.equal(answer.status, 200, JSON.stringify(answer.body))
      const charge = await world.retrieve(id)
      assert.partialDeepStrictEqual(charge, { ...amounts, amount_refund_pending: 0 })
      assert.deepEqual(doneBy(standIn, what), [1000])
      assert.deepEqual(story((await world.api.attempts(id)).slice(1)), [
        [what, standInName(standIn), 'succeeded', 'lookup'],
      ])
    })
  const standInName = (wanted: StandIn) => [...standIns].find(([, one]) => one === wanted)?.[0]

  for (const what of ['capture', 'cancel', 'refund'] as const)
    test(`a ${what} that never came is made once more under another reference, and is done once`, async () => {
      const { name, standIn, order } = take('final')
      const { id } = await world.api.charge({ ...order, capture: what === 'refund' })
      standIn.next(what, { done: false, instead: 'cut' })
      const answer =
        what === 'refund'
          ? await world.tryRefund(id)
          : await world.api.post<Charge>(`/api/v1/charges/${id}/${what}`, {})
      assert.equal(answer.status, 200, JSON.stringify(answer.body))
      const attempts = (await world.api.attempts(id)).slice(1)
      assert.deepEqual(story(attempts), [
        [what, name, 'not_sent', 'lookup'],
        [what, name, 'succeeded', 'answer'],
      ])
      assert.equal(attempts[1]?.route?.again, attempts[0]?.id)
      assert.deepEqual(doneBy(standIn, what), [2500])
    })
})

describe('a provider whose payments hang while it answers lookups', { concurrency: true }, () => {
  const breaker = async (name: string) => {
    const { body } = await world.api.get<Page<ProviderView>>('/api/v1/providers')
    const found = body.data.find((one) => one.name === name) ?? assert.fail()
    return [found.breaker.state, found.lookups.breaker.state]
  }

  for (const lookup of LOOKUPS)
    test(`a provider whose payments hang is left alone, and no lookup and no repetition closes its breaker (lookups ${lookup})`, async () => {
      const { name, standIn, order } = take(lookup)
      // It does them, and has the answers ready for whoever asks again.
      // Where only a repetition can tell, they are found out one at a time.
      const length = lookup === 'none' ? 10 : 40
      for (let i = 0; i < length; i++) standIn.next('authorize', { instead: 'hang' })
      const orders = Array.from({ length }, () => world.tryCharge({ ...order, capture: false }))
      const ids = (await Promise.all(orders)).map(({ body }) => body.id)
      for (const id of ids) assert.equal((await world.settled(id)).status, 'authorized')
      const [money, lookups] = await breaker(name)
      assert.match(money ?? '', /open/)
      assert.equal(lookups, 'closed')
      // A probe that times out on a busy machine opens the breaker again.
      do {
        await until(
          () => breaker(name),
          ([state]) => state === 'half_open',
        )
        assert.equal((await world.api.charge(order)).provider, name)
      } while ((await breaker(name))[0] === 'open')
      assert.deepEqual(await breaker(name), ['closed', 'closed'])
    })
})

describe('where a lookup that finds nothing may change', { concurrency: true }, () => {
  test('a call that was done is found, however often its repetitions fail', async () => {
    const { name, standIn, order } = take('eventual')
    standIn.always('authorize', { answer: { status: 500, body: '' } })
    const charge = await world.api.charge(order)
    assert.deepEqual(story(await world.api.attempts(charge.id)), [['authorize', name, 'succeeded', 'lookup']])
    assert.deepEqual(doneBy(standIn, 'authorize'), [2500])
  })

  test('a call that never came is sent again under its reference', async () => {
    const { name, standIn, order } = take('eventual')
    standIn.next('lookup', { done: false, answer: { status: 200, body: { status: 'not_found' } } })
    standIn.next('authorize', { done: false, instead: 'cut' })
    const charge = await world.api.charge(order)
    assert.deepEqual(story(await world.api.attempts(charge.id)), [['authorize', name, 'succeeded', 'resend']])
  })

  test('lookups that fail hold up no repetition', async () => {
    const { name, standIn, order } = take('eventual')
    standIn.always('lookup', { done: false, answer: FORBIDDEN })
    standIn.next('authorize', { done: false, instead: 'cut' })
    const charge = await world.api.charge(order)
    assert.deepEqual(story(await world.api.attempts(charge.id)), [['authorize', name, 'succeeded', 'resend']])
  })
})

for (const lookup of ['eventual', 'none'] as const)
  describe(`a repetition that is refused, with lookups ${lookup}`, { concurrency: true }, () => {
    const lost = async (status: number) => {
      const { name, standIn, order } = take(lookup)
      standIn.always('lookup', { done: false, answer: { status: 200, body: { status: 'not_found' } } })
      standIn.next('authorize', { done: false, instead: 'cut' })
      const body = { status: 'refused', code: 'not_today', message: 'No.' }
      standIn.always('authorize', { done: false, answer: { status, body } })
      return { name, standIn, answer: await world.tryCharge(order) }
    }

    for (const status of [400, 402, 409, 422])
      test(`a repetition that is refused with ${status} shows that the call was not done, and the next provider is called`, async () => {
        const { name, standIn, answer } = await lost(status)
        assert.equal(answer.status, 201)
        assert.deepEqual(story(await world.api.attempts(answer.body.id)), [
          ['authorize', name, 'not_sent', 'resend'],
          ['authorize', 'bank', 'succeeded', 'answer'],
        ])
        assert.equal(lookups(standIn), lookup === 'none' ? 0 : 1)
      })

    test('a repetition that is refused at the door says nothing of the call before it', async () => {
      const { standIn, answer } = await lost(429)
      assert.equal(answer.status, 202)
      const [attempt] = await until(
        () => world.api.attempts(answer.body.id),
        ([one]) => (one?.lookups ?? 0) >= 2,
      )
      assert.equal(attempt?.status, 'unknown')
      standIn.always('authorize', {})
      assert.equal((await world.settled(answer.body.id)).status, 'succeeded')
    })
  })
