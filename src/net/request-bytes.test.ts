import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type RequestHead, requestBytes } from './request-bytes.ts'

const HEAD: RequestHead = {
  ...{ method: 'POST', host: 'bank.example:8443', path: '/pay?x=1' },
  ...{ headers: { 'content-type': 'application/json', 'x-name': 'J\xfcrgen' }, kept: true },
}
const text = (head: RequestHead, body: string | Buffer | null) => {
  const request = requestBytes(head, body)
  return typeof request === 'string' ? request : request?.toString('latin1')
}

test('a request is its head, and a body of the announced length in bytes', () => {
  for (const body of ['{"name":"Łódź"}', Buffer.from('{"name":"Łódź"}')])
    assert.equal(
      text(HEAD, body),
      'POST /pay?x=1 HTTP/1.1\r\nhost: bank.example:8443\r\nconnection: keep-alive\r\n' +
        'content-type: application/json\r\nx-name: J\xfcrgen\r\ncontent-length: 18\r\n\r\n' +
        Buffer.from('{"name":"Łódź"}').toString('latin1'),
    )
})

test('a request is a text of its bytes where its body is ASCII', () => {
  assert.equal(typeof requestBytes(HEAD, '{}'), 'string')
  assert.equal(typeof requestBytes(HEAD, '{"name":"ü"}'), 'object')
})

test('without a body, only a POST announces a length', () => {
  const plain = { ...HEAD, headers: {}, kept: false }
  const rest = ' /pay?x=1 HTTP/1.1\r\nhost: bank.example:8443\r\nconnection: close\r\n'
  assert.equal(text({ ...plain, method: 'GET' }, null), `GET${rest}\r\n`)
  assert.equal(text({ ...plain, method: 'DELETE' }, null), `DELETE${rest}\r\n`)
  assert.equal(text(plain, null), `POST${rest}content-length: 0\r\n\r\n`)
})

test('a path or a header that could begin another line, or frame the request otherwise, makes no request', () => {
  for (const path of ['', 'pay', '/a b', '/a\r\nb', '/\xe4', '/\0'])
    assert.equal(requestBytes({ ...HEAD, path }, ''), null, path)
  for (const value of ['a\r\nb', 'a\nb', 'a\0', 'Ł'])
    assert.equal(requestBytes({ ...HEAD, headers: { a: value } }, ''), null, JSON.stringify(value))
  for (const name of [
    '',
    'a b',
    'a:',
    'ü',
    'Host',
    'content-length',
    'Transfer-Encoding',
    'expect',
    'connection',
  ])
    assert.equal(requestBytes({ ...HEAD, headers: { [name]: 'x' } }, ''), null, name)
})
