import type { Connection } from './connection.ts'

/** The lease of an authorization that is checked for its expiry is shorter, in ms. */
const HOUR_MS = 3_600_000

/**
 * Makes claimed work due at once: notifications, attempts under a lookup, and the cursors of webhook endpoints. Only for a process that has
 * just locked the database: the former holders of the leases have ended. `now` is in ms since 1970; work that is due
 * by then needs no change.
 */
export function freeLeases(db: Connection, now: number): void {
  db.transaction(() => {
    for (const text of FREE) db.prepare(text).run({ now, hour: now + HOUR_MS })
  }).immediate()
}

/**
 * The endpoints or providers that have due rows. Each is found from the one before, by the first column of an index.
 */
function each(column: 'endpoint' | 'provider', rows: string): string {
  const [table] = rows.split(' ')
  return `WITH RECURSIVE each (name) AS (
      SELECT min(${column}) FROM ${rows}
      UNION ALL
      SELECT (SELECT min(t.${column}) FROM ${rows.replace(`${table}`, `${table} t`)} AND t.${column} > each.name)
      FROM each WHERE each.name IS NOT NULL)`
}

/** There may be a million held authorizations: only claimed ones can be due within the hour, so it reads only those. */
export const FREE = [
  `UPDATE notifications SET due_at = received_at, token = NULL
   WHERE state = 'pending' AND due_at > :now AND token IS NOT NULL`,
  `UPDATE attempts SET due_at = 0, token = NULL
   WHERE state IN ('unknown', 'pending') AND state <> 'succeeded' AND token IS NOT NULL`,
  `${each('provider', `attempts WHERE state IN ('pending', 'succeeded') AND due_at IS NOT NULL`)}
   UPDATE attempts SET due_at = 0, token = NULL
   WHERE id IN (
     SELECT a.id FROM each CROSS JOIN attempts a
     WHERE a.provider = each.name AND a.state IN ('pending', 'succeeded')
       AND a.due_at > :now AND a.due_at <= :hour AND a.token IS NOT NULL)`,
  `UPDATE webhook_cursors SET token = NULL, lease_until = NULL WHERE token IS NOT NULL`,
] as const
