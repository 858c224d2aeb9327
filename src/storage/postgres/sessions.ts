import type { DashboardSession } from '../../domain/access/dashboard-session.ts'
import type { AuditEntry } from '../../domain/audit.ts'
import type { FoundSession } from '../../ports/store-sessions.ts'
import { DASHBOARD_SESSIONS } from '../columns.ts'
import { foundSessionOf, NEW_SESSION, SESSION_COLUMNS } from '../sessions.ts'
import type { Sql, Work } from './statements.ts'

/** Reads of sessions of the dashboard. */
export function sessionReads(sql: Sql) {
  return {
    async dashboardSession(hash: string): Promise<FoundSession | undefined> {
      const { rows } = await sql(FIND_SESSION, [hash])
      return rows[0] && foundSessionOf(rows[0])
    },
  }
}

/** Writes of sessions of the dashboard. */
export function sessionWork({ fenced, audited }: Work) {
  return {
    async addDashboardSession(session: DashboardSession, audit: AuditEntry): Promise<boolean> {
      const values = DASHBOARD_SESSIONS.row(session)
      return (await audited({ text: ADD_SESSION, values }, audit)).count === 1
    },

    async touchDashboardSession(hash: string, at: number): Promise<void> {
      await fenced(TOUCH_SESSION, [hash, at])
    },

    async endDashboardSession(hash: string): Promise<void> {
      await fenced(END_SESSION, [hash])
    },

    async purgeDashboardSessions(before: number, limit: number): Promise<number> {
      return (await fenced(PURGE_SESSIONS, [before, limit])).count
    },
  }
}

const FIND_SESSION = `
  SELECT ${SESSION_COLUMNS}
  FROM dashboard_sessions s JOIN access_keys k ON k.id = s.key_id WHERE s.hash = $1`

const VALUES = DASHBOARD_SESSIONS.columns.map(({ type }, i) => `$${i + 1}::${type}`).join(', ')

/** Locks the key, so that it is not revoked while the session is stored. */
const ADD_SESSION = `
  WITH valid AS (
    SELECT id FROM access_keys
    WHERE id = $${NEW_SESSION.indexOf('key_id') + 1}::text AND revoked_at IS NULL FOR SHARE)
  INSERT INTO dashboard_sessions (${NEW_SESSION.join(', ')})
  SELECT ${VALUES} FROM valid`

const TOUCH_SESSION = `
  UPDATE dashboard_sessions SET used_at = $2::bigint WHERE hash = $1 AND used_at < $2::bigint`
const END_SESSION = 'DELETE FROM dashboard_sessions WHERE hash = $1'

const PURGE_SESSIONS = `
  WITH oldest AS (
    SELECT hash FROM dashboard_sessions WHERE used_at < $1::bigint ORDER BY used_at LIMIT $2
    FOR UPDATE SKIP LOCKED)
  DELETE FROM dashboard_sessions s USING oldest o WHERE s.hash = o.hash`
