/** Provider contract: successful calls and declines. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { holdsCardNumber } from '../../../src/domain/cards/card-numbers.ts'
import {
  AMOUNT,
  authorizeCall,
  declined,
  followUp,
  lookupCall,
  madeFor,
  opened,
  patience,
  pay,
  pending,
  succeeded,
  thePayment,
} from './calls.ts'
import type { Lacks, Open } from './contract.ts'

export function payments(open: Open, { network }: Lacks): void {
  const here = opened(open)

  test('a payment with capture takes exactly the amount, once, under our reference', async () => {
    const { provider, peer } = here.at
    const call = authorizeCall(peer)
    const outcome = succeeded(await provider.authorize(call, patience()))
    assert.deepEqual([outcome.amount, outcome.currency, outcome.expiresAt], [AMOUNT, 'usd', null])
    const { reference, captured, currency, refunded } = await thePayment(peer, call)
    assert.deepEqual([reference, captured, currency, refunded], [outcome.reference, AMOUNT, 'usd', 0])
  })

  test('a payment without capture is held and taken later, and says when it lapses', async () => {
    const { provider, peer } = here.at
    const call = authorizeCall(peer, { capture: false })
    const before = Date.now()
    const outcome = succeeded(await provider.authorize(call, patience()))
    assert.deepEqual([outcome.amount, outcome.currency], [AMOUNT, 'usd'])
    assert.ok(outcome.expiresAt !== null && outcome.expiresAt > before)
    const { captured, canceled } = await thePayment(peer, call)
    assert.deepEqual([captured, canceled], [0, false])
  })

  test('a payment without description, metadata or token is sent as it is', async () => {
    const { provider, peer } = here.at
    const call = authorizeCall(peer, { description: null, metadata: {} })
    assert.equal((await provider.authorize(call, patience())).kind, 'succeeded')
  })

  test('the same call with the same reference is done once', { skip: network ?? false }, async () => {
    const { provider, peer } = here.at
    if (provider.capabilities.idempotencyWindowMs === 0) return
    const call = authorizeCall(peer)
    const [first, second] = await Promise.all([
      provider.authorize(call, patience()),
      provider.authorize(call, patience()),
    ])
    const again = await provider.authorize(call, patience())
    // Of two concurrent calls a provider may do one and leave the other unknown; it never does both.
    assert.ok([first, second].some(({ kind }) => kind === 'succeeded'))
    assert.equal(succeeded(again).reference, (await thePayment(peer, call)).reference)
  })
}

export function captures(open: Open, lacks: Lacks): void {
  const here = opened(open)

  test('a capture of the whole takes what was held', async () => {
    const paid = await pay(here.at, { capture: false })
    const { provider, peer } = here.at
    const outcome = succeeded(await provider.capture(followUp(paid.call, paid.reference), patience()))
    assert.deepEqual([outcome.amount, outcome.currency], [AMOUNT, 'usd'])
    assert.equal((await thePayment(peer, paid.call)).captured, AMOUNT)
  })

  test('a capture of less takes less', { skip: lacks.partial_capture ?? false }, async () => {
    const paid = await pay(here.at, { capture: false })
    const { provider, peer } = here.at
    const call = followUp(paid.call, paid.reference, 1_000)
    assert.equal(succeeded(await provider.capture(call, patience())).amount, 1_000)
    assert.equal((await thePayment(peer, paid.call)).captured, 1_000)
  })

  test('a capture of more than is held takes nothing', { skip: lacks.network ?? false }, async () => {
    const paid = await pay(here.at, { capture: false })
    const { provider, peer } = here.at
    const { kind } = await provider.capture(followUp(paid.call, paid.reference, AMOUNT + 1), patience())
    assert.ok(kind === 'declined' || kind === 'not_sent', kind)
    assert.equal((await thePayment(peer, paid.call)).captured, 0)
  })

  test('a cancel releases what was held, and nothing can be captured then', {
    skip: lacks.void ?? false,
  }, async () => {
    const paid = await pay(here.at, { capture: false })
    const { provider, peer } = here.at
    const outcome = await provider.cancel(followUp(paid.call, paid.reference), patience())
    assert.equal(succeeded(outcome).currency, 'usd')
    assert.equal((await thePayment(peer, paid.call)).canceled, true)
    if (lacks.network !== undefined) return
    const { kind } = await provider.capture(followUp(paid.call, paid.reference), patience())
    assert.ok(kind === 'declined' || kind === 'not_sent', kind)
  })

  test('refunds give back what they say, and no more than was taken', async () => {
    const paid = await pay(here.at)
    const { provider, peer } = here.at
    const first = succeeded(await provider.refund(followUp(paid.call, paid.reference, 1_000), patience()))
    assert.deepEqual([first.amount, first.currency], [1_000, 'usd'])
    assert.equal((await thePayment(peer, paid.call)).refunded, 1_000)
    const rest = followUp(paid.call, paid.reference, AMOUNT - 1_000)
    const second = succeeded(await provider.refund(rest, patience()))
    assert.notEqual(second.reference, first.reference)
    assert.equal((await thePayment(peer, paid.call)).refunded, AMOUNT)
    if (lacks.network !== undefined) return
    const { kind } = await provider.refund(followUp(paid.call, paid.reference, 1), patience())
    assert.ok(kind === 'declined' || kind === 'not_sent', kind)
    assert.equal((await thePayment(peer, paid.call)).refunded, AMOUNT)
  })
}

export function declines(open: Open, lacks: Lacks): void {
  const here = opened(open)

  test("a decline is a value with our code and the provider's words, and takes nothing", async () => {
    const { provider, peer } = here.at
    const call = authorizeCall(peer, { paymentMethod: peer.tokens.insufficientFunds })
    const { declineCode, message } = declined(await provider.authorize(call, patience()))
    assert.equal(declineCode, 'insufficient_funds')
    assert.match(message, /\w/)
    assert.ok((await madeFor(peer, call)).every(({ captured }) => captured === 0))
  })

  test('a decline code that is in no table is passed on as it is', {
    skip: lacks.unknown_decline ?? false,
  }, async () => {
    const { provider, peer } = here.at
    const call = authorizeCall(peer, { paymentMethod: peer.tokens.unknownDecline })
    const { declineCode } = declined(await provider.authorize(call, patience()))
    assert.equal(declineCode, peer.unknownDeclineCode)
  })

  test('a payment method that the provider does not know is declined', async () => {
    const { provider, peer } = here.at
    const call = authorizeCall(peer, { paymentMethod: 'tok_nobody_knows' })
    const { declineCode } = declined(await provider.authorize(call, patience()))
    assert.equal(declineCode, 'invalid_payment_method')
  })
}

export function lookups(open: Open, lacks: Lacks): void {
  const here = opened(open)
  const skip = lacks.lookup ?? false

  test('each call is found again, with the amount that it moved', { skip }, async () => {
    const { provider } = here.at
    const paid = await pay(here.at, { capture: false })
    const captured = followUp(paid.call, paid.reference)
    const capture = succeeded(await provider.capture(captured, patience()))
    const refunded = followUp(paid.call, paid.reference, 700)
    const refund = succeeded(await provider.refund(refunded, patience()))
    const expected = [
      [lookupCall('authorize', paid.call, paid.reference), AMOUNT],
      [lookupCall('capture', captured, capture.reference), AMOUNT],
      [lookupCall('refund', refunded, refund.reference), 700],
    ] as const
    for (const [call, amount] of expected) {
      const found = succeeded(await provider.lookup(call, patience()))
      assert.deepEqual([found.reference, found.amount], [call.providerReference, amount], call.kind)
    }
  })

  test('a cancel is found again, and what it released is declined as expired', {
    skip: skip || (lacks.void ?? false),
  }, async () => {
    const { provider } = here.at
    const paid = await pay(here.at, { capture: false })
    const canceled = followUp(paid.call, paid.reference)
    const cancel = succeeded(await provider.cancel(canceled, patience()))
    const found = await provider.lookup(lookupCall('cancel', canceled, cancel.reference), patience())
    assert.equal(found.kind, 'succeeded')
    const authorization = lookupCall('authorize', paid.call, paid.reference)
    const { declineCode } = declined(await provider.lookup(authorization, patience()))
    assert.equal(declineCode, 'authorization_expired')
  })

  test('what was never sent is not found, and where that is final it can never be done', {
    skip,
  }, async () => {
    const { provider, peer } = here.at
    const call = authorizeCall(peer)
    assert.deepEqual(await provider.lookup(lookupCall('authorize', call), patience()), { kind: 'not_found' })
    if (provider.capabilities.lookup !== 'final') return
    assert.equal((await provider.authorize(call, patience())).kind, 'not_sent')
    assert.deepEqual(await madeFor(peer, call), [])
  })
}

export function laterEnds(open: Open, lacks: Lacks): void {
  const here = opened(open)
  const unfindable = lacks.lookup ?? false

  for (const approve of [true, false])
    test(`a customer who is sent to confirm and ${approve ? 'does' : 'does not'} ends the payment`, {
      skip: unfindable || (lacks.redirect ?? false),
    }, async () => {
      const { provider, peer } = here.at
      const call = authorizeCall(peer, { paymentMethod: peer.tokens.redirects })
      const { reference, redirectUrl } = pending(await provider.authorize(call, patience()))
      assert.ok(reference !== null && redirectUrl !== null && URL.canParse(redirectUrl))
      const lookup = lookupCall('authorize', call, reference)
      assert.equal(pending(await provider.lookup(lookup, patience())).redirectUrl, redirectUrl)
      await peer.confirm(reference, approve)
      const { kind } = await provider.lookup(lookup, patience())
      assert.equal(kind, approve ? 'succeeded' : 'declined')
      const taken = (await madeFor(peer, call)).reduce((sum, { captured }) => sum + captured, 0)
      assert.equal(taken, approve ? AMOUNT : 0)
    })

  test('what is accepted and done later is pending, and then done', {
    skip: unfindable || (lacks.late ?? false),
  }, async () => {
    const { provider, peer } = here.at
    const call = authorizeCall(peer)
    await peer.arm('authorize', 'late')
    const { reference } = pending(await provider.authorize(call, patience()))
    const lookup = lookupCall('authorize', call, reference)
    assert.equal((await provider.lookup(lookup, patience())).kind, 'pending')
    await peer.finish()
    assert.equal(succeeded(await provider.lookup(lookup, patience())).amount, AMOUNT)
    assert.equal((await thePayment(peer, call)).captured, AMOUNT)
  })

  test('a refund that fails after all is declined when it is looked up', {
    skip: unfindable || (lacks.refund_failure ?? false),
  }, async () => {
    const { provider, peer } = here.at
    const paid = await pay(here.at)
    const call = followUp(paid.call, paid.reference)
    const { reference } = succeeded(await provider.refund(call, patience()))
    await peer.failRefund(reference)
    declined(await provider.lookup(lookupCall('refund', call, reference), patience()))
    assert.equal((await thePayment(peer, paid.call)).refunded, 0)
  })

  test('an authorization that lapsed is declined as expired', {
    skip: unfindable || (lacks.expiry ?? false),
  }, async () => {
    const { provider, peer } = here.at
    const paid = await pay(here.at, { capture: false })
    await peer.expire(paid.reference)
    const found = await provider.lookup(lookupCall('authorize', paid.call, paid.reference), patience())
    assert.equal(declined(found).declineCode, 'authorization_expired')
  })
}

export function secrets(open: Open, lacks: Lacks): void {
  const here = opened(open)

  test('a secret or card number that the provider repeats does not come through', {
    skip: lacks.echo ?? false,
  }, async () => {
    const { provider, peer } = here.at
    const call = authorizeCall(peer, { paymentMethod: peer.tokens.echoes })
    const outcome = declined(await provider.authorize(call, patience()))
    const text = JSON.stringify(outcome)
    for (const secret of peer.secrets) assert.ok(!text.includes(secret), 'the secret came through')
    assert.ok(!holdsCardNumber(outcome.message), 'the card number came through')
    assert.ok(outcome.message.length <= 200)
  })

  test('no secret is in what the provider is sent', { skip: lacks.heard ?? false }, async () => {
    const { peer } = here.at
    await pay(here.at)
    const heard = await peer.heard()
    assert.ok(heard.length > 0)
    for (const text of heard)
      for (const secret of peer.secrets) assert.ok(!text.includes(secret), 'the secret was sent')
  })
}
