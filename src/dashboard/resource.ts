/** Data of the API for a screen. */
import { batch, type Signal, signal } from '@preact/signals'
import { useEffect, useLayoutEffect, useMemo, useRef } from 'preact/hooks'
import { type ApiError, asApiError } from './api.ts'
import { missed } from './live.ts'
import type { ListPage, Pages, Resource } from './resource-types.ts'

export type { ListPage, Pages, Resource } from './resource-types.ts'

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
      this.error.value = asApiError(error)
      this.loading.value = false
    }
  }
}

/**
 * Loads data when the screen appears, before it is painted; when a value of `deps` changes; and when live events may have
 * been missed. A request that is no longer needed is aborted. With `recover`, that is called after missed events instead.
 */
export function useResource<T>(
  load: Load<T>,
  deps: readonly unknown[] = [],
  recover?: () => void,
): Resource<T> {
  const holder = useMemo(() => new Holder<T>(), [])
  holder.load = load
  const lost = missed.value
  const known = useRef(lost)
  useLayoutEffect(() => {
    holder.reload()
    return () => holder.stop()
  }, [...deps, recover ? 0 : lost])
  useEffect(() => {
    if (lost !== known.current) recover?.()
    known.current = lost
  }, [lost])
  return holder
}

/** So many new rows are counted one by one. */
const MOST_NEWER = 1_000

/**
 * A list by cursor. `load` gets the cursor of the next page, mostly the id of the last row, for `starting_after`, or
 * undefined for the first page; `idOf` gives the id of a row, and `one` reads a row by it.
 */
export function usePages<T>(
  load: (after: string | undefined, signal: AbortSignal) => Promise<ListPage<T>>,
  idOf: (row: T) => string,
  deps: readonly unknown[] = [],
  one?: (id: string) => Promise<T>,
): Pages<T> {
  const [loadingMore, moreNewer] = useMemo(() => [signal(false), signal(false)] as const, [])
  const newer = useMemo(() => signal(0), [])
  /** Grows with each first page: a page that comes after it belongs to the former rows. */
  const loads = useMemo(() => ({ count: 0, further: false, newer: new Set<string>() }), [])
  const cursorOf = ({ data, next_cursor: next }: ListPage<T>) => next ?? data.map(idOf).at(-1)
  const read = (after: string | undefined) => load(after, new AbortController().signal)
  const first = async (abort: AbortSignal) => {
    const page = await load(undefined, abort)
    Object.assign(loads, { count: loads.count + 1, further: false, newer: new Set() })
    newer.value = 0
    moreNewer.value = false
    return page
  }
  const resource = useResource(first, deps, () => {
    if (!loads.further || resource.error.value) resource.reload()
    else refresh().catch(resource.reload)
  })
  const page = resource.data.value
  const more = async () => {
    const cursor = page && cursorOf(page)
    if (cursor === undefined || loadingMore.value) return
    loadingMore.value = true
    const { count } = loads
    try {
      const next = await read(cursor)
      // Meanwhile the filters may have changed; single rows may have changed, too, and stay as they are.
      if (count !== loads.count) return
      loads.further = true
      resource.update((now) => ({ ...next, data: [...now.data, ...next.data] }))
    } catch (error) {
      ;(resource.error as Signal<ApiError | undefined>).value = asApiError(error)
    } finally {
      loadingMore.value = false
    }
  }
  const shown = () => resource.data.value?.data ?? []
  const put = (rows: readonly T[]) => {
    const byId = new Map(rows.map((row) => [idOf(row), row]))
    resource.update((now) => ({ ...now, data: now.data.map((row) => byId.get(idOf(row)) ?? row) }))
  }
  const replace = (row: T): boolean => {
    const known = shown().some((other) => idOf(other) === idOf(row))
    if (known) put([row])
    return known
  }
  const notice = (id: string) => {
    if (loads.newer.size < MOST_NEWER) newer.value = loads.newer.add(id).size
    else moreNewer.value = true
  }
  /** Rows stay where they are under the reader: they change in place, and new ones are counted. */
  const refresh = async () => {
    const { count } = loads
    const { readAgain } = await import('./read-again.ts')
    const { rows, newer, mayBeMore } = await readAgain({ load: read, one, idOf, cursorOf }, shown())
    if (count !== loads.count) return
    put(rows)
    newer.map(idOf).forEach(notice)
    if (mayBeMore) moreNewer.value = true
  }
  return {
    ...resource,
    ...{ rows: page?.data ?? [], hasMore: page?.has_more ?? false },
    ...{ more: () => void more(), loadingMore, newer, moreNewer, notice, replace },
    // One that fails is followed by the next one.
    refresh: () => void refresh().catch(() => {}),
  }
}
