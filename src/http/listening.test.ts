import assert from 'node:assert/strict'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { isLoopback, listeningOn } from './listening.ts'

const on = (address: string, port = 8080): AddressInfo => ({
  address,
  port,
  family: address.includes(':') ? 'IPv6' : 'IPv4',
})

test('what is bound is named as it is, with a URL that opens on this machine', () => {
  const cases: [AddressInfo[], string, string[]][] = [
    [[on('127.0.0.1')], 'http://127.0.0.1:8080', ['127.0.0.1:8080']],
    [[on('0.0.0.0')], 'http://127.0.0.1:8080', ['0.0.0.0:8080']],
    [[on('::')], 'http://[::1]:8080', ['[::]:8080']],
    [[on('::1', 80)], 'http://[::1]:80', ['[::1]:80']],
    [[on('10.0.0.1')], 'http://10.0.0.1:8080', ['10.0.0.1:8080']],
    [[on('127.0.0.1'), on('::1')], 'http://127.0.0.1:8080', ['127.0.0.1:8080', '[::1]:8080']],
  ]
  for (const [addresses, url, bound] of cases)
    assert.partialDeepStrictEqual(listeningOn(addresses), { url, bound })
})

test('a server listens on loopback alone when each of its sockets does', () => {
  assert.ok(listeningOn([on('127.0.0.1'), on('::1')]).onLoopback)
  for (const address of ['0.0.0.0', '::', '10.0.0.1'])
    assert.ok(!listeningOn([on('127.0.0.1'), on(address)]).onLoopback, address)
})

test('a host is loopback when each of its addresses is', async () => {
  for (const host of ['127.0.0.1', '127.9.9.9', '::1', 'localhost']) assert.ok(await isLoopback(host), host)
  for (const host of ['0.0.0.0', '::', '10.0.0.1', '192.0.2.1', '126.255.255.255', '::2', 'none.invalid'])
    assert.ok(!(await isLoopback(host)), host)
})
