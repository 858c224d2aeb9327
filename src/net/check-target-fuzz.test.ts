import assert from 'node:assert/strict'
import { isIP } from 'node:net'
import { test } from 'node:test'
import fc from 'fast-check'
import { isRejection } from '../domain/error.ts'
import { checkTarget } from './check-target.ts'
import { createEgress } from './egress.ts'
import { addressFault, type TargetPolicy } from './target-policy.ts'

const PORTS = new Set([443, 8443])
const STRICT: TargetPolicy = { allowed: createEgress(), local: false, ports: PORTS }
const refused = (text: string) => isRejection(checkTarget(text, STRICT))

/** Spellings from public lists of ways around such checks; each means loopback, metadata or a private address. */
const BYPASSES = `
  127.0.0.1 127.1 127.0.1 127.127.127.127 2130706433 017700000001 0x7f000001 0x7f.1 0177.0.0.1
  0177.0.0.01 0x7f.0x0.0x0.0x1 0x7F.0.0.1 00000177.0.0.1 127.0.0.1. 0x7f.0.1 127.0.0.0x1 127.0x1
  127.00000.1 0 0.0.0.0 00 0x0 0.0 0x 0.0.0x0.00 0x0. [::1] [0:0:0:0:0:0:0:1] [::] [0000::1]
  [::ffff:127.0.0.1] [::ffff:7f00:1] [::127.0.0.1] [0:0:0:0:0:ffff:127.0.0.1] [::ffff:0:127.0.0.1]
  [64:ff9b::127.0.0.1] [64:ff9b:1::7f00:1] [2002:7f00:1::] [2001::80ff:fffe] [fe80::5efe:127.0.0.1]
  [2a00::5efe:10.0.0.1] [fd00:ec2::254] 169.254.169.254 2852039166 0xa9fea9fe 0251.0376.0251.0376
  169.254.43518 0xA9.0xFE.0xA9.0xFE [::ffff:a9fe:a9fe] [::ffff:169.254.169.254] 100.100.100.200
  192.0.0.192 168.63.129.16 10.0.0.1 10.1 012.1 0xa.1 167772161 172.16.0.1 0xac100001 192.168.1
  0300.0250.0.1 localhost LOCALHOST LocalHost localhost. a.localhost a.b.localhost
  localhost.localdomain localhost6 localhost6.localdomain6 ip6-localhost ip6-loopback localhost4
  localhost%2e ⓛⓞⓒⓐⓛⓗⓞⓢⓣ ｌｏｃａｌｈｏｓｔ １２７.０.０.１ ①②⑦.⓪.⓪.① 127。0。0。1 127．0．0．1 127｡0｡0｡1 %31%32%37.0.0.1
  %6c%6f%63%61%6c%68%6f%73%74 0x7f%2e1 0x7f%2E0%2e0%2E1 𝟏𝟐𝟕.𝟎.𝟎.𝟏 ٠ ²¹³⁰⁷⁰⁶⁴³³ ₁₂₇.₀.₀.₁ [::ⅰ] [::１]
  localhost:443 127.1:443 [::1]:8443 224.0.0.1 239.255.255.250 255.255.255.255 240.0.0.1 198.18.0.1
  203.0.113.1 [ff02::1] [::ffff:0.0.0.0] [100::1] [fc00::1] [fd12::1] [3fff::1] [5f00::1] [4000::1]
  [fec0::1] ｌocalhost
`
  .trim()
  .split(/\s+/)

test('no spelling from the lists of bypasses is allowed', () => {
  for (const host of BYPASSES) {
    assert.ok(refused(`https://${host}/`), host)
    assert.ok(refused(`http://${host}/`), host)
    assert.ok(refused(`https://shop.example@${host}/`), host)
  }
})

/** Pieces of URLs, joined at random: an oracle of its own decides what the host means. */
const PIECES = [
  ...[
    'https://',
    'http://',
    'https:',
    '//',
    '/',
    '\\',
    '@',
    ':',
    '#',
    '?',
    '.',
    '%2e',
    '%00',
    '\t',
    '\n',
    ' ',
    '[',
    ']',
  ],
  ...[
    '127',
    '0x7f',
    '0177',
    '0',
    '1',
    '10',
    '169',
    '254',
    '192',
    '168',
    '2130706433',
    '::',
    '::ffff:',
    'ffff',
    '64:ff9b::',
  ],
  ...[
    'localhost',
    'shop',
    'example',
    'com',
    '443',
    '8443',
    '22',
    '。',
    '１',
    'ⓛ',
    '\u00ad',
    '\u200b',
    'user',
    'xn--',
  ],
]

test('every allowed URL has a host that no parser takes for a forbidden address', () => {
  const text = fc.oneof(
    fc.array(fc.constantFrom(...PIECES), { maxLength: 14 }).map((pieces) => pieces.join('')),
    fc.array(fc.constantFrom(...PIECES), { maxLength: 8 }).map((pieces) => `https://${pieces.join('')}/`),
    fc.webUrl(),
    fc.string({ unit: 'binary', maxLength: 60 }).map((rest) => `https://${rest}`),
  )
  let allowed = 0
  fc.assert(
    fc.property(text, (written) => {
      const checked = checkTarget(written, STRICT)
      if (isRejection(checked)) return
      allowed++
      const { protocol, hostname, username, password, port, hash } = checked
      assert.equal(protocol, 'https:')
      assert.deepEqual([username, password, hash], ['', '', ''])
      assert.ok(port === '' || PORTS.has(Number(port)))
      const host = hostname.replace(/^\[|\]$/g, '')
      if (isIP(host)) assert.equal(addressFault(host, STRICT), undefined)
      // The resolver takes a name of numbers alone for an address.
      else assert.match(host, /^(?!(0x[0-9a-f]*|\d+)(\.(0x[0-9a-f]*|\d+))*\.?$)[a-z0-9_.-]+$/)
      assert.doesNotMatch(host, /(^|\.)localhost\.?$/)
    }),
    { numRuns: 20_000 },
  )
  assert.ok(allowed > 1_000, `${allowed}`)
})

test('every number of 32 bits in every base has the verdict of its address', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 32 - 1 }), (number) => {
      const address = [number >>> 24, (number >> 16) & 255, (number >> 8) & 255, number & 255].join('.')
      const [a, b, c, d] = address.split('.').map(Number) as [number, number, number, number]
      const isForbidden = addressFault(address, STRICT) !== undefined
      for (const host of [
        ...[
          String(number),
          `0x${number.toString(16)}`,
          `0${number.toString(8)}`,
          `${a}.${number & 0xffffff}`,
        ],
        ...[`${a}.${b}.${(c << 8) | d}`, `0x${a.toString(16)}.0${b.toString(8)}.${c}.${d}`, `${address}.`],
      ])
        assert.equal(refused(`https://${host}/`), isForbidden, host)
    }),
  )
})
