import type { Connection } from './connection.ts'
import type {
  AddNotificationOp,
  ClaimNotificationsOp,
  PurgeNotificationsOp,
  SettleNotificationOp,
} from './ops.ts'

/** What is claimed of a notification: `reference` is an attempt's id or the provider's reference. */
export type NotificationColumns = {
  readonly id: string
  readonly provider: string
  readonly notificationId: string
  readonly about: 'attempt' | 'payment' | 'refund' | 'dispute' | 'nothing'
  readonly reference: string | null
  readonly tries: number
  readonly receivedAt: number
}

/** Providers' notifications: stored once, then claimed, acted on and settled. */
export function notificationWrites(db: Connection) {
  const insert = db.prepare(
    `INSERT INTO notifications
       (id, provider, notification_id, about, reference, state, tries, due_at, received_at)
     VALUES (?, ?, ?, ?, ?, 'pending', ?, ?, ?)
     ON CONFLICT (provider, notification_id) DO UPDATE
       SET state = 'pending', tries = 0, due_at = excluded.due_at WHERE state = 'failed'`,
  )
  const claimDue = db.prepare<unknown[], NotificationColumns>(
    `UPDATE notifications SET due_at = ?, token = ?
     WHERE id IN (
       SELECT id FROM notifications WHERE state = 'pending' AND due_at <= ? ORDER BY due_at, id LIMIT ?)
     RETURNING id, provider, notification_id AS notificationId, about, reference, tries,
       received_at AS receivedAt`,
  )
  const settleClaimed = db.prepare(
    `UPDATE notifications
     SET state = ?, tries = tries + ?, due_at = ?, token = NULL, last_error = ?
     WHERE id = ? AND token = ? AND state = 'pending'`,
  )
  const purgeDone = db.prepare(
    `DELETE FROM notifications WHERE id IN (
       SELECT id FROM notifications WHERE state <> 'pending' AND received_at < ? ORDER BY received_at, id LIMIT ?)`,
  )

  return {
    add([, ...columns]: AddNotificationOp): boolean {
      const receivedAt = columns[6]
      return insert.run(...columns, receivedAt).changes === 1
    },

    claim([, limit, now, leaseUntil, token]: ClaimNotificationsOp): NotificationColumns[] {
      return claimDue.all(leaseUntil, token, now, limit)
    },

    settle([, id, token, state, dueAt, error, tries]: SettleNotificationOp): boolean {
      return settleClaimed.run(state, tries, dueAt, error, id, token).changes === 1
    },

    purge([, before, limit]: PurgeNotificationsOp): number {
      return purgeDone.run(before, limit).changes
    },
  }
}
