/** Who may make which access key: no key grants more than the key that made it had. */
import { type Rejection, reject } from '../error.ts'
import { OPERATOR_ACCOUNT, type Scope } from '../scope.ts'
import type { AccessKey } from './access-key.ts'
import { includes, networkOf, networksOf } from './networks.ts'
import { type Permission, permissionsOf, type Role } from './permissions.ts'

/** The rights of a caller who makes keys. */
export type Maker = {
  readonly scope: Scope
  /** Effective in its scope: see `permissionsOf`. */
  readonly permissions: ReadonlySet<Permission>
  readonly role: Role | null
  readonly networks: readonly string[] | null
  /** ms since 1970; null: no end. */
  readonly expiresAt: number | null
  /** Requests a second on each node; null: the server's setting. */
  readonly rateLimit: number | null
}

/** A key that a caller wants to make. */
export type WantedKey = Pick<
  AccessKey,
  'scope' | 'role' | 'permissions' | 'networks' | 'expiresAt' | 'rateLimit'
>

/**
 * Whether a caller may administer keys of a scope: of its own, and a live caller of the operator's account with
 * `accounts:write` of every scope.
 */
export function reaches(
  { scope: own, permissions }: Pick<Maker, 'scope' | 'permissions'>,
  scope: Scope,
): boolean {
  if (own.accountId === scope.accountId && own.mode === scope.mode) return true
  return own.accountId === OPERATOR_ACCOUNT && own.mode === 'live' && permissions.has('accounts:write')
}

/**
 * The rejection, with its field, of a key that would grant more than its maker has: a permission, a mode, an account,
 * another network, a longer life or more requests a second. Undefined if the maker may make it.
 */
export function checkGrant(maker: Maker, wanted: WantedKey): Rejection | undefined {
  const { scope } = wanted
  if (!reaches(maker, scope)) {
    const field = maker.scope.accountId === scope.accountId ? 'mode' : 'account'
    return reject('permission_denied', 'This key can make API keys of its own account and mode only.', field)
  }
  // An administrator has the permissions of later versions too, which no list of today's permissions includes.
  if (wanted.role === 'administrator' && maker.role !== 'administrator')
    return reject('permission_denied', 'Only an administrator can make an administrator.', 'role')
  const lacking = [...permissionsOf(wanted, scope)].filter((permission) => !maker.permissions.has(permission))
  if (lacking.length > 0) {
    const field = wanted.role === null ? 'permissions' : 'role'
    const list = lacking.sort().join(', ')
    return reject('permission_denied', `A key cannot grant permissions that it lacks: ${list}.`, field)
  }
  if (maker.expiresAt !== null && (wanted.expiresAt === null || wanted.expiresAt > maker.expiresAt)) {
    const end = new Date(maker.expiresAt).toISOString()
    return reject(
      'permission_denied',
      `A key cannot make one that expires after itself, at ${end}.`,
      'expires_at',
    )
  }
  if (maker.networks !== null && !areWithin(wanted.networks, maker.networks))
    return reject(
      'permission_denied',
      `A key cannot make one for other networks than its own: ${maker.networks.join(', ')}.`,
      'networks',
    )
  if (maker.rateLimit !== null && (wanted.rateLimit === null || wanted.rateLimit > maker.rateLimit))
    return reject(
      'permission_denied',
      `A key cannot make one with a higher rate limit than its own, ${maker.rateLimit} requests a second.`,
      'rate_limit',
    )
  return undefined
}

/** Whether each inner network is part of one outer network; null is all addresses. */
function areWithin(inner: readonly string[] | null, outer: readonly string[]): boolean {
  if (inner === null) return false
  const ranges = networksOf(outer)
  return inner.every((text) => {
    const network = networkOf(text)
    return network !== undefined && ranges.some((range) => includes(range, network))
  })
}
