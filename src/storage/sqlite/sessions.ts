import type { DashboardSession } from '../../domain/access/dashboard-session.ts'
import type { AuditEntry } from '../../domain/audit.ts'
import type { FoundSession, SessionQuery } from '../../ports/store-sessions.ts'
import { DASHBOARD_SESSIONS } from '../columns.ts'
import { foundSessionOf, NEW_SESSION, OWN_COLUMNS, SESSION_COLUMNS } from '../sessions.ts'
import type { Definition } from './definition.ts'
import type { Sql } from './read-page.ts'
import { appendAudit } from './write-audit.ts'

/** Sessions of the dashboard. */
export function sessionReads(sql: Sql) {
  return {
    dashboardSession(hash: string): FoundSession | undefined {
      const row = sql(
        `SELECT ${SESSION_COLUMNS} FROM dashboard_sessions s JOIN access_keys k ON k.id = s.key_id WHERE s.hash = ?`,
      ).get(hash) as object | undefined
      return row && foundSessionOf(row)
    },

    dashboardSessionById(id: string): DashboardSession | undefined {
      const row = sql(`SELECT ${OWN_COLUMNS} FROM dashboard_sessions s WHERE s.id = ?`).get(id)
      return row === undefined ? undefined : DASHBOARD_SESSIONS.of(row as object)
    },

    dashboardSessions(keyId: string, { usedAfter, createdAfter, limit }: SessionQuery): DashboardSession[] {
      const rows = sql(
        `SELECT ${OWN_COLUMNS} FROM dashboard_sessions s
         WHERE s.key_id = ? AND s.used_at > ? AND s.created_at > ? ORDER BY s.id DESC LIMIT ?`,
      ).all(keyId, usedAfter, createdAfter, limit)
      return rows.map((row) => DASHBOARD_SESSIONS.of(row as object))
    },
  }
}

export const sessionWrites = {
  addDashboardSession(db, cache) {
    const append = appendAudit(db, cache)
    const insert = db.prepare(
      `INSERT INTO dashboard_sessions (${NEW_SESSION.join(', ')})
       SELECT ${NEW_SESSION.map(() => '?').join(', ')}
       WHERE EXISTS (SELECT 1 FROM access_keys WHERE id = ? AND revoked_at IS NULL)`,
    )
    return (session: DashboardSession, audit: AuditEntry): boolean => {
      const { changes } = insert.run(...DASHBOARD_SESSIONS.row(session), session.keyId)
      if (changes === 1) append(audit)
      return changes === 1
    }
  },

  touchDashboardSession(db) {
    const touch = db.prepare('UPDATE dashboard_sessions SET used_at = ? WHERE hash = ? AND used_at < ?')
    return (hash: string, at: number): void => void touch.run(at, hash, at)
  },

  endDashboardSession(db) {
    const end = db.prepare('DELETE FROM dashboard_sessions WHERE hash = ?')
    return (hash: string): void => void end.run(hash)
  },

  endDashboardSessions(db, cache) {
    const append = appendAudit(db, cache)
    const end = db.prepare('DELETE FROM dashboard_sessions WHERE id = ?')
    return (ids: readonly string[], audit: AuditEntry): boolean => {
      const ended = ids.filter((id) => end.run(id).changes === 1)
      if (ended.length > 0) append(audit)
      return ended.length > 0
    }
  },

  purgeDashboardSessions(db) {
    const purge = db.prepare(
      `DELETE FROM dashboard_sessions WHERE hash IN (
         SELECT hash FROM dashboard_sessions WHERE used_at < ? ORDER BY used_at LIMIT ?)`,
    )
    return (before: number, limit: number): number => purge.run(before, limit).changes
  },
} satisfies Record<string, Definition>
