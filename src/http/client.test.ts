import assert from 'node:assert/strict'
import type { IncomingMessage } from 'node:http'
import { test } from 'node:test'
import { networkOf } from '../domain/access/networks.ts'
import { clientFinder } from './client.ts'

const networks = (...texts: string[]) => texts.flatMap((text) => networkOf(text) ?? [])
const request = (peer: string | undefined, headers: Record<string, string> = {}) =>
  ({ socket: { remoteAddress: peer }, headers }) as unknown as IncomingMessage

/** The address of a request of this peer through proxies at 10.0.0.0/8 and fd00::/8. */
const seen = (peer: string, forwarded?: string) =>
  clientFinder(networks('10.0.0.0/8', 'fd00::/8'))(
    request(peer, forwarded === undefined ? {} : { 'x-forwarded-for': forwarded }),
  ).address

test('without trusted proxies the peer is the client, in the form of its own family', () => {
  const find = clientFinder([])
  const forged = { 'x-forwarded-for': '203.0.113.9', 'x-forwarded-proto': 'https' }
  for (const [peer, address] of [
    ['203.0.113.1', '203.0.113.1'],
    ['::ffff:203.0.113.1', '203.0.113.1'],
    ['2001:DB8::1', '2001:db8::1'],
    [undefined, ''],
  ] as const)
    assert.deepEqual(find(request(peer, forged)), { address, secure: false })
})

test('the client is the first address from the right that is no trusted proxy', () => {
  for (const [peer, forwarded, address] of [
    ['203.0.113.1', '198.51.100.7', '203.0.113.1'],
    ['10.0.0.1', undefined, '10.0.0.1'],
    ['10.0.0.1', '198.51.100.7', '198.51.100.7'],
    ['::ffff:10.0.0.1', '198.51.100.7', '198.51.100.7'],
    ['10.0.0.1', '127.0.0.1, 198.51.100.7', '198.51.100.7'],
    ['10.0.0.1', '127.0.0.1, 198.51.100.7, 10.9.9.9', '198.51.100.7'],
    ['10.0.0.1', '198.51.100.7,10.0.0.3 , fd00::5', '198.51.100.7'],
    ['10.0.0.1', '10.0.0.3', '10.0.0.3'],
    ['fd00::1', '2001:DB8::9', '2001:db8::9'],
  ] as const)
    assert.equal(seen(peer, forwarded), address, `${peer} for ${forwarded}`)
})

test('an entry may have a port, and one that is no address ends the search at the proxy that wrote it', () => {
  for (const [forwarded, address] of [
    ['198.51.100.7:4711', '198.51.100.7'],
    ['[2001:db8::9]:4711', '2001:db8::9'],
    ['[2001:db8::9]', '2001:db8::9'],
    ['::ffff:198.51.100.7', '198.51.100.7'],
    ['', '10.0.0.1'],
    ['unknown', '10.0.0.1'],
    ['198.51.100.7, evil', '10.0.0.1'],
    ['198.51.100.7, evil, 10.0.0.2', '10.0.0.2'],
    ['198.51.100.300', '10.0.0.1'],
    ['198.51.100.7\t', '198.51.100.7'],
    ['"198.51.100.7"', '10.0.0.1'],
  ] as const)
    assert.equal(seen('10.0.0.1', forwarded), address, forwarded)
})

test('a long list of trusted addresses costs no more than a short one', () => {
  assert.equal(seen('10.0.0.1', `198.51.100.7${', 10.0.0.2'.repeat(1_000)}`), '10.0.0.2')
})

test('only a trusted proxy can say that a request came by https', () => {
  const find = clientFinder(networks('10.0.0.0/8'))
  const secure = (peer: string, protocol: string) =>
    find(request(peer, { 'x-forwarded-proto': protocol })).secure
  assert.equal(secure('10.0.0.1', 'https'), true)
  assert.equal(secure('10.0.0.1', 'http, HTTPS '), true)
  assert.equal(secure('10.0.0.1', 'https, http'), false)
  assert.equal(secure('10.0.0.1', 'http'), false)
  assert.equal(secure('203.0.113.1', 'https'), false)
})
