/** Provider contract: calls that were definitely not sent, unknown outcomes, and how lookups resolve them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ATTEMPT_KINDS } from '../../../src/domain/attempt.ts'
import {
  AMOUNT,
  authorizeCall,
  followUp,
  lookupCall,
  opened,
  patience,
  pay,
  prepare,
  succeeded,
  truth,
} from './calls.ts'
import type { Lacks, Open, PeerFault } from './contract.ts'

export function unreachable(open: Open, { network }: Lacks): void {
  const here = opened(open)
  const skip = network ?? false

  test('a refused connection is definitely not sent, for every operation', { skip }, async () => {
    const { peer } = here.at
    const provider = await here.at.unreachable()
    try {
      const call = authorizeCall(peer)
      const next = followUp(call, 'payment_1')
      const outcomes = [
        await provider.authorize(call, patience()),
        await provider.capture(next, patience()),
        await provider.cancel(next, patience()),
        await provider.refund(next, patience()),
      ]
      for (const outcome of outcomes) assert.equal(outcome.kind, 'not_sent', JSON.stringify(outcome))
    } finally {
      await provider.close()
    }
  })

  test('a lookup that does not reach the provider gives no information about the call', {
    skip,
  }, async () => {
    const { peer } = here.at
    const provider = await here.at.unreachable()
    try {
      const found = await provider.lookup(lookupCall('authorize', authorizeCall(peer)), patience())
      // Of the lookup itself: what the core makes of it is unknown, and that nobody is there.
      assert.ok(found.kind === 'unknown' || found.kind === 'not_sent', found.kind)
      assert.equal((await provider.dispute('dispute_1', patience())).kind, 'unknown')
    } finally {
      await provider.close()
    }
  })

  test('a call that was given up before it began is not sent', { skip }, async () => {
    const { provider, peer } = here.at
    const before = await peer.calls('authorize')
    const outcome = await provider.authorize(authorizeCall(peer), AbortSignal.abort())
    assert.equal(outcome.kind, 'not_sent')
    assert.equal(await peer.calls('authorize'), before)
  })
}

export function silences(open: Open, { network, lookup }: Lacks): void {
  const here = opened(open)
  const skip = network ?? false

  for (const kind of ATTEMPT_KINDS)
    test(`${kind}: no answer until the deadline is unknown, and then the truth is found`, {
      skip,
    }, async () => {
      const { peer } = here.at
      const sending = await prepare(here.at, kind)
      const calls = await peer.calls(kind)
      await peer.arm(kind, 'hang')
      const deadline = new AbortController()
      const outcome = sending.send(deadline.signal)
      await peer.received(kind, calls + 1)
      deadline.abort()
      assert.equal((await outcome).kind, 'unknown')
      assert.equal(await sending.done(), false)
      await findsTheTruth(sending)
    })

  test('a lookup that is not answered until the deadline is unknown', {
    skip: skip || (lookup ?? false),
  }, async () => {
    const { provider, peer } = here.at
    const paid = await pay(here.at)
    const calls = await peer.calls('lookup')
    await peer.arm('lookup', 'hang')
    const deadline = new AbortController()
    const answer = provider.lookup(lookupCall('authorize', paid.call, paid.reference), deadline.signal)
    await peer.received('lookup', calls + 1)
    deadline.abort()
    assert.equal((await answer).kind, 'unknown')
  })

  for (const kind of ATTEMPT_KINDS)
    for (const fault of ['cut_before', 'cut_after', 'error', 'error_after'] as const)
      test(`${kind}: ${fault} is unknown, and then the truth is found`, { skip }, async () => {
        const { peer } = here.at
        const sending = await prepare(here.at, kind)
        await peer.arm(kind, fault)
        const outcome = await sending.send(patience())
        assert.equal(outcome.kind, 'unknown', JSON.stringify(outcome))
        assert.equal(await sending.done(), fault.endsWith('_after'))
        await findsTheTruth(sending)
      })

  async function findsTheTruth(sending: Awaited<ReturnType<typeof prepare>>): Promise<void> {
    const found = await truth(here.at.provider, sending)
    if (found.kind === 'not_found') {
      assert.equal(await sending.done(), false)
      // If "not found" is final, a call that arrives after it must not be done.
      if (here.at.provider.capabilities.lookup === 'final')
        assert.equal((await sending.send(patience())).kind, 'not_sent')
      return assert.equal(await sending.done(), false)
    }
    assert.equal(succeeded(found).amount, AMOUNT)
    assert.equal(await sending.done(), true)
  }
}

const BROKEN: Readonly<Partial<Record<PeerFault, string>>> = {
  html: 'an HTML page with status 502',
  half_json: 'half a JSON body',
  huge: 'a body of one gigabyte',
  empty: 'nothing at all',
}

export function brokenAnswers(open: Open, { network, lookup }: Lacks): void {
  const here = opened(open)

  for (const kind of ATTEMPT_KINDS)
    for (const [fault, words] of Object.entries(BROKEN) as [PeerFault, string][])
      test(`${kind}: ${words} is unknown, and is found to be done`, { skip: network ?? false }, async () => {
        const { provider, peer } = here.at
        const sending = await prepare(here.at, kind)
        await peer.arm(kind, fault)
        const outcome = await sending.send(patience())
        assert.equal(outcome.kind, 'unknown', JSON.stringify(outcome))
        assert.equal(succeeded(await truth(provider, sending)).amount, AMOUNT)
        assert.equal(await sending.done(), true)
      })

  for (const [fault, words] of Object.entries(BROKEN) as [PeerFault, string][])
    test(`a lookup that is answered with ${words} is unknown`, {
      skip: (network || lookup) ?? false,
    }, async () => {
      const { provider, peer } = here.at
      const paid = await pay(here.at)
      await peer.arm('lookup', fault)
      const answer = await provider.lookup(lookupCall('authorize', paid.call, paid.reference), patience())
      assert.equal(answer.kind, 'unknown', JSON.stringify(answer))
    })
}

export function wrongAnswers(open: Open, { wrong_answers }: Lacks): void {
  const here = opened(open)
  const skip = wrong_answers ?? false

  test('another amount than requested is passed on as the provider returned it', { skip }, async () => {
    const { provider, peer } = here.at
    await peer.arm('authorize', 'wrong_amount')
    const outcome = succeeded(await provider.authorize(authorizeCall(peer), patience()))
    assert.deepEqual([outcome.amount, outcome.currency], [2 * AMOUNT, 'usd'])
  })

  test('another currency than requested is passed on as the provider returned it', { skip }, async () => {
    const { provider, peer } = here.at
    await peer.arm('authorize', 'wrong_currency')
    const outcome = succeeded(await provider.authorize(authorizeCall(peer), patience()))
    assert.notEqual(outcome.currency, 'usd')
  })
}
