import { type Rejection, reject } from '../../domain/error.ts'
import type { Scope, Store } from '../../ports/store.ts'

/**
 * `events_purged` for a reader whose next events were deleted, so that it learns of the gap; undefined for every other,
 * and for one that begins with 0: it has read no event yet. Rejects with `StoreUnavailable`.
 */
export async function refusalOfPurged(
  store: Pick<Store, 'eventsPurgedTo'>,
  scope: Scope,
  after: number,
): Promise<Rejection | undefined> {
  if (after === 0) return undefined
  const purgedTo = await store.eventsPurgedTo(scope)
  if (after >= purgedTo) return undefined
  return reject(
    'events_purged',
    `The events up to ${purgedTo} were deleted after their retention. To read on, send ${purgedTo} as after.`,
    'after',
  )
}
