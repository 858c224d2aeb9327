/** Sessions of the dashboard as people see them: those of a key are listed and ended, each end with its audit entry. */
import type { AccessKey } from '../../domain/access/access-key.ts'
import {
  type DashboardSession,
  isSessionOver,
  SESSION_IDLE_MS,
  SESSION_MS,
} from '../../domain/access/dashboard-session.ts'
import { reaches } from '../../domain/access/grants.ts'
import type { Permission } from '../../domain/access/permissions.ts'
import { isRejection, type Rejection, reject } from '../../domain/error.ts'
import { notFound } from '../../domain/not-found.ts'
import type { AccessStore } from '../../ports/store-access.ts'
import type { SessionStore } from '../../ports/store-sessions.ts'
import { checkChange } from './access-keys.ts'
import { type AccessContext, type Administrator, entryOf } from './administrator.ts'
import type { Sessions } from './sessions.ts'

export type SessionContext = Omit<AccessContext, 'store'> & {
  readonly store: AccessStore & SessionStore
  readonly sessions: Pick<Sessions, 'forget'>
}

/** Sessions that end with one entry of the audit log. */
const BATCH = 50

/**
 * The sessions of a key that have not ended, newest first, at most `limit`: of the caller's own key unless another is
 * given. None for a caller without a key, and for a key that was revoked or has expired. Rejections: `api_key_not_found`;
 * `permission_denied` for another key without `keys:read`.
 */
export async function listSessions(
  context: SessionContext,
  by: Administrator,
  keyId: string | undefined,
  limit: number,
): Promise<{ readonly data: readonly DashboardSession[]; readonly hasMore: boolean } | Rejection> {
  const key = await keyOf(context, by, keyId, 'keys:read')
  if (key && isRejection(key)) return key
  const found = key ? await openSessions(context, key, limit + 1) : []
  return { data: found.slice(0, limit), hasMore: found.length > limit }
}

/**
 * Ends a session. Rejections: `session_not_found`, also for one of a key that the caller may not see; `permission_denied`
 * for another key without `keys:write`, or for one that may do more. Rejects with `StoreUnavailable`.
 */
export async function endSession(
  context: SessionContext,
  by: Administrator,
  id: string,
): Promise<DashboardSession | Rejection> {
  const session = await context.store.dashboardSessionById(id)
  if (!session || isSessionOver(session, context.keyring.latest())) return notFound('session', id)
  const isSeen = by.keyId === session.keyId || by.permissions.has('keys:read')
  const key = isSeen ? await keyOf(context, by, session.keyId, 'keys:write') : undefined
  if (!key || (isRejection(key) && key.code === 'api_key_not_found')) return notFound('session', id)
  if (isRejection(key)) return key
  const refused = await checkChange(context, by, key, 'dashboard.sessions_ended')
  if (refused) return refused
  return (await end(context, by, key, [session])) ? session : notFound('session', id)
}

/**
 * Ends all sessions of a key but the one that makes the request, and returns their number: of the caller's own key unless
 * another is given. Rejections: `api_key_not_found`; `permission_denied` for another key without `keys:write`, or for one
 * that may do more. Rejects with `StoreUnavailable`.
 */
export async function endOtherSessions(
  context: SessionContext,
  by: Administrator & { readonly sessionId?: string },
  keyId: string | undefined,
): Promise<{ readonly ended: number } | Rejection> {
  const key = await keyOf(context, by, keyId, 'keys:write')
  if (!key) return { ended: 0 }
  if (isRejection(key)) return key
  const refused = await checkChange(context, by, key, 'dashboard.sessions_ended')
  if (refused) return refused
  for (let ended = 0; ; ) {
    const found = await openSessions(context, key, BATCH + 1)
    const others = found.filter(({ id }) => id !== by.sessionId).slice(0, BATCH)
    if (others.length === 0) return { ended }
    if (await end(context, by, key, others)) ended += others.length
  }
}

/** The key whose sessions a caller wants; undefined for a caller without a key that names none. */
async function keyOf(
  { store }: SessionContext,
  by: Administrator,
  keyId: string | undefined,
  permission: Permission,
): Promise<AccessKey | Rejection | undefined> {
  const id = keyId ?? by.keyId
  if (id === null) return undefined
  const isOwn = id === by.keyId
  if (!isOwn && !by.permissions.has(permission))
    return reject('permission_denied', `For sessions of another key, this key lacks ${permission}.`, 'key')
  const key = await store.accessKey(null, id)
  return key && (isOwn || reaches(by, key.scope)) ? key : notFound('API key', id, 'key')
}

async function openSessions(
  { store, keyring }: SessionContext,
  { id, revokedAt, expiresAt }: AccessKey,
  limit: number,
): Promise<DashboardSession[]> {
  const now = keyring.latest()
  if (revokedAt !== null || (expiresAt !== null && expiresAt <= now)) return []
  return store.dashboardSessions(id, {
    ...{ usedAfter: now - SESSION_IDLE_MS, createdAfter: now - SESSION_MS, limit },
  })
}

/** False: they had ended already. */
async function end(
  context: SessionContext,
  by: Administrator,
  key: AccessKey,
  ended: readonly DashboardSession[],
): Promise<boolean> {
  const sessions = ended.map(({ id, address, browser, createdAt }) => ({
    ...{ id, address, browser, created_at: new Date(createdAt).toISOString() },
  }))
  const facts = { action: 'dashboard.sessions_ended', object: key.id, before: { sessions } } as const
  const ids = ended.map(({ id }) => id)
  const forget = () => {
    for (const { hash } of ended) context.sessions.forget(hash)
  }
  forget()
  try {
    return await context.store.endDashboardSessions(ids, entryOf(context, by, key.scope, facts))
  } finally {
    // Also after a failure: they may have been ended all the same.
    forget()
  }
}
