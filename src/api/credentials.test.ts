import assert from 'node:assert/strict'
import { test } from 'node:test'
import { credentialsOf, isForwarded } from './credentials.ts'

const KEY = 'mp_test_0123456789'
const base64 = (text: string) => Buffer.from(text).toString('base64')

test('a Bearer token is a key in any case of the scheme and after any number of spaces', () => {
  for (const scheme of ['Bearer', 'bearer', 'BEARER', 'Bearer  '])
    assert.deepEqual(credentialsOf(`${scheme} ${KEY}`), { scheme: 'bearer', text: KEY }, scheme)
})

test('the user name of HTTP Basic is a key, with any password or an empty one', () => {
  for (const pair of [`${KEY}:`, `${KEY}:x`, `${KEY}:a:b`, `${KEY}:pässword`])
    assert.deepEqual(credentialsOf(`Basic ${base64(pair)}`), { scheme: 'basic', text: KEY }, pair)
  assert.equal(credentialsOf(`basic ${base64(`${KEY}:`).replace(/=+$/, '')}`)?.text, KEY)
})

test('every other Authorization header has no key', () => {
  const wrong = [
    ...['', ' ', 'Bearer', 'Bearer ', 'Basic', 'Basic ', KEY, `Token ${KEY}`, `Digest username="${KEY}"`],
    ...[`Bearer\t${KEY}`, `Bearer ${KEY} ${KEY}`, `Bearer ${KEY},Bearer ${KEY}`, `Bearer ${KEY}\0`],
    ...[`Bearer "${KEY}"`, `Bearer:${KEY}`, ` Bearer ${KEY}`, `BearerBasic ${KEY}`, `Bearer ${KEY}ä`],
    ...[`Basic ${KEY}`, `Basic ${base64(KEY)}`, 'Basic ====', 'Basic a$b', `Basic ${base64(`${KEY}:`)} x`],
  ]
  for (const header of wrong) assert.equal(credentialsOf(header), undefined, JSON.stringify(header))
})

test('what a key can not be is text that no key matches, not an error', () => {
  assert.equal(credentialsOf(`Basic ${base64('\0:\0')}`)?.text, '\0')
  assert.equal(credentialsOf(`Basic ${base64(':password')}`)?.text, '')
  assert.equal(credentialsOf(`Bearer ${'x'.repeat(10_000)}`)?.text.length, 10_000)
})

test('a request that a proxy passed on is recognised by each header that proxies add', () => {
  const headers = [
    ...['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto', 'x-forwarded-port'],
    ...['x-real-ip', 'via', 'cf-connecting-ip', 'true-client-ip'],
  ]
  for (const header of headers) assert.ok(isForwarded({ [header]: '' }), header)
  assert.ok(!isForwarded({ host: 'localhost', 'user-agent': 'curl' }))
})
