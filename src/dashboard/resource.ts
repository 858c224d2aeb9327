/** Data of the API for a screen. */
import { batch, type ReadonlySignal, type Signal, signal } from '@preact/signals'
import { useEffect, useMemo } from 'preact/hooks'
import { ApiError } from './api.ts'
import { missed } from './live.ts'

export type Resource<T> = {
  readonly data: ReadonlySignal<T | undefined>
  readonly error: ReadonlySignal<ApiError | undefined>
  readonly loading: ReadonlySignal<boolean>
  /** Loads again. The old data stays until the new data is there. */
  readonly reload: () => void
  /** Changes the data that is shown, such as after an event. */
  readonly update: (change: (data: T) => T) => void
}

type Load<T> = (signal: AbortSignal) => Promise<T>

class Holder<T> implements Resource<T> {
  readonly data: Signal<T | undefined> = signal(undefined)
  readonly error: Signal<ApiError | undefined> = signal(undefined)
  readonly loading = signal(true)
  load: Load<T> | undefined
  private running: AbortController | undefined

  readonly reload = (): void => void this.run()
  readonly update = (change: (data: T) => T): void => {
    if (this.data.value !== undefined) this.data.value = change(this.data.value)
  }
  stop(): void {
    this.running?.abort()
  }
  private async run(): Promise<void> {
    this.running?.abort()
    const running = new AbortController()
    this.running = running
    this.loading.value = true
    try {
      const data = await this.load?.(running.signal)
      if (running.signal.aborted) return
      batch(() => {
        this.data.value = data
        this.error.value = undefined
        this.loading.value = false
      })
    } catch (error) {
      if (running.signal.aborted) return
      batch(() => {
        this.error.value = asApiError(error)
        this.loading.value = false
      })
    }
  }
}

/** Errors of our own code are shown as well, with their text. */
export function asApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error
  return new ApiError(0, { error: String(error), code: 'page_error' }, undefined)
}

/**
 * Loads data when the screen appears, when a value of `deps` changes, and when live events may have been missed.
 * A request that is no longer needed is aborted.
 */
export function useResource<T>(load: Load<T>, deps: readonly unknown[] = []): Resource<T> {
  const holder = useMemo(() => new Holder<T>(), [])
  holder.load = load
  const lost = missed.value
  useEffect(() => {
    holder.reload()
    return () => holder.stop()
  }, [...deps, lost])
  return holder
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
  /** Replaces the row with the same id; false when there is none. */
  readonly replace: (row: T) => boolean
}

/**
 * A list by cursor. `load` gets the cursor of the next page, mostly the id of the last row, for `starting_after`, or
 * undefined for the first page; `idOf` gives the id of a row.
 */
export function usePages<T>(
  load: (after: string | undefined, signal: AbortSignal) => Promise<ListPage<T>>,
  idOf: (row: T) => string,
  deps: readonly unknown[] = [],
): Pages<T> {
  const loadingMore = useMemo(() => signal(false), [])
  const newer = useMemo(() => signal(0), [])
  /** Grows with each first page: a page that comes after it belongs to the former rows. */
  const loads = useMemo(() => ({ count: 0 }), [])
  const resource = useResource(async (abort) => {
    const page = await load(undefined, abort)
    loads.count++
    newer.value = 0
    return page
  }, deps)
  const page = resource.data.value
  const more = async () => {
    const last = page?.data.at(-1)
    const cursor = page?.next_cursor ?? (last && idOf(last))
    if (cursor === undefined || loadingMore.value) return
    loadingMore.value = true
    const { count } = loads
    try {
      const next = await load(cursor, new AbortController().signal)
      // Meanwhile the filters may have changed; single rows may have changed, too, and stay as they are.
      if (count === loads.count) resource.update((now) => ({ ...next, data: [...now.data, ...next.data] }))
    } catch (error) {
      ;(resource.error as Signal<ApiError | undefined>).value = asApiError(error)
    } finally {
      loadingMore.value = false
    }
  }
  const replace = (row: T): boolean => {
    const known = resource.data.value?.data.some((other) => idOf(other) === idOf(row)) ?? false
    if (known)
      resource.update((now) => ({
        ...now,
        data: now.data.map((other) => (idOf(other) === idOf(row) ? row : other)),
      }))
    return known
  }
  return {
    ...resource,
    ...{ rows: page?.data ?? [], hasMore: page?.has_more ?? false },
    ...{ more: () => void more(), loadingMore, newer, replace },
  }
}
