/** Keeps the list of open attempts current without moving its rows. */
import type { AttemptView } from '../../api/minipay/attempt-schemas.ts'
import { api } from '../api.ts'
import type { ListPage, Pages } from '../resource.ts'
import type { Query } from '../router.ts'
import { isOpen } from './attempt-cells.ts'

/** The most rows that are read one by one in a turn. */
const MOST = 20

/**
 * Reads the first page again. Rows that are shown change in place; new ones are counted. A row that is shown as open but is
 * not on the page any more has ended, or is further back: it is read by itself.
 */
export async function refreshOpen(
  pages: Pages<AttemptView>,
  query: Query,
  onChange: (attempt: AttemptView) => void,
): Promise<void> {
  const shown = pages.rows
  const { data, has_more: hasMore } = await api.get<ListPage<AttemptView>>('/attempts', query)
  const now = new Map(data.map((attempt) => [attempt.id, attempt]))
  const known = new Set(shown.map(({ id }) => id))
  for (const attempt of data) if (known.has(attempt.id)) onChange(attempt)
  if (!pages.hasMore && !hasMore) pages.newer.value = data.filter(({ id }) => !known.has(id)).length
  const gone = shown.filter((attempt) => isOpen(attempt) && !now.has(attempt.id))
  for (const { id } of gone.slice(0, MOST)) onChange(await api.get<AttemptView>(`/attempts/${id}`))
}
