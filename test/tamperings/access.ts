/** Changes of access keys and accounts. */
import type { Tampering } from './sql.ts'

const key = (name: string, set: string) => `UPDATE access_keys SET ${set} WHERE name = '${name}'`
const differs = (what: string) =>
  new RegExp(`^The API key key_\\w+ has another ${what} than the audit log says\\.$`)
const id = (name: string) => `(SELECT id FROM access_keys WHERE name = '${name}')`

/** By way of a copy, because public ids are unique. */
const swappedAccounts = (...columns: string[]) => `
  CREATE TEMP TABLE swapped AS SELECT * FROM accounts WHERE name IN ('the "shop"', 'unused');
  UPDATE accounts SET public_id = 'acct_' || id WHERE id IN (SELECT id FROM swapped);
  UPDATE accounts SET ${columns
    .map((column) => `${column} = (SELECT s.${column} FROM swapped s WHERE s.id <> accounts.id)`)
    .join(', ')} WHERE id IN (SELECT id FROM swapped)`

const session = (what: string, set: string): Tampering => ({
  what,
  sql: `UPDATE dashboard_sessions SET ${set}`,
  says: /^A session of the dashboard with the API key key_\w+ was not begun by MiniPay: the audit log does not have its sign-in\.$/,
})

export const ACCESS: readonly Tampering[] = [
  session("a session's cookie", `hash = '${'1'.repeat(64)}'`),
  session("a session's proof", `proof_hash = '${'1'.repeat(64)}'`),
  session('a session that was moved to another API key', `key_id = ${id('limited')}`),
  {
    what: 'an API key that somebody inserted',
    sql: `INSERT INTO access_keys (id, account_id, live, name, hash, hint, role, created_at, created_by)
      VALUES ('key_1', 1, 1, 'mine', '00', '', 'administrator', 0, 'cli')`,
    says: /^The API key key_1 was not made by MiniPay: the audit log of its account does not have it\.$/,
  },
  {
    what: 'an API key that was moved to live mode',
    sql: key('support', 'live = 1'),
    says: /^The API key key_\w+ was not made by MiniPay: the audit log of its account does not have it\.$/,
  },
  {
    what: 'an API key that was moved to another account',
    sql: key('administrator', `account_id = (SELECT id FROM accounts WHERE name = 'the "shop"')`),
    says: /^The API key key_\w+ was not made by MiniPay: the audit log of its account does not have it\.$/,
  },
  {
    what: "an API key's secret",
    sql: key('administrator', `hash = '${'1'.repeat(64)}'`),
    says: differs('secret'),
  },
  {
    what: "a successor's secret",
    sql: `UPDATE access_keys SET hash = '${'1'.repeat(64)}' WHERE name = 'rolled' AND rolled_to IS NULL`,
    says: differs('secret'),
  },
  { what: "an API key's role", sql: key('support', `role = 'administrator'`), says: differs('role') },
  {
    what: 'the role of an API key with that role in its name',
    sql: key('%_"role":"administrator"', `role = 'administrator'`),
    says: differs('role'),
  },
  {
    what: "an API key's permissions",
    sql: key('limited', `permissions = '["keys:write"]'`),
    says: differs('list of permissions'),
  },
  {
    what: "an API key's networks",
    sql: key('limited', 'networks = NULL'),
    says: differs('list of networks'),
  },
  { what: "an API key's rate limit", sql: key('limited', 'rate_limit = 2'), says: differs('rate limit') },
  {
    what: 'an API key that no longer expires',
    sql: key('limited', 'expires_at = NULL'),
    says: differs('expiry'),
  },
  {
    what: 'a rolled API key that no longer expires',
    sql: `UPDATE access_keys SET expires_at = NULL WHERE name = 'rolled' AND rolled_to IS NOT NULL`,
    says: differs('expiry'),
  },
  {
    what: 'a revoked API key that works again',
    sql: key('revoked', 'revoked_at = NULL'),
    says: /^The API key key_\w+ is not revoked, and the audit log says that it was revoked\.$/,
  },
  {
    what: 'an API key that somebody revoked',
    sql: key('support', 'revoked_at = 1'),
    says: /^The API key key_\w+ is revoked, and the audit log says that it was not revoked\.$/,
  },
  {
    what: "a rolled API key's successor",
    sql: `UPDATE access_keys SET rolled_to = ${id('support')} WHERE name = 'rolled' AND rolled_to IS NOT NULL`,
    says: /^The API key key_\w+ has another successor than the audit log says\.$/,
  },
  {
    what: 'a closed account that is open again',
    sql: `UPDATE accounts SET closed_at = NULL WHERE closed_at IS NOT NULL`,
    says: /^The account acct_\w+ is not closed, and the audit log says that it was closed\.$/,
  },
  {
    what: 'an account that somebody inserted',
    sql: `INSERT INTO accounts (id, public_id, name, created_at) VALUES (99, 'acct_99', 'mine', 0)`,
    says: /^The account acct_99 was not made by MiniPay: the audit log does not have it\.$/,
  },
  {
    what: 'all API keys deleted',
    sql: 'DELETE FROM access_keys',
    says: /^The API key key_\w+ was deleted: the audit log has it\.$/,
  },
  {
    what: 'a deleted API key',
    sql: `DELETE FROM access_keys WHERE name = 'revoked'`,
    says: /^The API key key_\w+ was deleted: the audit log has it\.$/,
  },
  {
    what: 'a deleted successor of an API key',
    sql: `DELETE FROM access_keys WHERE name = 'rolled' AND rolled_to IS NULL`,
    says: /^The API key key_\w+ was deleted: the audit log has it\.$/,
  },
  {
    what: 'a deleted account without API keys',
    sql: `DELETE FROM accounts WHERE name = 'unused'`,
    says: /^The account acct_\w+ was deleted: the audit log has it\.$/,
  },
  { what: "an API key's name", sql: key('support', `name = 'another'`), says: differs('name') },
  {
    what: "a successor's name",
    sql: `UPDATE access_keys SET name = 'another' WHERE name = 'rolled' AND rolled_to IS NULL`,
    says: differs('name'),
  },
  {
    what: 'an API key that expires later',
    sql: key('limited', 'expires_at = expires_at + 1'),
    says: differs('expiry'),
  },
  {
    what: 'an API key that never expired and now does',
    sql: key('administrator', 'expires_at = 4000000000000'),
    says: differs('expiry'),
  },
  { what: 'who made an API key', sql: key('support', `created_by = 'server'`), says: differs('maker') },
  {
    what: "a renamed account's name",
    sql: `UPDATE accounts SET name = 'shop' WHERE name = 'the "shop"'`,
    says: /^The account acct_\w+ has another name than the audit log says\.$/,
  },
  {
    what: 'two accounts that have changed places',
    sql: swappedAccounts('public_id', 'name', 'closed_at'),
    says: /^The account acct_\w+ has the number \d, and the audit log says another/,
  },
  {
    what: 'two accounts whose public ids were swapped',
    sql: swappedAccounts('public_id'),
    says: /^The account acct_\w+ has the number \d, and the audit log says another/,
  },
  {
    what: 'the first rules of a mode that somebody inserted',
    sql: `INSERT INTO rule_sets (account_id, live, version, document, created_at)
      SELECT account_id, 0, 1, document, created_at FROM rule_sets WHERE live = 1 AND version = 2`,
    says: /^The rules of account 1 \(test\) of version 1 were not made by MiniPay: the audit log has no change of them\.$/,
  },
  {
    what: 'the first rules of an account that somebody inserted, as if they were old',
    sql: `INSERT INTO rule_sets (account_id, live, version, document, created_at)
      SELECT 2, 1, 1, document, 1 FROM rule_sets WHERE live = 1 AND version = 2`,
    says: /^The rules of account 2 \(live\) of version 1 were not made by MiniPay: the audit log has no change of them\.$/,
  },
  {
    what: 'rules that no charge has followed',
    sql: `UPDATE rule_sets SET document = replace(document, '>= 2000', '>= 2100') WHERE version = 1`,
    says: /^The rules of account 1 \(live\) of version 1 are others than the audit log says\.$/,
  },
  {
    what: 'the condition of a rule in force',
    sql: `UPDATE rule_sets SET document = replace(document, '>= 2000', '>= 2100') WHERE version = 2`,
    says: /^The rules of account 1 \(live\) of version 2 are others than the audit log says\.$/,
  },
  {
    what: 'the author of a version of the rules',
    sql: `UPDATE rule_sets SET author = 'cli' WHERE version = 1`,
    says: /^The rules of account 1 \(live\) of version 1 have the author cli, and the audit log says \w+\.$/,
  },
  {
    what: 'the note of a version of the rules',
    sql: `UPDATE rule_sets SET note = 'on request' WHERE version = 2`,
    says: /^The rules of account 1 \(live\) of version 2 have another note than the audit log says\.$/,
  },
  {
    what: 'a newer version of the rules that somebody inserted',
    sql: `INSERT INTO rule_sets (account_id, live, version, document, created_at)
      SELECT account_id, live, 3, replace(document, '>= 2000', '>= 2100'), created_at FROM rule_sets WHERE version = 2`,
    says: /^The newest rules of account 1 \(live\) have the version 3, and the audit log says 2\.$/,
  },
]
