import assert from 'node:assert/strict'
import { test } from 'node:test'
import { reject } from '../error.ts'
import { EVENT_TYPES } from '../event.ts'
import { describedHeaders } from './custom-headers.ts'
import { type DescribedEndpoint, describedEndpoint, type EndpointRequest } from './described.ts'
import { describedFilters, typesOf } from './filters.ts'

const URL_ = 'https://shop.example/webhooks'
const allowed = (url: string) => new URL(url)
const described = (request: EndpointRequest, before?: DescribedEndpoint) =>
  describedEndpoint({ ...(before ? {} : { url: URL_ }), ...request }, allowed, before)

/** Fails unless the endpoint is refused because of this field. */
function assertRefused(request: EndpointRequest, param: string): void {
  const found = described(request)
  assert.ok('rejected' in found, JSON.stringify(found))
  assert.deepEqual([found.code, found.param], ['parameter_invalid', param])
}

test('an endpoint with a URL alone gets every event, by the default schedule', () => {
  assert.deepEqual(described({}), {
    ...{ url: URL_, description: null, metadata: {}, events: ['*'], headers: {}, rateLimit: null },
    ...{ schedule: null, format: 'minipay', ordered: false, disableAfterMs: 432_000_000 },
  })
})

test('an endpoint without a URL is refused', () => {
  const found = describedEndpoint({}, allowed)
  assert.ok('rejected' in found)
  assert.deepEqual([found.code, found.param], ['parameter_missing', 'url'])
})

test('an endpoint has the rejection of its target, and a change of other fields checks no target', () => {
  const refuse = () => reject('parameter_invalid', 'not there', 'url')
  assert.deepEqual(describedEndpoint({ url: URL_ }, refuse), refuse())
  const before = described({}) as DescribedEndpoint
  assert.deepEqual(describedEndpoint({ ordered: true }, refuse, before), { ...before, ordered: true })
})

test('a change keeps the fields that it does not give, and null clears', () => {
  const before = described({
    ...{ description: 'Shop', metadata: { team: 'a' }, rateLimit: 5, delaysS: [1, 2], disableAfterS: 60 },
    ...{ events: ['payment.*'], headers: { 'X-Shop': 'lisbon' }, format: 'stripe' },
  }) as DescribedEndpoint
  assert.deepEqual(described({}, before), before)
  const cleared = { description: null, rateLimit: null, delaysS: null, disableAfterS: null } as const
  assert.deepEqual(described(cleared, before), {
    ...before,
    ...{ description: null, rateLimit: null, schedule: null, disableAfterMs: null },
  })
})

test('delays are 0 to 30 whole numbers of 0 to 604,800 seconds', () => {
  for (const delaysS of [[], [0], [604_800], Array(30).fill(1)])
    assert.ok(!('rejected' in described({ delaysS })), String(delaysS))
  for (const delaysS of [[-1], [604_801], [1.5], [Number.NaN], Array(31).fill(1), Array(10_000).fill(1)])
    assertRefused({ delaysS }, 'retry_delays_seconds')
})

test('a rate limit is 1 to 1,000, and the time until an endpoint is disabled is 1 minute to 90 days', () => {
  for (const rateLimit of [0, -1, 1_001, 0.5]) assertRefused({ rateLimit }, 'rate_limit')
  for (const disableAfterS of [0, 59, -1, 7_776_001])
    assertRefused({ disableAfterS }, 'disable_after_seconds')
})

test('a long description and metadata out of bounds are refused', () => {
  assertRefused({ description: 'x'.repeat(1_001) }, 'description')
  const many = Object.fromEntries(Array.from({ length: 51 }, (_, i) => [`k${i}`, 'v']))
  for (const metadata of [many, { ['k'.repeat(41)]: 'v' }, { '': 'v' }, { k: 'v'.repeat(501) }])
    assertRefused({ metadata }, 'metadata')
})

test('a filter is an event type, a prefix of some, or *', () => {
  for (const type of Object.keys(EVENT_TYPES)) assert.deepEqual(describedFilters([type], 'events'), [type])
  assert.deepEqual(describedFilters(['payment.*', '*', 'payment.*'], 'events'), ['payment.*', '*'])
  for (const filter of [
    '',
    'payment',
    'payment.',
    'pay*',
    '*.refunded',
    'payment.refund',
    '**',
    'dispute.lost.*',
  ])
    assertRefused({ events: [filter] }, 'events')
  assertRefused({ events: [] }, 'events')
  assertRefused({ events: Array(101).fill('*') }, 'events')
})

test('filters fit the event types that begin so, and all types are null', () => {
  assert.deepEqual(typesOf(['dispute.*', 'payment.refunded']), [
    'payment.refunded',
    ...['dispute.opened', 'dispute.updated', 'dispute.won', 'dispute.lost'],
  ])
  assert.equal(typesOf(['*']), null)
})

test('the names of headers become lower case', () => {
  assert.deepEqual(describedHeaders({ 'X-Shop': 'lisbon 1', Authorization: 'Bearer a.b-c' }), {
    ...{ 'x-shop': 'lisbon 1', authorization: 'Bearer a.b-c' },
  })
})

test('no header overrides one of MiniPay, in any spelling, or one of the connection', () => {
  const names = ['Content-Type', 'USER-AGENT', 'host', 'Webhook-Id', 'webhook-anything', 'X-Webhook-Event']
  names.push('Stripe-Signature', 'Connection', 'Transfer-Encoding', 'Content-Length', 'Expect', 'Upgrade')
  for (const name of names) assertRefused({ headers: { [name]: 'x' } }, `headers.${name}`)
})

test('a header cannot break out of its line', () => {
  for (const value of [
    'a\r\nX-Evil: 1',
    'a\nb',
    'a\rb',
    'a\0b',
    'é',
    '',
    ' a',
    'a ',
    'a\tb',
    'x'.repeat(1_001),
  ])
    assertRefused({ headers: { 'X-Shop': value } }, 'headers.X-Shop')
  for (const name of ['X-A\r\nX-B', 'X A', '', 'X:', 'é', 'x'.repeat(101)])
    assertRefused({ headers: { [name]: 'x' } }, 'headers')
})

test('there are at most 20 headers of 4,000 characters together, each once', () => {
  const many = (count: number, value: string) =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`x-${i}`, value]))
  assert.ok(!('rejected' in described({ headers: many(20, 'v') })))
  assertRefused({ headers: many(21, 'v') }, 'headers')
  assertRefused({ headers: many(5, 'v'.repeat(900)) }, 'headers')
  assertRefused({ headers: { 'x-a': '1', 'X-A': '2' } }, 'headers.X-A')
})
