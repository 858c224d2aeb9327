import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { chargeOf } from '../../test/kit/charges.ts'
import type { Charge, Dispute } from './charge.ts'
import { bookableAmount, type DisputeClaim, decideDispute } from './dispute.ts'

const claim = (amount: number, changes: Partial<DisputeClaim> = {}): DisputeClaim => ({
  status: 'open',
  amount,
  currency: 'usd',
  ...changes,
})
const dispute = (changes: Partial<Dispute> = {}): Dispute => ({
  id: 'dp_1',
  chargeId: 'txn_1',
  provider: 'bank',
  providerReference: 'd_1',
  amount: 300,
  currency: 'usd',
  amountBooked: 300,
  customer: 'cus_1',
  status: 'open',
  reason: null,
  evidenceDueAt: null,
  closedAt: null,
  createdAt: 1,
  ...changes,
})
const booked = (charge: Charge, said: DisputeClaim, former: Dispute | null = null, how = {}) =>
  bookableAmount(charge, former, said, { ours: true, settled: false, ...how })
/** A captured charge of 1000 with this amount in disputes. */
const taken = (changes: Partial<Charge> = {}) => chargeOf({ amountCaptured: 1000, ...changes })

describe('what of a dispute is booked', () => {
  for (const [what, charge, said, former, amount, misfit] of [
    ['its amount', taken(), claim(300), null, 300, null],
    ['all that was captured', taken(), claim(1000), null, 1000, null],
    ['nothing of zero', taken(), claim(0), null, 0, null],
    [
      'not more than was captured',
      taken(),
      claim(1001),
      null,
      1000,
      /exceeds the free amount of transaction txn_1/,
    ],
    [
      'not what others have',
      taken({ amountDisputed: 800 }),
      claim(300),
      null,
      200,
      /2\.00 USD of 10\.00 USD captured/,
    ],
    [
      'what it has itself',
      taken({ amountDisputed: 800 }),
      claim(900),
      dispute({ amountBooked: 700 }),
      900,
      null,
    ],
    [
      'also what was refunded',
      taken({ amountRefunded: 900, status: 'partially_refunded' }),
      claim(1000),
      null,
      1000,
      null,
    ],
    [
      'in another currency all that is left',
      taken({
        amountRefunded: 300,
        amountRefundPending: 100,
        amountDisputed: 50,
        status: 'partially_refunded',
      }),
      claim(1, { currency: 'eur' }),
      null,
      550,
      /another currency/,
    ],
    [
      'in another currency never less than nothing',
      taken({ amountRefunded: 900, amountDisputed: 500, status: 'partially_refunded' }),
      claim(1, { currency: 'eur' }),
      null,
      0,
      /another currency/,
    ],
    ['nothing once it is won', taken(), claim(5000, { status: 'won', currency: 'eur' }), null, 0, null],
    ['all of it while it is lost', taken(), claim(300, { status: 'lost' }), null, 300, null],
    [
      'nothing while nothing is captured',
      chargeOf({ status: 'authorized' }),
      claim(1),
      null,
      0,
      /is authorized/,
    ],
    ['nothing of a charge that failed', chargeOf({ status: 'failed' }), claim(1), null, 0, /is failed/],
  ] as const)
    test(`a dispute books ${what}`, () => {
      const found = booked(charge, said, former)
      assert.equal(found.amount, amount)
      if (misfit === null) assert.equal(found.misfit, null)
      else assert.match(found.misfit ?? '', misfit)
    })

  test('a dispute of a payment that the charge did not take books nothing', () => {
    const found = booked(taken(), claim(300), null, { ours: false })
    assert.equal(found.amount, 0)
    assert.match(found.misfit ?? '', /did not take/)
  })

  test('the message of a dispute that does not fit has its amount and the free amount', () => {
    const misfit = (charge: Charge, said: DisputeClaim, how = {}) => booked(charge, said, null, how).misfit
    assert.equal(
      misfit(taken(), claim(300), { ours: false }),
      'The dispute of 3.00 USD is about a payment that transaction txn_1 did not take.',
    )
    assert.equal(
      misfit(chargeOf({ status: 'failed' }), claim(300)),
      'The dispute of 3.00 USD is about transaction txn_1, which is failed: no money was captured.',
    )
    assert.equal(
      misfit(taken(), claim(300, { currency: 'eur' })),
      'The dispute of 3.00 EUR is in another currency than transaction txn_1 (usd).',
    )
    assert.equal(
      misfit(taken({ amountDisputed: 800 }), claim(300)),
      'The dispute of 3.00 USD exceeds the free amount of transaction txn_1: 2.00 USD of 10.00 USD captured.',
    )
  })

  test('a dispute without a booked amount was not settled by a person', () => {
    const former = dispute({ status: 'won', amountBooked: 0 })
    assert.deepEqual(booked(taken(), claim(300), former, { settled: true }), { amount: 300, misfit: null })
    assert.deepEqual(booked(taken(), claim(300), null, { settled: true }), { amount: 300, misfit: null })
  })

  test('the amount that a person has set stays, as far as there is room, until the dispute is won', () => {
    const former = dispute({ amount: 900, currency: 'eur', amountBooked: 980 })
    const charge = taken({ amountDisputed: 980 })
    const settled = { settled: true }
    const eur = claim(900, { currency: 'eur' })
    assert.deepEqual(booked(charge, eur, former, settled), { amount: 980, misfit: null })
    assert.deepEqual(booked(charge, { ...eur, status: 'lost' }, former, settled), {
      amount: 980,
      misfit: null,
    })
    assert.deepEqual(booked(charge, { ...eur, status: 'won' }, former, settled), { amount: 0, misfit: null })
  })
})

describe('from one position to the next', () => {
  const step = (
    before: Dispute | null,
    after: Dispute,
    charge = taken({ amountDisputed: before?.amountBooked ?? 0 }),
  ) => {
    const decided = decideDispute(charge, before, after)
    return (
      decided && {
        event: decided.event,
        disputed: decided.charge.amountDisputed,
        moved: decided.transfers.map(({ debit, credit, amount }) => `${debit} / ${credit} ${amount}`),
      }
    )
  }
  test('a dispute that changes keeps its former values, and a new one has none', () => {
    const [before, after] = [dispute(), dispute({ status: 'lost', amount: 500, reason: null })]
    const decided = decideDispute(taken({ amountDisputed: 300 }), before, after)
    const { status, amount, reason } = before
    const former = { status, amount, ...(reason !== null && { reason }) }
    assert.deepEqual(decided?.previousDispute, former)
    assert.equal(decideDispute(taken(), null, after)?.previousDispute, null)
  })

  const won = (changes = {}) => dispute({ status: 'won', amountBooked: 0, ...changes })
  const lost = (changes = {}) => dispute({ status: 'lost', ...changes })

  for (const [what, before, after, event, disputed, moved] of [
    ['opened', null, dispute(), 'dispute.opened', 300, ['merchant / disputes:bank 300']],
    ['won', dispute(), won(), 'dispute.won', 0, ['disputes:bank / merchant 300']],
    ['lost', dispute(), lost(), 'dispute.lost', 300, ['disputes:bank / provider:bank 300']],
    ['opened of nothing', null, dispute({ amount: 0, amountBooked: 0 }), 'dispute.opened', 0, []],
    [
      'more of it while it is open',
      dispute(),
      dispute({ amount: 500, amountBooked: 500 }),
      'dispute.updated',
      500,
      ['merchant / disputes:bank 200'],
    ],
    [
      'less of it while it is open',
      dispute(),
      dispute({ amount: 100, amountBooked: 100 }),
      'dispute.updated',
      100,
      ['disputes:bank / merchant 200'],
    ],
    [
      'another amount of which nothing more can be booked',
      dispute(),
      dispute({ amount: 5000 }),
      'dispute.updated',
      300,
      [],
    ],
    ['another currency', dispute(), dispute({ currency: 'eur' }), 'dispute.updated', 300, []],
    [
      'the same, of which less is booked',
      dispute(),
      dispute({ amountBooked: 200 }),
      'dispute.updated',
      200,
      ['disputes:bank / merchant 100'],
    ],
    [
      'lost with more than it was opened with',
      dispute(),
      lost({ amount: 500, amountBooked: 500 }),
      'dispute.lost',
      500,
      ['merchant / provider:bank 200', 'disputes:bank / provider:bank 300'],
    ],
    [
      'lost with less',
      dispute(),
      lost({ amount: 100, amountBooked: 100 }),
      'dispute.lost',
      100,
      ['disputes:bank / merchant 200', 'disputes:bank / provider:bank 100'],
    ],
    [
      'another amount after it was lost',
      lost(),
      lost({ amount: 400, amountBooked: 400 }),
      'dispute.updated',
      400,
      ['merchant / provider:bank 100'],
    ],
    [
      'opened again after it was lost',
      lost(),
      dispute(),
      'dispute.opened',
      300,
      ['provider:bank / disputes:bank 300'],
    ],
    [
      'opened again after it was won',
      won(),
      dispute(),
      'dispute.opened',
      300,
      ['merchant / disputes:bank 300'],
    ],
    ['won at once after it was lost', lost(), won(), 'dispute.won', 0, ['provider:bank / merchant 300']],
    ['nothing new while open', dispute(), dispute({ reason: 'other' }), null, 0, []],
    ['nothing new once won', won(), won(), null, 0, []],
  ] as const)
    test(`a dispute moves its booked money by each step: ${what}`, () => {
      const found = step(before, after)
      if (event === null) return assert.equal(found, null)
      assert.deepEqual(found, { event, disputed, moved })
    })

  test('the whole captured amount can be booked, and a dispute without a booked amount fits every charge', () => {
    const all = step(null, dispute({ amount: 1000, amountBooked: 1000 }))
    assert.deepEqual(all?.moved, ['merchant / disputes:bank 1000'])
    assert.equal(all?.disputed, 1000)
    for (const status of ['authorized', 'failed', 'canceled'] as const)
      assert.deepEqual(step(null, dispute({ amountBooked: 0 }), chargeOf({ status })), {
        event: 'dispute.opened',
        disputed: 0,
        moved: [],
      })
  })

  test('booking more than the captured amount, a negative amount, or a won dispute is a bug', () => {
    const refused: [number, string][] = [
      [1001, '10.01'],
      [-1, '-0.01'],
    ]
    for (const [amountBooked, text] of refused)
      assert.throws(() => step(null, dispute({ amountBooked })), {
        message: `${text} USD of the dispute dp_1 can't be booked on txn_1`,
      })
    assert.throws(() => step(null, dispute({ amountBooked: 701 }), taken({ amountDisputed: 300 })))
    assert.throws(() => step(null, won({ amountBooked: 1 })))
    assert.throws(() => step(null, dispute(), chargeOf({ status: 'authorized' })), /does not allow dispute/)
  })
})

test('a changed deadline alone is reported, and moves nothing', () => {
  const before = dispute({ evidenceDueAt: 1_000 })
  const disputed = taken({ amountDisputed: before.amountBooked })
  const decision = decideDispute(disputed, before, { ...before, evidenceDueAt: 2_000 })
  assert.deepEqual([decision?.event, decision?.transfers], ['dispute.updated', []])
  assert.deepEqual(decision?.previousDispute, { evidenceDueAt: 1_000 })
  assert.equal(decideDispute(disputed, before, { ...before }), null)
})
