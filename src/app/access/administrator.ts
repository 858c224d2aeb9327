/** Who administers keys and accounts, and what the audit log says of it. */
import type { AccessKey, Account } from '../../domain/access/access-key.ts'
import { type Maker, reaches } from '../../domain/access/grants.ts'
import { PERMISSIONS, type Permission, permissionsOf } from '../../domain/access/permissions.ts'
import type { Actor, AuditAction, AuditEntry } from '../../domain/audit.ts'
import { type Rejection, reject } from '../../domain/error.ts'
import { canonicalJson } from '../../domain/idempotency.ts'
import { notFound } from '../../domain/not-found.ts'
import type { Scope } from '../../domain/scope.ts'
import type { AccessStore } from '../../ports/store-access.ts'
import type { Context } from '../context.ts'

/** What the use cases of keys and accounts need of a context. */
export type AccessContext = Pick<Context, 'now' | 'newId' | 'runtime' | 'keyring'> & {
  readonly store: AccessStore
}

/** The caller of a request; or the operator at the database itself: see `OPERATOR`. */
export type Administrator = {
  readonly scope: Scope
  readonly actor: Actor
  readonly permissions: ReadonlySet<Permission>
  /** Null without a key. */
  readonly keyId: string | null
  readonly address: string | null
  readonly requestId: string | null
}

/**
 * Who has the database itself, by the command line (`cli`) or as the server at its first start (`server`), may make any
 * key in any scope.
 */
export function operator(actor: 'cli' | 'server'): Administrator {
  return {
    ...{ scope: { accountId: 1, mode: 'live' }, actor, permissions: new Set(PERMISSIONS) },
    ...{ keyId: null, address: null, requestId: null },
  }
}

/** Another account or mode than the caller's own. */
export type ScopeRequest = {
  /** `acct_…` */
  readonly account?: string | null | undefined
  readonly mode?: Scope['mode'] | null | undefined
}

/**
 * The scope that a caller wants to administer keys of: its own unless given. Rejections: `account_not_found`;
 * `permission_denied` if it may not.
 */
export async function scopeFor(
  { store }: Pick<AccessContext, 'store'>,
  by: Administrator,
  { account, mode }: ScopeRequest,
): Promise<Scope | Rejection> {
  const scope = { accountId: by.scope.accountId, mode: mode ?? by.scope.mode }
  const found = account == null ? undefined : await store.account(account)
  // A caller that sees no accounts must not find out which others exist.
  if (account != null && !found && by.permissions.has('accounts:read'))
    return notFound('account', account, 'account')
  const wanted = found ? { ...scope, accountId: found.id } : scope
  if ((account == null || found) && reaches(by, wanted)) return wanted
  return reject(
    'permission_denied',
    'This caller can administer API keys of its own account and mode only.',
    account == null ? 'mode' : 'account',
  )
}

/**
 * The rights of a caller now, as its key is stored and not as it was a second ago; undefined if its key was revoked or
 * has expired since.
 */
export async function makerOf(
  { store, keyring }: Pick<AccessContext, 'store' | 'keyring'>,
  by: Administrator,
): Promise<Maker | undefined> {
  const { scope, permissions, keyId } = by
  if (keyId === null)
    return { scope, permissions, role: 'administrator', networks: null, expiresAt: null, rateLimit: null }
  const key = await store.accessKey(scope, keyId)
  if (!key || key.revokedAt !== null) return undefined
  if (key.expiresAt !== null && key.expiresAt <= keyring.latest()) return undefined
  const { role, networks, expiresAt, rateLimit } = key
  return { scope, permissions: permissionsOf(key, scope), role, networks, expiresAt, rateLimit }
}

export const NO_LONGER_VALID = reject(
  'permission_denied',
  'The API key of this request was revoked or has expired.',
)

/** The audit entry of a change by this caller, in the log of `scope`. */
export function entryOf(
  { newId, now }: Pick<AccessContext, 'newId' | 'now'>,
  { actor, address, requestId }: Administrator,
  scope: Scope,
  change: {
    readonly action: AuditAction
    readonly object: string
    readonly before?: object
    readonly after?: object
  },
): AuditEntry {
  const { action, object, before, after } = change
  const text = (facts: object | undefined) => (facts ? canonicalJson(facts) : null)
  return {
    ...{ id: newId('aud'), scope, at: now(), actor, action, object },
    ...{ before: text(before), after: text(after), address, requestId },
  }
}

const timeOf = (ms: number | null) => (ms === null ? null : new Date(ms).toISOString())

/**
 * A key as the audit log has it, in the words of the API: without its secret. `verify` compares the rows of keys with
 * these facts, the secret by the first 64 bits of its hash.
 */
export function keyFacts(key: AccessKey): object {
  return {
    name: key.name,
    fingerprint: key.hash.slice(0, 16),
    hint: key.hint,
    mode: key.scope.mode,
    role: key.role,
    permissions: key.permissions,
    networks: key.networks,
    rate_limit: key.rateLimit,
    expires_at: timeOf(key.expiresAt),
    revoked_at: timeOf(key.revokedAt),
    rolled_to: key.rolledTo,
  }
}

/**
 * An account as the audit log has it. The store adds the number of a new one. `verify` compares it, so that two accounts
 * cannot change places.
 */
export function accountFacts({ name, closedAt, id }: Omit<Account, 'id'> & { readonly id?: number }): object {
  return { name, closed_at: timeOf(closedAt), ...(id !== undefined && { number: id }) }
}
