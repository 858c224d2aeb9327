/**
 * Reports of a provider that contradict the books: MiniPay stores them as alarms, looks them up, and books them if the
 * lookup agrees.
 */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, beforeEach, describe, test } from 'node:test'
import { type Alarm, type Attempt, until } from '../kit/client.ts'
import { done, type Liar, no, order, startLiar } from './liar.ts'

let liar: Liar
before(async () => {
  liar = await startLiar()
})
beforeEach(() => liar.says.clear())
after(() => liar?.close())

describe('the provider took it, we said that it failed', () => {
  test('a payment that we had failed is booked when a lookup agrees, and its key answers so; the alarm stays to be read', async () => {
    liar.says.set('authorize', no('do_not_honor'))
    const key = randomUUID()
    const failed = await liar.world.tryCharge(order('liar'), key)
    assert.equal(failed.status, 402)
    const { id } = failed.body.charge
    const attempt = await liar.attemptOf(id, 'authorize')
    liar.did.set(attempt.id, done({ reference: attempt.id, amount: 1000, currency: 'usd' }))
    await liar.notify(attempt.id)
    const [alarm] = await liar.raised(id)
    assert.deepEqual(
      [alarm.kind, alarm.said, alarm.attempt_id, alarm.amount, alarm.status],
      ['contradiction', 'succeeded', attempt.id, 1000, 'open'],
    )
    await until(
      () => liar.world.retrieve(id),
      ({ status }) => status === 'succeeded',
    )
    assert.equal((await liar.raised(id))[0].in_doubt, false)
    assert.deepEqual(await liar.world.eventsOf(id), ['payment.failed', 'alarm.opened', 'payment.succeeded'])
    const again = await liar.world.tryCharge(order('liar'), key)
    assert.deepEqual([again.status, again.body], [200, await liar.world.retrieve(id)])
    await liar.verified()
    assert.equal((await liar.world.api.refund(id)).status, 'refunded')
    assert.equal((await liar.closeAlarm(alarm.id, { reason: 'Read.' })).status, 200)
    await liar.verified()
  })

  test('a payment is not booked when another provider has the money: no money moves until a person has looked', async () => {
    liar.says.set('authorize', (body) => {
      liar.says.delete('authorize')
      return no('do_not_honor')(body)
    })
    const { id, provider } = await liar.charged('both')
    assert.equal(provider, 'second')
    const [first] = await liar.world.api.attempts(id)
    liar.did.set(first?.id, done({ reference: first?.id, amount: 1000, currency: 'usd' }))
    await liar.notify(first?.id ?? '')
    const [alarm] = await liar.raised(id)
    assert.equal(alarm.in_doubt, true)
    assert.equal((await liar.world.retrieve(id)).provider, 'second')
    await liar.inDoubt(id, 'refund')
    const wrong = await liar.resolve(first?.id ?? '', { outcome: 'succeeded', provider_reference: 'pay' })
    assert.deepEqual([wrong.status, wrong.body.code], [409, 'attempt_not_resolved'])
    assert.equal((await liar.closeAlarm(alarm.id, { reason: 'They gave it back.' })).status, 200)
    assert.equal((await liar.world.api.refund(id)).status, 'refunded')
    await liar.verified()
  })

  test('a capture and a refund that were done after all are booked too', async () => {
    const { id } = await liar.held()
    liar.says.set('capture', no('processing_error'))
    assert.equal((await liar.follow(id, 'capture', { amount: 600 })).status, 402)
    const capture = await liar.attemptOf(id, 'capture')
    liar.did.set(capture.id, done({ reference: capture.id, amount: 600, currency: 'usd' }))
    await liar.notify(capture.id)
    const taken = await until(
      () => liar.world.retrieve(id),
      ({ status }) => status === 'succeeded',
    )
    assert.equal(taken.amount_captured, 600)
    liar.says.set('refund', no('processing_error'))
    assert.equal((await liar.world.tryRefund(id, { amount: 250 })).status, 402)
    const refund = await liar.attemptOf(id, 'refund')
    liar.did.set(refund.id, done({ reference: refund.id, amount: 250, currency: 'usd' }))
    await liar.notify(refund.id)
    await until(
      () => liar.world.retrieve(id),
      ({ amount_refunded }) => amount_refunded === 250,
    )
    assert.deepEqual(
      (await liar.alarmsOf(id)).map(({ kind, in_doubt }) => [kind, in_doubt]),
      [
        ['contradiction', false],
        ['contradiction', false],
      ],
    )
    await liar.verified()
  })

  for (const last of ['declined', 'not_sent'] as const)
    test(`a refund that was made at its first call, whose second one ended ${last}, is booked by the first`, async () => {
      const { id } = await liar.charged()
      const ends =
        last === 'declined' ? no('processing_error') : () => ({ status: 'a word that MiniPay lacks' })
      liar.says.set('refund', () => {
        liar.says.set('refund', ends)
        return { status: 'a word that MiniPay lacks' }
      })
      await liar.world.tryRefund(id)
      const [first, second] = (await until(
        async () => (await liar.world.api.attempts(id)).filter(({ kind }) => kind === 'refund'),
        (attempts) => attempts.length === 2 && attempts.every(({ ended_at }) => ended_at !== null),
      )) as [Attempt, Attempt]
      assert.deepEqual([first.status, second.status], ['not_sent', last])
      liar.did.set(first.id, done({ reference: first.id, amount: 1000, currency: 'usd' }))
      await liar.notify(first.id)
      await until(
        () => liar.world.retrieve(id),
        ({ amount_refunded }) => amount_refunded === 1000,
      )
      await liar.verified()
      const { body } = await liar.resolve(first.id, { outcome: 'failed', note: 'It came back.' })
      assert.equal(body.status, 'declined', JSON.stringify(body))
      assert.equal((await liar.world.retrieve(id)).amount_refunded, 0)
      await liar.verified()
      liar.says.clear()
      assert.equal((await liar.world.api.refund(id)).status, 'refunded')
      await liar.verified()
    })

  test('a refund that was done after all is not booked when its money was refunded again since', async () => {
    const { id } = await liar.charged()
    liar.says.set('refund', no('processing_error'))
    assert.equal((await liar.world.tryRefund(id)).status, 402)
    const refund = await liar.attemptOf(id, 'refund')
    liar.says.clear()
    assert.equal((await liar.world.api.refund(id)).status, 'refunded')
    liar.did.set(refund.id, done({ reference: refund.id, amount: 1000, currency: 'usd' }))
    await liar.notify(refund.id)
    const [alarm] = await liar.raised(id)
    assert.deepEqual([alarm.kind, alarm.in_doubt], ['contradiction', true])
    assert.equal((await liar.world.retrieve(id)).amount_refunded, 1000)
    await liar.verified()
  })
})

test('a payment that was taken and is declined now keeps its money until a person says which is right', async () => {
  const { id } = await liar.charged()
  const attempt = await liar.attemptOf(id, 'authorize')
  liar.did.set(attempt.id, no('do_not_honor')({}))
  await liar.notify(attempt.id)
  const [alarm] = await liar.raised(id)
  assert.deepEqual([alarm.kind, alarm.said, alarm.in_doubt], ['contradiction', 'declined', true])
  await liar.inDoubt(id, 'refund')
  const { body } = await liar.resolve(attempt.id, { outcome: 'failed', note: 'The bank took it back.' })
  assert.equal(body.status, 'declined')
  const failed = await liar.world.retrieve(id)
  assert.deepEqual([failed.status, failed.amount_captured], ['failed', 0])
  const [closed] = await liar.raised(id)
  assert.deepEqual([closed.status, closed.reason], ['closed', 'The bank took it back.'])
  await liar.verified()
  // The person was wrong.
  const again = await liar.resolve(attempt.id, { outcome: 'succeeded' })
  assert.equal(again.status, 200, JSON.stringify(again.body))
  assert.equal((await liar.world.retrieve(id)).amount_captured, 1000)
  await liar.verified()
  assert.equal((await liar.world.api.refund(id)).status, 'refunded')
})

for (const what of ['capture', 'cancel', 'refund'] as const)
  test(`a ${what} that the provider never got is not made once more when its charge is in doubt since`, async () => {
    const { id } = what === 'refund' ? await liar.charged() : await liar.held()
    const payment = await liar.attemptOf(id, 'authorize')
    let calls = 0
    liar.says.set(what, () => {
      calls++
      return { status: 'a word that MiniPay lacks' }
    })
    let charged: Promise<unknown> | undefined
    liar.says.set('lookup', async ({ reference }) => {
      if (reference !== (await liar.attemptOf(id, what)).id) return { status: 'a word that MiniPay lacks' }
      // While the call is looked up, another charge is given the reference of the payment that the call is about.
      if (!charged) {
        liar.says.set('authorize', (body) => ({ ...done(body), reference: payment.provider_reference }))
        charged = liar.world.tryCharge(order('liar'))
        await liar.raised(id)
      }
      return { status: 'not_found' }
    })
    if (what === 'refund') await liar.world.tryRefund(id)
    else await liar.follow(id, what)
    await until(
      () => liar.attemptOf(id, what),
      ({ status }) => status === 'not_sent',
    )
    await charged
    assert.equal(calls, 1)
    assert.equal((await liar.world.api.attempts(id)).filter(({ kind }) => kind === what).length, 1)
    await liar.verified()
  })

test('a requested cancel that was not done, and waits for an alarm since, leaves the books in order', async () => {
  const { promise: released, resolve: release } = Promise.withResolvers<void>()
  liar.says.set('authorize', async (body) => {
    await released
    return done(body)
  })
  const held = await liar.world.tryCharge(order('liar', { capture: false }))
  assert.equal(held.status, 202)
  const { id } = held.body
  assert.equal((await liar.follow(id, 'cancel')).status, 202)
  let charged: Promise<unknown> | undefined
  liar.says.set('cancel', () => ({ status: 'a word that MiniPay lacks' }))
  liar.says.set('lookup', async ({ reference }) => {
    const cancel = await liar.attemptOf(id, 'cancel')
    if (reference !== cancel?.id) return { status: 'a word that MiniPay lacks' }
    if (!charged) {
      const { provider_reference } = await liar.attemptOf(id, 'authorize')
      liar.says.set('authorize', (body) => ({ ...done(body), reference: provider_reference }))
      charged = liar.world.tryCharge(order('liar'))
      await liar.raised(id)
    }
    return { status: 'not_found' }
  })
  release()
  await until(
    () => liar.attemptOf(id, 'cancel'),
    (cancel) => cancel?.status === 'not_sent',
  )
  await charged
  const { status, cancel_requested } = await liar.world.retrieve(id)
  assert.deepEqual([status, cancel_requested], ['authorized', true])
  await liar.verified()
})

test('when the provider agrees with the books again, money moves again', async () => {
  const { id } = await liar.charged()
  const attempt = await liar.attemptOf(id, 'authorize')
  const truth = liar.did.get(attempt.id) as object
  liar.did.set(attempt.id, no('do_not_honor')({}))
  await liar.notify(attempt.id)
  await liar.raised(id)
  await liar.inDoubt(id, 'refund')
  liar.did.set(attempt.id, truth)
  await liar.notify(attempt.id)
  const [alarm] = (await until(
    () => liar.alarmsOf(id),
    ([one]) => one?.in_doubt === false,
  )) as [Alarm]
  assert.equal(alarm.status, 'open')
  assert.equal((await liar.world.api.refund(id)).status, 'refunded')
})

describe('what was captured before, so far as the provider knows', () => {
  for (const what of ['capture', 'cancel'] as const)
    test(`a ${what} that is declined for it keeps the charge in doubt, until a person books what was captured`, async () => {
      const { id } = await liar.held()
      liar.says.set(what, no('already_captured'))
      const { status, body } = await liar.follow(id, what)
      assert.deepEqual([status, body.decline_code], [402, 'already_captured'])
      const [alarm] = await liar.raised(id)
      assert.deepEqual([alarm.kind, alarm.said, alarm.in_doubt], ['already_captured', 'declined', true])
      liar.says.clear()
      await liar.inDoubt(id, 'capture', 'cancel', 'refund')
      const much = await liar.closeAlarm(alarm.id, { reason: 'Seen.', amount: 1001 })
      assert.equal(much.status, 409)
      const closed = await liar.closeAlarm(alarm.id, { reason: 'The dashboard says 400.', amount: 400 })
      assert.deepEqual([closed.status, closed.body.status], [200, 'closed'], JSON.stringify(closed.body))
      const charge = await liar.world.retrieve(id)
      assert.deepEqual([charge.status, charge.amount_captured], ['succeeded', 400])
      const made = await liar.attemptOf(id, 'capture')
      assert.deepEqual([made.status, made.resolved_by, made.amount], ['succeeded', 'hand', 400])
      await liar.verified()
      assert.equal((await liar.world.api.refund(id)).amount, 400)
    })

  test('a lookup that finds the capture as asked books it', async () => {
    const { id } = await liar.held()
    liar.says.set('capture', (body) => {
      liar.did.set(body['reference'], done(body))
      return no('already_captured')(body)
    })
    const { status, body } = await liar.follow(id, 'capture', { amount: 700 })
    assert.deepEqual([status, body.status, body.amount_captured], [200, 'succeeded', 700])
    const [alarm] = await liar.raised(id)
    assert.deepEqual([alarm.kind, alarm.status, alarm.in_doubt], ['already_captured', 'open', false])
    assert.equal((await liar.world.api.refund(id)).amount, 700)
    await liar.verified()
  })

  test('a capture of before that failed in the books is found, and booked', async () => {
    const { id } = await liar.held()
    liar.says.set('capture', (body) => {
      liar.did.set(body['reference'], done(body))
      return no('processing_error')(body)
    })
    assert.equal((await liar.follow(id, 'capture', { amount: 300 })).status, 402)
    liar.says.set('cancel', no('already_captured'))
    assert.equal((await liar.follow(id, 'cancel')).status, 402)
    const charge = await until(
      () => liar.world.retrieve(id),
      ({ status }) => status === 'succeeded',
    )
    assert.equal(charge.amount_captured, 300)
    const all = await until(
      () => liar.alarmsOf(id),
      (alarms) => alarms.length === 2 && alarms.every(({ in_doubt }) => !in_doubt),
    )
    assert.deepEqual(all.map(({ kind }) => kind).sort(), ['already_captured', 'contradiction'])
    assert.equal((await liar.world.api.refund(id)).amount, 300)
    await liar.verified()
  })
})

describe('nothing is left to refund, so far as the provider knows', () => {
  test('the charge is in doubt, until a person books what was refunded', async () => {
    const { id } = await liar.charged()
    liar.says.set('refund', no('already_refunded'))
    assert.equal((await liar.world.tryRefund(id)).status, 402)
    liar.says.clear()
    const [alarm] = await liar.raised(id)
    assert.deepEqual([alarm.kind, alarm.in_doubt], ['already_refunded', true])
    await liar.inDoubt(id, 'refund')
    const key = randomUUID()
    for (const status of [200, 200]) {
      const closed = await liar.world.api.post<Alarm>(
        `/api/v1/alarms/${alarm.id}/close`,
        { reason: 'Refunded at the dashboard.', amount: 800 },
        { 'idempotency-key': key },
      )
      assert.equal(closed.status, status)
    }
    const charge = await liar.world.retrieve(id)
    assert.deepEqual([charge.status, charge.amount_refunded], ['partially_refunded', 800])
    await liar.verified()
    assert.equal((await liar.world.api.refund(id)).amount, 200)
  })

  test('a refund of before that failed in the books is found, and booked', async () => {
    const { id } = await liar.charged()
    liar.says.set('refund', (body) => {
      liar.did.set(body['reference'], done(body))
      return no('processing_error')(body)
    })
    assert.equal((await liar.world.tryRefund(id)).status, 402)
    liar.says.set('refund', no('already_refunded'))
    assert.equal((await liar.world.tryRefund(id)).status, 402)
    const charge = await until(
      () => liar.world.retrieve(id),
      ({ status }) => status === 'refunded',
    )
    assert.equal(charge.amount_refunded, 1000)
    await until(
      () => liar.alarmsOf(id),
      (alarms) => alarms.length === 2 && alarms.every(({ in_doubt }) => !in_doubt),
    )
    await liar.verified()
  })
})

test('a reference that is given again puts the charge that has it in doubt, and the other one', async () => {
  const first = await liar.charged()
  liar.says.set('authorize', (body) => {
    const again = { ...done(body), reference: first.provider_reference }
    liar.did.set(body['reference'], again)
    return again
  })
  const { body } = await liar.world.tryCharge(order('liar', { amount: 5000 }))
  assert.equal(body.status, 'processing')
  const [mine] = await liar.raised(first.id)
  const [other] = await liar.raised(body.id)
  assert.deepEqual([mine.kind, other.kind, mine.in_doubt], ['reference_reused', 'reference_reused', true])
  await liar.inDoubt(first.id, 'refund')
  const attempt = await liar.attemptOf(body.id, 'authorize')
  await until(
    () => liar.resolve(attempt.id, { outcome: 'failed' }),
    ({ status }) => status === 200,
  )
  assert.equal((await liar.closeAlarm(mine.id, { reason: 'It is hers.' })).status, 200)
  assert.equal((await liar.world.api.refund(first.id)).status, 'refunded')
  await liar.verified()
})
