/** What both engines share for sessions of the dashboard. */
import type { FoundSession } from '../ports/store-sessions.ts'
import { DASHBOARD_SESSIONS } from './columns.ts'
import { selectList } from './table.ts'

/** Of the session `s` and its key `k`. */
export const SESSION_COLUMNS = `k.hash AS "keyHash", ${selectList(DASHBOARD_SESSIONS, {}, 's')}`

/** Of the session `s` alone. */
export const OWN_COLUMNS = selectList(DASHBOARD_SESSIONS, {}, 's')

/** The columns of a new row. */
export const NEW_SESSION = DASHBOARD_SESSIONS.columns.map(({ name }) => name)

/** The session in a row that was read with `SESSION_COLUMNS`. */
export function foundSessionOf(row: object): FoundSession {
  const { keyHash, ...rest } = row as { readonly keyHash: string }
  return { session: DASHBOARD_SESSIONS.of(rest), keyHash }
}
