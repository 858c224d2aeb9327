import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isGrantable, PERMISSIONS, permissionsOf, ROLES } from './permissions.ts'

const LIVE = { accountId: 1, mode: 'live' } as const
const TEST = { accountId: 1, mode: 'test' } as const
const SHOP = { accountId: 2, mode: 'live' } as const

test('a permission to write includes the one to read', () => {
  assert.deepEqual([...permissionsOf({ role: null, permissions: ['refunds:write'] }, SHOP)].sort(), [
    'refunds:read',
    'refunds:write',
  ])
})

test('support reads and refunds, and changes nothing else', () => {
  const writes = [...permissionsOf({ role: 'support', permissions: null }, LIVE)].filter((permission) =>
    permission.endsWith(':write'),
  )
  assert.deepEqual(writes, ['refunds:write'])
})

test('an administrator has every permission that its account and mode may have', () => {
  const administrator = { role: 'administrator', permissions: null } as const
  assert.deepEqual(permissionsOf(administrator, LIVE), new Set(PERMISSIONS))
  const lacks = (scope: typeof LIVE | typeof TEST | typeof SHOP) =>
    PERMISSIONS.filter((permission) => !permissionsOf(administrator, scope).has(permission))
  assert.deepEqual(lacks(TEST), ['accounts:write'])
  assert.deepEqual(lacks(SHOP), ['metrics:read', 'accounts:read', 'accounts:write'])
})

test('a stored permission that the account may not have is without effect', () => {
  const grant = { role: null, permissions: ['accounts:write', 'charges:read'] } as const
  assert.deepEqual([...permissionsOf(grant, SHOP)], ['charges:read'])
  assert.deepEqual([...permissionsOf(grant, TEST)], ['charges:read'])
})

test('every role has only permissions that exist, and none of a smaller role concerns all accounts', () => {
  for (const [role, permissions] of Object.entries(ROLES))
    for (const permission of permissions) {
      assert.ok(PERMISSIONS.includes(permission), `${role}: ${permission}`)
      assert.ok(role === 'administrator' || isGrantable(permission, { accountId: 2, mode: 'test' }), role)
    }
})
