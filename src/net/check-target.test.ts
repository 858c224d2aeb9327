import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isRejection } from '../domain/error.ts'
import { MAX_URL } from '../domain/webhooks/described.ts'
import { checkTarget } from './check-target.ts'
import { createEgress } from './egress.ts'
import type { TargetPolicy } from './target-policy.ts'

const PORTS = new Set([443, 8443])
const STRICT: TargetPolicy = { allowed: createEgress(), local: false, ports: PORTS }
const LOCAL: TargetPolicy = { ...STRICT, local: true }

/** The sentence of the refusal; undefined if the URL is allowed. */
function refusal(text: string, policy = STRICT): string | undefined {
  const checked = checkTarget(text, policy)
  if (!isRejection(checked)) return undefined
  assert.equal(checked.code, 'parameter_invalid')
  assert.equal(checked.param, 'url')
  assert.match(checked.message, /^[A-Z].*\.$/s)
  return checked.message
}

test('an https URL of a public host is allowed, on an allowed port', () => {
  for (const text of [
    'https://shop.example/webhooks?from=minipay',
    'https://shop.example:8443',
    'HTTPS://Shop.Example:443/',
    'https://8.8.8.8/',
    'https://[2606:4700:4700::1111]/hook',
    'https://bücher.example/',
    'https://xn--bcher-kva.example/',
    'https://_dmarc.a-b.shop.example/',
    'https://127.0.0.1.nip.io/',
    'https://localhost.shop.example/',
    'https://shop/',
  ]) {
    assert.equal(refusal(text), undefined, text)
    assert.ok(checkTarget(text, STRICT) instanceof URL)
  }
})

test('the refusal of a forbidden address, port or scheme says what is allowed and who can change it', () => {
  assert.equal(
    refusal('https://10.0.0.1/'),
    'The address 10.0.0.1 is private. Public addresses are allowed, and those that the operator of the server allows with --allowed-targets or --local-targets.',
  )
  assert.equal(
    refusal('https://shop.example:22/'),
    'The URL has port 22. Allowed ports are 443, 8443; the operator of the server sets them with --webhook-ports.',
  )
  assert.match(refusal('http://shop.example/') ?? '', /begin with https:\/\/.*--local-targets/)
  assert.match(refusal('https://localhost/') ?? '', /^The host localhost is loopback\. Public/)
})

test('a URL of more than 1,000 characters is refused, as written and as encoded', () => {
  const base = 'https://shop.example/'
  assert.equal(refusal(base + 'a'.repeat(MAX_URL - base.length)), undefined)
  assert.match(refusal(base + 'a'.repeat(MAX_URL - base.length + 1)) ?? '', /at most 1000/)
  assert.match(refusal(base + 'é'.repeat(500)) ?? '', /at most 1000/)
  assert.match(refusal(`https://shop.example/${'a'.repeat(10_240)}`) ?? '', /at most 1000/)
})

test('schemes, user names, fragments and characters that parsers read differently are refused', () => {
  for (const text of [
    ...[
      '',
      'shop.example',
      '//shop.example/',
      '/webhook',
      'https:',
      'https:/',
      'https://',
      'https:///a',
      'http',
    ],
    ...['ftp://shop.example/', 'file:///etc/passwd', 'gopher://shop.example/', 'ws://shop.example/'],
    ...[
      'javascript:alert(1)',
      'data:text/plain,x',
      'unix:/var/run/docker.sock',
      'blob:https://shop.example/1',
    ],
    ...['https:shop.example', 'https:/shop.example/', 'https:\\\\shop.example\\', ' https://shop.example/'],
    ...[
      'https://shop.example/ ',
      'https://shop.example/\r\nHost: x',
      'https://shop\t.example/',
      'ht\ntps://shop.example/',
    ],
    ...[
      'https://user@shop.example/',
      'https://user:secret@shop.example/',
      'https://@shop.example/',
      'https://:@shop.example/',
    ],
    ...['https://shop.example\\@10.0.0.1/', 'https://shop.example/#x', 'https://shop.example#@10.0.0.1/'],
    ...[
      'https://shop.example/\u0000',
      'https://shop\u00ad.example/',
      'https://shop\u200b.example/',
      'https://\u202eshop.example/',
    ],
    ...[
      'https://shop.example:99999/',
      'https://shop.example:-1/',
      'https://shop.example:4 43/',
      'https://shop.example:0/',
    ],
    ...[
      'https://a..example/',
      'https://.example/',
      'https://shop.example./',
      'https://-shop.example/',
      'https://a$b.example/',
    ],
    ...[
      `https://${'a'.repeat(64)}.example/`,
      `https://${'a.'.repeat(127)}example/`,
      'https://[::1',
      'https://[fe80::1%25eth0]/',
    ],
    ...[
      'https://1.2.3.4.5/',
      'https://256.1.1.1/',
      'https://0x1ffffffff/',
      'https://shop.example%00.net/',
      'https://[v1.x]/',
    ],
  ]) {
    assert.notEqual(refusal(text), undefined, JSON.stringify(text))
    assert.notEqual(refusal(text, { ...LOCAL, ports: null }), undefined, JSON.stringify(text))
  }
})

test('local targets may have plain http, and on loopback every port', () => {
  for (const text of [
    ...[
      'http://localhost:3000/',
      'http://127.0.0.1:8081/webhook',
      'https://127.0.0.1:22/',
      'http://[::1]:9000/',
    ],
    ...['http://a.localhost:3000/', 'http://shop.example/', 'http://2130706433:3000/', 'http://127.1:65535/'],
  ]) {
    assert.equal(refusal(text, LOCAL), undefined, text)
    assert.notEqual(refusal(text), undefined, text)
  }
  for (const text of [
    ...[
      'http://10.0.0.1/',
      'http://shop.example:3000/',
      'http://localhost.:3000/',
      'https://shop.example:80/',
    ],
    ...[
      'http://0.0.0.0:3000/',
      'http://[::]:3000/',
      'http://[::ffff:127.0.0.1]:3000/',
      'http://169.254.169.254/',
    ],
    ...['http://8.8.8.8:8080/', 'http://localhost:0/', 'http://localhost.shop.example:3000/'],
  ])
    assert.notEqual(refusal(text, LOCAL), undefined, text)
})

test('an allowed network opens its addresses on the allowed ports, still with https alone', () => {
  const open = { ...STRICT, allowed: createEgress(['10.0.0.0/8', '127.0.0.1']) }
  for (const text of ['https://10.0.0.1/', 'https://0xa000001:8443/', 'https://localhost/', 'https://127.1/'])
    assert.equal(refusal(text, open), undefined, text)
  for (const text of [
    'http://10.0.0.1/',
    'https://10.0.0.1:22/',
    'https://11.0.0.1:22/',
    'https://192.168.0.1/',
    'https://127.0.0.2/',
  ])
    assert.notEqual(refusal(text, open), undefined, text)
  assert.equal(refusal('https://10.0.0.1:22/', { ...open, ports: null }), undefined)
})

test('a receiver in a network of containers needs plain http, its network and its port', () => {
  const container = { allowed: createEgress(['172.18.0.0/16']), local: true, ports: new Set([443, 3000]) }
  for (const text of ['http://shop:3000/webhook', 'http://172.18.0.3:3000/'])
    assert.equal(refusal(text, container), undefined, text)
  for (const changes of [{ local: false }, { ports: PORTS }])
    assert.notEqual(refusal('http://shop:3000/webhook', { ...container, ...changes }), undefined)
  assert.notEqual(refusal('http://172.19.0.3:3000/', container), undefined)
})
