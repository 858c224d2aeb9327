/**
 * Changes that only the hash chains show, and changes of the chains themselves. Each keeps the books consistent, so that
 * no other check finds it, unless it says so.
 */
import { CALLS, PLACE_COLUMNS } from '../../src/storage/hourly.ts'
import { BALANCED, body, type Tampering, told } from './sql.ts'

/** Numbers of a scope's rows are shifted by way of negative ones, because they are unique. */
const swapped = (table: string, columns: string, one: number, other: number) => `
  CREATE TEMP TABLE swapped AS SELECT * FROM ${table} WHERE live = 1 AND seq IN (${one}, ${other});
  ${columns
    .split(' ')
    .map(
      (column) =>
        `UPDATE ${table} SET ${column} =
          (SELECT s.${column} FROM swapped s WHERE s.seq = ${one + other} - ${table}.seq) WHERE live = 1 AND seq IN (${one}, ${other});`,
    )
    .join('')}`

const link = (which: string) => `live = 1 AND number = ${which}`
const LAST = '(SELECT max(number) FROM chain_links WHERE live = 1)'
const BREAKS = /^Link \d+ of account 1 \(live\) does not match its rows: .*\.$/

export const CHAINS: readonly Tampering[] = [
  {
    what: "where a customer who has come back was sent, in an event's body",
    sql: body(2_009, 'payment.requires_action', 'bank.example', 'evil.example'),
    says: BREAKS,
  },
  {
    what: 'the time of an event without entries by a second',
    sql: `UPDATE events SET created_at = created_at + 1000 WHERE ${told(2_008, 'payment.requires_action')}`,
    says: BREAKS,
  },
  {
    what: 'the id of an event',
    sql: `UPDATE events SET id = substr(id, 1, 29) || CASE substr(id, 30) WHEN '0' THEN '1' ELSE '0' END
      WHERE live = 1 AND seq = 20`,
    says: /^Link \d+ of account 1 \(live\) does not match its rows: the event 20,/,
  },
  {
    what: 'two events whose ids were swapped',
    sql: swapped('events', 'id', 20, 21).replace(
      'SET id =',
      `SET id = 'x' || id WHERE live = 1 AND seq IN (20, 21); UPDATE events SET id =`,
    ),
    says: BREAKS,
  },
  {
    what: 'the actor of an audit entry',
    sql: `UPDATE audit_log SET actor = 'key_somebody_else' WHERE account_id = 1 AND live = 1 AND seq = 1`,
    says: /^The rules of account 1 \(live\) of version 1 have the author keyless, and the audit log says key_somebody_else\.$/,
  },
  {
    what: 'what an audit entry says was stored before',
    sql: `UPDATE audit_log SET before = replace(before, '>= 2000', '>= 2100') WHERE live = 1 AND seq = 2`,
    says: BREAKS,
  },
  {
    what: 'the time of an audit entry',
    sql: `UPDATE audit_log SET created_at = created_at - 1 WHERE live = 1 AND seq = 2`,
    says: BREAKS,
  },
  {
    what: 'the address of an audit entry that was removed',
    sql: `UPDATE audit_log SET address = NULL WHERE live = 1 AND seq = 2`,
    says: BREAKS,
  },
  {
    what: 'two audit entries that were swapped',
    sql: `UPDATE audit_log SET seq = 1000 WHERE account_id = 1 AND live = 1 AND seq = 3;
      UPDATE audit_log SET seq = 3 WHERE account_id = 1 AND live = 1 AND seq = 4;
      UPDATE audit_log SET seq = 4 WHERE account_id = 1 AND live = 1 AND seq = 1000`,
    says: BREAKS,
  },
  {
    what: 'an inserted audit entry',
    sql: `INSERT INTO audit_log (account_id, live, id, seq, created_at, actor, action)
        SELECT 1, 1, 'aud_zzzzzzzzzzzzzzzzzzzzzzzzzz', max(seq) + 1, max(created_at), 'cli', 'routing.reset'
        FROM audit_log WHERE live = 1`,
    says: /audit (entry|log)/,
  },
  {
    what: 'an audit entry that was moved to test mode',
    sql: `UPDATE audit_log SET live = 0 WHERE live = 1 AND seq = (SELECT max(seq) FROM audit_log WHERE live = 1)`,
    says: /audit (entry|log)/,
  },
  {
    what: 'a transfer whose time was changed',
    sql: `UPDATE ledger_transfers SET created_at = created_at + 1 WHERE live = 1 AND seq = 2`,
    says: /./,
  },
  {
    what: 'a removed link',
    sql: `DELETE FROM chain_links WHERE ${link('4')}`,
    says: /^Link 4 of account 1 \(live\) is missing: link 5 follows\.$/,
  },
  {
    what: 'the removed last link',
    sql: `DELETE FROM chain_links WHERE ${link(LAST)}`,
    says: /^The (event|transfer|audit entry) \d+ of account 1 \(live\) is in no link\.$/,
  },
  {
    what: 'all links of a mode removed',
    sql: `DELETE FROM chain_links WHERE live = 0`,
    says: /^The event 1 of account 1 \(test\) is in no link\.$/,
  },
  {
    what: 'a link whose hash was changed',
    sql: `UPDATE chain_links SET hash = hash || 'x' WHERE ${link('5')}`,
    says: /^Link 5 of account 1 \(live\) does not match its rows: /,
  },
  {
    what: 'a link whose time was changed',
    sql: `UPDATE chain_links SET at = at + 1 WHERE ${link('5')}`,
    says: /^Link 5 of account 1 \(live\) does not match its rows: /,
  },
  {
    what: 'a link whose range was changed',
    sql: `UPDATE chain_links SET events_to = events_to + 1 WHERE ${link('2')}`,
    says: /^Link 2 of account 1 \(live\) does not match its rows: /,
  },
  {
    what: 'a link that was inserted',
    sql: `INSERT INTO chain_links SELECT account_id, live, number + 1, events_to, transfers_to, audit_to, hash, at
      FROM chain_links WHERE ${link(LAST)}`,
    says: BREAKS,
  },
]

const SAME_PLACE = ['account_id', 'live', ...PLACE_COLUMNS]
  .map((column) => `call.${column} = hourly_statistics.${column}`)
  .join(' AND ')

/** One amount in live mode, changed in every row that has it, with the balances. */
export const AMOUNT_REWRITTEN = `
  UPDATE charges SET amount = 1011, amount_captured = 1011 WHERE live = 1 AND amount = 1010;
  UPDATE attempts SET amount = 1011 WHERE live = 1 AND amount = 1010;
  UPDATE ledger_transfers SET amount = 1011 WHERE live = 1 AND amount = 1010;
  UPDATE events SET data = replace(data, ':1010', ':1011') WHERE live = 1;
  UPDATE idempotency_keys SET fingerprint = replace(fingerprint, ':1010', ':1011') WHERE live = 1;
  UPDATE hourly_statistics SET amount_low = amount_low + (
    SELECT count(*) FROM (${CALLS}) AS call WHERE call.amount = 1011 AND ${SAME_PLACE}) WHERE live = 1;
  ${BALANCED}`
