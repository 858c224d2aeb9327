import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createEgress } from './egress.ts'

const { forbids } = createEgress()

test('addresses of special purpose are forbidden, at both ends of each network', () => {
  const special = [
    ...['0.0.0.0', '0.255.255.255', '100.64.0.0', '100.100.100.200', '100.127.255.255', '168.63.129.16'],
    ...['169.254.0.1', '169.254.169.254', '169.254.170.2', '192.0.0.192', '192.0.2.1', '192.88.99.1'],
    ...['198.18.0.1', '198.19.255.255', '198.51.100.7', '203.0.113.7', '224.0.0.1', '239.255.255.255'],
    ...['240.0.0.1', '255.255.255.255'],
    ...['::', 'fe80::1', 'febf::1', 'fec0::1', 'feff::1', 'ff02::1', 'fd00:ec2::254', 'fd20:ce::254'],
    ...['100::1', '2001::1', '2001:db8::1', '3fff::1', '5f00::1', '64:ff9b:1::1', 'fe80::1%eth0'],
  ]
  for (const address of special) assert.ok(forbids(address), address)
})

test('an address that embeds a forbidden one is forbidden, in each way in which IPv6 embeds IPv4', () => {
  const embedding = [
    ...['::ffff:169.254.169.254', '::ffff:a9fe:a9fe', '0:0:0:0:0:ffff:a9fe:a9fe', '::ffff:0.0.0.0'],
    ...[
      '::ffff:0:169.254.169.254',
      '64:ff9b::169.254.169.254',
      '64:ff9b::a9fe:a9fe',
      '64:ff9b::100.100.100.200',
    ],
    ...['2002:a9fe:a9fe::1', '2002:a9fe:a9fe:1:2:3:4:5', '::169.254.169.254', '[::ffff:a9fe:a9fe]'],
  ]
  for (const address of embedding) assert.ok(forbids(address), address)
})

test('loopback, private networks and public addresses are allowed, embedded too; a name is looked up first', () => {
  const allowed = [
    ...['127.0.0.1', '127.9.9.9', '10.0.0.1', '172.16.0.1', '192.168.1.1', '8.8.8.8', '100.63.255.255'],
    ...['100.128.0.0', '169.253.255.255', '169.255.0.0', '192.0.1.0', '198.17.255.255', '223.255.255.255'],
    ...['::1', 'fd12::1', 'fd00:ec2::253', '2600::1', '2a00:1450:4001::1', '2001:4860:4860::8888'],
    ...['::ffff:127.0.0.1', '::ffff:10.0.0.1', '64:ff9b::8.8.8.8', '2002:0808:0808::1', '[::1]'],
    ...['example.com', '169.254.169.254.example.com', ''],
  ]
  for (const address of allowed) assert.ok(!forbids(address), address)
})

test('an operator may allow addresses and networks, and nothing else with them', () => {
  const open = createEgress(['100.64.7.0/24', ' fe80::1 ', '192.0.0.192'])
  for (const address of ['100.64.7.0', '100.64.7.255', 'fe80::1', '192.0.0.192'])
    assert.ok(!open.forbids(address), address)
  for (const address of ['100.64.8.0', 'fe80::2', '192.0.0.191', '169.254.169.254'])
    assert.ok(open.forbids(address), address)
})

test('what is neither an address nor a network is refused by name', () => {
  for (const wrong of [
    'example.com',
    '10.0.0.0/33',
    '::/129',
    '10.0.0.0/',
    '10.0.0.0/8/8',
    '10.0.0',
    'x/8',
    '10.0.0.0/-1',
  ])
    assert.throws(() => createEgress([wrong]), {
      name: 'RangeError',
      message: new RegExp(`^${wrong.replaceAll('.', '\\.')} is`),
    })
})
