/** The caller of a request, for the handlers of endpoints. */
import { PERMISSIONS, type Permission } from '../domain/access/permissions.ts'
import type { AuditAction, AuditEntry } from '../domain/audit.ts'
import type { Caller } from '../http/caller.ts'
import type { Request } from '../http/endpoint.ts'
import { KEYLESS_SCOPE, type Scope } from '../ports/store.ts'

export type { Caller } from '../http/caller.ts'

const ALL: ReadonlySet<Permission> = new Set(PERMISSIONS)

/** The account and mode of a request. */
export function scopeOf(request: Request): Scope {
  return request.caller.scope
}

/** What an administrative request did, and to what. */
export type Audited = {
  readonly action: AuditAction
  /** The id of the object; null or absent if it has none. */
  readonly object?: string | null
  /** Canonical JSON of the object before and after; null or absent if there is none. Never a secret. */
  readonly before?: string | null
  readonly after?: string | null
}

/** The entry of the audit log for something that a request does, to be stored in the same commit. */
export function auditOf(
  { newId, now }: { readonly newId: (prefix: 'aud') => string; readonly now: () => number },
  { caller }: Request,
  { action, object = null, before = null, after = null }: Audited,
): AuditEntry {
  const { scope, actor, address, requestId } = caller
  return { id: newId('aud'), scope, at: now(), actor, action, object, before, after, address, requestId }
}

/** The caller of a request without a key. */
export function keylessCaller({ client, id }: Request): Caller {
  return {
    ...{ scope: KEYLESS_SCOPE, actor: 'keyless', permissions: ALL },
    ...{ keyId: null, rateLimit: null, address: client.address, requestId: id },
  }
}
