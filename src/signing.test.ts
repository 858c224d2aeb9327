import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Webhook } from 'standardwebhooks'
import { Stripe } from 'stripe'
import { isSigned, secretKey, signatureHeaders, stripeSignature, TOLERANCE_MS } from './signing.ts'

const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`
const KEY = secretKey(SECRET) as Buffer
const BODY = '{"id":"évt_1"}'
const NOW = 1_800_000_000_000
const signed = (at = NOW) => signatureHeaders(KEY, 'msg_1', at, BODY)
const check = (headers: Record<string, string | string[]>, body = BODY) =>
  isSigned(KEY, headers, Buffer.from(body), NOW)

test('what is signed here is verified by a library for Standard Webhooks, and the other way round', () => {
  const webhook = new Webhook(SECRET)
  assert.deepEqual(webhook.verify(BODY, signed(Date.now())), JSON.parse(BODY))
  const theirs = webhook.sign('msg_1', new Date(NOW), BODY)
  assert.ok(check({ ...signed(), 'webhook-signature': theirs }))
})

test('another id, time, body or key is not verified', () => {
  assert.ok(check(signed()))
  assert.ok(!check({ ...signed(), 'webhook-id': 'msg_2' }))
  assert.ok(!check({ ...signed(), 'webhook-timestamp': String(NOW / 1000 + 1) }))
  assert.ok(!check(signed(), `${BODY} `))
  assert.ok(!isSigned(Buffer.alloc(32, 8), signed(), Buffer.from(BODY), NOW))
})

test('one correct signature among several is enough', () => {
  const { 'webhook-signature': ours } = signed() as { 'webhook-signature': string }
  for (const list of [`v1,AAAA ${ours}`, `${ours} v1a,zzzz`, `v2,${'A'.repeat(44)} ${ours}`])
    assert.ok(check({ ...signed(), 'webhook-signature': list }), list)
  for (const list of ['', 'v1', 'v1,', ours.replace('v1,', 'v2,'), ours.slice(3), `v1,${'A'.repeat(44)}`])
    assert.ok(!check({ ...signed(), 'webhook-signature': list }), list)
})

test('a time more than five minutes off, in either direction, is refused, and so is none', () => {
  for (const off of [-TOLERANCE_MS, TOLERANCE_MS]) assert.ok(check(signed(NOW + off)))
  for (const off of [-TOLERANCE_MS - 1000, TOLERANCE_MS + 1000]) assert.ok(!check(signed(NOW + off)))
  for (const time of ['', 'soon', '1e9', '-1800000000'])
    assert.ok(!check({ ...signed(), 'webhook-timestamp': time }), time)
})

test('a header that is missing or was sent twice is refused', () => {
  assert.ok(!check({}))
  for (const name of Object.keys(signed())) {
    const { [name]: value, ...rest } = signed()
    assert.ok(!check(rest))
    assert.ok(!check({ ...rest, [name]: [value as string, value as string] }))
  }
})

test('a secret is whsec_ and 24 to 64 bytes in base64', () => {
  assert.deepEqual(KEY, Buffer.alloc(32, 7))
  const short = `whsec_${Buffer.alloc(23).toString('base64')}`
  const long = `whsec_${Buffer.alloc(65).toString('base64')}`
  for (const wrong of ['', 'whsec_', short, long, SECRET.slice(6), `${SECRET}!`])
    assert.equal(secretKey(wrong), undefined, wrong)
})

test('the published message of Standard Webhooks gets its published signature', () => {
  // https://github.com/standard-webhooks/standard-webhooks/blob/main/libraries/javascript/src/index.test.ts
  const key = secretKey('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw') as Buffer
  const at = 1_614_265_330_999
  assert.deepEqual(signatureHeaders(key, 'msg_p5jXN8AQM9LWM0D4loKWxJek', at, '{"test": 2432232314}'), {
    'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
    'webhook-timestamp': '1614265330',
    'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
  })
})

/** A second secret, as while one is rotated. */
const NEXT = `whsec_${Buffer.alloc(32, 9).toString('base64')}`
const STRANGER = `whsec_${Buffer.alloc(32, 10).toString('base64')}`

test('a message with two secrets passes the library with either one, and with no third', () => {
  const keys = [secretKey(NEXT) as Buffer, KEY]
  const headers = signatureHeaders(keys, 'msg_1', Date.now(), BODY)
  for (const secret of [SECRET, NEXT])
    assert.deepEqual(new Webhook(secret).verify(BODY, headers), JSON.parse(BODY))
  assert.throws(() => new Webhook(STRANGER).verify(BODY, headers))
  const [first] = (headers['webhook-signature'] ?? '').split(' ')
  assert.throws(() => new Webhook(SECRET).verify(BODY, { ...headers, 'webhook-signature': first ?? '' }))
})

test("Stripe's library verifies its signature with either of two secrets, and refuses a changed or old message", () => {
  const { webhooks } = new Stripe('sk_test_unused')
  const read = (body: string, header: string, secret: string) => webhooks.constructEvent(body, header, secret)
  const bytes = (text: string) => Buffer.from(text)
  const header = stripeSignature([NEXT, SECRET].map(bytes), Date.now(), BODY)
  for (const secret of [SECRET, NEXT]) assert.deepEqual(read(BODY, header, secret), JSON.parse(BODY))
  assert.throws(() => read(BODY, header, STRANGER), /signature/i)
  assert.throws(() => read(`${BODY} `, header, SECRET), /signature/i)
  const old = stripeSignature([bytes(SECRET)], Date.now() - TOLERANCE_MS - 2_000, BODY)
  assert.throws(() => read(BODY, old, SECRET), /tolerance/i)
})
