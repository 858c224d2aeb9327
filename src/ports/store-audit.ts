/** The part of the store port for the audit log. */
import type { Actor, AuditAction, AuditEntry } from '../domain/audit.ts'
import type { Page, PageQuery, Scope } from './store.ts'

export type AuditQuery = Pick<
  PageQuery,
  'limit' | 'startingAfter' | 'endingBefore' | 'createdFrom' | 'createdUntil'
> & {
  readonly action?: AuditAction
  readonly actor?: Actor
  /** The id of the object that was changed. */
  readonly object?: string
}

export type AuditStore = {
  /**
   * Stores an entry that records no change of a row, such as a start. Every other entry is stored by the write that it
   * records, in the same transaction. No write changes or deletes an entry.
   */
  addAuditEntry(entry: AuditEntry): Promise<void>
  auditEntry(scope: Scope, id: string): Promise<AuditEntry | undefined>
  /** Newest first. */
  auditEntries(scope: Scope, query: AuditQuery): Promise<Page<AuditEntry>>
}
