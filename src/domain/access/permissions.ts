import { OPERATOR_ACCOUNT, type Scope } from '../scope.ts'

/** Every resource, with the operations that it has, and what they are. */
export const RESOURCES = {
  charges: { operations: ['read', 'write'], about: 'Charges, and the attempts of a charge.' },
  refunds: { operations: ['read', 'write'], about: 'Refunds.' },
  webhooks: { operations: ['read', 'write'], about: 'Events and webhook deliveries.' },
  routing: { operations: ['read', 'write'], about: 'Routing rules.' },
  reports: { operations: ['read', 'write'], about: 'The balance, the ledger and disputes.' },
  operations: {
    operations: ['read', 'write'],
    about: 'The list of attempts, their resolution by hand, alarms and providers.',
  },
  keys: { operations: ['read', 'write'], about: 'API keys of the same account and mode.' },
  audit: { operations: ['read'], about: 'The audit log.' },
  metrics: { operations: ['read'], about: 'The metrics of the whole server.' },
  accounts: { operations: ['read', 'write'], about: 'Accounts, and the API keys of every account.' },
} as const
export type Resource = keyof typeof RESOURCES

/** A resource and an operation, for example `refunds:write`. Write includes read. */
export type Permission = {
  [R in Resource]: `${R}:${(typeof RESOURCES)[R]['operations'][number]}`
}[Resource]

/** All permissions, by resource. */
export const PERMISSIONS: readonly Permission[] = Object.entries(RESOURCES).flatMap(
  ([resource, { operations }]) => operations.map((operation) => `${resource}:${operation}` as Permission),
)

const READ_ONLY: readonly Permission[] = [
  'charges:read',
  'refunds:read',
  'webhooks:read',
  'routing:read',
  'reports:read',
  'operations:read',
]

/** The named sets of permissions. Only `administrator` gains the permissions that later versions add. */
export const ROLES = {
  read_only: READ_ONLY,
  support: [...READ_ONLY, 'refunds:write'],
  application: ['charges:write', 'refunds:write', 'webhooks:read', 'reports:read'],
  administrator: PERMISSIONS,
} as const satisfies Record<string, readonly Permission[]>
export type Role = keyof typeof ROLES

/** What an access key stores: a role, or a list of permissions; the other is null. */
export type Grant = { readonly role: Role | null; readonly permissions: readonly Permission[] | null }

export function isPermission(text: string): text is Permission {
  return (PERMISSIONS as readonly string[]).includes(text)
}

export function isRole(text: string): text is Role {
  return Object.hasOwn(ROLES, text)
}

/**
 * Whether a key of the scope may have the permission at all. Accounts and metrics are about every account, so only the
 * operator's account has them. Test keys are handled with less care, so they cannot change accounts, which are live.
 */
export function isGrantable(permission: Permission, { accountId, mode }: Scope): boolean {
  if (permission === 'accounts:write') return accountId === OPERATOR_ACCOUNT && mode === 'live'
  if (permission === 'accounts:read' || permission === 'metrics:read') return accountId === OPERATOR_ACCOUNT
  return true
}

/** The permissions of a grant in its scope, with `read` for each `write`, without those that the scope may not have. */
export function permissionsOf({ role, permissions }: Grant, scope: Scope): ReadonlySet<Permission> {
  const granted = new Set<Permission>()
  for (const permission of role === null ? (permissions ?? []) : ROLES[role]) {
    if (!isGrantable(permission, scope)) continue
    granted.add(permission)
    granted.add(permission.replace(/:write$/, ':read') as Permission)
  }
  return granted
}
