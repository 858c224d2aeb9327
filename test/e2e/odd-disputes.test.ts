/**
 * Disputes in orders that no provider should report: MiniPay always lists and reports them, and never refunds disputed
 * money.
 */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, beforeEach, test } from 'node:test'
import { assertSound } from '../kit/audit.ts'
import {
  type Charge,
  type DeclineAnswer,
  type Dispute,
  eventsAfter,
  type Page,
  until,
} from '../kit/client.ts'
import { type Peer, startPeer } from '../kit/peer.ts'
import { ruleTo, sendNotification, startWorld, type World } from '../kit/world.ts'

type Said = {
  status?: Dispute['status']
  payment?: string
  amount?: number
  currency?: string
}

let world: World
let liar: Peer
/** What the liar says of its disputes, by their reference. */
const said = new Map<string, Said>()
/** How it answers calls about payments. */
let answer: (body: Readonly<Record<string, unknown>>, operation: string) => object

/** A lookup names no amount. */
const done = ({ reference, amount = 1000, currency = 'usd' }: Readonly<Record<string, unknown>>) => ({
  status: 'succeeded',
  reference: `pay_${reference}`,
  amount,
  currency,
})
const no = ({ reference }: Readonly<Record<string, unknown>>) => ({
  status: 'declined',
  decline_code: 'do_not_honor',
  message: 'No.',
  reference: `no_${reference}`,
})

before(async () => {
  liar = await startPeer((operation, body) => {
    const dispute = body['dispute'] as string | undefined
    if (dispute === undefined) return answer(body, operation)
    return { reason: 'fraudulent', ...said.get(dispute), dispute }
  })
  world = await startWorld({
    banks: ['bank_a'],
    providers: { liar: { bank: 'bank_a', url: liar.url }, second: { bank: 'bank_a', url: liar.url } },
    deadlineMs: 5_000,
    env: { MINIPAY_PROVIDER_WAIT_MS: '1500' },
  })
  await world.route({
    rules: [
      ruleTo('liar', ['liar']),
      ruleTo('second', ['second']),
      ruleTo('both', ['liar', 'second'], ['do_not_honor']),
    ],
    default: { providers: ['bank_a'] },
  })
})
beforeEach(() => {
  answer = done
})
after(async () => {
  await liar?.close()
  await world?.close()
})

const order = (to = 'liar', fields: object = {}) => ({ amount: 1000, metadata: { to }, ...fields })
const charged = async (to = 'liar', fields: object = {}): Promise<Charge> => {
  const { status, body } = await world.tryCharge(order(to, fields))
  assert.equal(status, 201, JSON.stringify(body))
  return body
}
const listed = async (reference: string) =>
  (await world.api.get<Page<Dispute>>('/api/v1/disputes?limit=100')).body.data.find(
    ({ provider_reference }) => provider_reference === reference,
  )
/** The liar reports a dispute, and what MiniPay made of it is listed. */
async function report(reference: string, says: Said, from = 'liar'): Promise<Dispute> {
  const whole = { status: 'open', currency: 'usd', ...said.get(reference), ...says } as const
  said.set(reference, whole)
  await sendNotification(world, 'bank_a', { id: randomUUID(), about: 'dispute', reference }, { to: from })
  return (await until(
    () => listed(reference),
    (dispute) =>
      dispute?.status === whole.status &&
      dispute.amount === whole.amount &&
      dispute.currency === whole.currency.toLowerCase(),
  )) as Dispute
}
const told = async (reference: string) =>
  (await eventsAfter(world.api))
    .filter(({ data }) => data.dispute?.provider_reference === reference)
    .map(({ type, data }) => [type, data.dispute?.amount, data.dispute?.status])
const alarms = (provider = 'liar') =>
  world.metric(`minipay_provider_alarms_total{provider="${provider}",alarm="dispute_mismatch"}`)
const disputed = async (id: string) => (await world.retrieve(id)).amount_disputed
const refused = async (id: string, fields: object = {}, code?: string): Promise<void> => {
  const { status, body } = await world.tryRefund(id, fields)
  assert.equal(status, 409, JSON.stringify(body))
  if (code !== undefined) assert.equal(body.code, code)
}
const verified = async () => {
  await assertSound(world.server.database)
}
const reference = () => `d_${randomUUID().slice(0, 8)}`
const follow = (id: string, what: string) =>
  world.api.post<Charge & DeclineAnswer>(`/api/v1/charges/${id}/${what}`, {})

test('a dispute that exceeds the charge is listed and has an event, and nothing is refunded on top of it', async () => {
  const charge = await charged()
  const [d, before] = [reference(), await alarms()]
  const dispute = await report(d, { payment: charge.provider_reference ?? '', amount: 1200 })
  assert.deepEqual([dispute.transaction_id, dispute.amount, dispute.amount_booked], [charge.id, 1200, 1000])
  assert.deepEqual(await told(d), [['dispute.opened', 1200, 'open']])
  await until(alarms, (count) => count === before + 1)
  await refused(charge.id)
  await refused(charge.id, { amount: 1 })
  assert.equal(await disputed(charge.id), 1000)
  await verified()
  await report(d, { status: 'lost' })
  assert.deepEqual((await told(d)).at(-1), ['dispute.lost', 1200, 'lost'])
  assert.equal(await disputed(charge.id), 1000)
  await refused(charge.id)
  await verified()
})

test('a dispute in another currency holds back all that is left', async () => {
  const charge = await charged()
  assert.equal((await world.api.refund(charge.id, { amount: 300 })).status, 'partially_refunded')
  const d = reference()
  const dispute = await report(d, { payment: charge.provider_reference ?? '', amount: 650, currency: 'eur' })
  assert.deepEqual([dispute.amount, dispute.currency, dispute.amount_booked], [650, 'eur', 700])
  assert.deepEqual(await told(d), [['dispute.opened', 650, 'open']])
  await refused(charge.id, { amount: 1 })
  await report(d, { status: 'won' })
  assert.equal(await disputed(charge.id), 0)
  await verified()
})

test('USD and usd are one currency', async () => {
  const charge = await charged()
  const [d, before] = [reference(), await alarms()]
  const dispute = await report(d, { payment: charge.provider_reference ?? '', amount: 400, currency: 'USD' })
  assert.deepEqual([dispute.currency, dispute.amount_booked], ['usd', 400])
  assert.equal((await world.api.refund(charge.id)).amount, 600)
  assert.equal(await alarms(), before)
})

test('a dispute whose amount changes, while it is open, as it ends and after it, is booked anew each time', async () => {
  const charge = await charged()
  const [d, payment] = [reference(), charge.provider_reference ?? '']
  const steps: [Said, string, number][] = [
    [{ amount: 300 }, 'dispute.opened', 300],
    [{ amount: 500 }, 'dispute.updated', 500],
    [{ amount: 200 }, 'dispute.updated', 200],
    [{ amount: 450, status: 'lost' }, 'dispute.lost', 450],
    [{ amount: 700 }, 'dispute.updated', 700],
    [{ amount: 100, status: 'open' }, 'dispute.opened', 100],
    [{ amount: 0 }, 'dispute.updated', 0],
    [{ amount: 900 }, 'dispute.updated', 900],
    [{ amount: 900, status: 'won' }, 'dispute.won', 0],
  ]
  for (const [says, event, books] of steps) {
    const dispute = await report(d, { payment, ...says })
    assert.equal(dispute.amount_booked, books)
    assert.deepEqual((await told(d)).at(-1), [event, says.amount, dispute.status])
    assert.equal(await disputed(charge.id), books)
  }
  assert.equal((await told(d)).length, steps.length)
  await verified()
})

test('a dispute of zero is listed and has an event, and moves nothing', async () => {
  const charge = await charged()
  const [d, balances] = [reference(), await world.balances()]
  const dispute = await report(d, { payment: charge.provider_reference ?? '', amount: 0 })
  assert.deepEqual([dispute.amount, dispute.amount_booked], [0, 0])
  assert.deepEqual(await told(d), [['dispute.opened', 0, 'open']])
  assert.deepEqual(await world.balances(), balances)
  assert.equal((await world.api.refund(charge.id)).amount, 1000)
  await report(d, { status: 'lost' })
  await verified()
})

test('several disputes take no more than was captured, and what one gives back the others get', async () => {
  const charge = await charged()
  const [first, second, payment] = [reference(), reference(), charge.provider_reference ?? '']
  await report(first, { payment, amount: 800 })
  const other = await report(second, { payment, amount: 800 })
  assert.equal(other.amount_booked, 200)
  await refused(charge.id)
  await report(first, { status: 'won' })
  const grown = await until(
    () => listed(second),
    (dispute) => dispute?.amount_booked === 800,
  )
  assert.equal(grown?.status, 'open')
  assert.deepEqual(await told(second), [
    ['dispute.opened', 800, 'open'],
    ['dispute.updated', 800, 'open'],
  ])
  await refused(charge.id, { amount: 201 })
  assert.equal((await world.api.refund(charge.id)).amount, 200)
  await verified()
})

test('a dispute that names another payment the second time stays with its first, and both are in doubt', async () => {
  const charge = await charged()
  const other = await charged()
  const d = reference()
  await report(d, { payment: charge.provider_reference ?? '', amount: 600 })
  const before = await alarms()
  const dispute = await report(d, { payment: other.provider_reference ?? '', amount: 700 })
  assert.deepEqual([dispute.transaction_id, dispute.amount_booked], [charge.id, 700])
  await until(alarms, (count) => count === before + 2)
  for (const { id } of [charge, other]) await refused(id, { amount: 1 }, 'charge_in_doubt')
  assert.deepEqual([await disputed(charge.id), await disputed(other.id)], [700, 0])
  // It is won there, though it was booked here.
  await report(d, { status: 'won' })
  assert.deepEqual([await disputed(charge.id), await disputed(other.id)], [0, 0])
  await report(d, { status: 'open', payment: 'pay_of_someone_else', amount: 1500 })
  assert.ok((await disputed(charge.id)) >= 0)
  assert.deepEqual(
    (await world.api.get<Page<Dispute>>(`/api/v1/disputes?transaction_id=${other.id}`)).body.data,
    [],
  )
  await verified()
})

test('a dispute of a declined attempt that failed over books nothing at the other provider', async () => {
  answer = (body) => {
    answer = done
    return no(body)
  }
  const { body } = await world.tryCharge(order('both'))
  const [attempt] = await world.api.attempts(body.id)
  assert.deepEqual([body.provider, attempt?.status], ['second', 'declined'])
  const balances = await world.balances()
  const d = reference()
  const dispute = await report(d, { payment: attempt?.provider_reference ?? '', amount: 300 })
  assert.deepEqual([dispute.provider, dispute.transaction_id, dispute.amount_booked], ['liar', body.id, 0])
  for (const status of ['lost', 'open', 'won'] as const) {
    await report(d, { status })
    assert.deepEqual(await world.balances(), balances)
  }
  assert.equal((await told(d)).length, 4)
  await verified()
})

for (const [what, make, early] of [
  [
    'failed',
    async () => {
      answer = no
      return (await world.tryCharge(order())).body.charge
    },
    false,
  ],
  [
    'canceled',
    async () => {
      const { id } = await charged('liar', { capture: false })
      answer = ({ reference, ...rest }) => done({ reference: `void_${reference}`, ...rest })
      return (await follow(id, 'cancel')).body
    },
    false,
  ],
  ['authorized', () => charged('liar', { capture: false }), true],
] as const)
  test(`a dispute of a charge that is ${what} is listed at once with nothing booked`, async () => {
    const charge = await make()
    assert.equal(charge.status, what)
    const balances = await world.balances()
    const [d, before] = [reference(), await alarms()]
    const dispute = await report(d, { payment: charge.provider_reference ?? '', amount: 300 })
    assert.deepEqual([dispute.transaction_id, dispute.amount_booked], [charge.id, 0])
    assert.deepEqual(await told(d), [['dispute.opened', 300, 'open']])
    await until(alarms, (count) => count > before)
    assert.deepEqual(await world.balances(), balances)
    if (early) {
      answer = ({ reference, ...rest }) => done({ reference: `cap_${reference}`, ...rest })
      assert.equal((await follow(charge.id, 'capture')).body.status, 'succeeded')
      // The notification is acted on again until it fits.
      await until(
        () => disputed(charge.id),
        (amount) => amount === 300,
      )
      assert.deepEqual(await told(d), [
        ['dispute.opened', 300, 'open'],
        ['dispute.updated', 300, 'open'],
      ])
      await refused(charge.id, { amount: 701 }, 'refund_exceeds_remaining')
      assert.equal((await world.api.refund(charge.id)).amount, 700)
    }
    await verified()
  })

test('a dispute of a charge that is still processing is booked once the charge is taken', async () => {
  answer = ({ reference }) => ({ status: 'pending', reference: `pay_${reference}` })
  const { status, body } = await world.tryCharge(order())
  assert.deepEqual([status, body.status], [202, 'processing'])
  const charge = await until(
    () => world.retrieve(body.id),
    ({ provider_reference }) => provider_reference !== null,
  )
  const d = reference()
  const dispute = await report(d, { payment: charge.provider_reference ?? '', amount: 1000 })
  assert.equal(dispute.amount_booked, 0)
  answer = done
  const settled = await world.settled(charge.id)
  assert.equal(settled.status, 'succeeded')
  await refused(charge.id)
  await until(
    () => disputed(charge.id),
    (amount) => amount === 1000,
  )
  await refused(charge.id)
  await verified()
})

test('a dispute of a charge that was refunded takes what was captured, and never less than nothing', async () => {
  const charge = await charged()
  assert.equal((await world.api.refund(charge.id)).status, 'refunded')
  const d = reference()
  const dispute = await report(d, { payment: charge.provider_reference ?? '', amount: 1000 })
  assert.equal(dispute.amount_booked, 1000)
  await report(d, { status: 'lost' })
  await report(d, { status: 'won' })
  assert.equal(await disputed(charge.id), 0)
  assert.deepEqual(
    (await told(d)).map(([type]) => type),
    ['dispute.opened', 'dispute.lost', 'dispute.opened', 'dispute.won'],
  )
  await verified()
})
