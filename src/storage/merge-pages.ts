/** One page of several: of a list that is read once for each value of a filter. */
import type { Page } from '../ports/store.ts'

/**
 * The page of the objects of all pages. Each was read with the same limit and cursor, in the order of the ids, and has
 * other objects than the rest. A page may have ended early: then what comes after its end in the other pages waits for
 * the next page.
 */
export function mergePages<T extends { readonly id: string }>(
  pages: readonly Page<T>[],
  { limit, oldestFirst = false }: { readonly limit: number; readonly oldestFirst?: boolean },
): Page<T> {
  const order = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0) * (oldestFirst ? 1 : -1)
  const all = pages.flatMap(({ data }) => data).toSorted((a, b) => order(a.id, b.id))
  const ends = pages.flatMap(({ data, hasMore }) => (hasMore ? (data.at(-1)?.id ?? []) : []))
  const within = all.filter(({ id }) => ends.every((end) => order(id, end) <= 0))
  const data = within.slice(0, limit)
  return { data, hasMore: data.length < all.length || ends.length > 0 }
}
