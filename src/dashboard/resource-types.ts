/** Data of the API as screens get it. */
import type { ReadonlySignal, Signal } from '@preact/signals'
import type { ApiError } from './api.ts'

export type Resource<T> = {
  readonly data: ReadonlySignal<T | undefined>
  readonly error: ReadonlySignal<ApiError | undefined>
  readonly loading: ReadonlySignal<boolean>
  /** Loads again. The old data stays until the new data is there. */
  readonly reload: () => void
  /** Changes the data that is shown, such as after an event. */
  readonly update: (change: (data: T) => T) => void
}

/** A page of a list of the API. */
export type ListPage<T> = {
  readonly data: readonly T[]
  readonly has_more: boolean
  /** Where the next page begins, if this one ended early: a search without an index. */
  readonly next_cursor?: string
}

export type Pages<T> = Resource<ListPage<T>> & {
  /** The rows of all pages that were loaded. */
  readonly rows: readonly T[]
  readonly hasMore: boolean
  /** Loads the next page and adds its rows. */
  readonly more: () => void
  readonly loadingMore: ReadonlySignal<boolean>
  /** How many new rows wait behind "7 new payments". */
  readonly newer: Signal<number>
  /** There may be more of them: MiniPay skipped events, or they are too many to count. */
  readonly moreNewer: ReadonlySignal<boolean>
  /** Counts a new row, once for each id. */
  readonly notice: (id: string) => void
  /** Reads again what is shown, in place, and counts the new rows: after events were skipped. */
  readonly refresh: () => void
  /** Replaces the row with the same id; false when there is none. */
  readonly replace: (row: T) => boolean
}
