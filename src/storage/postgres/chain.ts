/** Adds a link to the hash chain of a scope: see chain/link. */
import type { Scope } from '../../ports/store.ts'
import { digestOf } from '../chain/link.ts'
import type { Statement } from './batch.ts'
import { live } from './rows.ts'

/** The same as `hashOf` in chain/link, of the columns of `next`. */
const HASH = `translate(rtrim(encode(sha256(convert_to(concat(
    next.before, chr(10), next.account_id, ' ', next.live, ' ', next.number, ' ', next.event, ' ', next.transfer, ' ',
    next.audit, ' ', $4::bigint, chr(10), $3::text), 'UTF8')), 'base64'), '='), '+/', '-_')`

const ADD_LINK = `
  INSERT INTO chain_links (account_id, live, number, events_to, transfers_to, audit_to, hash, at)
  SELECT next.account_id, next.live, next.number, next.event, next.transfer, next.audit, ${HASH}, $4::bigint
  FROM (
    SELECT s.account_id, s.live, coalesce(l.number, 0) + 1 AS number, s.event, s.transfer, s.audit,
      coalesce(l.hash, '') AS before
    FROM sequences s
    LEFT JOIN LATERAL (
      SELECT number, hash FROM chain_links
      WHERE account_id = s.account_id AND live = s.live
      ORDER BY number DESC LIMIT 1) AS l ON true
    WHERE s.account_id = $1::integer AND s.live = $2::smallint) AS next`

/**
 * The statement for rows as chain/link writes them. It follows the one that takes the numbers of these rows: that one
 * has locked the scope's row, so this one finds the last link.
 */
export function addLink(scope: Scope, rows: string, at: number): Statement {
  return { text: ADD_LINK, values: [scope.accountId, live(scope), digestOf(rows), at] }
}
