/** One page of several: of a list that is read once for each value of a filter. */
import type { Page, PageQuery } from '../ports/store.ts'

type Merged = Pick<PageQuery, 'limit' | 'endingBefore'> & { readonly oldestFirst?: boolean }

/**
 * The page of the objects of all pages. Each was read with the same limit and cursor, in the order of the ids. An object
 * that changed its value between two reads counts once. A page may have ended early: then what comes after its end in
 * the other pages waits for the next page.
 */
export function mergePages<T extends { readonly id: string }>(
  pages: readonly Page<T>[],
  { limit, endingBefore, oldestFirst = false }: Merged,
): Page<T> {
  // A page before a cursor is read towards newer objects, and shown newest first.
  const turned = endingBefore !== undefined && !oldestFirst
  const sign = turned || oldestFirst ? 1 : -1
  const order = (a: string, b: string) => (a < b ? -1 : Number(a > b)) * sign
  const [end] = pages
    .flatMap(({ data, hasMore, next }) => (hasMore ? (next ?? data.at(turned ? 0 : -1)?.id ?? []) : []))
    .sort(order)
  const found = new Map(pages.flatMap(({ data }) => data).map((item) => [item.id, item]))
  const within = [...found.values()]
    .filter(({ id }) => end === undefined || order(id, end) <= 0)
    .sort((a, b) => order(a.id, b.id))
  const rows = within.slice(0, limit)
  const endsEarly = end !== undefined && within.length <= limit && rows.at(-1)?.id !== end
  return {
    data: turned ? rows.toReversed() : rows,
    hasMore: within.length > limit || end !== undefined,
    ...(endsEarly && { next: end }),
  }
}
