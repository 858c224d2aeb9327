import assert from 'node:assert/strict'
import { test } from 'node:test'
import { chargeOf } from '../../test/kit/charges.ts'
import { type Dispute, decide, type Refund } from './charge.ts'
import { joinDecisions } from './lifecycle.ts'
import { decodeFacts, decodeSnapshot, type EndpointFacts, encodeFacts, snapshotOf } from './snapshot.ts'

const CHARGE = chargeOf({ amountCaptured: 1_000, status: 'succeeded' })
const { version: _, ...FACTS } = CHARGE

test('a snapshot is canonical: it omits usual values, and decodes to every fact', () => {
  const text = encodeFacts({ charge: CHARGE })
  assert.doesNotMatch(text, /null|version|amountRefunded|metadata|capture"/)
  assert.deepEqual(decodeSnapshot(text), { charge: FACTS })
  assert.equal(encodeFacts(decodeFacts(text)), text)
})

test('a description and metadata are written beside each other, or neither of them', () => {
  for (const details of [
    { description: null, metadata: { order: '1' } },
    { description: 'A chair', metadata: {} },
  ]) {
    const text = encodeFacts({ charge: { ...CHARGE, ...details } })
    const written = `"description":${JSON.stringify(details.description)},"metadata":${JSON.stringify(details.metadata)}`
    assert.ok(text.includes(written), text)
    assert.deepEqual(decodeSnapshot(text).charge, { ...FACTS, ...details })
  }
})

test('of the former values only those are kept that differ from the new ones', () => {
  const previous = { status: 'processing', currency: CHARGE.currency, providerReference: null } as const
  const kept = decodeFacts(encodeFacts({ charge: CHARGE, previous })).previous
  assert.deepEqual(kept, { status: 'processing', providerReference: null })
  assert.equal(encodeFacts({ charge: CHARGE, previous: {} }), encodeFacts({ charge: CHARGE }))
})

test('a snapshot keeps the former values of the refund or the dispute that it is about', () => {
  const refund = { id: 're_1', status: 'failed', declineCode: 'expired_card', amount: 300 } as Refund
  const dispute = { id: 'dp_1', status: 'lost', amount: 300 } as Dispute
  const ofRefund = { status: 'processing', declineCode: null, amount: 300 } as const
  const kept = decodeFacts(encodeFacts({ charge: CHARGE, refund, previousRefund: ofRefund }))
  assert.deepEqual(kept.previousRefund, { status: 'processing', declineCode: null })
  const text = encodeFacts({ charge: CHARGE, dispute, previousDispute: { amount: 200, status: 'open' } })
  assert.deepEqual(decodeFacts(text).previousDispute, { amount: 200, status: 'open' })
  assert.equal(encodeFacts(decodeSnapshot(text)), text)
})

test('of a refund that is begun and paid in one commit there are no former values', () => {
  const begun = { ...decide(CHARGE, {}, { refund: { status: 'processing' } as Refund }), event: null }
  const paid = { refund: { status: 'refunded' } as Refund, previousRefund: { status: 'processing' } } as const
  const joined = joinDecisions(begun, decide(begun.charge, {}, paid))
  assert.equal(snapshotOf(joined).previousRefund, undefined)
  const again = { ...begun, previousRefund: { status: 'failed' } as const }
  const anew = joinDecisions(again, decide(begun.charge, {}, paid))
  assert.deepEqual(snapshotOf(anew).previousRefund, { status: 'failed' })
})

test('a snapshot of a webhook endpoint has no charge, and is canonical as well', () => {
  const endpoint: EndpointFacts = {
    ...{ id: 'we_1', url: 'https://shop.example', urlFingerprint: '0123456789abcdef', description: null },
    ...{ status: 'disabled', disabledReason: 'gone', failingSince: null },
  }
  const text = encodeFacts({ endpoint })
  assert.equal(
    text,
    '{"endpoint":{"id":"we_1","url":"https://shop.example","urlFingerprint":"0123456789abcdef","status":"disabled","disabledReason":"gone"}}',
  )
  assert.deepEqual(decodeSnapshot(text), { endpoint })
  assert.equal(encodeFacts(decodeSnapshot(text)), text)
})

test('a snapshot keeps the request that caused it, in few bytes if the key is that of its object', () => {
  const refund = { id: 're_1', status: 'refunded', idempotencyKey: 'refund-1' } as Refund
  const plain = encodeFacts({ charge: CHARGE })
  const own = CHARGE.idempotencyKey
  for (const [cause, written] of [
    [{ requestId: 'req_1', key: own }, ',"cause":"req_1"'],
    [{ requestId: null, key: own }, ',"cause":[null]'],
    [{ requestId: 'req_1', key: 'capture-1' }, ',"cause":["req_1","capture-1"]'],
    [{ requestId: 'req_1', key: null }, ',"cause":["req_1",null]'],
    [{ requestId: null, key: 'capture-1' }, ',"cause":[null,"capture-1"]'],
  ] as const) {
    const text = encodeFacts({ charge: CHARGE, cause })
    assert.equal(text, `${plain.slice(0, -1)}${written}}`)
    assert.deepEqual(decodeFacts(text).cause, cause)
    assert.equal(encodeFacts(decodeFacts(text)), text)
  }
  const ofRefund = { requestId: 'req_1', key: 'refund-1' }
  assert.match(encodeFacts({ charge: CHARGE, refund, cause: ofRefund }), /"cause":"req_1"/)
  assert.equal(encodeFacts({ charge: CHARGE, cause: { requestId: null, key: null } }), plain)
  assert.equal(decodeFacts(plain).cause, undefined)
})
