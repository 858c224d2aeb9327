import type { Context } from '../app/context.ts'
import { type Acted, act } from '../app/notifications.ts'
import { type StoredNotification, StoreUnavailable } from '../ports/store.ts'
import type { Loop } from './loop.ts'
import { startPool } from './pool.ts'

const POLL_MS = 1_000
const CONCURRENCY = 16
/** Beside its calls a notification takes this long at most, in ms. */
const SETTLE_MS = 60_000
const FIRST_RETRY_MS = 1_000
const MAX_RETRY_MS = 600_000
/** About a day of retries; then it is kept as failed. */
const MAX_TRIES = 150
/** About half an hour: whoever shares an account with other software hears of their payments too. */
const MAX_TRIES_FOREIGN = 12

type Claimed = { readonly notification: StoredNotification; readonly token: string }

/** Acts on stored notifications, again and again until their provider could be asked. */
export function startNotifications(context: Context): Loop {
  const { store, log } = context
  return startPool<Claimed>({
    name: 'notifications',
    intervalMs: POLL_MS,
    concurrency: CONCURRENCY,
    log,
    ongoing: context.ongoing,
    async claim(limit) {
      const token = context.newKey()
      const now = context.now()
      const claimed = await store.claimNotifications({
        limit,
        now,
        leaseUntil: now + leaseMs(context),
        token,
      })
      return claimed.map((notification) => ({ notification, token }))
    },
    async handle({ notification, token }) {
      const { id, tries, provider } = notification
      const acted = await act(context, notification).catch((error): Acted => {
        if (error instanceof StoreUnavailable) throw error
        log.error({ notification: id, provider, err: error }, 'Acting on a notification failed.')
        return { done: false, error: (error as Error).message, foreign: false }
      })
      if (acted.done) {
        await store.settleNotification({ id, token, state: 'done', dueAt: null, error: null })
        return
      }
      const { error } = acted
      if (tries + 1 >= (acted.foreign ? MAX_TRIES_FOREIGN : MAX_TRIES)) {
        log.error({ notification: id, provider, reason: error }, 'A notification is given up.')
        await store.settleNotification({ id, token, state: 'failed', dueAt: null, error })
        return
      }
      const dueAt = context.now() + Math.min(FIRST_RETRY_MS * 2 ** Math.min(tries, 20), MAX_RETRY_MS)
      await store.settleNotification({ id, token, state: 'pending', dueAt, error })
    },
  })
}

/** Longer than the slowest provider may take for what one notification has it asked. */
function leaseMs({ providers }: Context): number {
  const deadlines = [...providers.values()].map((provider) => (provider.remote ? provider.deadlineMs : 0))
  return 3 * Math.max(...deadlines) + SETTLE_MS
}
