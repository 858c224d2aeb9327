import { cardRefused, holdsCardNumber } from '../cards/card-numbers.ts'
import { type Rejection, reject } from '../error.ts'
import type { Scope } from '../scope.ts'
import type { WantedKey } from './grants.ts'
import { addressOf, networkOf } from './networks.ts'
import { type Grant, isGrantable, isPermission, isRole, PERMISSIONS, ROLES } from './permissions.ts'

export const MAX_NAME = 255
export const MAX_NETWORKS = 100
export const MAX_RATE = 1_000_000
/** The end of the year 9999, the last that ISO 8601 writes with four digits. */
const MAX_TIME = 253_402_300_799_999

/** A key as a caller describes it; absent and null are the same. */
export type KeyRequest = {
  readonly name: string
  /** One of `ROLES`, or else `permissions`. */
  readonly role?: string | null
  readonly permissions?: readonly string[] | null
  /** CIDR ranges or single addresses. */
  readonly networks?: readonly string[] | null
  /** ms since 1970, after now. */
  readonly expiresAt?: number | null
  /** Requests a second on each node, 1 to 1,000,000. */
  readonly rateLimit?: number | null
}

export type DescribedKey = WantedKey & { readonly name: string }

/** The described key in its scope, with networks and permissions in one form; or the rejection of the first wrong field. */
export function describedKey(request: KeyRequest, scope: Scope, now: number): DescribedKey | Rejection {
  const { name, expiresAt = null, rateLimit = null } = request
  const grant = grantOf(request, scope)
  const networks = networksOf(request.networks ?? null)
  const wrong =
    checkName(name) ??
    ('rejected' in grant ? grant : undefined) ??
    (networks !== null && 'rejected' in networks ? networks : undefined) ??
    checkExpiry(expiresAt, now) ??
    checkRate(rateLimit)
  if (wrong) return wrong
  return {
    ...(grant as Grant),
    ...{ scope, name, networks: networks as readonly string[] | null, expiresAt, rateLimit },
  }
}

/**
 * Controls, line and paragraph separators, the controls of direction (Unicode UAX 9) and the byte order mark: a name
 * with one could look like another. The joiners of emoji and scripts, U+200C and U+200D, are none of them.
 */
const CONTROL = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Bidi_Control}\ufeff]/u

/** The rejection of a name of a key or an account; undefined for 1 to 255 characters, one of them visible. */
export function checkName(name: string): Rejection | undefined {
  const { length } = [...name]
  if (length > MAX_NAME || !/[^\s\p{C}]/u.test(name))
    return reject('parameter_invalid', `The name must have 1 to ${MAX_NAME} characters.`, 'name')
  if (CONTROL.test(name))
    return reject('parameter_invalid', 'The name must not contain control characters.', 'name')
  return holdsCardNumber(name) ? cardRefused('name') : undefined
}

function grantOf({ role = null, permissions = null }: KeyRequest, scope: Scope): Grant | Rejection {
  if (role === null && permissions === null)
    return reject('parameter_missing', 'Give the key a role or a list of permissions.', 'role')
  if (role !== null && permissions !== null)
    return reject('parameter_invalid', 'A key has a role or a list of permissions, not both.', 'permissions')
  if (permissions !== null) return listOf(permissions, scope)
  if (role === null || !isRole(role)) {
    const roles = Object.keys(ROLES).join(', ')
    return reject('parameter_invalid', `There is no such role. The roles are ${roles}.`, 'role')
  }
  return { role, permissions: null }
}

function listOf(permissions: readonly string[], scope: Scope): Grant | Rejection {
  if (permissions.length === 0)
    return reject('parameter_invalid', 'The list of permissions is empty.', 'permissions')
  const wanted = new Set(permissions)
  const unknown = permissions.find((text) => !isPermission(text))
  if (unknown !== undefined)
    return reject(
      'parameter_invalid',
      `There is no permission ${JSON.stringify(unknown.slice(0, 50))}. A permission is, for example, refunds:write.`,
      'permissions',
    )
  const list = PERMISSIONS.filter((permission) => wanted.has(permission))
  const foreign = list.find((permission) => !isGrantable(permission, scope))
  if (foreign !== undefined)
    return reject(
      'parameter_invalid',
      `Keys of this account and mode cannot have ${foreign}: it is about every account.`,
      'permissions',
    )
  return { role: null, permissions: list }
}

function networksOf(networks: readonly string[] | null): readonly string[] | null | Rejection {
  if (networks === null) return null
  if (networks.length === 0 || networks.length > MAX_NETWORKS)
    return reject('parameter_invalid', `Give 1 to ${MAX_NETWORKS} networks.`, 'networks')
  const wrong = networks.find((text) => networkOf(text) === undefined)
  if (wrong === undefined) return [...new Set(networks.map((text) => text.toLowerCase()))]
  const shown = JSON.stringify(wrong.slice(0, 50))
  const [address = ''] = wrong.split('/')
  const reason =
    addressOf(address) === undefined
      ? 'A network is, for example, 203.0.113.0/24 or 2001:db8::/32'
      : 'Its prefix length is wrong, or its address has bits after the prefix'
  return reject('parameter_invalid', `${shown} is not a network. ${reason}.`, 'networks')
}

function checkExpiry(expiresAt: number | null, now: number): Rejection | undefined {
  if (expiresAt === null) return undefined
  if (!Number.isSafeInteger(expiresAt) || expiresAt > MAX_TIME)
    return reject('parameter_invalid', 'The expiry is not a time before the year 10000.', 'expires_at')
  return expiresAt <= now
    ? reject('parameter_invalid', 'The expiry is in the past.', 'expires_at')
    : undefined
}

function checkRate(rate: number | null): Rejection | undefined {
  if (rate === null || (Number.isSafeInteger(rate) && rate >= 1 && rate <= MAX_RATE)) return undefined
  return reject(
    'parameter_invalid',
    `The rate limit must be 1 to ${MAX_RATE} requests a second.`,
    'rate_limit',
  )
}
