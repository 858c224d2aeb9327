import type { AttemptClaim, Postponement, ScopedAttempt } from '../../ports/store.ts'
import { createClaims } from './claims.ts'
import { movedCalls } from './commit-sql-statistics.ts'
import { ATTEMPT_COLUMNS, ownedAttempt } from './rows.ts'
import type { Work } from './statements.ts'

/** Claims and postponements of attempts. */
export function attemptWork({ fenced, once }: Omit<Work, 'audited'>, node: string) {
  const claims = createClaims(once, node, GIVE_BACK)
  return {
    async claimAttempts(claim: AttemptClaim): Promise<ScopedAttempt[]> {
      const { provider, now, limit, waiting = limit, freeOnly = false, leaseUntil, token } = claim
      const values = [provider, now, limit, leaseUntil, token, node, waiting, freeOnly ? 1 : 0]
      return (await claims(CLAIM, values, token)).map(ownedAttempt)
    },

    async claimAttempt(
      id: string,
      { now, leaseUntil, token }: Omit<AttemptClaim, 'provider' | 'limit' | 'freeOnly'>,
    ): Promise<ScopedAttempt | undefined> {
      const { rows } = await fenced(CLAIM_ONE, [id, now, leaseUntil, token, node])
      return rows[0] && ownedAttempt(rows[0])
    },

    async postponeAttempt(postponement: Postponement): Promise<boolean> {
      const { id, token, state, reason, lookups, unknownSince, dueAt } = postponement
      return (
        (await fenced(POSTPONE, [id, token, state, reason, lookups, unknownSince, dueAt])).rows.length === 1
      )
    },
  }
}

/** The rows of a partial index that are due, in its order. */
const due = (states: string, limit: string) => `
    SELECT id AS due, due_at FROM attempts
    WHERE provider = $1 AND ${states} AND due_at <= $2 AND (token IS NULL OR $8::integer = 0)
    ORDER BY due_at, id
    LIMIT ${limit}
    FOR UPDATE SKIP LOCKED`

const CLAIM = `
  WITH sending AS MATERIALIZED (${due(`state = 'sending'`, '$3')}),
  unknown AS MATERIALIZED (${due(`state = 'unknown'`, '$3')}),
  eldest AS MATERIALIZED (
    SELECT due FROM (SELECT * FROM sending UNION ALL SELECT * FROM unknown) AS possible
    ORDER BY due_at, due
    LIMIT $3),
  waiting AS MATERIALIZED (${due(
    `state IN ('pending', 'succeeded')`,
    '(SELECT least($7::bigint, $3::bigint - count(*)) FROM eldest)',
  )}),
  due AS (SELECT due FROM eldest UNION ALL SELECT due FROM waiting)
  UPDATE attempts SET due_at = $4, token = $5, owner = $6
  FROM due WHERE id = due.due
  RETURNING ${ATTEMPT_COLUMNS}`

const GIVE_BACK = `
  UPDATE attempts SET due_at = 0, token = NULL, owner = NULL
  WHERE owner = $1 AND token = $2 AND (state = 'sending' OR owner IS NOT NULL AND state <> 'sending')`

/** Repeatable: the same token claims the same attempts. */
const CLAIM_ONE = `
  UPDATE attempts SET due_at = $3, token = $4, owner = $5
  WHERE id = $1 AND state IN ('unknown', 'pending') AND (token IS NULL OR due_at <= $2 OR token = $4)
  RETURNING ${ATTEMPT_COLUMNS}`

const POSTPONE = `
  WITH leased AS (
    SELECT id, account_id, live, state FROM attempts WHERE id = $1 AND token = $2 FOR UPDATE),
  moves AS (
    SELECT h.id, n.state, n.change
    FROM leased h CROSS JOIN LATERAL (VALUES (h.state, -1), ($3, 1)) AS n (state, change)
    WHERE h.state <> $3),
  postponed AS (
    UPDATE attempts t
    SET state = $3, reason = $4, lookups = $5, unknown_since = $6, due_at = $7, token = NULL, owner = NULL
    FROM leased h WHERE t.id = h.id
    RETURNING t.id),
  counted AS (
    INSERT INTO counters AS k (account_id, live, name, currency, part, value)
    SELECT h.account_id, h.live, 'attempts_' || n.state, '', 1, n.change
    FROM leased h JOIN moves n ON n.id = h.id
    ORDER BY n.state
    ON CONFLICT (account_id, live, name, currency, part) DO UPDATE SET value = k.value + excluded.value),
  ${movedCalls('moves')}
  SELECT id FROM postponed`
