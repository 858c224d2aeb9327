/** The requests of the Stripe provider, and how it reads responses, beyond the provider contract. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { AuthorizeCall } from '../../../src/ports/provider.ts'
import {
  AMOUNT,
  authorizeCall,
  declined,
  followUp,
  lookupCall,
  patience,
  pay,
  pending,
  succeeded,
  thePayment,
} from './calls.ts'
import { HOLD_S } from './stripe-books.ts'
import { connect, openedStripe } from './stripe-open.ts'

/** Responses of Stripe to a payment in an unusual form. */
const json = (value: unknown, status = 200) => ({ status, body: JSON.stringify(value) })

describe('what is sent to Stripe', () => {
  const here = openedStripe()

  /** The form of the last call. */
  async function lastForm(): Promise<URLSearchParams> {
    const heard = await here.at.peer.heard()
    return new URLSearchParams(heard.at(-1)?.split(' ').at(-1))
  }

  test('a payment carries the attempt as key and metadata, and nothing of the customer', async () => {
    const { call } = await pay(here.at, { customer: 'cus_42', metadata: { order: 'secret plan' } })
    const [sent] = (await here.at.peer.heard()).slice(-1)
    assert.match(sent ?? '', new RegExp(`"idempotency-key":"${call.attemptId}"`))
    assert.doesNotMatch(sent ?? '', /cus_42|secret\+plan/)
    const form = await lastForm()
    assert.equal(form.get('metadata[minipay_attempt]'), call.attemptId)
    assert.equal(form.get('metadata[minipay_transaction]'), call.chargeId)
    assert.equal(form.get('confirm'), 'true')
    assert.equal(form.get('return_url'), 'https://shop.example/back')
    assert.equal(form.get('error_on_requires_action'), null)
  })

  test("amounts are sent and read in Stripe's units", async () => {
    const { provider, peer } = here.at
    for (const [currency, amount, units] of [
      ['isk', 50, 5_000],
      ['jpy', 50, 50],
      ['mga', 500, 5],
      ['kwd', 5_120, 5_120],
    ] as const) {
      const call = authorizeCall(peer, { currency, amount })
      const outcome = succeeded(await provider.authorize(call, patience()))
      assert.deepEqual([outcome.amount, outcome.currency], [amount, currency])
      assert.equal((await thePayment(peer, call)).captured, units)
    }
  })

  test('an amount that Stripe cannot take is declined without a call', async () => {
    const { provider, peer } = here.at
    const { length } = await peer.heard()
    const call = authorizeCall(peer, { currency: 'kwd', amount: 5_124 })
    const next = followUp(call, 'pi_1')
    for (const outcome of [
      await provider.authorize(call, patience()),
      await provider.capture(next, patience()),
      await provider.refund(next, patience()),
    ])
      assert.equal(declined(outcome).declineCode, 'invalid_amount')
    const none = await provider.authorize(authorizeCall(peer, { paymentMethod: null }), patience())
    assert.equal(declined(none).declineCode, 'invalid_payment_method')
    assert.equal((await peer.heard()).length, length)
  })

  test('the API version and the customer are sent where the settings say so', async () => {
    const { peer } = here.at
    const provider = connect(peer.port, { apiVersion: '2024-06-20', sendCustomer: true })
    await provider.authorize(authorizeCall(peer, { customer: 'cus_stripes0own' }), patience())
    const [sent] = (await peer.heard()).slice(-1)
    assert.match(sent ?? '', /"stripe-version":"2024-06-20"/)
    assert.equal((await lastForm()).get('customer'), 'cus_stripes0own')
    await provider.close()
  })

  test('without a return_url a payment that needs the customer is declined', async () => {
    const { peer } = here.at
    const provider = connect(peer.port, { returnUrl: null })
    const call = authorizeCall(peer, { paymentMethod: peer.tokens.redirects })
    const { declineCode } = declined(await provider.authorize(call, patience()))
    assert.equal(declineCode, 'authentication_required')
    assert.equal((await lastForm()).get('automatic_payment_methods[allow_redirects]'), 'never')
    await provider.close()
  })

  test('a cut connection is not tried again by the SDK', async () => {
    const { provider, peer } = here.at
    for (const fault of ['cut_before', 'cut_after', 'error'] as const) {
      const before = await peer.calls('authorize')
      await peer.arm('authorize', fault)
      assert.equal((await provider.authorize(authorizeCall(peer), patience())).kind, 'unknown')
      // The count of the next call is one higher: no call came in between.
      await pay(here.at)
      assert.equal(await peer.calls('authorize'), before + 2)
    }
  })

  test('a wrong key is surely not a payment', async () => {
    const { peer } = here.at
    const provider = connect(peer.port, { apiKey: 'sk_test_of0somebody0else' })
    const call = authorizeCall(peer)
    assert.equal((await provider.authorize(call, patience())).kind, 'not_sent')
    assert.equal((await provider.lookup(lookupCall('authorize', call), patience())).kind, 'unknown')
    await provider.close()
  })
})

describe('what Stripe answers', () => {
  const here = openedStripe()
  const authorizeWith = async (override: { status: number; body: string }, call?: AuthorizeCall) => {
    const { provider, peer } = here.at
    peer.answerNext('authorize', override)
    return provider.authorize(call ?? authorizeCall(peer), patience())
  }

  test('a hold lapses when the charge says so, or after the usual seven days', async () => {
    const { provider, peer } = here.at
    const { call, reference } = await pay(here.at, { capture: false })
    const intent = peer.books.intents.get(reference)!
    const lookup = lookupCall('authorize', call, reference)
    const expiry = async () => succeeded(await provider.lookup(lookup, patience())).expiresAt
    assert.equal(await expiry(), (intent.created + HOLD_S) * 1000)
    intent.latest_charge = 'ch_not_expanded'
    assert.equal(await expiry(), (intent.created + 7 * 24 * 60 * 60) * 1000)
  })

  test('a hold of which Stripe says neither when it lapses nor when it began lapses seven days from now', async () => {
    const { peer } = here.at
    const provider = connect(peer.port, {}, () => 1_000)
    const call = authorizeCall(peer, { capture: false })
    await provider.authorize(call, patience())
    const [intent] = [...peer.books.intents.values()].slice(-1)
    Object.assign(intent!, { latest_charge: 'ch_not_expanded', created: null })
    const found = await provider.lookup(lookupCall('authorize', call, intent!.id), patience())
    assert.equal(succeeded(found).expiresAt, 1_000 + 7 * 24 * 60 * 60 * 1000)
    await provider.close()
  })

  test('a hold that was captured in part is still found with what it held', async () => {
    const { provider } = here.at
    const { call, reference } = await pay(here.at, { capture: false })
    await provider.capture(followUp(call, reference, 1_000), patience())
    const found = await provider.lookup(lookupCall('authorize', call, reference), patience())
    assert.deepEqual([succeeded(found).amount, succeeded(found).expiresAt], [AMOUNT, null])
  })

  test('unexpected JSON is unknown, for any status', async () => {
    const list = { object: 'list', data: [] }
    const intent = { object: 'payment_intent', id: 'pi_1', amount: 2500, amount_received: 2500 }
    const odd = { ...intent, currency: 'isk', status: 'succeeded', amount_received: 2_550 }
    const later = { ...intent, currency: 'usd', status: 'a_status_of_tomorrow' }
    const none = { ...intent, currency: 'usd', status: 'succeeded', amount_received: null }
    for (const value of [5, null, 'text', true, [], {}, list, intent, odd, later, none, { error: 'no' }])
      assert.equal((await authorizeWith(json(value))).kind, 'unknown', JSON.stringify(value))
    const paid = { ...intent, currency: 'usd', status: 'succeeded' }
    for (const status of [201, 302, 404, 500])
      assert.equal((await authorizeWith(json(paid, status))).kind, 'unknown', String(status))
    for (const status of [401, 402, 403, 404, 405, 413, 415, 429]) {
      const bodies = ['', '<html>Forbidden</html>', '{"message":"Forbidden"}', '{"error":"a proxy"}']
      for (const body of [...bodies, '{"error":{"type":"forbidden","message":"A proxy."}}'])
        assert.equal((await authorizeWith({ status, body })).kind, 'unknown', `${status} ${body}`)
    }
  })

  test('the code of a currency is one in either case', async () => {
    const paid = { object: 'payment_intent', id: 'pi_1', status: 'succeeded', amount_received: 2_500 }
    const outcome = succeeded(await authorizeWith(json({ ...paid, currency: 'USD' })))
    assert.deepEqual([outcome.amount, outcome.currency], [2_500, 'usd'])
    const { provider, peer } = here.at
    const { reference } = await pay(here.at)
    const dispute = await provider.dispute(peer.books.dispute(reference, { currency: 'USD' }), patience())
    assert.equal(dispute.kind === 'dispute' && dispute.currency, 'usd')
  })

  test('an answer about the payment of another attempt is unknown', async () => {
    const { provider, peer } = here.at
    const { call, reference } = await pay(here.at)
    const other = peer.books.intents.get(reference)
    assert.equal((await authorizeWith(json(other))).kind, 'unknown')
    peer.answerNext(
      'refund',
      json({ object: 'refund', id: 're_1', status: 'succeeded', payment_intent: 'pi_x' }),
    )
    assert.equal((await provider.refund(followUp(call, reference), patience())).kind, 'unknown')
    peer.answerNext('capture', json({ ...other, id: 'pi_x' }))
    assert.equal((await provider.capture(followUp(call, reference), patience())).kind, 'unknown')
  })

  test('a customer is only ever sent to a web address', async () => {
    const waiting = { object: 'payment_intent', id: 'pi_9', status: 'requires_action' }
    const at = (url: string) => ({ ...waiting, next_action: { redirect_to_url: { url } } })
    const web = pending(await authorizeWith(json(at('https://hooks.stripe.com/3ds'))))
    assert.equal(web.redirectUrl, 'https://hooks.stripe.com/3ds')
    assert.equal(pending(await authorizeWith(json(at('javascript:alert(1)')))).redirectUrl, null)
    assert.equal(pending(await authorizeWith(json(waiting))).redirectUrl, null)
  })

  test('a follow-up that comes too late is answered by how the payment stands', async () => {
    const { provider, peer } = here.at
    const lapsed = await pay(here.at, { capture: false })
    await peer.expire(lapsed.reference)
    const late = await provider.capture(followUp(lapsed.call, lapsed.reference), patience())
    assert.equal(declined(late).declineCode, 'authorization_expired')
    const released = await provider.cancel(followUp(lapsed.call, lapsed.reference), patience())
    assert.equal(released.kind, 'succeeded')
    const taken = await pay(here.at)
    const cancel = await provider.cancel(followUp(taken.call, taken.reference), patience())
    assert.equal(declined(cancel).declineCode, 'already_captured')
  })

  test('a repeated key with other words is looked up rather than sent again', async () => {
    const { provider, peer } = here.at
    const { call, reference } = await pay(here.at)
    const moved = connect(peer.port, { returnUrl: 'https://shop.example/elsewhere' })
    assert.equal(succeeded(await moved.authorize(call, patience())).reference, reference)
    await moved.close()
    const lost = authorizeCall(peer)
    await peer.arm('authorize', 'error_after')
    assert.equal((await provider.authorize(lost, patience())).kind, 'unknown')
    // The intent exists, but the search does not find it yet.
    peer.answerNext('lookup', json({ object: 'search_result', data: [] }))
    assert.equal((await provider.authorize(lost, patience())).kind, 'unknown')
    assert.equal(succeeded(await provider.authorize(lost, patience())).amount, AMOUNT)
  })

  test('a refund is found among hundreds of others, and one that was never made is not', async () => {
    const { provider, peer } = here.at
    const { call, reference } = await pay(here.at, { amount: 100_000 })
    const ours = followUp(call, reference, 100)
    const { reference: refund } = succeeded(await provider.refund(ours, patience()))
    const intent = peer.books.intents.get(reference)!
    for (let i = 0; i < 230; i++) peer.books.refund(intent, new Map([['amount', '100']]))
    const found = await provider.lookup(lookupCall('refund', ours), patience())
    assert.equal(succeeded(found).reference, refund)
    const never = lookupCall('refund', followUp(call, reference, 100))
    assert.deepEqual(await provider.lookup(never, patience()), { kind: 'not_found' })
  })

  test('evidence for a dispute is due as long as Stripe waits for it', async () => {
    const { provider, peer } = here.at
    const { reference } = await pay(here.at)
    const due = async (changes: Parameters<typeof peer.books.dispute>[1]) => {
      const answer = await provider.dispute(peer.books.dispute(reference, changes), patience())
      return answer.kind === 'dispute' ? answer.evidenceDueAt : answer.kind
    }
    const details = { evidence_details: { due_by: 1_796_000_000 } }
    assert.equal(await due({ status: 'needs_response', ...details }), 1_796_000_000_000)
    assert.equal(await due({ status: 'appeal_needs_response', ...details }), 1_796_000_000_000)
    for (const status of ['under_review', 'won', 'lost'])
      assert.equal(await due({ status, ...details }), null)
    for (const due_by of [0, -1, null, '1796000000', 1e13, 1.5])
      assert.equal(await due({ status: 'needs_response', evidence_details: { due_by } }), null)
    assert.equal(await due({ status: 'needs_response' }), null)
  })

  test('an inquiry, or a dispute that was prevented before it took money, is none of ours yet', async () => {
    const { provider, peer } = here.at
    const { reference } = await pay(here.at)
    const status = async (
      changes: Parameters<typeof peer.books.dispute>[1],
      payment: string | null = reference,
    ) => {
      const answer = await provider.dispute(peer.books.dispute(payment, changes), patience())
      return answer.kind === 'dispute' ? answer.status : answer.kind
    }
    for (const inquiry of ['warning_needs_response', 'warning_under_review', 'warning_closed'])
      assert.equal(await status({ status: inquiry }), 'not_found')
    for (const open of ['needs_response', 'under_review', 'appeal_under_review'])
      assert.equal(await status({ status: open }), 'open')
    assert.equal(await status({ status: 'prevented' }), 'not_found')
    const withdrawn = [{ amount: -AMOUNT }]
    assert.equal(await status({ status: 'prevented', balance_transactions: withdrawn }), 'lost')
    assert.equal(await status({ status: 'a_status_of_tomorrow' }), 'unknown')
    assert.equal(await status({}, null), 'not_found')
  })
})
