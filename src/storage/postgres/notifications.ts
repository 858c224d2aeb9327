import type { AttemptClaim, NotificationSettlement, StoredNotification } from '../../ports/store.ts'
import { NOTIFICATION, type NotificationRow, referenceOf, storedNotification } from '../lists.ts'
import { createClaims } from './claims.ts'
import type { Work } from './statements.ts'

/** Providers' notifications: stored once, then claimed, acted on and settled. */
export function notificationWork({ fenced, once }: Work, node: string) {
  const claims = createClaims(once, node, GIVE_BACK)
  return {
    async addNotification(notification: StoredNotification): Promise<boolean> {
      const { id, provider, notificationId, subject, tries, receivedAt } = notification
      const about = [subject.about, referenceOf(subject)]
      return (await once(ADD, [id, provider, notificationId, ...about, tries, receivedAt])).count === 1
    },

    async claimNotifications(claim: Omit<AttemptClaim, 'provider'>): Promise<StoredNotification[]> {
      const { now, limit, leaseUntil, token } = claim
      return (await claims(CLAIM, [now, limit, leaseUntil, token, node], token)).map((row) =>
        storedNotification(row as unknown as NotificationRow),
      )
    },

    async settleNotification(settlement: NotificationSettlement): Promise<boolean> {
      const { id, token, state, dueAt, error, inVain = state !== 'done' } = settlement
      const due = state === 'pending' ? dueAt : null
      return (await fenced(SETTLE, [id, token, state, inVain ? 1 : 0, due, error])).count === 1
    },
  }
}

const ADD = `
  INSERT INTO notifications (id, provider, notification_id, about, reference, state, tries, due_at, received_at)
  VALUES ($1, $2, $3, $4, $5, 'pending', $6, $7, $7)
  ON CONFLICT (provider, notification_id) DO UPDATE
  SET state = 'pending', tries = 0, due_at = excluded.due_at
  WHERE notifications.state = 'failed'`

const CLAIM = `
  WITH due AS (
    SELECT id AS due FROM notifications
    WHERE state = 'pending' AND due_at <= $1
    ORDER BY due_at, id
    LIMIT $2
    FOR UPDATE SKIP LOCKED)
  UPDATE notifications SET due_at = $3, token = $4, owner = $5
  FROM due WHERE id = due.due
  RETURNING ${NOTIFICATION}`

const GIVE_BACK = `
  UPDATE notifications SET due_at = received_at, token = NULL, owner = NULL WHERE owner = $1 AND token = $2`

const SETTLE = `
  UPDATE notifications
  SET state = $3, tries = tries + $4, due_at = $5, token = NULL, owner = NULL, last_error = $6
  WHERE id = $1 AND token = $2 AND state = 'pending'`
