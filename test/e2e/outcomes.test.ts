/** For every fault of a provider, a charge has the right outcome: at once, or once the outcome is known. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { type Charge, type DeclineAnswer, until } from '../kit/client.ts'
import { deadUrl, type Peer, startPeer } from '../kit/peer.ts'
import { type Receiver, startReceiver } from '../kit/receiver.ts'
import { newSecret } from '../kit/simulator.ts'
import { ruleTo, sendNotification, startWorld, type World } from '../kit/world.ts'

type Fault = {
  readonly token: string
  /** What the attempt says of it. */
  readonly reason: RegExp
  /** How the charge ends. */
  readonly ends: 'succeeded' | 'failed'
}

/** Answers that leave it open whether money moved. */
const UNKNOWN: Readonly<Record<string, Fault>> = {
  'HTML with status 502': { token: 'tok_html', reason: /responded 502 that is not JSON/, ends: 'succeeded' },
  'half a JSON body': { token: 'tok_half_json', reason: /responded 200 that is not JSON/, ends: 'succeeded' },
  'a body of 1 GB': { token: 'tok_huge', reason: /longer than 64 KiB/, ends: 'succeeded' },
  'an empty body': { token: 'tok_empty', reason: /without a body/, ends: 'succeeded' },
  'no answer before the deadline': { token: 'tok_fault_hang', reason: /no response in time/, ends: 'failed' },
  'a connection cut before it acted': { token: 'tok_fault_cut_before', reason: /./, ends: 'failed' },
  'a connection cut after it acted': { token: 'tok_fault_cut_after', reason: /./, ends: 'succeeded' },
  'status 500 before it acted': { token: 'tok_fault_error', reason: /responded 500/, ends: 'failed' },
  'status 500 after it acted': { token: 'tok_fault_error_after', reason: /responded 500/, ends: 'succeeded' },
  'a reference it calls used': { token: 'tok_reused_reference', reason: /reference_reused/, ends: 'failed' },
  'a wrong amount, taken back when asked': {
    token: 'tok_wrong_amount',
    reason: /requested 25\.00 USD, the provider reports 50\.00 USD/,
    ends: 'succeeded',
  },
  'a wrong currency, taken back when asked': {
    token: 'tok_wrong_currency',
    reason: /requested 25\.00 USD, the provider reports 25\.00 EUR/,
    ends: 'succeeded',
  },
}
/** Every fault has a provider of its own at the one bank, so that no fault opens another's circuit breaker. */
const NAMES = Object.keys(UNKNOWN).map((_, i) => `fault_${i}`)

let world: World
let receiver: Receiver
let liar: Peer
/** What the liar answers next. */
let lie: (operation: string, body: Readonly<Record<string, unknown>>) => object = () => ({})

before(async () => {
  receiver = await startReceiver()
  liar = await startPeer((operation, body) => lie(operation, body))
  world = await startWorld({
    banks: ['bank_a', 'bank_b'],
    providers: {
      ...Object.fromEntries(NAMES.map((name) => [name, { bank: 'bank_a' }])),
      patient: { bank: 'bank_a', deadline_ms: 20_000 },
      dead: { bank: 'bank_a', url: await deadUrl() },
      stranger: { bank: 'bank_a', secret: newSecret() },
      liar: { bank: 'bank_a', url: liar.url },
    },
    env: {
      MINIPAY_PROVIDER_WAIT_MS: '250',
      MINIPAY_IDEMPOTENCY_WAIT_MS: '2000',
      WEBHOOK_TARGET: receiver.url,
    },
  })
  await world.route({
    rules: [
      ...NAMES.map((name) => ruleTo(name, [name, 'bank_b'])),
      ...['patient', 'dead', 'stranger', 'liar'].map((name) => ruleTo(name, [name])),
    ],
    default: { providers: ['bank_a', 'bank_b'] },
  })
})
after(async () => {
  await Promise.all([receiver?.close(), liar?.close()])
  await world?.close()
})

const to = (name: string, fields: object = {}) => ({ metadata: { to: name }, ...fields })
const alarms = (provider: string, alarm: string) =>
  world.metric(`minipay_provider_alarms_total{provider="${provider}",alarm="${alarm}"}`)

describe('an answer that leaves it open: 202 at once, never a second charge, never another provider', {
  concurrency: true,
}, () => {
  for (const [i, [name, { token, reason, ends }]] of Object.entries(UNKNOWN).entries())
    test(`a charge with the answer ${name} is ${ends} in the end`, async () => {
      const provider = NAMES[i] as string
      const key = randomUUID()
      const order = to(provider, { payment_method: token })
      const { status, body } = await world.tryCharge(order, key)
      assert.deepEqual([status, body.status, body.amount_captured], [202, 'processing', 0])
      const [unknown] = await until(
        () => world.api.attempts(body.id),
        ([attempt]) => attempt?.status !== 'sending',
      )
      if (unknown?.status === 'unknown') assert.match(unknown.reason ?? '', reason)

      const charge = await world.settled(body.id)
      assert.equal(charge.status, ends)
      const attempts = await world.api.attempts(body.id)
      assert.deepEqual(
        attempts.map((a) => [a.provider, a.status, a.resolved_by]),
        [[provider, ends === 'succeeded' ? 'succeeded' : 'not_sent', 'lookup']],
      )
      const payments = await world.stated('bank_a', body.id)
      assert.equal(payments.length, ends === 'succeeded' ? 1 : 0)
      assert.deepEqual(await world.stated('bank_b', body.id), [])
      const again = await world.tryCharge(order, key)
      assert.equal(again.status, ends === 'succeeded' ? 200 : 502)
      assert.equal(again.body.charge?.id ?? again.body.id, body.id)
      const alarmed = token.startsWith('tok_wrong') ? ['alarm.opened'] : []
      assert.deepEqual(await world.eventsOf(body.id), [...alarmed, `payment.${ends}`])
    })
})

describe('an answer that is plain ends the charge at once', () => {
  for (const [name, order, status, code, decline, state] of [
    ['a decline', { payment_method: 'tok_fault_decline' }, 402, 'card_declined', 'do_not_honor', 'declined'],
    [
      'a decline code that is in no table is passed on',
      { payment_method: 'tok_unknown_decline' },
      402,
      'card_declined',
      'martian_card',
      'declined',
    ],
    [
      'a decline code that is no code is a generic one',
      { payment_method: 'tok_odd_decline' },
      402,
      'card_declined',
      'generic_decline',
      'declined',
    ],
    ['a refused connection', to('dead'), 502, 'provider_unavailable', 'provider_unavailable', 'not_sent'],
    [
      'a request that it does not trust',
      to('stranger'),
      502,
      'provider_unavailable',
      'provider_unavailable',
      'not_sent',
    ],
  ] as const)
    test(`a plain answer ends the charge at once: ${name}`, async () => {
      const key = randomUUID()
      const answer = await world.tryCharge(order, key)
      const { charge } = answer.body
      assert.deepEqual([answer.status, answer.body.code, answer.body.decline_code], [status, code, decline])
      assert.deepEqual([charge.status, charge.decline_code, charge.amount_captured], ['failed', decline, 0])
      const attempts = await world.api.attempts(charge.id)
      assert.deepEqual(
        attempts.map((attempt) => [attempt.status, attempt.resolved_by]),
        [[state, 'answer']],
      )
      assert.deepEqual(await world.eventsOf(charge.id), ['payment.failed'])
      assert.deepEqual(await world.stated('bank_a', charge.id), [])
      const again = await world.tryCharge(order, key)
      assert.deepEqual([again.status, again.body.charge], [status, charge])
    })
})

describe('an outcome that differs from the request is never booked: it raises an alarm and waits for a person', () => {
  const paid = (_: string, { amount, currency, reference }: Readonly<Record<string, unknown>>) => ({
    status: 'succeeded',
    reference: `pay_${reference}`,
    amount,
    currency,
    expires_at: null,
  })

  for (const [what, alarm, change] of [
    ['another amount', 'amount_mismatch', { amount: 2600, currency: 'usd' }],
    ['another currency', 'amount_mismatch', { amount: 2500, currency: 'jpy' }],
    [
      'the reference of another payment',
      'reference_reused',
      { amount: 2500, currency: 'usd', reference: 'pay_1' },
    ],
  ] as const)
    test(`${what} raises an alarm and books nothing`, async () => {
      if (alarm === 'reference_reused') {
        lie = (...call) => ({ ...paid(...call), reference: 'pay_1' })
        const first = await world.tryCharge(to('liar'))
        assert.equal(first.status, 201)
      }
      const balances = await world.balances()
      const before = await alarms('liar', alarm)
      lie = (...call) => ({ ...paid(...call), ...change })
      const { status, body } = await world.tryCharge(to('liar'))
      assert.deepEqual([status, body.status], [202, 'processing'])
      // The liar repeats itself when it is asked again.
      const [attempt] = await until(
        () => world.api.attempts(body.id),
        ([one]) => (one?.lookups ?? 0) >= 1,
      )
      assert.equal(attempt?.status, 'unknown')
      await until(
        () => alarms('liar', alarm),
        (count) => count >= before + 2,
      )
      assert.equal((await world.retrieve(body.id)).status, 'processing')
      assert.deepEqual(await world.balances(), balances)
      // Said again, it is the same alarm.
      assert.deepEqual(await world.eventsOf(body.id), ['alarm.opened'])

      const resolved = await world.api.post(`/api/v1/attempts/${attempt?.id}/resolve`, {
        outcome: 'failed',
        note: 'The processor has taken it back.',
      })
      assert.equal(resolved.status, 200)
      const charge = await world.retrieve(body.id)
      assert.deepEqual(
        [charge.status, charge.failure_message],
        ['failed', 'The processor has taken it back.'],
      )
      assert.deepEqual(await world.balances(), balances)
    })

  test('a payment that ended without money and has it after all, or the other way round, raises an alarm', async () => {
    const before = await alarms('liar', 'contradiction')
    const told = (body: Charge) => world.api.attempts(body.id).then(([attempt]) => attempt?.id ?? '')
    const notify = (reference: string) =>
      sendNotification(world, 'bank_a', { id: `n_${reference}`, about: 'attempt', reference }, { to: 'liar' })
    lie = () => ({ status: 'declined', decline_code: 'do_not_honor', message: 'No.' })
    const failed = (await world.tryCharge(to('liar'))).body
    const has = (reference: string) => () => paid('', { amount: 2500, currency: 'usd', reference })
    lie = has('once')
    const taken = (await world.tryCharge(to('liar'))).body
    lie = has('after_all')
    await notify(await told(failed.charge ?? failed))
    await until(
      () => alarms('liar', 'contradiction'),
      (count) => count === before + 1,
    )
    // The lookup agrees with what was asked: it is booked.
    const late = await until(
      () => world.retrieve(failed.charge.id),
      ({ status }) => status === 'succeeded',
    )
    assert.equal(late.provider_reference, 'pay_after_all')
    const balances = await world.balances()
    lie = () => ({ status: 'declined', decline_code: 'do_not_honor', message: 'Returned.' })
    await notify(await told(taken))
    await until(
      () => alarms('liar', 'contradiction'),
      (count) => count === before + 2,
    )
    assert.equal((await world.retrieve(taken.id)).status, 'succeeded')
    assert.deepEqual(await world.balances(), balances)
    lie = paid
  })

  test('a refund that is answered in another amount stays processing until its amount is right', async () => {
    lie = paid
    const { body } = await world.tryCharge(to('liar'))
    lie = (...call) => ({ ...paid(...call), amount: 999 })
    const refund = await world.tryRefund(body.id, { amount: 1000 })
    assert.deepEqual([refund.status, refund.body.status], [202, 'processing'])
    const charge = await world.retrieve(body.id)
    assert.deepEqual([charge.amount_refunded, charge.amount_refund_pending], [0, 1000])
    lie = (_, { reference }) => ({ status: 'succeeded', reference, amount: 1000, currency: 'usd' })
    const done = await until(
      () => world.retrieve(body.id),
      ({ amount_refunded }) => amount_refunded > 0,
    )
    assert.deepEqual([done.amount_refunded, done.amount_refund_pending], [1000, 0])
  })
})

test('a request waits for its provider for a limited time; later its key, a read and a webhook show the outcome', async () => {
  const bank = world.bank('bank_a')
  const key = randomUUID()
  const order = to('patient', { payment_method: 'tok_fault_hold_before' })
  const calls = await bank.calls()
  const first = await world.tryCharge(order, key)
  assert.deepEqual([first.status, first.body.status], [202, 'processing'])
  const { id } = first.body
  const again = await world.tryCharge(order, key)
  assert.deepEqual(
    [again.status, again.body, again.headers.get('idempotent-replayed')],
    [202, first.body, 'true'],
  )
  assert.deepEqual(await world.retrieve(id), first.body)
  await bank.control('POST', '/release')
  const charge = await world.settled(id)
  assert.equal(charge.status, 'succeeded')
  const last = await world.tryCharge(order, key)
  assert.deepEqual([last.status, last.body], [200, charge])
  const told = () => Promise.resolve(receiver.received.map(({ body }) => JSON.parse(body) as Charge))
  const webhooks = await until(told, (all) => all.some((one) => one.id === id))
  assert.deepEqual(
    webhooks.filter((one) => one.id === id).map(({ status }) => status),
    ['succeeded'],
  )
  assert.equal((await bank.calls()).received.authorize, calls.received.authorize + 1)
})

describe('a follow-up whose answer was lost', () => {
  const held = () => world.api.charge({ capture: false })
  const arm = (operation: 'capture' | 'cancel' | 'refund', fault: string) =>
    world.bank('bank_a').arm(operation, fault)
  const follow = (id: string, what: string) =>
    world.api.post<Charge & DeclineAnswer>(`/api/v1/charges/${id}/${what}`, {})

  test('a refund that was paid is found, and is paid once', async () => {
    const { id } = await world.api.charge()
    await arm('refund', 'cut_after')
    const key = randomUUID()
    const { status, body } = await world.tryRefund(id, { amount: 1000 }, key)
    assert.deepEqual([status, body.status], [202, 'processing'])
    await until(
      () => world.retrieve(id),
      ({ amount_refunded }) => amount_refunded === 1000,
    )
    const again = await world.tryRefund(id, { amount: 1000 }, key)
    assert.deepEqual([again.status, again.body.status], [200, 'partially_refunded'])
    assert.equal((await world.stated('bank_a', id))[0]?.refunded, 1000)
    assert.deepEqual(await world.eventsOf(id), ['payment.succeeded', 'payment.refunded'])
  })

  test('a refund that never came to the bank fails, and its money can be refunded again', async () => {
    const { id } = await world.api.charge()
    await arm('refund', 'cut_before')
    const { body } = await world.tryRefund(id)
    assert.equal((await world.tryRefund(id)).body.code, 'already_refunded')
    const refund = await until(
      async () => (await world.api.get<{ status: string }>(`/api/v1/refunds/${body.refund_id}`)).body,
      ({ status }) => status !== 'processing',
    )
    assert.equal(refund.status, 'failed')
    assert.equal((await world.api.refund(id)).status, 'refunded')
    assert.deepEqual(await world.eventsOf(id), ['payment.succeeded', 'refund.failed', 'payment.refunded'])
  })

  test('a refund that the bank declines is answered so, and moves nothing', async () => {
    const { id } = await world.api.charge()
    const before = await world.balances()
    await arm('refund', 'decline')
    const { status, body } = await world.tryRefund(id)
    assert.deepEqual([status, body.code, body.decline_code], [402, 'provider_declined', 'do_not_honor'])
    assert.deepEqual(await world.balances(), before)
    assert.equal((await world.retrieve(id)).status, 'succeeded')
  })

  for (const [what, fault, ends, events] of [
    ['capture', 'cut_after', 'succeeded', ['payment.succeeded']],
    ['capture', 'cut_before', 'authorized', ['payment.capture_failed']],
    ['cancel', 'error_after', 'canceled', ['payment.canceled']],
    ['cancel', 'hang', 'authorized', ['payment.cancel_failed']],
  ] as const)
    test(`a ${what} with the fault ${fault} leaves its charge ${ends} in the end`, async () => {
      const { id } = await held()
      await arm(what, fault)
      const { status, body } = await follow(id, what)
      assert.deepEqual([status, body.status], [202, 'processing'])
      // A cancel of what is being captured is kept; see cancel-wishes.
      const others = what === 'capture' ? ['capture'] : ['capture', 'cancel']
      for (const other of others) assert.equal((await follow(id, other)).status, 409)
      assert.equal((await world.settled(id)).status, ends)
      assert.deepEqual(await world.eventsOf(id), ['payment.authorized', ...events])
    })

  test('a capture that the bank declines leaves the charge authorized', async () => {
    const { id } = await held()
    await arm('capture', 'decline')
    const { status, body } = await follow(id, 'capture')
    assert.deepEqual([status, body.code, body.charge.status], [402, 'provider_declined', 'authorized'])
    assert.equal((await world.api.capture(id)).status, 'succeeded')
  })
})

test('no secret and no card number is in the log or in an answer', async () => {
  const { body } = await world.tryCharge({ payment_method: 'tok_echo' })
  const charge = await world.settled(body.charge?.id ?? body.id)
  assert.match(charge.failure_message ?? '', /\[cut\]/)
  const refused = await world.tryCharge({ payment_method: 'tok_4242424242424242' })
  assert.deepEqual([refused.status, refused.body.code], [400, 'card_number_refused'])
  const said = `${world.server.output()} ${JSON.stringify([body, await world.api.attempts(charge.id)])}`
  assert.ok(said.includes(charge.id))
  for (const name of ['bank_a', 'bank_b']) {
    const { secret } = world.bank(name)
    assert.ok(!said.includes(secret) && !said.includes(secret.slice('whsec_'.length)), name)
  }
  // The whole number: a random id may contain four of its digits.
  assert.doesNotMatch(said, /4242424242424242|whsec_/)
})
