/** The part of the store port for sessions of the dashboard. */
import type { DashboardSession } from '../domain/access/dashboard-session.ts'
import type { AuditEntry } from '../domain/audit.ts'

/** A session, and the hash of its key's secret. */
export type FoundSession = { readonly session: DashboardSession; readonly keyHash: string }

/** Sessions that were used and made after these times, in ms since 1970. */
export type SessionQuery = {
  readonly usedAfter: number
  readonly createdAfter: number
  readonly limit: number
}

export type SessionStore = {
  /** The session with this hash of its secret, also one that has ended. */
  dashboardSession(hash: string): Promise<FoundSession | undefined>
  /** Stores a new session. False, and nothing is stored, if its key was revoked meanwhile. */
  addDashboardSession(session: DashboardSession, audit: AuditEntry): Promise<boolean>
  /** Stores the last use, in ms since 1970; an earlier one than the stored changes nothing. */
  touchDashboardSession(hash: string, at: number): Promise<void>
  /** Deletes a session; one that is not there is no error. */
  endDashboardSession(hash: string): Promise<void>
  /** The session with this id, also one that has ended. */
  dashboardSessionById(id: string): Promise<DashboardSession | undefined>
  /** The newest sessions of a key, at most `limit`, newest first. */
  dashboardSessions(keyId: string, query: SessionQuery): Promise<DashboardSession[]>
  /** Deletes sessions. False, and nothing is stored, if none of them was there. */
  endDashboardSessions(ids: readonly string[], audit: AuditEntry): Promise<boolean>
  /** Deletes up to `limit` sessions whose last use was before a time in ms since 1970; returns their number. */
  purgeDashboardSessions(before: number, limit: number): Promise<number>
}
