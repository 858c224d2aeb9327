/** Reads events for all endpoints: those of one scope that are equally far share each page. */
import { PassingMap } from '../../domain/passing-map.ts'
import type { Page, Scope, Store, StoredEvent } from '../../ports/store.ts'

export type PageRange = { readonly after: number; readonly to?: number; readonly limit: number }

export type EventPages = {
  /** Rejects with `StoreUnavailable`. */
  read(scope: Scope, range: PageRange): Promise<Page<StoredEvent>>
}

export function createEventPages(store: Pick<Store, 'eventsToDeliver'>): EventPages {
  /** Reads in progress, by what they read. */
  const reads = new PassingMap<string, Promise<Page<StoredEvent>>>()
  return {
    read(scope, range) {
      const { after, to = '', limit } = range
      const name = `${scope.accountId}/${scope.mode}/${after}/${to}/${limit}`
      const shared = reads.get(name)
      if (shared) return shared
      const read = store.eventsToDeliver(scope, range).finally(() => reads.delete(name))
      reads.set(name, read)
      return read
    },
  }
}
