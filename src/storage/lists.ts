/**
 * The SELECT lists that both engines share for rows without a table of columns. Each is read into a type of the store's
 * port.
 */
import type { NotificationSubject } from '../ports/provider.ts'
import type { StoredNotification } from '../ports/store.ts'

export const EPOCH = `id, first_seq AS "firstSequence", began_at AS "beganAt", cause`

/** The id of the epoch of the event `e`. */
export const EPOCH_OF_EVENT = `(SELECT p.id FROM epochs p WHERE p.first_seq <= e.seq ORDER BY p.first_seq DESC LIMIT 1)`

export const NOTIFICATION = `id, provider, notification_id AS "notificationId", about, reference, tries,
  received_at AS "receivedAt"`

/** A notification as read: `reference` is an attempt's id or the provider's reference. */
export type NotificationRow = Omit<StoredNotification, 'subject'> & {
  readonly about: NotificationSubject['about']
  readonly reference: string | null
}

export function storedNotification({ about, reference, ...rest }: NotificationRow): StoredNotification {
  return { ...rest, subject: subjectOf(about, reference ?? '') }
}

function subjectOf(about: NotificationSubject['about'], reference: string): NotificationSubject {
  if (about === 'nothing') return { about }
  return about === 'attempt' ? { about, attemptId: reference } : { about, reference }
}

/** The column `reference` of a notification. */
export function referenceOf(subject: NotificationSubject): string | null {
  if (subject.about === 'nothing') return null
  return subject.about === 'attempt' ? subject.attemptId : subject.reference
}
