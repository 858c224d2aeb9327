import { useEffect, useRef } from 'preact/hooks'
import type { EventView } from '../../api/minipay/event-schemas.ts'
import { api } from '../api.ts'
import { count } from '../format.ts'
import { live, useEvents } from '../live.ts'
import { type ListPage, usePages } from '../resource.ts'
import { href, place } from '../router.ts'
import { a, component, fragment, p, span, type VNode } from '../tags.ts'
import { Empty, NothingMatches } from '../ui/empty.ts'
import { anyFilter, clearFilters, type Filter, Filters, filterValues } from '../ui/filters.ts'
import { Page } from '../ui/page.ts'
import { type Column, List } from '../ui/table.ts'
import { ExportButton, Id, Time } from '../ui/values.ts'
import { objectOf } from '../webhooks/event-objects.ts'

const NEWEST = Number.MAX_SAFE_INTEGER

const FILTERS: readonly Filter[] = [
  {
    ...{ name: 'type', label: 'Type', kind: 'select' },
    choices: [
      ['payment.*', 'Payments'],
      ['refund.*,payment.refunded', 'Refunds'],
      ['dispute.*', 'Disputes'],
      ['alarm.*', 'Alarms'],
      ['webhook_endpoint.*', 'Webhook endpoints'],
      ['payment.failed,payment.capture_failed,payment.cancel_failed,refund.failed', 'What failed'],
    ],
  },
  { name: 'object', label: 'About', kind: 'text' },
]

const COLUMNS: readonly Column<EventView>[] = [
  { head: 'Number', class: 'num side', cell: ({ sequence }) => count(sequence) },
  { head: 'Event', class: 'lead', cell: ({ id, type }) => a({ href: href(`/events/${id}`) }, type) },
  {
    ...{ head: 'About', class: 'wide second' },
    cell: (event) => {
      const { id, path } = objectOf(event)
      return id === undefined ? '' : component(Id, { id, ...(path && { href: href(path) }) })
    },
  },
  { head: 'Stored', class: 'when', cell: ({ created_at: at }) => component(Time, { at }) },
]

export default function Events(): VNode {
  const query = filterValues(FILTERS)
  const load = (after: string | undefined, signal?: AbortSignal) =>
    api.get<ListPage<EventView>>(
      '/events',
      { limit: 50, ...query, before: after === undefined ? NEWEST : after },
      signal ? { signal } : {},
    )
  const pages = usePages(load, ({ sequence }) => String(sequence), [place.value.query.toString()])
  const types = String(query['type'] ?? '')
    .split(',')
    .filter(Boolean)
  const object = place.value.query.get('object') ?? undefined
  // At the top of the page, new ones come by themselves: nothing moves under the reader there.
  const isAtTop = () => scrollY < 40 && !pages.loading.value
  /** Heard at the top since others were skipped: they wait until the page has been read again, or it would have a gap. */
  const waiting = useRef<EventView[] | undefined>(undefined)
  useEffect(() => {
    waiting.current = undefined
  }, [place.value.query.toString()])
  useEvents(
    { ...(types.length > 0 && { types: types.map((type) => type.replace('*', '')) }), object },
    (events, hasGap) => {
      if (!isAtTop()) for (const { sequence } of events) pages.notice(String(sequence))
      else if (hasGap) waiting.current = [...events]
      else if (waiting.current) waiting.current.push(...events)
      else pages.update((page) => withNew(page, events))
    },
    () => {
      const { pathname, search } = location
      const asked = waiting.current
      const refresh = () => {
        waiting.current = undefined
        pages.refresh()
      }
      if (!isAtTop()) return refresh()
      void load(undefined).then(
        (page) => {
          if (pathname !== location.pathname || search !== location.search) return
          if (!isAtTop()) return refresh()
          // If more were skipped while it was read, the page will be read again.
          const isOver = waiting.current === asked
          pages.update(() => (isOver ? withNew(page, asked ?? []) : page))
          if (isOver) waiting.current = undefined
        },
        () => {
          waiting.current = undefined
          pages.reload()
        },
      )
    },
  )
  const empty = anyFilter(FILTERS)
    ? component(NothingMatches, { onClear: () => clearFilters(FILTERS) })
    : component(Empty, { title: 'No events yet' }, p({}, 'The first payment stores the first event.'))
  return component(
    Page,
    {
      title: 'Events',
      actions: fragment(component(Tail, {}), component(ExportButton, { path: '/events', query })),
    },
    component(Filters, { filters: FILTERS }),
    component(List<EventView>, {
      ...{ label: 'Events', noun: 'event', pages, columns: COLUMNS, idOf: ({ id }: EventView) => id, empty },
    }),
  )
}

/** The most rows that new ones are added to: the oldest leave, and "more" loads them again. */
const MOST_ROWS = 500

/** The page with the events on top that it does not have yet. */
export function withNew(page: ListPage<EventView>, events: readonly EventView[]): ListPage<EventView> {
  const newest = page.data[0]?.sequence ?? 0
  const data = [...events.filter(({ sequence }) => sequence > newest).toReversed(), ...page.data]
  return data.length > MOST_ROWS ? { data: data.slice(0, MOST_ROWS), has_more: true } : { ...page, data }
}

function Tail(): VNode {
  const words = { live: 'New events appear by themselves', polling: 'New events appear every few seconds' }
  return span({ class: 'soft' }, words[live.value as keyof typeof words] ?? 'Not live at the moment')
}
