import assert from 'node:assert/strict'
import { test } from 'node:test'
import { outcomeOf } from './dialog-outcome.ts'

const outcomes = (responses: readonly (readonly [status: number, code: string, body?: object])[]) =>
  new Set(responses.map(([status, code, body = {}]) => outcomeOf({ status, code, body: { ...body } })))

test('a request without a response of MiniPay itself may have been carried out, with any status of a proxy', () => {
  const proxied = [400, 403, 408, 413, 429, 499, 502, 503, 504, 520].map(
    (status) => [status, 'unknown'] as const,
  )
  const others = [
    [0, 'unreachable'],
    [500, 'internal'],
    [502, 'bad_gateway'],
    [503, 'overloaded'],
  ] as const
  assert.deepEqual(
    outcomes([...proxied, ...others, [409, 'idempotency_key_in_progress'], [429, 'rate_limited']]),
    new Set(['open']),
  )
})

test('only an outcome that MiniPay stored under the key lets the form take another key', () => {
  assert.deepEqual(
    outcomes([
      [402, 'card_declined', { charge: {} }],
      [402, 'provider_declined', { refund: {} }],
      [502, 'provider_unavailable', { refund: {} }],
    ]),
    new Set(['decided']),
  )
  assert.deepEqual(outcomes([[502, 'provider_unavailable']]), new Set(['refused']))
})

test('a key of a former request is not taken for a refusal of this one', () => {
  assert.deepEqual(outcomes([[422, 'idempotency_key_reused']]), new Set(['former']))
  const refused = [
    [400, 'amount_invalid'],
    [401, 'unauthenticated'],
    [409, 'already_refunded'],
  ] as const
  assert.deepEqual(outcomes([...refused, [422, 'balance_limit_reached']]), new Set(['refused']))
})
