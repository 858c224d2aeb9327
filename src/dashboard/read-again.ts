/** Loaded only once events were missed. */
import type { ListPage } from './resource.ts'

/** The most pages that are read again: rows further back stay as they are. */
const MOST_PAGES = 10

/** The first rows of a list, in pages, until they are `count` or more. Fails as `load` does. */
export async function readAgain<T>(
  load: (cursor: string | undefined) => Promise<ListPage<T>>,
  cursorOf: (page: ListPage<T>) => string | undefined,
  count: number,
): Promise<T[]> {
  const rows: T[] = []
  let cursor: string | undefined
  for (let pages = 0; pages < MOST_PAGES && rows.length < count; pages++) {
    const page = await load(cursor)
    rows.push(...page.data)
    cursor = cursorOf(page)
    if (!page.has_more || cursor === undefined) break
  }
  return rows
}
