import assert from 'node:assert/strict'
import { BlockList, isIP } from 'node:net'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  addressOf,
  includes,
  isWithin,
  type Network,
  networkOf,
  networksOf,
  textOfNetwork,
} from './networks.ts'

const isIn = (networks: readonly string[], address: string) => isWithin(networksOf(networks), address)
const family = (address: string) => (isIP(address) === 4 ? 'ipv4' : 'ipv6')

/** Addresses that are close to each other, in both families, so that many are in one network. */
const v4 = fc.integer({ min: 0, max: 0xffff }).map((n) => `10.${n % 3}.${n >> 8}.${n & 255}`)
const v6 = fc
  .array(fc.constantFrom('0', '1', 'db8', '2001', 'ffff', 'fe80'), { minLength: 8, maxLength: 8 })
  .map((groups) => groups.join(':'))
const addresses = fc.oneof(v4, v6)

/** The text of a network of this address and prefix. */
function networkText(address: string, bits: number): string {
  const size = family(address) === 'ipv4' ? 32 : 128
  const number = addressOf(address) as bigint
  const rest = BigInt(size - bits)
  const first = ((number >> rest) << rest) & ((1n << BigInt(size)) - 1n)
  return `${textOf(first, size)}/${bits}`
}

function textOf(number: bigint, size: number): string {
  const width = size === 32 ? 8n : 16n
  const parts = Array.from(
    { length: size / Number(width) },
    (_, i) => (number >> (BigInt(size) - width * BigInt(i + 1))) & ((1n << width) - 1n),
  )
  return size === 32 ? parts.join('.') : parts.map((part) => part.toString(16)).join(':')
}

const networks = addresses.chain((address) =>
  fc
    .integer({ min: 0, max: family(address) === 'ipv4' ? 32 : 128 })
    .map((bits) => networkText(address, bits)),
)

test('an address is within the same networks as Node says', () => {
  let within = 0
  fc.assert(
    fc.property(networks, addresses, (network, address) => {
      const [first = '', bits = ''] = network.split('/')
      const list = new BlockList()
      list.addSubnet(first, Number(bits), family(first))
      const expected = list.check(address, family(address))
      assert.equal(isIn([network], address), expected, `${address} in ${network}`)
      if (expected) within++
    }),
    { numRuns: 2_000 },
  )
  assert.ok(within > 100)
})

test('an IPv4 address and its mapped IPv6 form are one address', () => {
  fc.assert(
    fc.property(v4, fc.integer({ min: 0, max: 32 }), (address, bits) => {
      const network = networkText(address, bits)
      assert.ok(isIn([network], address))
      assert.ok(isIn([network], `::ffff:${address}`))
      const [a = 0, b = 0, c = 0, d = 0] = address.split('.').map(Number)
      const hex = `::FFFF:${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`
      assert.ok(isIn([network], hex), hex)
    }),
  )
  assert.ok(isIn(['::ffff:10.0.0.0/104'], '10.1.2.3'))
  assert.ok(!isIn(['10.0.0.0/8'], '::10.1.2.3'))
})

test('a network includes another exactly if it has its first and its last address', () => {
  const last = ({ first, bits }: Network) => first | ((1n << BigInt(128 - bits)) - 1n)
  fc.assert(
    fc.property(networks, networks, (a, b) => {
      const [outer, inner] = [networkOf(a), networkOf(b)] as [Network, Network]
      assert.equal(includes(outer, inner), outer.first <= inner.first && last(inner) <= last(outer))
    }),
    { numRuns: 1_000 },
  )
})

test('a zone is no part of an address', () => {
  assert.ok(isIn(['fe80::/10'], 'fe80::1%eth0'))
  assert.equal(networkOf('fe80::%eth0/10'), undefined)
})

test('other texts are no networks and no addresses', () => {
  const wrong = [
    '',
    '/',
    '10.0.0.0/',
    '10.0.0.0/33',
    '10.0.0.0/-1',
    '10.0.0.0/08',
    '10.0.0.0/8/8',
    '10.0.0.1/8',
  ]
  wrong.push(
    '10.0.0/8',
    '010.0.0.0/8',
    '10.0.0.256',
    '10.0.0.0 /8',
    '1.2.3.4.5',
    'example.com',
    '::/129',
    '::1/64',
  )
  wrong.push(
    ':::',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7::8',
    '12345::',
    'g::',
    '::1.2.3',
  )
  wrong.push('::ffff:1.2.3.4:5', '0x10.0.0.0/8', '10.0.0.0/8\n', '1.2.3.4%eth0')
  for (const text of wrong) assert.equal(networkOf(text), undefined, JSON.stringify(text))
  fc.assert(
    fc.property(fc.string(), (text) => {
      if (isIP(text) === 0 && !text.includes('%')) assert.equal(addressOf(text), undefined)
    }),
  )
  assert.equal(isIn(['0.0.0.0/0', '::/0'], ''), false)
})

test('every way to write an IPv6 address is read as Node reads it', () => {
  fc.assert(
    fc.property(fc.ipV6(), fc.ipV6(), (a, b) => {
      const list = new BlockList()
      list.addAddress(b, 'ipv6')
      assert.equal(addressOf(a) === addressOf(b), list.check(a, 'ipv6'))
      assert.notEqual(addressOf(a), undefined, a)
    }),
  )
})

test('a network is read as it is written', () => {
  for (const text of [
    '10.0.0.0/8',
    '192.0.2.7/32',
    '0.0.0.0/0',
    '2001:db8:0:0:0:0:0:0/32',
    '0:0:0:0:0:0:0:0/0',
  ])
    assert.equal(textOfNetwork(networkOf(text) as Network), text)
})
