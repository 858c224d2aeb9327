import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseJson } from './api.ts'
import { showJson } from './json.ts'
import { fits } from './live.ts'
import { match, queryString } from './router.ts'
import { messageReader } from './sse.ts'
import { statusOf } from './texts.ts'

test('integers beyond 2^53 are read and shown exactly', () => {
  const text =
    '{"balance":9223372036854775807,"small":7,"id":"12345678901234567890","rate":0.12345678901234567}'
  const value = parseJson(text) as Record<string, unknown>
  assert.deepEqual(
    [value['balance'], value['small'], value['id']],
    [9223372036854775807n, 7, '12345678901234567890'],
  )
  assert.equal(typeof value['rate'], 'number')
  assert.match(showJson(value), /"balance": 9223372036854775807,/)
})

test('a place fits a pattern whole, and its variable parts are decoded', () => {
  assert.deepEqual(match('/payments/:id', '/payments/txn_1'), { id: 'txn_1' })
  assert.deepEqual(match('/providers/:name', '/providers/bank%20a%2F1'), { name: 'bank a/1' })
  assert.deepEqual(match('/', '/'), {})
  for (const path of ['/payments', '/payments/a/b', '/Payments/a', '/payments/%ff'])
    assert.equal(match('/payments/:id', path), undefined, path)
  assert.equal(
    queryString({ status: ['failed', 'canceled'], none: null, empty: '', n: 0 }),
    '?status=failed&status=canceled&n=0',
  )
})

test('events are read from a stream that is cut anywhere', () => {
  const text =
    'retry: 2000\nid: 41\n\nevent: skipped\nid: 41\ndata: {}\n\nid: 42\ndata: {"a":1}\n\n: ping\n\nid: 43\r\ndata: x\r\ndata: y\r\n\r\nid: 4'
  for (let cut = 0; cut < text.length; cut++) {
    const reader = messageReader()
    const messages = [...reader.read(text.slice(0, cut)), ...reader.read(text.slice(cut))]
    assert.deepEqual(messages, [
      { id: '41', event: 'skipped', data: '{}' },
      { id: '42', event: 'message', data: '{"a":1}' },
      { id: '43', event: 'message', data: 'x\ny' },
    ])
    assert.equal(reader.lastId(), '43')
  }
})

test('events are filtered by type, by the beginning of a type, and by object', () => {
  const event = { type: 'payment.succeeded', data: { id: 'txn_1', refund: null } } as never
  assert.ok(fits({}, event))
  assert.ok(fits({ types: ['payment.'] }, event))
  assert.ok(fits({ types: ['refund.', 'payment.succeeded'], object: 'txn_1' }, event))
  assert.ok(!fits({ types: ['payment'] }, event))
  assert.ok(!fits({ object: 'txn_' }, event))
})

test('an unknown outcome is never called a failure', () => {
  assert.deepEqual(statusOf('unknown'), { word: 'Unknown', tone: 'warn' })
  assert.deepEqual(statusOf('something_new'), { word: 'Something new', tone: 'quiet' })
  assert.notDeepEqual(statusOf('open', 'breaker'), statusOf('open', 'dispute'))
})
