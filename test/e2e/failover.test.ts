/** The order in which MiniPay calls providers, and how a charge's attempts show it. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import type { ProviderView } from '../../src/api/minipay/provider-schemas.ts'
import { type Attempt, type Charge, type ErrorAnswer, type Page, until } from '../kit/client.ts'
import { deadUrl } from '../kit/peer.ts'
import { ruleTo, startWorld, type World } from '../kit/world.ts'

const SOFT = ['do_not_honor']
let world: World

before(async () => {
  const url = await deadUrl()
  world = await startWorld({
    banks: ['bank_a', 'bank_b', 'bank_c'],
    providers: {
      dead: { bank: 'bank_a', url },
      dead_too: { bank: 'bank_a', url },
      local: { kind: 'sandbox' },
      narrow: { bank: 'bank_b', concurrency: 1, deadline_ms: 5_000 },
    },
  })
  await world.route({
    rules: [
      ruleTo('soft', ['bank_a', 'bank_b'], SOFT),
      ruleTo('firm', ['bank_a', 'bank_b']),
      ruleTo('shy', ['bank_a', 'bank_b'], ['authentication_required', 'do_not_honor']),
      ruleTo('soft_then_dead', ['bank_a', 'dead'], SOFT),
      ruleTo('narrow', ['narrow']),
      ruleTo('local_then_dead', ['local', 'dead'], ['insufficient_funds']),
      ruleTo('dead_first', ['dead', 'bank_a']),
      ruleTo('dead_then_local', ['dead_too', 'local']),
      ruleTo('all_dead', ['dead_too', 'dead']),
      ruleTo('killed', ['bank_c', 'local']),
      ruleTo('only_killed', ['bank_c']),
    ],
    default: { providers: ['bank_a'] },
  })
})
after(() => world?.close())

const to = (rule: string, fields: object = {}) => ({ metadata: { to: rule }, ...fields })
const story = (attempts: readonly Attempt[]) =>
  attempts.map(({ provider, status, resolved_by }) => [provider, status, resolved_by])
const received = async (name: string) => (await world.bank(name).calls()).received.authorize
const states = async () => {
  const { body } = await world.api.get<Page<ProviderView>>('/api/v1/providers')
  return Object.fromEntries(body.data.map(({ name, breaker }) => [name, breaker.state]))
}

describe('what was surely not sent goes to the next provider', () => {
  test('a charge fails over, and the attempts tell the rule, the order, the timings and the references', async () => {
    const charge = await world.api.charge(to('dead_first'))
    assert.deepEqual([charge.status, charge.provider], ['succeeded', 'bank_a'])
    const attempts = await world.api.attempts(charge.id)
    assert.deepEqual(story(attempts), [
      ['dead', 'not_sent', 'answer'],
      ['bank_a', 'succeeded', 'answer'],
    ])
    const [first, second] = attempts as [Attempt, Attempt]
    assert.equal(first.id, charge.id.replace('txn_', 'att_'))
    assert.match(first.reason ?? '', /ECONNREFUSED/)
    assert.deepEqual(
      [first.route?.rule, first.route?.version, first.route?.next],
      ['dead_first', 1, ['bank_a']],
    )
    assert.deepEqual([second.route?.rule, second.route?.next, second.route?.skipped], ['dead_first', [], []])
    assert.deepEqual([first.provider_reference, second.provider_reference], [null, charge.provider_reference])
    assert.ok(first.started_at <= (first.ended_at ?? ''))
    assert.ok((first.ended_at ?? '') <= second.started_at)
    assert.equal(second.duration_ms, Date.parse(second.ended_at ?? '') - Date.parse(second.started_at))
    assert.equal((await world.stated('bank_a', charge.id))[0]?.reference, second.id)
    assert.deepEqual(await world.eventsOf(charge.id), ['payment.succeeded'])
  })

  test('the next provider may decide in this process, in the same commit', async () => {
    const charge = await world.api.charge(to('dead_then_local', { capture: false }))
    assert.deepEqual([charge.status, charge.provider], ['authorized', 'local'])
    assert.equal((await world.api.capture(charge.id)).status, 'succeeded')
    assert.deepEqual(story(await world.api.attempts(charge.id)), [
      ['dead_too', 'not_sent', 'answer'],
      ['local', 'succeeded', 'answer'],
      ['local', 'succeeded', 'answer'],
    ])
  })

  test('a charge fails at once when no provider is left', async () => {
    const { status, body } = await world.tryCharge(to('all_dead'))
    assert.deepEqual([status, body.code, body.charge.status], [502, 'provider_unavailable', 'failed'])
    assert.deepEqual(story(await world.api.attempts(body.charge.id)), [
      ['dead_too', 'not_sent', 'answer'],
      ['dead', 'not_sent', 'answer'],
    ])
    assert.deepEqual(await world.eventsOf(body.charge.id), ['payment.failed'])
  })
})

describe('a decline', () => {
  test('a decline with a code that the rule names goes to the next provider', async () => {
    await world.bank('bank_a').arm('authorize', 'decline')
    const charge = await world.api.charge(to('soft'))
    assert.deepEqual([charge.provider, charge.decline_code], ['bank_b', null])
    const attempts = await world.api.attempts(charge.id)
    assert.deepEqual(story(attempts), [
      ['bank_a', 'declined', 'answer'],
      ['bank_b', 'succeeded', 'answer'],
    ])
    assert.deepEqual([attempts[0]?.decline_code, attempts[0]?.route?.failover_on], ['do_not_honor', SOFT])
    assert.deepEqual(await world.eventsOf(charge.id), ['payment.succeeded'])
  })

  test("a decline by every provider is the last one's word", async () => {
    await world.bank('bank_a').arm('authorize', 'decline')
    await world.bank('bank_b').arm('authorize', 'unknown_decline')
    const { status, body } = await world.tryCharge(to('soft'))
    assert.deepEqual([status, body.decline_code, body.charge.provider], [402, 'martian_card', 'bank_b'])
  })

  for (const [what, rule, fields] of [
    ['that the rule does not name', 'firm', { payment_method: 'tok_fault_decline' }],
    ['with another code', 'soft', { payment_method: 'tok_chargeDeclinedInsufficientFunds' }],
    ['that is hard', 'soft', { payment_method: 'tok_chargeDeclinedStolenCard' }],
  ] as const)
    test(`${what} ends the charge without a failover`, async () => {
      const before = await received('bank_b')
      const { status, body } = await world.tryCharge(to(rule, fields))
      assert.deepEqual([status, body.code], [402, 'card_declined'])
      assert.deepEqual(story(await world.api.attempts(body.charge.id)), [['bank_a', 'declined', 'answer']])
      assert.equal(await received('bank_b'), before)
    })
})

test('a customer who refuses on the page of the provider ends the charge without a failover', async () => {
  const before = await received('bank_b')
  const { body } = await world.tryCharge(to('shy', { payment_method: 'tok_requires_action' }))
  await fetch(body.redirect_url ?? '', { method: 'POST', body: new URLSearchParams({ approve: 'false' }) })
  assert.equal((await world.settled(body.id)).status, 'failed')
  assert.equal((await world.api.attempts(body.id)).length, 1)
  assert.equal(await received('bank_b'), before)
  assert.deepEqual(await world.eventsOf(body.id), ['payment.requires_action', 'payment.failed'])
})

test('a full provider lets charges wait up to a bound when no other provider is available', async () => {
  const bank = world.bank('bank_b')
  const most = await Promise.all(Array.from({ length: 4 }, () => world.tryCharge(to('narrow'))))
  assert.deepEqual(
    most.map(({ status }) => status),
    [201, 201, 201, 201],
  )
  await bank.arm('authorize', 'hold_before', 1)
  const waiting = Array.from({ length: 4 }, () => world.tryCharge(to('narrow')))
  await until(
    () => world.metric('minipay_provider_calls_in_flight{provider="narrow"}'),
    (count) => count === 4,
  )
  const key = randomUUID()
  const refused = await world.tryCharge(to('narrow'), key)
  assert.deepEqual([refused.status, refused.body.code], [502, 'provider_unavailable'])
  assert.equal(refused.headers.get('retry-after'), '5')
  await bank.control('POST', '/release')
  for (const { status } of await Promise.all(waiting)) assert.equal(status, 201)
  assert.equal((await world.tryCharge(to('narrow'), key)).status, 201, 'the key was not used up')
})

describe('what is unknown', () => {
  test('an unknown outcome never fails over: a lookup gives the outcome, and the request still gets its response', async () => {
    const before = await received('bank_b')
    const charge = await world.api.charge(to('soft', { payment_method: 'tok_fault_cut_after' }))
    assert.deepEqual([charge.status, charge.provider], ['succeeded', 'bank_a'])
    assert.deepEqual(story(await world.api.attempts(charge.id)), [['bank_a', 'succeeded', 'lookup']])
    assert.equal(await received('bank_b'), before)
  })

  test('a call is made once more where it turns out never to have come while its request waits', async () => {
    const before = await received('bank_b')
    await world.bank('bank_a').arm('authorize', 'cut_before')
    const charge = await world.api.charge(to('firm'))
    assert.equal(charge.provider, 'bank_a')
    const attempts = await world.api.attempts(charge.id)
    assert.deepEqual(story(attempts), [
      ['bank_a', 'not_sent', 'lookup'],
      ['bank_a', 'succeeded', 'answer'],
    ])
    const [first, second] = attempts as [Attempt, Attempt]
    assert.deepEqual([first.route?.again, second.route?.again], [null, first.id])
    assert.deepEqual([second.route?.rule, second.route?.next], ['firm', ['bank_b']])
    assert.deepEqual(
      (await world.stated('bank_a', charge.id)).map(({ reference }) => reference),
      [second.id],
    )
    assert.equal(await received('bank_b'), before)
    assert.deepEqual(await world.eventsOf(charge.id), ['payment.succeeded'])
  })

  test('a charge fails over when a call turns out twice never to have come while its request waits', async () => {
    await world.bank('bank_a').arm('authorize', 'cut_before', 2)
    const charge = await world.api.charge(to('firm'))
    assert.equal(charge.provider, 'bank_b')
    const attempts = await world.api.attempts(charge.id)
    assert.deepEqual(story(attempts), [
      ['bank_a', 'not_sent', 'lookup'],
      ['bank_a', 'not_sent', 'lookup'],
      ['bank_b', 'succeeded', 'answer'],
    ])
    assert.equal(attempts[2]?.route?.again, null)
    assert.deepEqual(await world.stated('bank_a', charge.id), [])
    assert.equal((await world.stated('bank_b', charge.id)).length, 1)
  })
})

describe('a provider that fails again and again', () => {
  test('a provider that fails again and again is passed over, and the attempts, the providers and the metrics say so', async () => {
    for (let i = 0; (await states())['dead'] === 'closed'; i++) {
      assert.ok(i < 6, 'its breaker stays closed')
      await world.api.charge(to('dead_first'))
    }
    const charge = await world.api.charge(to('dead_first'))
    const attempts = await world.api.attempts(charge.id)
    assert.deepEqual(story(attempts), [['bank_a', 'succeeded', 'answer']])
    assert.deepEqual(attempts[0]?.route?.skipped, [{ provider: 'dead', reason: 'circuit breaker open' }])
    assert.equal((await states())['bank_a'], 'closed')
    assert.equal(await world.metric('minipay_provider_breaker_open{provider="dead"}'), 1)
    assert.equal(await world.metric('minipay_provider_breaker_open{provider="bank_a"}'), 0)
    // And where it would have been next, the attempt before it says so.
    await world.bank('bank_a').arm('authorize', 'decline')
    const { body } = await world.tryCharge(to('soft_then_dead'))
    const [last, ...more] = await world.api.attempts(body.charge.id)
    assert.deepEqual([last?.status, last?.route?.next, more], ['declined', [], []])
    assert.deepEqual(last?.route?.skipped, [{ provider: 'dead', reason: 'circuit breaker open' }])
    // A decline in this process stays the last word when nobody after it can be asked.
    const fields = { payment_method: 'tok_chargeDeclinedInsufficientFunds' }
    const local = await world.tryCharge(to('local_then_dead', fields))
    assert.deepEqual([local.status, local.body.decline_code], [402, 'insufficient_funds'])
    const [only, ...others] = await world.api.attempts(local.body.charge.id)
    assert.deepEqual([only?.provider, only?.status, others], ['local', 'declined', []])
    assert.deepEqual(only?.route?.skipped, [{ provider: 'dead', reason: 'circuit breaker open' }])
  })

  test('a provider that fails again and again is used again when it is back; until then nothing of its payments moves, and keys can be repeated', async () => {
    const held = await world.api.charge(to('killed', { capture: false }))
    assert.equal(held.provider, 'bank_c')
    await world.bank('bank_c').kill()
    for (let i = 0; (await states())['bank_c'] === 'closed'; i++) {
      assert.ok(i < 8, 'its breaker stays closed')
      assert.equal((await world.api.charge(to('killed'))).provider, 'local')
    }
    const key = { 'idempotency-key': randomUUID() }
    const capture = () => world.api.post<Charge & ErrorAnswer>(`/api/v1/charges/${held.id}/capture`, {}, key)
    const refused = await capture()
    assert.deepEqual([refused.status, refused.body.code], [502, 'provider_unavailable'])
    assert.deepEqual(await world.retrieve(held.id), held)
    const alone = await world.tryCharge(to('only_killed'))
    assert.equal(alone.status, 502)
    const [attempt] = await world.api.attempts(alone.body.charge.id)
    assert.deepEqual(attempt?.route?.skipped, [{ provider: 'bank_c', reason: 'circuit breaker open' }])

    await world.bank('bank_c').start()
    const done = await until(capture, ({ status }) => status !== 502)
    assert.deepEqual([done.status, done.body.status], [200, 'succeeded'])
    // A trial that a busy machine answers too late is found by a lookup, which closes no breaker.
    await until(
      () => world.api.charge(to('killed')),
      ({ provider }) => provider === 'bank_c',
    )
    assert.equal((await states())['bank_c'], 'closed')
  })
})
