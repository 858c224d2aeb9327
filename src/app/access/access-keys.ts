/** Access keys are made, listed, renamed, rolled and revoked; each change has its audit entry in the same commit. */
import type { AccessKey } from '../../domain/access/access-key.ts'
import { checkGrant, reaches } from '../../domain/access/grants.ts'
import { hintOf, keySecret, SECRET_BYTES } from '../../domain/access/key-secret.ts'
import { checkName, describedKey, type KeyRequest } from '../../domain/access/new-key.ts'
import { isRejection, type Rejection, reject } from '../../domain/error.ts'
import { notFound } from '../../domain/not-found.ts'
import type { Page } from '../../ports/store.ts'
import type { AccessKeyQuery } from '../../ports/store-access.ts'
import { sha256 } from '../context.ts'
import {
  type AccessContext,
  type Administrator,
  entryOf,
  keyFacts,
  makerOf,
  NO_LONGER_VALID,
  type ScopeRequest,
  scopeFor,
} from './administrator.ts'

/** How long a rolled key still works, in ms, unless chosen; and the longest choice. */
export const OVERLAP_MS = 86_400_000
export const MAX_OVERLAP_MS = 30 * 86_400_000

/** A new key with its secret, which is shown this once. */
export type MadeKey = { readonly key: AccessKey; readonly secret: string }

/**
 * Makes a key. Rejections: `parameter_missing` and `parameter_invalid` with the field; `account_not_found`,
 * `account_closed`; `permission_denied` if it would grant more than the caller has: see `checkGrant`. With `first`, also
 * `account_closed` if a key was ever made. Rejects with `StoreUnavailable`.
 */
export async function createAccessKey(
  context: AccessContext,
  by: Administrator,
  request: KeyRequest & ScopeRequest,
  first = false,
): Promise<MadeKey | Rejection> {
  const scope = await scopeFor(context, by, request)
  if (isRejection(scope)) return scope
  const described = describedKey(request, scope, context.keyring.latest())
  if (isRejection(described)) return described
  const maker = await makerOf(context, by)
  if (!maker) return NO_LONGER_VALID
  const refused = checkGrant(maker, described)
  if (refused) return refused
  const made = newKey(context, by, described)
  const { key } = made
  const change = { action: 'key.created', object: key.id, after: keyFacts(key) } as const
  const stored = await written(context, [key], () =>
    context.store.addAccessKey(key, entryOf(context, by, scope, change), first),
  )
  if (stored) return made
  return (await makerOf(context, by)) ? ACCOUNT_CLOSED : NO_LONGER_VALID
}

/** Keys of the caller's scope, or of another one that it may administer; newest first. Rejections as `scopeFor`. */
export async function listAccessKeys(
  context: AccessContext,
  by: Administrator,
  query: AccessKeyQuery & ScopeRequest,
): Promise<Page<AccessKey> | Rejection> {
  const { account, mode, ...page } = query
  const scope = await scopeFor(context, by, { account, mode })
  return isRejection(scope) ? scope : context.store.accessKeys(scope, page)
}

/** A key that the caller may administer. Rejection: `api_key_not_found`, also for a key of another scope. */
export async function findAccessKey(
  { store }: Pick<AccessContext, 'store'>,
  by: Administrator,
  id: string,
): Promise<AccessKey | Rejection> {
  const key = await store.accessKey(null, id)
  return key && reaches(by, key.scope) ? key : notFound('API key', id)
}

/**
 * Gives a key another name. Rejections: `parameter_invalid`; `api_key_not_found`; `permission_denied` if the key may
 * do more than the caller. Rejects with `StoreUnavailable`.
 */
export function renameAccessKey(
  context: AccessContext,
  by: Administrator,
  id: string,
  name: string,
): Promise<AccessKey | Rejection> {
  return change(context, by, id, 'key.renamed', (key) => checkName(name) ?? { ...key, name })
}

/**
 * Revokes a key for ever; a revoked key stays as it is. A caller may revoke its own key, and those that may do no more.
 * Rejections: `api_key_not_found`, `permission_denied`. Rejects with `StoreUnavailable`.
 */
export function revokeAccessKey(
  context: AccessContext,
  by: Administrator,
  id: string,
): Promise<AccessKey | Rejection> {
  return change(context, by, id, 'key.revoked', (key) =>
    key.revokedAt === null ? { ...key, revokedAt: context.now() } : key,
  )
}

/**
 * Makes a successor with the same name, grants, networks, limit and end, and a secret of its own; the old key expires
 * after the overlap (ms, 0 to 30 days), or at its own end if that is sooner. A caller can only roll a key that it could
 * make: the successor's secret gives it all that the key may do. Rejections: `parameter_invalid`; `api_key_not_found`;
 * `api_key_ended` if it was revoked, rolled or has expired; `permission_denied`; `account_closed`. Rejects with
 * `StoreUnavailable`.
 */
export async function rollAccessKey(
  context: AccessContext,
  by: Administrator,
  id: string,
  overlapMs: number = OVERLAP_MS,
): Promise<(MadeKey & { readonly old: AccessKey }) | Rejection> {
  if (!Number.isSafeInteger(overlapMs) || overlapMs < 0 || overlapMs > MAX_OVERLAP_MS)
    return reject('parameter_invalid', 'The overlap must be 0 seconds to 30 days.', 'overlap_seconds')
  const before = await findAccessKey(context, by, id)
  if (isRejection(before)) return before
  const now = context.keyring.latest()
  const ended = endOf(before, now)
  if (ended) return ended
  const maker = await makerOf(context, by)
  if (!maker) return NO_LONGER_VALID
  const refused = checkGrant(maker, before)
  if (refused) return refused
  const made = newKey(context, by, before)
  const expiresAt = Math.min(now + overlapMs, before.expiresAt ?? Number.POSITIVE_INFINITY)
  const old: AccessKey = { ...before, expiresAt, rolledTo: made.key.id }
  const after = { ...keyFacts(old), successor: keyFacts(made.key) }
  const facts = { action: 'key.rolled', object: id, before: keyFacts(before), after } as const
  const stored = await written(context, [before, made.key], () =>
    context.store.rollAccessKey(before, old, made.key, entryOf(context, by, before.scope, facts)),
  )
  if (stored) return { ...made, old }
  // Something changed meanwhile: its own rejection says what, and a new name lets the next try succeed.
  const current = await context.store.accessKey(null, id)
  if (current && hasChanged(before, current)) return rollAccessKey(context, by, id, overlapMs)
  return (await makerOf(context, by)) ? ACCOUNT_CLOSED : NO_LONGER_VALID
}

const ACCOUNT_CLOSED = reject('account_closed', 'The account of the key is closed.', 'account')

function endOf({ revokedAt, rolledTo, expiresAt }: AccessKey, now: number): Rejection | undefined {
  if (revokedAt !== null) return reject('api_key_ended', 'The API key was revoked.', 'id')
  if (rolledTo !== null)
    return reject('api_key_ended', `The API key was rolled already, to ${rolledTo}.`, 'id')
  if (expiresAt !== null && expiresAt <= now) return reject('api_key_ended', 'The API key has expired.', 'id')
  return undefined
}

function newKey(
  { newId, now, runtime }: AccessContext,
  { actor }: Administrator,
  described: Pick<
    AccessKey,
    'scope' | 'name' | 'role' | 'permissions' | 'networks' | 'expiresAt' | 'rateLimit'
  >,
): MadeKey {
  const { scope, name, role, permissions, networks, expiresAt, rateLimit } = described
  const random = new Uint8Array(SECRET_BYTES)
  runtime.random(random)
  const secret = keySecret(scope.mode, random)
  const key: AccessKey = {
    ...{ id: newId('key'), scope, name, hash: sha256(secret), hint: hintOf(secret) },
    ...{ role, permissions, networks, expiresAt, rateLimit },
    ...{ revokedAt: null, rolledTo: null, createdAt: now(), createdBy: actor, lastUsedAt: null },
  }
  return { key, secret }
}

/** Changes a stored key; again from its newest state if it was changed meanwhile. */
async function change(
  context: AccessContext,
  by: Administrator,
  id: string,
  action: 'key.renamed' | 'key.revoked',
  decide: (key: AccessKey) => AccessKey | Rejection,
): Promise<AccessKey | Rejection> {
  for (;;) {
    const before = await findAccessKey(context, by, id)
    if (isRejection(before)) return before
    const refused = await checkChange(context, by, before, action)
    if (refused) return refused
    const after = decide(before)
    if (isRejection(after) || !hasChanged(before, after)) return after
    const facts = { action, object: id, before: keyFacts(before), after: keyFacts(after) }
    const entry = entryOf(context, by, before.scope, facts)
    if (await written(context, [before], () => context.store.changeAccessKey(before, after, entry)))
      return after
  }
}

/**
 * Whether a caller may change a key, or end its sessions: `permission_denied` if the key may do more. Otherwise a key that
 * may only administer keys could lock out the administrators. An administrator can revoke a leaked key although that one
 * has a later expiry or more networks.
 */
export async function checkChange(
  context: AccessContext,
  by: Administrator,
  key: AccessKey,
  action: 'key.renamed' | 'key.revoked' | 'dashboard.sessions_ended',
): Promise<Rejection | undefined> {
  if (action !== 'key.renamed' && by.keyId === key.id) return undefined
  const maker = await makerOf(context, by)
  if (!maker) return NO_LONGER_VALID
  const { networks, expiresAt, rateLimit } = maker
  return checkGrant(maker, { ...key, networks, expiresAt, rateLimit }) && MAY_DO_MORE
}

const MAY_DO_MORE = reject(
  'permission_denied',
  'A key can rename, revoke and sign out only keys that may do no more than itself.',
  'id',
)

function hasChanged(before: AccessKey, after: AccessKey): boolean {
  return (['name', 'expiresAt', 'revokedAt', 'rolledTo'] as const).some(
    (property) => before[property] !== after[property],
  )
}

/** Runs a write of keys. This node forgets them then, also after a failure: it may be stored all the same. */
async function written<T>(
  { keyring }: Pick<AccessContext, 'keyring'>,
  keys: readonly AccessKey[],
  write: () => Promise<T>,
): Promise<T> {
  try {
    return await write()
  } finally {
    for (const { hash } of keys) keyring.forget(hash)
  }
}
