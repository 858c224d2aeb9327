/**
 * Reads the log for all who follow it. Those who have read equally far share a read, so a commit costs about one read,
 * however many streams are open.
 */
import type { Runtime } from '../../ports/runtime.ts'
import type { Page, Scope, Store, StoredEvent } from '../../ports/store.ts'
import type { EventBell } from './bell.ts'

/** The most events of one read. */
const PAGE = 64
/** The scopes whose newest page stays in memory. */
const PAGES_KEPT = 16
/** How long a read counts for others who find its end, in ms, if no ring comes: less than the time between two polls. */
const FRESH_MS = 500

export type EventReader = {
  /** The next events after a sequence, of every type: none if there are none. Rejects with `StoreUnavailable`. */
  read(scope: Scope, after: number): Promise<readonly StoredEvent[]>
}

/** The newest read of a scope. */
type Read = {
  readonly after: number
  readonly startedAt: number
  readonly result: Promise<readonly StoredEvent[]>
  /** Once it has ended: the log after `after`, without a gap; and whether it has more behind. */
  page?: Page<StoredEvent>
  /** An event may have been stored since it began: a reader that comes now must not take its end for the end of the log. */
  isStale: boolean
}

export function createEventReader(
  store: Pick<Store, 'events'>,
  bell: Pick<EventBell, 'on'>,
  { monotonic }: Pick<Runtime, 'monotonic'>,
): EventReader {
  const newest = new Map<string, Read>()
  bell.on((scope) => {
    const rung = scope ? [newest.get(nameOf(scope))] : newest.values()
    for (const read of rung) if (read) read.isStale = true
  })

  function start(scope: Scope, name: string, after: number): Read {
    const found = store.events(scope, { after, limit: PAGE })
    const result = found.then(({ data }) => data)
    const read: Read = { after, startedAt: monotonic(), result, isStale: false }
    newest.delete(name)
    newest.set(name, read)
    const [oldest] = newest.keys()
    if (newest.size > PAGES_KEPT && oldest !== undefined) newest.delete(oldest)
    found.then(
      (page) => {
        read.page = page
      },
      () => {
        if (newest.get(name) === read) newest.delete(name)
      },
    )
    return read
  }

  /** What the newest read tells of the events after a sequence; undefined if that is not enough. */
  function known({ after: from, page, result, isStale, startedAt }: Read, after: number) {
    const isFresh = !isStale && monotonic() - startedAt < FRESH_MS
    if (!page) return isFresh && from === after ? result : undefined
    const { data, hasMore } = page
    const rest = from <= after ? data.filter(({ sequence }) => sequence > after) : []
    if (rest.length > 0) return rest
    const isEnd = !hasMore && after === (data.at(-1)?.sequence ?? from)
    return isFresh && isEnd ? rest : undefined
  }

  return {
    async read(scope, after) {
      const name = nameOf(scope)
      const last = newest.get(name)
      return (last && known(last, after)) ?? start(scope, name, after).result
    },
  }
}

function nameOf({ accountId, mode }: Scope): string {
  return `${accountId}/${mode}`
}
