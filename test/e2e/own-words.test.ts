/** Values of a provider that MiniPay also uses itself: codes, references, currencies. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, test } from 'node:test'
import { DECLINE_CODES } from '../../src/domain/decline.ts'
import type { Charge, DeclineAnswer } from '../kit/client.ts'
import { type Peer, startPeer } from '../kit/peer.ts'
import { ruleTo, startWorld, type World } from '../kit/world.ts'

type Call = Readonly<Record<string, unknown>>
let world: World
let peer: Peer
/** What the peer says next. */
let say: (operation: string, body: Call) => object = () => ({})

const done = (_: string, { amount, currency, reference }: Call) => ({
  status: 'succeeded',
  reference: `ref_${reference}`,
  amount,
  currency,
})
const no = (code: string) => () => ({ status: 'declined', decline_code: code, message: 'No.' })

before(async () => {
  peer = await startPeer((operation, body) => say(operation, body))
  world = await startWorld({
    banks: ['bank'],
    providers: { peer: { bank: 'bank', url: peer.url } },
    env: { MINIPAY_PROVIDER_WAIT_MS: '3000' },
  })
  await world.route({ rules: [ruleTo('peer', ['peer', 'bank'])], default: { providers: ['bank'] } })
})
after(async () => {
  await peer?.close()
  await world?.close()
})
const order = (fields: object = {}) => ({ metadata: { to: 'peer' }, ...fields })
const charged = async (fields: object = {}) => {
  say = done
  const { status, body } = await world.tryCharge(order(fields))
  assert.equal(status, 201, JSON.stringify(body))
  return body.id
}

for (const code of [...Object.keys(DECLINE_CODES), 'store_unavailable', 'overloaded', 'not_sent', 'unknown'])
  test(`a provider's decline with the code ${code} is a decline, of a charge and of a refund`, async () => {
    say = no(code)
    const key = randomUUID()
    const declined = await world.tryCharge(order(), key)
    assert.deepEqual(
      [declined.status, declined.body.code, declined.body.decline_code],
      [402, 'card_declined', code],
    )
    const again = await world.tryCharge(order(), key)
    assert.deepEqual([again.status, again.body.charge], [402, declined.body.charge])
    // It is the peer's word: no other provider was called.
    assert.equal((await world.api.attempts(declined.body.charge.id)).length, 1)
    if (code === 'already_refunded') return
    const id = await charged()
    say = no(code)
    const refund = await world.tryRefund(id)
    assert.deepEqual(
      [refund.status, refund.body.code, refund.body.decline_code],
      [402, 'provider_declined', code],
    )
    assert.equal((await world.retrieve(id)).amount_refund_pending, 0)
  })

for (const what of ['capture', 'cancel'] as const)
  test(`a ${what} that is declined as provider_unavailable is declined, and the charge is as it was`, async () => {
    const id = await charged({ capture: false })
    say = no('provider_unavailable')
    const answer = await world.api.post<Charge & DeclineAnswer>(`/api/v1/charges/${id}/${what}`, {})
    assert.deepEqual([answer.status, answer.body.code], [402, 'provider_declined'])
    assert.equal((await world.retrieve(id)).status, 'authorized')
  })

test('USD and usd are one currency', async () => {
  say = (...call) => ({ ...done(...call), currency: 'USD' })
  const { status, body } = await world.tryCharge(order())
  assert.deepEqual([status, body.currency, body.status], [201, 'usd', 'succeeded'])
})

test('refunds that are answered with the reference of their payment are treated alike: none is believed', async () => {
  const id = await charged()
  const { provider_reference } = await world.retrieve(id)
  const other = await charged()
  say = (...call) => ({ ...done(...call), reference: provider_reference })
  const refund = await world.tryRefund(id, { amount: 100 })
  assert.deepEqual([refund.status, refund.body.status], [202, 'processing'])
  const { amount_refunded, amount_refund_pending } = await world.retrieve(id)
  assert.deepEqual([amount_refunded, amount_refund_pending], [0, 100])
  const { body } = await world.api.get<{
    data: { kind: string; provider_reference: string; status: string }[]
  }>(`/api/v1/alarms?transaction_id=${id}`)
  assert.deepEqual(
    body.data.map((alarm) => [alarm.kind, alarm.provider_reference, alarm.status]),
    [['reference_reused', provider_reference, 'open']],
  )
  const second = await world.tryRefund(id, { amount: 100 })
  assert.deepEqual([second.status, second.body.code], [409, 'charge_in_doubt'])
  say = done
  assert.equal((await world.tryRefund(other)).status, 200, 'another charge is not in doubt')
})
