import type { WebhookEndpoint } from '../../domain/webhooks/endpoint.ts'
import type { Replay } from '../../domain/webhooks/replay.ts'
import type { CursorClaim, HeldCursor } from '../../ports/store-webhooks.ts'
import { ENDPOINT_COLUMNS, endpointOf, REPLAY_COLUMNS, replayOf } from '../webhooks.ts'
import type { Definition } from './definition.ts'
import { live } from './rows.ts'

type CursorRow = Omit<HeldCursor, 'endpoint' | 'replays'>

const enabled = (more = '') => `EXISTS (
  SELECT 1 FROM webhook_endpoints w
  WHERE w.account_id = c.account_id AND w.live = c.live AND w.id = c.endpoint AND w.status = 'enabled'${more})`

/** The version of an endpoint, as a text. */
const VERSION = "w.account_id || '/' || w.live || '/' || w.id || '/' || w.version"

/** Leases of cursors. */
export const webhookCursorWrites = {
  claimWebhookCursors(db) {
    const renew = db.prepare(
      `UPDATE webhook_cursors AS c SET lease_until = ?
       WHERE token = ? AND (lease_until < ? OR lease_until > ?) AND ${enabled()}`,
    )
    const take = db.prepare(
      `UPDATE webhook_cursors SET token = ?, lease_until = ?
       WHERE (account_id, live, endpoint) IN (
         SELECT account_id, live, endpoint FROM webhook_cursors c
         WHERE token IS NOT ? AND (token IS NULL OR lease_until <= ? OR lease_until > ?) 
           AND ${enabled(` AND ${VERSION} NOT IN (SELECT value FROM json_each(?))`)}
         LIMIT ?)`,
    )
    const held = db.prepare<unknown[], CursorRow & object>(
      `SELECT ${ENDPOINT_COLUMNS}, c.position AS cursorPosition, c.reach, c.failing_since AS failingSince,
         c.warned_at AS warnedAt
       FROM webhook_cursors c JOIN webhook_endpoints w
         ON w.account_id = c.account_id AND w.live = c.live AND w.id = c.endpoint
       WHERE c.token = ? AND w.status = 'enabled'
       ORDER BY c.account_id, c.live, c.endpoint`,
    )
    const replays = db.prepare<unknown[], object>(
      `SELECT ${REPLAY_COLUMNS} FROM webhook_replays r INDEXED BY webhook_replays_running
       WHERE r.account_id = ? AND r.live = ? AND r.endpoint = ? AND r.state = 'running' ORDER BY r.id`,
    )
    const replaysOf = ({ scope, id }: WebhookEndpoint): Replay[] =>
      replays.all(scope.accountId, live(scope), id).map(replayOf)

    return ({ now, leaseUntil, token, limit, leave = [] }: CursorClaim): HeldCursor[] => {
      const left = leave.map(({ scope, id, version }) =>
        [scope.accountId, live(scope), id, version].join('/'),
      )
      renew.run(leaseUntil, token, now + (leaseUntil - now) / 2, leaseUntil)
      take.run(token, leaseUntil, token, now, leaseUntil, JSON.stringify(left), limit)
      return held.all(token).map((row) => {
        const {
          cursorPosition: position,
          reach,
          failingSince,
          warnedAt,
          ...own
        } = row as CursorRow & {
          readonly cursorPosition: number
        }
        const endpoint = endpointOf(own)
        return { endpoint, position, reach, failingSince, warnedAt, replays: replaysOf(endpoint) }
      })
    }
  },

  releaseWebhookCursors(db) {
    const release = 'UPDATE webhook_cursors SET token = NULL, lease_until = NULL WHERE token = ?'
    const releaseAll = db.prepare(release)
    const releaseOne = db.prepare(`${release} AND account_id = ? AND live = ? AND endpoint = ?`)
    return (token: string, only?: readonly Pick<WebhookEndpoint, 'scope' | 'id'>[]): void => {
      if (only === undefined) releaseAll.run(token)
      for (const { scope, id } of only ?? []) releaseOne.run(token, scope.accountId, live(scope), id)
    }
  },
} satisfies Record<string, Definition>
