import assert from 'node:assert/strict'
import { test } from 'node:test'
import { refusalOfHost, refusalOfOrigin } from './browsers.ts'
import type { Request } from './endpoint.ts'
import type { AllowedOrigins } from './origins.ts'

const NONE: AllowedOrigins = new Set()
const SHOP: AllowedOrigins = new Set(['https://shop.example'])
const withHeaders = (headers: Record<string, string>) => ({ headers }) as unknown as Request

const codeOfHost = (host: string, names: 'loopback' | 'local' = 'loopback', allowed: AllowedOrigins = NONE) =>
  refusalOfHost(withHeaders({ host }), names, allowed)?.code

test('on loopback a request is accepted under the names of loopback only, with any port and in any case', () => {
  for (const host of ['localhost', 'LocalHost:8080', '127.0.0.1', '127.8.9.10:1', '[::1]', '[::1]:65535'])
    assert.equal(codeOfHost(host), undefined, host)
  for (const host of [
    ...['evil.example', 'evil.example:8080', 'localhost.evil.example', '127.0.0.1.evil.example', ''],
    ...[
      '10.0.0.1',
      '0.0.0.0:8080',
      '[::]:8080',
      '[::2]',
      'minipay',
      'localhost.',
      'localhost:8080.evil.example',
    ],
    ...['localhost@evil.example', 'evil.example#localhost', '127.0.0.1:x', ' localhost', 'localhost:123456'],
  ])
    assert.equal(codeOfHost(host), 'host_not_allowed', host)
})

test('off loopback a request is accepted under addresses and under names that have no owner', () => {
  for (const host of [
    '10.0.0.1:8080',
    '192.0.2.1',
    '[2001:db8::1]:8080',
    'minipay',
    'minipay:8080',
    'localhost',
  ])
    assert.equal(codeOfHost(host, 'local'), undefined, host)
  for (const host of [
    'evil.example',
    '10.0.0.1.evil.example:8080',
    '[evil]',
    '10.0.0',
    'a.b',
    'minipay:x',
    '',
  ]) {
    assert.equal(codeOfHost(host, 'local'), 'host_not_allowed', host)
  }
})

test('the host of an allowed origin is accepted, and every host is where every origin is allowed', () => {
  assert.equal(codeOfHost('Shop.Example', 'loopback', SHOP), undefined)
  assert.equal(codeOfHost('shop.example:8443', 'loopback', SHOP), 'host_not_allowed')
  assert.equal(codeOfHost('evil.example', 'loopback', 'every'), undefined)
})

test('a request without Host is no browser, and is accepted', () => {
  assert.equal(refusalOfHost(withHeaders({}), 'loopback', NONE), undefined)
})

const codeOfOrigin = (headers: Record<string, string>, allowed: AllowedOrigins = NONE) =>
  refusalOfOrigin(withHeaders({ host: 'localhost:8080', ...headers }), allowed)?.code

test('a request of a page from another origin is refused unless the origin is allowed', () => {
  const refused = [
    ...['https://evil.example', 'http://localhost:3000', 'http://localhost', 'http://127.0.0.1:8080', 'null'],
    ...['http://localhost:8080.evil.example', 'http://localhost:8080/', '', 'HTTP://LOCALHOST:8080'],
  ]
  for (const origin of refused) assert.equal(codeOfOrigin({ origin }), 'origin_not_allowed', origin)
  assert.equal(codeOfOrigin({ origin: 'http://localhost:8080' }), undefined)
  assert.equal(codeOfOrigin({ origin: 'https://shop.example' }, SHOP), undefined)
  assert.equal(codeOfOrigin({ origin: 'https://shop.example.evil.example' }, SHOP), 'origin_not_allowed')
  for (const origin of refused) assert.equal(codeOfOrigin({ origin }, 'every'), undefined, origin)
})

test('a request without Origin is refused if the browser says that another site made it', () => {
  for (const site of ['cross-site', 'same-site'])
    assert.equal(codeOfOrigin({ 'sec-fetch-site': site }), 'origin_not_allowed', site)
  for (const site of ['same-origin', 'none'])
    assert.equal(codeOfOrigin({ 'sec-fetch-site': site }), undefined, site)
  assert.equal(codeOfOrigin({}), undefined)
  assert.equal(codeOfOrigin({ 'sec-fetch-site': 'cross-site' }, 'every'), undefined)
  const allowed = { origin: 'https://shop.example', 'sec-fetch-site': 'cross-site' }
  assert.equal(codeOfOrigin(allowed, SHOP), undefined)
})
