import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Webhook } from 'standardwebhooks'
import { isSigned, secretKey, signatureHeaders, TOLERANCE_MS } from './signing.ts'

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
