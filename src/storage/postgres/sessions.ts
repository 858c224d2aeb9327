import type { DashboardSession } from '../../domain/access/dashboard-session.ts'
import type { AuditEntry } from '../../domain/audit.ts'
import type { FoundSession, SessionQuery } from '../../ports/store-sessions.ts'
import { DASHBOARD_SESSIONS } from '../columns.ts'
import { foundSessionOf, NEW_SESSION, OWN_COLUMNS, SESSION_COLUMNS } from '../sessions.ts'
import type { Sql, Work } from './statements.ts'

/** Reads of sessions of the dashboard. */
export function sessionReads(sql: Sql) {
  return {
    async dashboardSession(hash: string): Promise<FoundSession | undefined> {
      const { rows } = await sql(FIND_SESSION, [hash])
      return rows[0] && foundSessionOf(rows[0])
    },

    async dashboardSessionById(id: string): Promise<DashboardSession | undefined> {
      const { rows } = await sql(FIND_BY_ID, [id])
      return rows[0] && DASHBOARD_SESSIONS.of(rows[0])
    },

    async dashboardSessions(
      keyId: string,
      { usedAfter, createdAfter, limit }: SessionQuery,
    ): Promise<DashboardSession[]> {
      const { rows } = await sql(FIND_OF_KEY, [keyId, usedAfter, createdAfter, limit])
      return rows.map((row) => DASHBOARD_SESSIONS.of(row))
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

    async endDashboardSessions(ids: readonly string[], audit: AuditEntry): Promise<boolean> {
      return (await audited({ text: END_SESSIONS, values: [JSON.stringify(ids)] }, audit)).count > 0
    },

    async purgeDashboardSessions(before: number, limit: number): Promise<number> {
      return (await fenced(PURGE_SESSIONS, [before, limit])).count
    },
  }
}

const FIND_SESSION = `
  SELECT ${SESSION_COLUMNS}
  FROM dashboard_sessions s JOIN access_keys k ON k.id = s.key_id WHERE s.hash = $1`

const FIND_BY_ID = `SELECT ${OWN_COLUMNS} FROM dashboard_sessions s WHERE s.id = $1`
const FIND_OF_KEY = `
  SELECT ${OWN_COLUMNS} FROM dashboard_sessions s
  WHERE s.key_id = $1 AND s.used_at > $2::bigint AND s.created_at > $3::bigint ORDER BY s.id DESC LIMIT $4`

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

/** In the order of their hashes, so that two nodes that end the same ones do not wait for each other. */
const END_SESSIONS = `
  WITH ended AS (
    SELECT hash FROM dashboard_sessions WHERE id IN (SELECT jsonb_array_elements_text($1::jsonb))
    ORDER BY hash FOR UPDATE)
  DELETE FROM dashboard_sessions s USING ended e WHERE s.hash = e.hash`

const PURGE_SESSIONS = `
  WITH oldest AS (
    SELECT hash FROM dashboard_sessions WHERE used_at < $1::bigint ORDER BY used_at LIMIT $2
    FOR UPDATE SKIP LOCKED)
  DELETE FROM dashboard_sessions s USING oldest o WHERE s.hash = o.hash`
