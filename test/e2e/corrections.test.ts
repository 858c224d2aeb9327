/** Amounts that a person books and corrects, in both directions, while no other money depends on them. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, beforeEach, describe, test } from 'node:test'
import { type Attempt, type Charge, type Dispute, type Page, type Refund, until } from '../kit/client.ts'
import { runCli } from '../kit/server.ts'
import { type Liar, order, startLiar } from './liar.ts'

let liar: Liar
before(async () => {
  liar = await startLiar()
})
beforeEach(() => liar.says.clear())
after(() => liar?.close())

describe('by hand, with an amount', () => {
  /** An attempt of which the mute provider's answer was lost. */
  async function lost(operation: string, start: () => Promise<unknown>, id: () => string) {
    // Its circuit breaker judges by the share of calls that failed.
    for (const _ of [1, 2]) await liar.charged('mute')
    liar.says.set(operation, () => ({ status: 'maybe' }))
    await start()
    const attempt = await until(
      () => liar.attemptOf(id(), operation as Attempt['kind']),
      (one) => one?.status === 'unknown',
    )
    liar.says.clear()
    return attempt
  }

  test('a person books a charge of 1000 of which 400 were taken', async () => {
    let charge: Charge | undefined
    const attempt = await lost(
      'authorize',
      async () => {
        charge = (await liar.world.tryCharge(order('mute'))).body
      },
      () => charge?.id ?? '',
    )
    const id = charge?.id ?? ''
    const much = await liar.resolve(attempt.id, {
      outcome: 'succeeded',
      provider_reference: 'p1',
      amount: 1001,
    })
    assert.deepEqual([much.status, much.body.param], [400, 'amount'])
    const failed = await liar.resolve(attempt.id, { outcome: 'failed', amount: 400 })
    assert.deepEqual([failed.status, failed.body.param], [400, 'amount'])
    const { code, stdout, stderr } = await runCli(
      ['attempts', 'resolve', attempt.id, 'succeeded', `pay_${id}`, '--amount', '400'],
      { MINIPAY_SERVER: liar.world.server.url },
    )
    assert.equal(code, 0, stderr)
    assert.match(stdout, /succeeded/)
    const taken = await liar.world.retrieve(id)
    assert.deepEqual([taken.status, taken.amount, taken.amount_captured], ['succeeded', 1000, 400])
    await liar.verified()
    for (const [amount, captured] of [
      [1000, 1000],
      [1, 1],
      [400, 400],
    ] as const) {
      assert.equal((await liar.resolve(attempt.id, { outcome: 'succeeded', amount })).status, 200)
      assert.equal((await liar.world.retrieve(id)).amount_captured, captured)
      await liar.verified()
    }
    assert.equal((await liar.world.api.refund(id)).amount, 400)
    // Other money depends on it now.
    for (const body of [{ outcome: 'failed' }, { outcome: 'succeeded', amount: 500 }]) {
      const late = await liar.resolve(attempt.id, body)
      assert.deepEqual([late.status, late.body.code], [409, 'attempt_not_resolved'])
      assert.match(String((late.body as { error?: string }).error), /refunds/)
    }
    await liar.verified()
  })

  test('a person books a capture of 1000 of which 400 were taken, or none', async () => {
    const { id } = await liar.held('mute')
    const attempt = await lost(
      'capture',
      () => liar.follow(id, 'capture'),
      () => id,
    )
    assert.equal((await liar.resolve(attempt.id, { outcome: 'succeeded', amount: 400 })).status, 200)
    assert.equal((await liar.world.retrieve(id)).amount_captured, 400)
    await liar.verified()
    assert.equal((await liar.resolve(attempt.id, { outcome: 'failed' })).status, 200)
    const charge = await liar.world.retrieve(id)
    assert.deepEqual([charge.status, charge.amount_captured], ['authorized', 0])
    await liar.verified()
    assert.equal((await liar.follow(id, 'capture', { amount: 900 })).body.amount_captured, 900)
    const late = await liar.resolve(attempt.id, { outcome: 'succeeded', amount: 400 })
    assert.deepEqual([late.status, late.body.code], [409, 'attempt_not_resolved'])
    await liar.verified()
  })

  for (const [what, operation, capture] of [
    ['charge', 'authorize', true],
    ['hold', 'authorize', false],
    ['capture', 'capture', false],
    ['cancel', 'cancel', false],
    ['refund', 'refund', true],
  ] as const)
    test(`a person books the reference of a ${what}, and nothing else`, async () => {
      let id = ''
      if (operation !== 'authorize') id = (await liar.charged('mute', { capture })).id
      const start = async () => {
        if (operation === 'authorize') id = (await liar.world.tryCharge(order('mute', { capture }))).body.id
        else if (operation === 'refund') await liar.world.tryRefund(id)
        else await liar.follow(id, operation)
      }
      const attempt = await lost(operation, start, () => id)
      for (const reference of ['wrong', 'right']) {
        const provider_reference = `${reference}_${id}`
        const { status, body } = await liar.resolve(attempt.id, { outcome: 'succeeded', provider_reference })
        assert.deepEqual([status, body.provider_reference], [200, provider_reference])
        await liar.verified()
      }
    })

  test('a person books a cancel as done, and as not done', async () => {
    const { id } = await liar.held('mute')
    const attempt = await lost(
      'cancel',
      () => liar.follow(id, 'cancel'),
      () => id,
    )
    for (const [outcome, status] of [
      ['succeeded', 'canceled'],
      ['failed', 'authorized'],
      ['succeeded', 'canceled'],
    ] as const) {
      assert.equal((await liar.resolve(attempt.id, { outcome })).status, 200)
      assert.equal((await liar.world.retrieve(id)).status, status)
      await liar.verified()
    }
    const whole = await liar.resolve(attempt.id, { outcome: 'succeeded', amount: 400 })
    assert.deepEqual([whole.status, whole.body.param], [400, 'amount'])
  })

  test('a person books a refund of 1000 of which 400 were paid', async () => {
    const { id } = await liar.charged('mute')
    let refund: Refund | undefined
    const key = randomUUID()
    const attempt = await lost(
      'refund',
      async () => {
        refund = (await liar.world.tryRefund(id, {}, key)).body
      },
      () => id,
    )
    const state = async () => {
      const { amount_refunded, amount_refund_pending, status } = await liar.world.retrieve(id)
      return [status, amount_refunded, amount_refund_pending]
    }
    assert.equal((await liar.resolve(attempt.id, { outcome: 'succeeded', amount: 400 })).status, 200)
    assert.deepEqual(await state(), ['partially_refunded', 400, 0])
    await liar.verified()
    assert.equal((await liar.world.tryRefund(id, {}, key)).body.amount, 400)
    assert.equal((await liar.resolve(attempt.id, { outcome: 'succeeded', amount: 1000 })).status, 200)
    assert.deepEqual(await state(), ['refunded', 1000, 0])
    await liar.verified()
    assert.equal((await liar.resolve(attempt.id, { outcome: 'failed' })).status, 200)
    assert.deepEqual(await state(), ['succeeded', 0, 0])
    await liar.verified()
    assert.equal((await liar.world.api.refund(id, { amount: 700 })).amount, 700)
    const much = await liar.resolve(attempt.id, { outcome: 'succeeded', amount: 400 })
    assert.deepEqual([much.status, much.body.param], [400, 'amount'])
    assert.equal((await liar.resolve(attempt.id, { outcome: 'succeeded', amount: 300 })).status, 200)
    assert.deepEqual(await state(), ['refunded', 1000, 0])
    assert.ok(refund)
    await liar.verified()
  })

  test('what is not in doubt is not for a person to change', async () => {
    const { id } = await liar.charged()
    const attempt = await liar.attemptOf(id, 'authorize')
    const { status, body } = await liar.resolve(attempt.id, { outcome: 'failed' })
    assert.deepEqual([status, body.code], [409, 'attempt_not_open'])
  })
})

test('a dispute in another currency: a person sets the booked amount', async () => {
  const { id, provider_reference: payment } = await liar.charged()
  liar.says.set('lookup', ({ dispute }) => ({
    status: 'open',
    dispute,
    payment,
    amount: 650,
    currency: 'eur',
  }))
  await liar.notify(`d_${id}`, 'dispute')
  const [alarm] = await liar.raised(id)
  assert.deepEqual([alarm.kind, alarm.amount, alarm.currency], ['dispute_mismatch', 650, 'eur'])
  await liar.inDoubt(id, 'refund')
  for (const amount of [0, 1001])
    assert.equal((await liar.closeAlarm(alarm.id, { reason: 'Seen.', amount })).status, 400)
  assert.equal(
    (await liar.closeAlarm(alarm.id, { reason: 'The statement says 720 usd.', amount: 720 })).status,
    200,
  )
  const { body } = await liar.world.api.get<Page<Dispute>>(`/api/v1/disputes?transaction_id=${id}`)
  assert.deepEqual([body.data[0]?.amount, body.data[0]?.amount_booked], [650, 720])
  // Told again, it stays as the person said.
  const looked = liar.asked()
  await liar.notify(`d_${id}`, 'dispute')
  await until(
    () => Promise.resolve(liar.asked()),
    (count) => count > looked,
  )
  assert.equal((await liar.world.api.refund(id)).amount, 280)
  assert.equal((await liar.world.retrieve(id)).amount_disputed, 720)
  await liar.verified()
})
