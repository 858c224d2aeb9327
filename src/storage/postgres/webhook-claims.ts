import type { WebhookEndpoint } from '../../domain/webhooks/endpoint.ts'
import type { CursorClaim, HeldCursor } from '../../ports/store-webhooks.ts'
import { ENDPOINT_COLUMNS, endpointOf, REPLAY_COLUMNS, replayOf } from '../webhooks.ts'
import { retrying } from './audit.ts'
import type { Result, Row, Statement } from './batch.ts'
import { NOW } from './clock.ts'
import { DEAD_AFTER_MS } from './nodes.ts'
import type { Pool } from './pool.ts'
import { recordset } from './recordset.ts'
import { nameIn } from './rows.ts'
import { createQueue } from './statements.ts'

/**
 * Leases of cursors, claimed and renewed in one transaction and one round trip. If its response is lost, the next claim
 * returns everything that the token holds.
 */
export function webhookClaims(pool: Pool, node: string) {
  const turns = createQueue()
  const transact = (statements: readonly Statement[]) =>
    turns(() => retrying(() => pool.use((connection) => connection.run(statements)), true))

  return {
    async claimWebhookCursors(claim: CursorClaim): Promise<HeldCursor[]> {
      const { now, leaseUntil, token, limit, leave = [] } = claim
      const mine = [node, token]
      const left = leave.map(({ scope, id, version }) => nameIn(scope, id, `${version}`))
      const lasts = leaseUntil - now
      const [, , held, running] = (await transact([
        { text: RENEW, values: [...mine, leaseUntil, now + Math.floor(lasts / 2)] },
        { text: CLAIM, values: [...mine, leaseUntil, now, leaseUntil + lasts, limit, ...LEFT.values(left)] },
        { text: HELD, values: mine },
        { text: RUNNING, values: mine },
      ])) as [Result, Result, Result, Result]
      const replays = Map.groupBy(running.rows.map(replayOf), ({ scope, endpoint }) =>
        nameIn(scope, endpoint),
      )
      return held.rows.map((row) => {
        const { position, reach, failingSince, warnedAt, ...own } = row as Row & Omit<HeldCursor, 'endpoint'>
        const endpoint = endpointOf(own)
        const running = replays.get(nameIn(endpoint.scope, endpoint.id)) ?? []
        return { endpoint, position, reach, failingSince, warnedAt, replays: running }
      })
    },

    async webhookShare(): Promise<number> {
      const [result] = (await transact([{ text: SHARE }])) as [Result]
      return result.rows[0]?.['share'] as number
    },

    async releaseWebhookCursors(
      token: string,
      only?: readonly Pick<WebhookEndpoint, 'scope' | 'id'>[],
    ): Promise<void> {
      const mine = [node, token]
      if (only === undefined) await transact([{ text: RELEASE, values: mine }])
      else if (only.length > 0)
        await transact([
          {
            text: RELEASE_SOME,
            values: [...mine, ...LEFT.values(only.map((one) => nameIn(one.scope, one.id)))],
          },
        ])
    },
  }
}

/** LATERAL keeps the planner from reading all endpoints. */
const ENABLED = `
    CROSS JOIN LATERAL (
      SELECT * FROM webhook_endpoints
      WHERE account_id = c.account_id AND live = c.live AND id = c.endpoint AND status = 'enabled'
      LIMIT 1) AS w`

/** The lease of a disabled endpoint ends, because no process renews it. */
const RENEW = `
  UPDATE webhook_cursors c SET lease_until = $3
  FROM (
    SELECT c.account_id, c.live, c.endpoint
    FROM webhook_cursors c ${ENABLED}
    WHERE c.owner = $1 AND c.token = $2 AND (c.lease_until < $4 OR c.lease_until > $3)
    FOR UPDATE OF c) AS r
  WHERE c.account_id = r.account_id AND c.live = r.live AND c.endpoint = r.endpoint`

const LEFT = recordset<string>({ name: ['text', (name) => name] }, 7)

/** The version of the endpoint is not one that the claim leaves to others. */
const NOT_LEFT = `w.account_id || '/' || w.live || '/' || w.id || '/' || w.version NOT IN (SELECT name FROM ${LEFT.from})`

/**
 * Free cursors, and those whose lease has ended. Clocks of nodes differ a little: so a lease that ends a little later than
 * one from now would has not ended.
 */
const CLAIM = `
  WITH free AS (
    SELECT c.account_id, c.live, c.endpoint
    FROM webhook_cursors c ${ENABLED}
    WHERE c.token IS NULL AND ${NOT_LEFT}
    LIMIT $6
    FOR UPDATE OF c SKIP LOCKED),
  ended AS (
    SELECT c.account_id, c.live, c.endpoint
    FROM webhook_cursors c ${ENABLED}
    WHERE c.owner IS NOT NULL AND (c.owner <> $1 OR c.token <> $2) AND (c.lease_until <= $4 OR c.lease_until > $5)
      AND ${NOT_LEFT}
    LIMIT $6
    FOR UPDATE OF c SKIP LOCKED)
  UPDATE webhook_cursors c SET token = $2, owner = $1, lease_until = $3
  FROM (SELECT * FROM free UNION ALL SELECT * FROM ended LIMIT $6) AS f
  WHERE c.account_id = f.account_id AND c.live = f.live AND c.endpoint = f.endpoint`

const HELD = `
  SELECT ${ENDPOINT_COLUMNS}, c.position, c.reach, c.failing_since AS "failingSince", c.warned_at AS "warnedAt"
  FROM webhook_cursors c ${ENABLED}
  WHERE c.owner = $1 AND c.token = $2
  ORDER BY c.account_id, c.live, c.endpoint`

const RUNNING = `
  SELECT ${REPLAY_COLUMNS}
  FROM webhook_cursors c
  CROSS JOIN LATERAL (
    SELECT * FROM webhook_replays
    WHERE account_id = c.account_id AND live = c.live AND endpoint = c.endpoint AND state = 'running'
    OFFSET 0) AS r
  WHERE c.owner = $1 AND c.token = $2
  ORDER BY r.id`

const SHARE = `
  SELECT ceil(
    (SELECT count(*) FROM webhook_cursors c ${ENABLED})::float8
    / greatest(1, (SELECT count(*) FROM nodes WHERE seen_at >= ${NOW} - ${DEAD_AFTER_MS})))::integer AS share`

const RELEASE = `
  UPDATE webhook_cursors SET token = NULL, owner = NULL, lease_until = NULL WHERE owner = $1 AND token = $2`

const RELEASE_SOME = `${RELEASE}
    AND account_id || '/' || live || '/' || endpoint = ANY ($3::text[])`
