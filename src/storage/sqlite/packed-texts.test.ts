import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { beginCommit, chargeCommit, endCommit, refundCommit, succeeded } from '../../../test/kit/commits.ts'
import { LIVE_SCOPE } from '../../../test/kit/scopes.ts'
import { canonicalRequest } from '../../domain/idempotency.ts'
import type { Commit } from '../../ports/store.ts'
import { packedData, packedFingerprint, unpacked } from './packed-texts.ts'

const scope = LIVE_SCOPE
const CHARGES = 'POST /api/v1/charges'

function dataIn({ event }: Commit): string {
  return event?.data ?? assert.fail()
}

/** The data of events of charges with many forms. */
function datas(): string[] {
  const plain = chargeCommit({ scope })
  const begun = beginCommit({ scope, description: 'Blue chairs', metadata: { order: '1' } })
  const all = [
    plain,
    chargeCommit({ scope, metadata: { note: '","amount":7},"cause":"req_\u0001\u001f\n' } }),
    chargeCommit({ scope, declined: true, description: '","status":"failed' }),
    endCommit(begun, succeeded(begun.attempt, `bank_${begun.charge.id.slice(4)}`), { scope }),
    refundCommit(plain.charge, { scope, amount: 100 }),
  ]
  return all.map(dataIn)
}

test('the data of an event is stored in half of its characters, and read as it was', () => {
  for (const data of datas()) assert.equal(unpacked(packedData(data)), data)
  const [data = ''] = datas()
  assert.ok(packedData(data).length <= data.length * 0.6, `${packedData(data).length} of ${data.length}`)
})

test("the first 47 characters stay: SQLite's indexes read the charge's id in them", () => {
  for (const data of datas()) assert.equal(packedData(data).slice(0, 47), data.slice(0, 47))
})

test('digits that repeat those of the charge are stored once', () => {
  const data = '{"charge":{"id":"txn_01m8ey3zr500dcvz94bpxk4t53","note":"a_01m8ey3zr500dcvz94bpxk4t53"}}'
  assert.equal(packedData(data).length, data.length - 25)
  assert.equal(unpacked(packedData(data)), data)
})

test('any JSON is read as it was, packed as data or as a fingerprint', () => {
  const words = fc.constantFrom(
    ...datas().flatMap((data) => data.split(/(?<=[:,{}])/)),
    ' ',
    '\u001f',
    'é',
    '🙂',
  )
  const texts = fc.oneof(
    fc.json({ maxDepth: 2, stringUnit: 'binary' }),
    fc.array(words).map((parts) => JSON.stringify(parts.join(''))),
    fc.array(words).map((parts) => parts.join('').replaceAll('\u001f', '')),
  )
  fc.assert(
    fc.property(texts, (text) => {
      assert.equal(unpacked(packedData(text)), text)
      assert.equal(unpacked(packedFingerprint(text)), text)
    }),
  )
})

test("a request's fingerprint is stored without the words of its form", () => {
  const body = { amount: 1000, currency: 'usd', customer: 'cus_1', payment_method: 'pm_card' }
  const text = canonicalRequest(CHARGES, body)
  assert.equal(packedFingerprint(text).length, '1000usdcus_1pm_card'.length + 5)
  assert.equal(unpacked(packedFingerprint(text)), text)
})

test('a character without a word stays, so that the text is no JSON', () => {
  assert.equal(unpacked('{"a":"\u001e"}'), '{"a":"\u001e"}')
})

test('each word keeps its character, because rows contain it', () => {
  const stored = [
    ...['\u0001', '\u0002', '\u0003', '\u0004', '\u0005', '\u0006', '\u0007', '\b', '\t', '\n', '\v', '\f'],
    ...[
      '\r',
      '\u000e',
      '\u000f',
      '\u0010',
      '\u0011',
      '\u0012',
      '\u0013',
      '\u0014',
      '\u0015',
      '\u0016',
      '\u0017',
    ],
  ]
  assert.deepEqual(stored.map(unpacked), [
    '","amount":',
    ',"amountCaptured":',
    ',"currency":"',
    '","customer":"',
    '","status":"succeeded","provider":"',
    '","status":"',
    ',"capture":false',
    ',"paymentMethod":"',
    ',"description":null,"metadata":{"',
    '","provider":"',
    '","providerReference":"',
    '","declineCode":"',
    '","idempotencyKey":"',
    '","createdAt":',
    '},"previous":{"amountCaptured":0,"status":"processing","providerReference":null',
    '},"previous":{"',
    '},"cause":"req_',
    'POST /api/v1/charges {"amount":',
    '","description":"',
    '","metadata":{"',
    '","payment_method":"',
    '"}',
    '},"provider":"',
  ])
  assert.equal(
    unpacked(`${'x'.repeat(21)}${'1'.repeat(26)}"\u001f"`),
    `${'x'.repeat(21)}${'1'.repeat(26)}"${'1'.repeat(26)}"`,
  )
})
