import {
  createSharedLookups,
  handleNotification,
  type NotificationResult,
} from '../app/attempts/handle-notification.ts'
import type { Context } from '../app/context.ts'
import { nextQuietLookup } from '../domain/attempt.ts'
import { type NotificationSettlement, type StoredNotification, StoreUnavailable } from '../ports/store.ts'
import type { Loop } from './loop.ts'
import { startPool } from './pool.ts'

const POLL_MS = 1_000
const CONCURRENCY = 16
/** The longest time of a notification besides its calls, in ms. */
const NOTIFICATION_SETTLE_MS = 60_000
const FIRST_RETRY_MS = 1_000
const MAX_RETRY_MS = 600_000
/** The number of retries, about a day; then the notification is kept as failed. */
const MAX_TRIES = 150
/** About half an hour: if other software shares the account, MiniPay also gets notifications about its payments. */
const MAX_TRIES_FOREIGN = 12
/** While its charge is busy, a notification waits for a quarter of its age, within these bounds, in ms. */
const MIN_BUSY_MS = 1_000
const MAX_BUSY_MS = 30_000

type Claimed = { readonly notification: StoredNotification; readonly token: string }

/**
 * Handles stored notifications: retries until their provider is available, and makes a few more lookups if it reports
 * nothing new about an object that may still change.
 */
export function startNotifications(context: Context): Loop {
  const { store, log } = context
  const looks = createSharedLookups()
  return startPool<Claimed>({
    name: 'notifications',
    intervalMs: POLL_MS,
    concurrency: CONCURRENCY,
    log,
    runtime: context.runtime,
    background: context.background,
    async claim(limit) {
      const token = context.newKey()
      const now = context.now()
      const claimed = await store.claimNotifications({
        limit,
        now,
        leaseUntil: now + notificationLeaseMs(context),
        token,
      })
      return claimed.map((notification) => ({ notification, token }))
    },
    async handle({ notification, token }) {
      const { id, provider } = notification
      const acted = await handleNotification(context, notification, looks).catch(
        (error): NotificationResult => {
          if (error instanceof StoreUnavailable) throw error
          log.error({ notification: id, provider, err: error }, 'Handling a notification failed.')
          return { done: false, why: 'failed', error: (error as Error).message }
        },
      )
      const settled = settlementOf(acted, notification, context.now())
      if (settled.state === 'failed')
        log.error({ notification: id, provider, reason: settled.error }, 'Gave up on a notification.')
      await store.settleNotification({ id, token, ...settled })
    },
  })
}

/** The time of the next run, unless it is done or given up. Only a failure counts as a try. */
export function settlementOf(
  acted: NotificationResult,
  { tries, receivedAt }: Pick<StoredNotification, 'tries' | 'receivedAt'>,
  now: number,
): Omit<NotificationSettlement, 'id' | 'token'> {
  if (acted.done) return { state: 'done', dueAt: null, error: null }
  const { why, error } = acted
  if (why === 'quiet') {
    const dueAt = nextQuietLookup(receivedAt, now)
    return dueAt === null
      ? { state: 'done', dueAt, error: null }
      : { state: 'pending', dueAt, error, inVain: false }
  }
  if (why === 'busy') {
    const waitMs = Math.min(Math.max((now - receivedAt) / 4, MIN_BUSY_MS), MAX_BUSY_MS)
    return { state: 'pending', dueAt: Math.round(now + waitMs), error, inVain: false }
  }
  if (tries + 1 >= (why === 'foreign' ? MAX_TRIES_FOREIGN : MAX_TRIES))
    return { state: 'failed', dueAt: null, error }
  const waitMs = Math.min(FIRST_RETRY_MS * 2 ** Math.min(tries, 20), MAX_RETRY_MS)
  return { state: 'pending', dueAt: now + waitMs, error }
}

/** Longer than the slowest provider may take for the lookups of one notification. */
export function notificationLeaseMs({ providers }: Context): number {
  const deadlines = [...providers.values()].map(({ deadlineMs }) => deadlineMs)
  return 3 * Math.max(...deadlines) + NOTIFICATION_SETTLE_MS
}
