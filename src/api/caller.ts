/** The caller of a request, for the handlers of endpoints. */

import type { Audit, AuditedAction } from '../app/audit.ts'
import type { Context } from '../app/context.ts'
import { permissionsOf } from '../domain/access/permissions.ts'
import type { AuditEntry } from '../domain/audit.ts'
import { madeAt } from '../domain/id.ts'
import type { Caller } from '../http/caller.ts'
import type { Request } from '../http/endpoint.ts'
import { KEYLESS_SCOPE, type Scope } from '../ports/store.ts'

export type { Caller } from '../http/caller.ts'

/** Accounts are live, so nothing in test mode changes them. */
const KEYLESS_PERMISSIONS = permissionsOf({ role: 'administrator', permissions: null }, KEYLESS_SCOPE)

/** The account and mode of a request. */
export function scopeOf(request: Request): Scope {
  return request.caller.scope
}

/** The entry of the audit log for something that a request does, to be stored in the same commit. */
export function auditOf(
  { newId, now }: { readonly newId: (prefix: 'aud') => string; readonly now: () => number },
  { caller }: Request,
  { action, object = null, before = null, after = null }: AuditedAction,
): AuditEntry {
  const { scope, actor, address, requestId } = caller
  const id = newId('aud')
  const at = madeAt(id, now())
  return { id, scope, at, actor, action, object, before, after, address, requestId }
}

/** The same, for a use case that makes the entry once it knows the objects before and after. */
export function auditing(context: Pick<Context, 'newId' | 'now'>, request: Request): Audit {
  return (done) => auditOf(context, request, done)
}

/** The caller of a request without a key. */
export function keylessCaller({ client, id }: Request): Caller {
  return {
    ...{ scope: KEYLESS_SCOPE, actor: 'keyless', permissions: KEYLESS_PERMISSIONS },
    ...{ keyId: null, rateLimit: null, address: client.address, requestId: id },
  }
}
