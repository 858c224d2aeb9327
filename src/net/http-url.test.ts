import assert from 'node:assert/strict'
import { test } from 'node:test'
import { httpUrl } from './http-url.ts'

test('a URL of http or https is read as the URL standard says', () => {
  assert.equal(httpUrl('HTTPS://Shop.example/webhooks?a=b')?.href, 'https://shop.example/webhooks?a=b')
  assert.equal(httpUrl('http://0xa9fea9fe/')?.hostname, '169.254.169.254')
})

test('a URL of another scheme, or a text that is no URL, is refused', () => {
  for (const text of ['', 'shop.example', '/webhooks', 'ftp://shop.example/', 'javascript:0', 'http://'])
    assert.equal(httpUrl(text), null, text)
})
