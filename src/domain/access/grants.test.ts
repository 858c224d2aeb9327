import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isRejection } from '../error.ts'
import type { Scope } from '../scope.ts'
import { checkGrant, type Maker, reaches, type WantedKey } from './grants.ts'
import { isWithin, networksOf } from './networks.ts'
import { describedKey } from './new-key.ts'
import { PERMISSIONS, type Permission, permissionsOf, ROLES, type Role } from './permissions.ts'

const scopes = fc.record({
  accountId: fc.constantFrom(1, 2, 3),
  mode: fc.constantFrom('test', 'live'),
}) as fc.Arbitrary<Scope>
const grants = fc.oneof(
  fc.constantFrom(...(Object.keys(ROLES) as Role[])).map((role) => ({ role, permissions: null })),
  fc
    .subarray([...PERMISSIONS], { minLength: 1 })
    .map((permissions) => ({ role: null, permissions: permissions as readonly Permission[] })),
)
const TIMES = [1, 500, 1_000, 5_000]
const ADDRESSES = ['10.0.0.1', '10.1.2.3', '203.0.113.7', '2001:db8::1', '::1']
const RATES = [2, 100, null]
const lists = fc.option(
  fc.subarray(['10.0.0.0/8', '10.0.0.0/24', '::/0', '2001:db8::/32', '203.0.113.7'], { minLength: 1 }),
  { freq: 1 },
)
const wanted: fc.Arbitrary<WantedKey> = fc
  .tuple(
    scopes,
    grants,
    lists,
    fc.option(fc.constantFrom(500, 1_000, 5_000), { freq: 1 }),
    fc.constantFrom(...RATES),
  )
  .map(([scope, grant, networks, expiresAt, rateLimit]) => ({
    ...{ scope, ...grant, networks, expiresAt, rateLimit },
  }))

/** Often with many rights, so that long chains are made. */
const roots: fc.Arbitrary<WantedKey> = fc.oneof(
  wanted,
  fc.record({
    scope: fc.oneof(scopes, fc.constant<Scope>({ accountId: 1, mode: 'live' })),
    role: fc.constant('administrator' as const),
    permissions: fc.constant(null),
    networks: lists,
    expiresAt: fc.constantFrom(null, null, 5_000),
    rateLimit: fc.constantFrom(null, null, 100),
  }),
)

/** The rights of a key that was made. */
const makerOf = (key: WantedKey): Maker => ({ ...key, permissions: permissionsOf(key, key.scope) })

/** Whether the holder of a key may do this, at this time and from this address, by the key itself or by one that it may make. */
function may(maker: Maker, permission: Permission, scope: Scope, address: string, time: number): boolean {
  return (
    reaches(maker, scope) &&
    maker.permissions.has(permission) &&
    (maker.networks === null || isWithin(networksOf(maker.networks), address)) &&
    (maker.expiresAt === null || time < maker.expiresAt)
  )
}

test('no chain of makings gains a permission, a mode, an account, a network, time or requests', () => {
  let made = 0
  let crossed = 0
  fc.assert(
    fc.property(roots, fc.array(wanted, { minLength: 1, maxLength: 30 }), (first, keys) => {
      const root = makerOf(first)
      let maker = root
      for (const key of keys) {
        if (checkGrant(maker, key)) continue
        made++
        if (key.scope.accountId !== root.scope.accountId || key.scope.mode !== root.scope.mode) crossed++
        maker = makerOf(key)
        if (root.role !== 'administrator') assert.notEqual(maker.role, 'administrator')
        if (root.rateLimit !== null)
          assert.ok((maker.rateLimit ?? Number.POSITIVE_INFINITY) <= root.rateLimit)
        if (root.scope.mode === 'test') assert.equal(maker.scope.mode, 'test')
        for (const permission of maker.permissions)
          for (const address of ADDRESSES)
            for (const time of TIMES)
              if (may(maker, permission, maker.scope, address, time))
                assert.ok(
                  may(root, permission, maker.scope, address, time),
                  `${permission} ${address} ${time}`,
                )
      }
    }),
    { numRuns: 3_000 },
  )
  assert.ok(made > 1_000 && crossed > 50, `${made} made, ${crossed} of them in another scope`)
})

const LIVE: Scope = { accountId: 1, mode: 'live' }
const ANY = { networks: null, expiresAt: null, rateLimit: null }
const administrator = makerOf({ scope: LIVE, role: 'administrator', permissions: null, ...ANY })
const support = { scope: LIVE, role: 'support', permissions: null, ...ANY } as const

test('an administrator of the operator makes keys for every account and mode', () => {
  for (const accountId of [1, 2])
    for (const mode of ['test', 'live'] as const)
      for (const role of Object.keys(ROLES) as Role[])
        assert.equal(checkGrant(administrator, { ...support, role, scope: { accountId, mode } }), undefined)
})

test('an administrator of another account, or of test mode, makes keys of its own scope only', () => {
  for (const scope of [
    { accountId: 2, mode: 'live' },
    { accountId: 1, mode: 'test' },
  ] as const) {
    const maker = makerOf({ scope, role: 'administrator', permissions: null, ...ANY })
    assert.equal(checkGrant(maker, { ...support, role: 'administrator', scope }), undefined)
    const refused = (accountId: number, mode: Scope['mode'], param: string) => {
      const found = checkGrant(maker, { ...support, scope: { accountId, mode } })
      assert.deepEqual([found?.code, found?.param], ['permission_denied', param])
    }
    refused(3, scope.mode, 'account')
    refused(scope.accountId, scope.mode === 'live' ? 'test' : 'live', 'mode')
  }
})

test('each thing that a key would gain is refused with its field', () => {
  const maker: Maker = {
    ...makerOf({ ...support, role: null, permissions: ['keys:write', 'refunds:write', 'charges:read'] }),
    ...{ networks: ['10.0.0.0/8'], expiresAt: 1_000, rateLimit: 10 },
  }
  const right = {
    ...support,
    role: null,
    permissions: ['refunds:read'] as const,
    networks: ['10.0.0.0/24'],
    expiresAt: 1_000,
    rateLimit: 10,
  }
  const param = (changes: Partial<WantedKey>) => checkGrant(maker, { ...right, ...changes })?.param
  assert.equal(param({}), undefined)
  assert.equal(param({ permissions: ['charges:write'] }), 'permissions')
  assert.equal(param({ role: 'support', permissions: null }), 'role')
  assert.equal(param({ role: 'administrator', permissions: null }), 'role')
  assert.equal(param({ expiresAt: 1_001 }), 'expires_at')
  assert.equal(param({ expiresAt: null }), 'expires_at')
  assert.equal(param({ networks: null }), 'networks')
  assert.equal(param({ rateLimit: 11 }), 'rate_limit')
  assert.equal(param({ rateLimit: null }), 'rate_limit')
  assert.equal(param({ networks: ['10.0.0.1', '11.0.0.1'] }), 'networks')
})

test('a list of all permissions makes no administrator, who gains those of later versions', () => {
  const all = makerOf({ ...support, role: null, permissions: PERMISSIONS })
  assert.equal(checkGrant(all, { ...support, role: 'administrator' })?.param, 'role')
  assert.equal(checkGrant(all, { ...support, role: null, permissions: PERMISSIONS }), undefined)
})

const NOW = Date.UTC(2027, 0, 1)

test('a description with a wrong field is refused with the name of the field', () => {
  const described = (changes: object, scope: Scope = LIVE) =>
    describedKey({ name: 'shop', role: 'support', ...changes }, scope, NOW)
  const long = '€'.repeat(255)
  for (const right of [
    {},
    { name: long },
    { name: '🙂'.repeat(255) },
    { expiresAt: NOW + 1 },
    { networks: null },
  ])
    assert.ok(!isRejection(described(right)), JSON.stringify(right))
  const wrong: [string, object, Scope?][] = [
    ['name', { name: '' }],
    ['name', { name: ' \t' }],
    ['name', { name: `${long}x` }],
    ['name', { name: 'a\0b' }],
    ['name', { name: 'a\ud800' }],
    ['name', { name: '4242 4242 4242 4242' }],
    ['role', { role: null }],
    ['role', { role: 'root' }],
    ['role', { role: 'constructor' }],
    ['permissions', { permissions: ['charges:read'] }],
    ['permissions', { role: null, permissions: [] }],
    ['permissions', { role: null, permissions: ['charges:read', 'charges:delete'] }],
    ['permissions', { role: null, permissions: ['audit:write'] }],
    ['permissions', { role: null, permissions: ['*'] }],
    ['permissions', { role: null, permissions: ['metrics:read'] }, { accountId: 2, mode: 'live' }],
    ['permissions', { role: null, permissions: ['accounts:write'] }, { accountId: 1, mode: 'test' }],
    ['networks', { networks: [] }],
    ['networks', { networks: ['10.0.0.0/8', '10.0.0.1/8'] }],
    ['networks', { networks: Array(101).fill('::1') }],
    ['expires_at', { expiresAt: NOW }],
    ['expires_at', { expiresAt: NOW - 1 }],
    ['expires_at', { expiresAt: Number.NaN }],
    ['expires_at', { expiresAt: 9e15 }],
    ['rate_limit', { rateLimit: 0 }],
    ['rate_limit', { rateLimit: 1.5 }],
    ['rate_limit', { rateLimit: 1_000_001 }],
  ]
  for (const [param, changes, scope] of wrong) {
    const found = described(changes, scope)
    assert.equal(isRejection(found) && found.param, param, JSON.stringify(changes))
  }
})

test('permissions are stored once each in their order, and networks once each in lower case', () => {
  const described = describedKey(
    {
      ...{ name: 'shop', permissions: ['refunds:read', 'charges:write', 'refunds:read'] },
      ...{ networks: ['2001:DB8::/32', '10.0.0.1', '10.0.0.1'], rateLimit: 5 },
    },
    LIVE,
    NOW,
  )
  assert.deepEqual(described, {
    ...{ scope: LIVE, name: 'shop', role: null, permissions: ['charges:write', 'refunds:read'] },
    ...{ networks: ['2001:db8::/32', '10.0.0.1'], expiresAt: null, rateLimit: 5 },
  })
})
