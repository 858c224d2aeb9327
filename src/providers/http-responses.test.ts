import assert from 'node:assert/strict'
import { test } from 'node:test'
import { disputeOf } from './http-responses.ts'

const GUARD = { scrub: (text: string) => text, leaks: () => false }
const DISPUTE = { status: 'open', dispute: 'dp_1', payment: 'pay_1', amount: 5, currency: 'usd' }

test('the deadline of a dispute is a time or absent; any other value leaves the dispute unknown', () => {
  const deadlines: [unknown, unknown][] = [
    ['2026-12-07T12:00:00Z', Date.parse('2026-12-07T12:00:00Z')],
    ['2026-12-07T12:00:00.5+02:00', Date.parse('2026-12-07T10:00:00.500Z')],
    ...[null, undefined].map((absent): [unknown, unknown] => [absent, null]),
    ...['soon', '', 5, {}, '2026-02-30T00:00:00Z'].map((wrong): [unknown, unknown] => [wrong, 'unknown']),
  ]
  for (const [evidence_due_at, expected] of deadlines) {
    const body = JSON.stringify({ ...DISPUTE, evidence_due_at })
    const answer = disputeOf(
      { kind: 'response', status: 200, body, header: () => undefined, cut() {} },
      GUARD,
    )
    const found = answer.kind === 'dispute' ? answer.evidenceDueAt : answer.kind
    assert.equal(found, expected, String(evidence_due_at))
  }
})
