import type { ServingClock } from '../app/clock.ts'
import type { Context } from '../app/context.ts'
import { MODES, type Scope } from '../domain/scope.ts'
import { type Loop, startLoop } from './loop.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
/** Deliveries that one write looks at, and links of the hash chain read by one: small, so that no request waits long. */
const BATCH = 500
const LINKS = 50
const PAGE = 100

/** How long rows are kept, in days; 0: for ever. */
export type Retention = { readonly eventDays: number; readonly deliveryDays: number }

/**
 * Deletes old events and delivered deliveries once an hour. The age of events is counted in whole days, so that each day
 * adds at most one audit entry to an account and mode, and one warning of the disabled endpoints that keep old events. The age is that of the trusted clock: a clock that is set ahead
 * deletes nothing for a while.
 */
export function startRetention(
  { store, log, runtime, newId, now }: Pick<Context, 'store' | 'log' | 'runtime' | 'newId' | 'now'>,
  { eventDays, deliveryDays }: Retention,
  clock: Pick<ServingClock, 'trusted'>,
): Loop {
  let stopping = false
  /** The bound of the last run that warned: it moves once a day. */
  let warned: number | undefined

  async function warnOfDisabled(scope: Scope, before: number): Promise<void> {
    const endpoints = await store.disabledHolders(scope, before)
    if (endpoints.length === 0) return
    log.warn(
      { account: scope.accountId, mode: scope.mode, endpoints },
      'Events past their retention are kept for disabled webhook endpoints: enable these endpoints, or delete them.',
    )
  }

  async function purgeEvents(scope: Scope, before: number): Promise<void> {
    for (let done = false; !done && !stopping; ) {
      const entry = { id: newId('aud'), at: now() }
      const purged = await store.purgeEvents(scope, { before, limit: LINKS, entry })
      done = purged.done
      if (purged.problem !== undefined)
        log.error(
          { account: scope.accountId, mode: scope.mode, problem: purged.problem },
          'Events past their retention were not deleted: somebody changed the database. Run minipay verify.',
        )
    }
  }

  async function purgeDeliveries(scope: Scope, before: number): Promise<void> {
    for (let after: string | null = null; !stopping; ) {
      const { next } = await store.purgeDeliveries(scope, { before, after, limit: BATCH })
      if (next === null) return
      after = next
    }
  }

  async function everyScope(purge: (scope: Scope) => Promise<void>): Promise<void> {
    for (let startingAfter: string | undefined; !stopping; ) {
      const page = await store.accounts({
        limit: PAGE,
        ...(startingAfter !== undefined && { startingAfter }),
      })
      for (const { id: accountId } of page.data)
        for (const mode of MODES) if (!stopping) await purge({ accountId, mode })
      startingAfter = page.data.at(-1)?.publicId
      if (!page.hasMore) return
    }
  }

  async function purgeAllEvents(): Promise<void> {
    const before = Math.floor((clock.trusted() - eventDays * DAY_MS) / DAY_MS) * DAY_MS
    await everyScope(async (scope) => {
      await purgeEvents(scope, before)
      if (warned !== before) await warnOfDisabled(scope, before)
    })
    warned = before
  }

  const loop = startLoop({ name: 'retention', intervalMs: HOUR_MS, log, runtime }, async () => {
    const before = clock.trusted() - deliveryDays * DAY_MS
    if (deliveryDays > 0) await everyScope((scope) => purgeDeliveries(scope, before))
    if (eventDays > 0) await purgeAllEvents()
  })
  return {
    ...loop,
    stop() {
      stopping = true
      return loop.stop()
    },
  }
}
