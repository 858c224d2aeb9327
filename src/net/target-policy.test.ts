import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createEgress } from './egress.ts'
import { addressFault, type TargetPolicy } from './target-policy.ts'

function policy(allowed: readonly string[] = [], local = false): TargetPolicy {
  return { allowed: createEgress(allowed), local, ports: new Set([443]) }
}
const STRICT = policy()

/** Addresses at both ends of each forbidden network, and inside. */
const FORBIDDEN = {
  loopback: ['127.0.0.0', '127.0.0.1', '127.1.2.3', '127.255.255.255', '::1', '[::1]', '0:0:0:0:0:0:0:1'],
  private: [
    ...['10.0.0.0', '10.255.255.255', '172.16.0.0', '172.31.255.255', '192.168.0.0', '192.168.255.255'],
    ...['fc00::', 'fd00::1', 'fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
  ],
  'of special purpose': [
    ...['0.0.0.0', '0.255.255.255', '100.64.0.0', '100.100.100.200', '100.127.255.255', '168.63.129.16'],
    ...['169.254.0.0', '169.254.169.254', '169.254.170.2', '169.254.255.255', '192.0.0.0', '192.0.0.192'],
    ...['192.0.2.1', '192.31.196.1', '192.52.193.1', '192.88.99.1', '192.175.48.1', '198.18.0.0'],
    ...['198.19.255.255', '198.51.100.1', '203.0.113.1', '224.0.0.1', '239.255.255.255', '240.0.0.1'],
    ...['255.255.255.255', '::', 'fe80::1', 'fe80::1%eth0', 'febf::1', 'fec0::1', 'ff02::1', 'ff0e::1'],
    ...[
      '100::1',
      '2001:db8::1',
      '3fff::1',
      '5f00::1',
      '2620:4f:8000::1',
      '2001::1',
      '2001:10::1',
      '2001:20::1',
    ],
    // Outside of 2000::/3, which is all that IANA has given out.
    ...['200::1', '400::1', '1fff::1', '4000::1', '8000::1', 'e000::1', 'fbff::1'],
  ],
} as const

test('loopback, private and special addresses are forbidden, and the fault names which', () => {
  for (const [fault, addresses] of Object.entries(FORBIDDEN))
    for (const address of addresses) assert.equal(addressFault(address, STRICT), fault, address)
})

test('public addresses are allowed, next to the forbidden networks too', () => {
  for (const address of [
    ...[
      '1.1.1.1',
      '8.8.8.8',
      '9.255.255.255',
      '11.0.0.0',
      '100.63.255.255',
      '100.128.0.0',
      '126.255.255.255',
    ],
    ...['128.0.0.0', '169.253.255.255', '169.255.0.0', '172.15.255.255', '172.32.0.0', '192.167.255.255'],
    ...['192.169.0.0', '198.17.255.255', '198.20.0.0', '223.255.255.255'],
    ...['2606:4700:4700::1111', '2a00:1450:4001::1', '2001:4860:4860::8888', '2400:cb00::1'],
  ])
    assert.equal(addressFault(address, STRICT), undefined, address)
})

/** Every way in which IPv6 is known to embed an address of IPv4. */
const FORMS: Readonly<Record<string, (high: string, low: string) => string>> = {
  mapped: (high, low) => `::ffff:${high}:${low}`,
  SIIT: (high, low) => `::ffff:0:${high}:${low}`,
  compatible: (high, low) => `::${high}:${low}`,
  NAT64: (high, low) => `64:ff9b::${high}:${low}`,
  'NAT64 within one network': (high, low) => `64:ff9b:1::${high}:${low}`,
  '6to4': (high, low) => `2002:${high}:${low}::1`,
  Teredo: (high, low) => `2001:0:4136:e378:8000:63bf:${inverted(high)}:${inverted(low)}`,
  ISATAP: (high, low) => `2a00:1450:4001:1:0:5efe:${high}:${low}`,
  'ISATAP with a global address': (high, low) => `2a00:1450:4001:1:200:5efe:${high}:${low}`,
}
const inverted = (group: string) => (Number.parseInt(group, 16) ^ 0xffff).toString(16)

function embedded(form: string, address: string): string {
  const [a = 0, b = 0, c = 0, d = 0] = address.split('.').map(Number)
  return FORMS[form]?.(((a << 8) | b).toString(16), ((c << 8) | d).toString(16)) ?? ''
}

test('an address that embeds IPv4 is forbidden in every form, also if it embeds a public one', () => {
  for (const form of Object.keys(FORMS))
    for (const inside of ['127.0.0.1', '10.0.0.1', '169.254.169.254', '8.8.8.8'])
      assert.equal(addressFault(embedded(form, inside), STRICT), 'of special purpose', `${form} ${inside}`)
})

test('an exception for a form that embeds IPv4 allows the public addresses behind it, and no others', () => {
  for (const form of Object.keys(FORMS)) {
    const open = policy(['::/0'])
    assert.equal(addressFault(embedded(form, '8.8.8.8'), open), undefined, form)
    assert.equal(addressFault(embedded(form, '127.0.0.1'), open), 'loopback', form)
    assert.equal(addressFault(embedded(form, '10.1.2.3'), open), 'private', form)
    assert.equal(addressFault(embedded(form, '169.254.169.254'), open), 'of special purpose', form)
    assert.equal(addressFault(embedded(form, '10.1.2.3'), policy(['::/0', '10.0.0.0/8'])), undefined, form)
  }
})

test('an operator may allow networks, and nothing else with them', () => {
  const open = policy(['10.1.0.0/16', 'fd12::/16'])
  for (const address of ['10.1.0.0', '10.1.255.255', 'fd12::1', '8.8.8.8'])
    assert.equal(addressFault(address, open), undefined, address)
  for (const address of ['10.0.255.255', '10.2.0.0', 'fd13::1', '127.0.0.1', '::ffff:10.1.0.1'])
    assert.notEqual(addressFault(address, open), undefined, address)
})

test('local targets are loopback, and no other address of the machine or its network', () => {
  const local = policy([], true)
  for (const address of FORBIDDEN.loopback) assert.equal(addressFault(address, local), undefined, address)
  for (const address of [...FORBIDDEN.private, ...FORBIDDEN['of special purpose'], '::ffff:127.0.0.1'])
    assert.notEqual(addressFault(address, local), undefined, address)
})

test('text that is no address is a fault', () => {
  for (const text of ['', 'shop.example', '1.2.3', '0x7f000001', '127.0.0.1.', '[', '::g', '1.2.3.4/8'])
    assert.equal(addressFault(text, STRICT), 'not an address', text)
})

test('every address of IPv4 has the same verdict in every spelling of IPv6 that embeds it, once that is allowed', () => {
  const open = policy(['::/0'])
  const part = fc.integer({ min: 0, max: 255 })
  fc.assert(
    fc.property(fc.tuple(part, part, part, part), fc.constantFrom(...Object.keys(FORMS)), (parts, form) => {
      const address = parts.join('.')
      // ::0.0.0.1 is the loopback of IPv6 itself.
      if (form === 'compatible' && address === '0.0.0.1') return
      assert.equal(addressFault(embedded(form, address), open), addressFault(address, STRICT))
    }),
    { numRuns: 2_000 },
  )
})
