import type { AttemptClaim, NotificationSettlement, StoredNotification } from '../../ports/store.ts'
import { NOTIFICATION, type NotificationRow, referenceOf, storedNotification } from '../lists.ts'
import type { Definition } from './definition.ts'

/** Providers' notifications: stored once, then claimed, acted on and settled. */
export const notificationWrites = {
  addNotification(db) {
    const insert = db.prepare(
      `INSERT INTO notifications
         (id, provider, notification_id, about, reference, state, tries, due_at, received_at)
       VALUES (?, ?, ?, ?, ?, 'pending', ?, ?, ?)
       ON CONFLICT (provider, notification_id) DO UPDATE
         SET state = 'pending', tries = 0, due_at = excluded.due_at WHERE state = 'failed'`,
    )
    return ({ id, provider, notificationId, subject, tries, receivedAt }: StoredNotification): boolean => {
      const reference = referenceOf(subject)
      const row = [id, provider, notificationId, subject.about, reference, tries, receivedAt, receivedAt]
      return insert.run(...row).changes === 1
    }
  },

  claimNotifications(db) {
    const claimDue = db.prepare<unknown[], NotificationRow>(
      `UPDATE notifications SET due_at = ?, token = ?
       WHERE id IN (
         SELECT id FROM notifications WHERE state = 'pending' AND due_at <= ? ORDER BY due_at, id LIMIT ?)
       RETURNING ${NOTIFICATION}`,
    )
    return ({ limit, now, leaseUntil, token }: Omit<AttemptClaim, 'provider'>): StoredNotification[] =>
      claimDue.all(leaseUntil, token, now, limit).map(storedNotification)
  },

  settleNotification(db) {
    const settleClaimed = db.prepare(
      `UPDATE notifications
       SET state = ?, tries = tries + ?, due_at = ?, token = NULL, last_error = ?
       WHERE id = ? AND token = ? AND state = 'pending'`,
    )
    return ({ id, token, state, dueAt, error, inVain = state !== 'done' }: NotificationSettlement): boolean =>
      settleClaimed.run(state, inVain ? 1 : 0, state === 'pending' ? dueAt : null, error, id, token)
        .changes === 1
  },

  purgeNotifications(db) {
    const purgeDone = db.prepare(
      `DELETE FROM notifications WHERE id IN (
         SELECT id FROM notifications WHERE state <> 'pending' AND received_at < ? ORDER BY received_at, id LIMIT ?)`,
    )
    return (before: number, limit: number): number => purgeDone.run(before, limit).changes
  },
} satisfies Record<string, Definition>
