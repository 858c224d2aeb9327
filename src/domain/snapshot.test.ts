import assert from 'node:assert/strict'
import { test } from 'node:test'
import { chargeOf } from '../../test/kit/charges.ts'
import { decodeFacts, decodeSnapshot, encodeFacts } from './snapshot.ts'

const CHARGE = chargeOf({ amountCaptured: 1_000, status: 'succeeded' })
const { version: _, ...FACTS } = CHARGE

test('a snapshot is canonical: what is usual is left out, and every fact is read again', () => {
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
  const kept = decodeSnapshot(encodeFacts({ charge: CHARGE, previous })).previous
  assert.deepEqual(kept, { status: 'processing', providerReference: null })
  assert.equal(encodeFacts({ charge: CHARGE, previous: {} }), encodeFacts({ charge: CHARGE }))
})
