import assert from 'node:assert/strict'
import { test } from 'node:test'
import { networksOf } from './domain/access/networks.ts'
import { createEgress } from './net/egress.ts'
import { warnOfOpenNetworks } from './open-networks.ts'

type Local = 'always' | 'never' | 'loopback'

function warnings(trusted: string[], allowed: string[], localTargets: Local = 'loopback', isLocal = true) {
  const said: object[] = []
  const log = { info() {}, error() {}, warn: (facts: object) => void said.push(facts) }
  const networks = {
    trustedProxies: networksOf(trusted),
    allowedTargets: createEgress(allowed),
    localTargets,
  }
  warnOfOpenNetworks(log, networks, isLocal)
  return said
}

test('proxies that are the whole internet, or half of it, are warned of', () => {
  assert.deepEqual(warnings(['0.0.0.0/0', '10.0.0.0/8'], []), [{ networks: ['0.0.0.0/0'] }])
  assert.deepEqual(warnings(['::/0'], []), [{ networks: ['0:0:0:0:0:0:0:0/0'] }])
  assert.equal(warnings(['0.0.0.0/1', '128.0.0.0/1'], []).length, 1)
})

test('targets that include the credentials of machines are warned of', () => {
  assert.deepEqual(warnings([], ['0.0.0.0/0']), [{ addresses: ['169.254.169.254'] }])
  assert.equal(warnings([], ['::/0']).length, 1)
  assert.equal(warnings([], ['169.254.0.0/16']).length, 1)
})

test('ordinary proxies and targets are not warned of', () => {
  assert.deepEqual(warnings(['10.0.0.0/8', 'fc00::/7', '::1'], ['100.64.0.0/10']), [])
  assert.deepEqual(warnings([], []), [])
})

test('local targets are warned of where others than this machine can ask for them', () => {
  assert.deepEqual(warnings([], [], 'always', false), [{}])
  for (const local of ['loopback', 'never'] as const) assert.deepEqual(warnings([], [], local, false), [])
  assert.deepEqual(warnings([], [], 'always', true), [])
})
