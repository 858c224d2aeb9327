/** Entries of the audit log, as a person's request makes them. */
import type { Audit } from '../../src/app/audit.ts'
import type { AuditEntry } from '../../src/domain/audit.ts'
import type { Scope } from '../../src/ports/store.ts'
import { newId, tick } from './commits.ts'

export function auditEntry(scope: Scope, changes: Partial<AuditEntry> = {}): AuditEntry {
  const at = tick()
  return {
    id: newId('aud'),
    scope,
    at,
    actor: 'keyless',
    action: 'routing.replaced',
    object: null,
    before: null,
    after: null,
    address: '127.0.0.1',
    requestId: 'req_1',
    ...changes,
  }
}

/** The entries of a person's request in a scope. */
export const auditIn =
  (scope: Scope): Audit =>
  (done) =>
    auditEntry(scope, done as Partial<AuditEntry>)
