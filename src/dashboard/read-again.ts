/** Loaded only once events were missed or skipped. */
import type { ListPage } from './resource.ts'

/** The most pages that are read again: rows further back stay as they are. */
const MOST_PAGES = 10

type List<T> = {
  readonly load: (cursor: string | undefined) => Promise<ListPage<T>>
  /** Reads a row. */
  readonly one?: ((id: string) => Promise<T>) | undefined
  readonly idOf: (row: T) => string
  readonly cursorOf: (page: ListPage<T>) => string | undefined
}

type Found<T> = {
  /** Rows as they are now: those that were shown, and perhaps others. */
  readonly rows: readonly T[]
  /** Rows before those that are shown. */
  readonly newer: readonly T[]
  /** There may be more of them: none of those that are shown was on the first page. */
  readonly mayBeMore: boolean
}

/** Reads the first page, and the rows that are shown. Fails as `load` does. */
export async function readAgain<T>(
  { load, one, idOf, cursorOf }: List<T>,
  shown: readonly T[],
): Promise<Found<T>> {
  const known = new Set(shown.map(idOf))
  const top = await load(undefined)
  const newer = top.data.filter((row) => !known.has(idOf(row)))
  const isBeside = newer.length < top.data.length || !top.has_more
  const rows = [...top.data]
  const [first, last] = [shown.slice(0, 1), shown.slice(-1)].map((rows) => rows.map(idOf)[0])
  let cursor = isBeside ? cursorOf(top) : first
  // A page begins after its cursor.
  if (!isBeside && one && first !== undefined) rows.push(await one(first))
  const isWhole = () => last === undefined || rows.some((row) => idOf(row) === last)
  let hasMore = isBeside ? top.has_more : true
  for (let pages = 1; pages < MOST_PAGES && hasMore && cursor !== undefined && !isWhole(); pages++) {
    const page = await load(cursor)
    rows.push(...page.data)
    cursor = cursorOf(page)
    hasMore = page.has_more
  }
  return { rows, newer, mayBeMore: !isBeside }
}
