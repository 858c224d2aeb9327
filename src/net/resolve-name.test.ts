import assert from 'node:assert/strict'
import type { LookupAddress } from 'node:dns'
import { writeFileSync } from 'node:fs'
import type { LookupFunction } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { startNameServer } from '../../test/kit/dns-server.ts'
import { atEnd, tempDir } from '../../test/kit/folders.ts'
import { createEgress } from './egress.ts'
import { failureWords } from './failure-words.ts'
import { allOrNone, allowedOf, createResolveName, targetLookup } from './resolve-name.ts'
import type { TargetPolicy } from './target-policy.ts'

const STRICT: TargetPolicy = { allowed: createEgress(), local: false, ports: null }

/** A resolver that asks a name server of the test. */
async function asking(t: TestContext, answer: Parameters<typeof startNameServer>[1]) {
  const server = await startNameServer({ add: (step) => atEnd(t, step) }, answer)
  const resolveName = createResolveName({ servers: [server.address], timeoutMs: 100, tries: 1 })
  return { server, resolveName }
}

/** The result of a lookup as a socket makes it, or the words of its failure. */
function lookedUp(lookup: LookupFunction, options = {}): Promise<string | LookupAddress[]> {
  return new Promise((resolve) => {
    lookup('shop.example', { all: true, ...options }, (error, found) =>
      resolve(error ? failureWords(error) : (found as string | LookupAddress[])),
    )
  })
}

test('a name has its addresses of IPv4 and IPv6, the former first', async (t) => {
  const { resolveName } = await asking(t, () => ['2606:4700::1', '8.8.8.8', '1.1.1.1'])
  assert.deepEqual(await resolveName('shop.example'), [
    { address: '8.8.8.8', family: 4 },
    { address: '1.1.1.1', family: 4 },
    { address: '2606:4700::1', family: 6 },
  ])
})

test('requests for one name at once share a query, and a later one asks again', async (t) => {
  const { server, resolveName } = await asking(t, (_name, before) => [`8.8.8.${before}`])
  const [first, second] = await Promise.all([resolveName('shop.example'), resolveName('shop.example')])
  assert.deepEqual(first, [{ address: '8.8.8.0', family: 4 }])
  assert.equal(first, second)
  assert.deepEqual(await resolveName('shop.example'), [{ address: '8.8.8.1', family: 4 }])
  assert.equal(server.asked.length, 2)
})

test('a name server that does not respond fails the lookup in time, and holds up no other name', async (t) => {
  const { resolveName } = await asking(t, (name) => (name.startsWith('dead') ? 'silence' : ['8.8.8.8']))
  const dead = Array.from({ length: 50 }, (_, i) => resolveName(`dead${i}.example`))
  assert.deepEqual(await resolveName('shop.example'), [{ address: '8.8.8.8', family: 4 }])
  for (const result of await Promise.allSettled(dead)) {
    assert.ok(result.status === 'rejected')
    assert.equal(failureWords(result.reason), 'DNS: the name server did not respond')
  }
})

test('a hosts file comes before name servers, and may be absent', async (t) => {
  const folder = tempDir()
  atEnd(t, folder.remove)
  const hostsFile = join(folder.path, 'hosts')
  const server = await startNameServer({ add: (step) => atEnd(t, step) }, () => ['8.8.8.8'])
  const resolveName = createResolveName({ servers: [server.address], hostsFile })
  const addresses = async (name: string) => (await resolveName(name)).map(({ address }) => address)
  assert.deepEqual(await addresses('shop.example'), ['8.8.8.8'])
  writeFileSync(
    hostsFile,
    '# 10.0.0.9 shop.example\nfd00::1\tother.example Shop.Example # mine\n 10.0.0.1 shop.example\n10.0.0.2 a.shop.example\nx shop.example\n',
  )
  assert.deepEqual(await addresses('shop.example'), ['10.0.0.1', 'fd00::1'])
  assert.deepEqual(await addresses('elsewhere.example'), ['8.8.8.8'])
  assert.equal(server.asked.length, 2)
})

test('localhost is loopback without a query', async (t) => {
  const { server, resolveName } = await asking(t, () => ['8.8.8.8'])
  for (const name of ['localhost', 'shop.localhost'])
    assert.deepEqual(
      (await resolveName(name)).map(({ address }) => address),
      ['127.0.0.1', '::1'],
    )
  assert.deepEqual(server.asked, [])
})

test('a name that does not exist fails in words', async (t) => {
  const { resolveName } = await asking(t, () => 'none')
  const lookup = targetLookup(allOrNone(STRICT), resolveName)
  assert.match(String(await lookedUp(lookup)), /^DNS: (no such name|the name server did not respond)$/)
})

test('a lookup gives all allowed addresses, or those of the wanted family', async () => {
  const lookup = targetLookup(allOrNone(STRICT), async () => [
    { address: '8.8.8.8', family: 4 },
    { address: '2606:4700::1', family: 6 },
  ])
  assert.equal((await lookedUp(lookup)).length, 2)
  assert.deepEqual(await lookedUp(lookup, { family: 6 }), [{ address: '2606:4700::1', family: 6 }])
  assert.equal(await lookedUp(lookup, { all: false }), '8.8.8.8')
  assert.equal(await lookedUp(lookup, { all: false, family: 6 }), '2606:4700::1')
})

test('one forbidden address among many forbids the name, whichever it is and of whichever family', async () => {
  for (const forbidden of [
    '127.0.0.1',
    '10.0.0.1',
    '169.254.169.254',
    '::1',
    '::ffff:127.0.0.1',
    'fd00::1',
    '64:ff9b::a00:1',
  ])
    for (const place of [0, 1, 2]) {
      const addresses = ['8.8.8.8', '2606:4700::1']
      addresses.splice(place, 0, forbidden)
      const found = addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }))
      const lookup = targetLookup(allOrNone(STRICT), async () => found)
      for (const options of [{}, { family: 4 }, { family: 6 }, { all: false }])
        assert.equal(await lookedUp(lookup, options), 'the address of the receiver is not allowed')
    }
})

test("of the addresses of the operator's own targets those that are allowed are used", async () => {
  const found = ['169.254.169.254', '10.0.0.1', '::ffff:169.254.169.254', 'fd00::1'].map((address) => ({
    ...{ address, family: address.includes(':') ? 6 : 4 },
  }))
  const lookup = targetLookup(allowedOf(createEgress()), async () => found)
  assert.deepEqual(await lookedUp(lookup), [found[1], found[3]])
  const none = targetLookup(allowedOf(createEgress()), async () => found.slice(0, 1))
  assert.equal(await lookedUp(none), 'the address of the receiver is not allowed')
})
