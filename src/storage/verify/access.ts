/**
 * Access keys and accounts against the audit log, which records each of their changes in the same transaction. The log
 * has JSON with sorted keys and without spaces, in which a text of a person cannot look like a field: its quotes are
 * escaped.
 */
import type { Check } from '../verify-checks.ts'

/** What the log says of each key when it was made: by itself, or as the successor of another. */
const MADE = `made AS (
  SELECT object AS id, account_id, live, after AS facts FROM audit_log WHERE action = 'key.created'
  UNION ALL
  SELECT k.rolled_to, l.account_id, l.live, l.after FROM audit_log l
  JOIN access_keys k ON k.id = l.object AND k.account_id = l.account_id AND k.live = l.live
  WHERE l.action = 'key.rolled')`

/** The condition that the facts have another value in a field than `value`, as JSON; none of these fields is the last. */
const differs = (field: string, value: string) => `facts NOT LIKE '%"${field}":' || ${value} || ',%'`

/*
 * The conditions below are sets, read once: a search of the log for each key or account would read the whole log each time.
 */

/** The log has this action about the account `a`. */
const accountHas = (action: string) => `a.public_id IN (
  SELECT object FROM audit_log WHERE action = '${action}' AND object IS NOT NULL)`

/** The log has this action about the key `k` in its scope. */
const keyHas = (action: string) => `(k.id, k.account_id, k.live) IN (
  SELECT object, account_id, live FROM audit_log WHERE action = '${action}' AND object IS NOT NULL)`

/** The log says that the key `k` was rolled to the successor that it has. */
const HAS_ITS_SUCCESSOR = `k.id IN (
  SELECT o.id FROM audit_log l CROSS JOIN access_keys o
  WHERE l.action = 'key.rolled' AND o.id = l.object AND o.account_id = l.account_id AND o.live = l.live
    AND l.after LIKE '%"rolled_to":"' || o.rolled_to || '"%')`

const KEYS: readonly Check[] = [
  {
    sql: `SELECT k.id FROM access_keys k
      WHERE (k.rolled_to IS NULL AND ${keyHas('key.rolled')})
        OR (k.rolled_to IS NOT NULL AND NOT ${HAS_ITS_SUCCESSOR}) LIMIT 1`,
    problem: ({ id }) => `The API key ${id} has another successor than the audit log says.`,
  },
  {
    sql: `WITH ${MADE}
      SELECT k.id FROM access_keys k
      LEFT JOIN made m ON m.id = k.id AND m.account_id = k.account_id AND m.live = k.live
      WHERE m.id IS NULL LIMIT 1`,
    problem: ({ id }) =>
      `The API key ${id} was not made by MiniPay: the audit log of its account does not have it.`,
  },
  {
    sql: `WITH ${MADE}
      SELECT * FROM (
        SELECT k.id, CASE
          WHEN ${differs('fingerprint', `'"' || substr(k.hash, 1, 16) || '"'`)} THEN 'secret'
          WHEN ${differs('role', `coalesce('"' || k.role || '"', 'null')`)} THEN 'role'
          WHEN ${differs('permissions', `coalesce(k.permissions, 'null')`)} THEN 'list of permissions'
          WHEN ${differs('networks', `coalesce(k.networks, 'null')`)} THEN 'list of networks'
          WHEN ${differs('rate_limit', `coalesce(CAST(k.rate_limit AS TEXT), 'null')`)} THEN 'rate limit'
          WHEN k.expires_at IS NULL AND (k.rolled_to IS NOT NULL OR facts NOT LIKE '%"expires_at":null%') THEN 'expiry'
          END AS what
        FROM access_keys k JOIN made m ON m.id = k.id AND m.account_id = k.account_id AND m.live = k.live) AS x
      WHERE what IS NOT NULL LIMIT 1`,
    problem: ({ id, what }) => `The API key ${id} has another ${what} than the audit log says.`,
  },
  {
    sql: `SELECT * FROM (
        SELECT k.id, CASE WHEN k.revoked_at IS NULL THEN 'is not' ELSE 'is' END AS found,
          CASE WHEN ${keyHas('key.revoked')} THEN 'was' ELSE 'was not' END AS told
        FROM access_keys k) AS x
      WHERE (found = 'is') <> (told = 'was') LIMIT 1`,
    problem: ({ id, found, told }) =>
      `The API key ${id} ${found} revoked, and the audit log says that it ${told} revoked.`,
  },
  {
    sql: `SELECT x.id FROM (
        SELECT object AS id, account_id, live FROM audit_log WHERE action LIKE 'key.%'
        UNION ALL SELECT rolled_to, account_id, live FROM access_keys WHERE rolled_to IS NOT NULL) AS x
      LEFT JOIN access_keys k ON k.id = x.id AND k.account_id = x.account_id AND k.live = x.live
      WHERE k.id IS NULL LIMIT 1`,
    problem: ({ id }) => `The API key ${id} was deleted: the audit log has it.`,
  },
]

const ACCOUNTS: readonly Check[] = [
  {
    sql: `SELECT k.id, k.account_id AS account FROM access_keys k
      LEFT JOIN accounts a ON a.id = k.account_id WHERE a.id IS NULL LIMIT 1`,
    problem: ({ id, account }) => `The API key ${id} is of the account ${account}, which is not there.`,
  },
  {
    sql: `SELECT a.public_id AS id FROM accounts a
      WHERE a.public_id <> 'acct_default' AND NOT ${accountHas('account.created')} LIMIT 1`,
    problem: ({ id }) => `The account ${id} was not made by MiniPay: the audit log does not have it.`,
  },
  {
    // Entries from before the number was a fact have none.
    sql: `SELECT a.public_id AS id, a.id AS number FROM accounts a JOIN audit_log l ON l.object = a.public_id
      WHERE l.action LIKE 'account.%' AND l.after LIKE '%,"number":%' AND l.after NOT LIKE '%,"number":' || a.id || '}'
      LIMIT 1`,
    problem: ({ id, number }) =>
      `The account ${id} has the number ${number}, and the audit log says another: its rows may be those of another account.`,
  },
  {
    sql: `SELECT l.object AS id FROM audit_log l LEFT JOIN accounts a ON a.public_id = l.object
      WHERE l.action LIKE 'account.%' AND a.id IS NULL LIMIT 1`,
    problem: ({ id }) => `The account ${id} was deleted: the audit log has it.`,
  },
  {
    sql: `SELECT * FROM (
        SELECT a.public_id AS id, CASE WHEN a.closed_at IS NULL THEN 'is not' ELSE 'is' END AS found,
          CASE WHEN ${accountHas('account.closed')} THEN 'was' ELSE 'was not' END AS told
        FROM accounts a) AS x
      WHERE (found = 'is') <> (told = 'was') LIMIT 1`,
    problem: ({ id, found, told }) =>
      `The account ${id} ${found} closed, and the audit log says that it ${told} closed.`,
  },
]

/** Sessions of the dashboard: each was begun by a sign-in with its key, with the secrets that it has. */
const FINGERPRINTS = `'%"id":"' || s.id || '","proof":"' || substr(s.proof_hash, 1, 16)
  || '","session":"' || substr(s.hash, 1, 16) || '"%'`

const SESSIONS: readonly Check[] = [
  {
    sql: `SELECT s.key_id AS id FROM dashboard_sessions s
      WHERE s.id NOT IN (
        SELECT s.id FROM audit_log l CROSS JOIN dashboard_sessions s
        WHERE l.action = 'dashboard.signed_in' AND s.key_id = l.object AND l.after LIKE ${FINGERPRINTS})
      LIMIT 1`,
    problem: ({ id }) =>
      `A session of the dashboard with the API key ${id} was not begun by MiniPay: the audit log does not have its sign-in.`,
  },
]

export const ACCESS: readonly Check[] = [...ACCOUNTS, ...KEYS, ...SESSIONS]
