/** A list of webhook deliveries. */
import type { DeliveryView } from '../../api/minipay/delivery-schemas.ts'
import { api } from '../api.ts'
import { relative } from '../format.ts'
import { usePoll } from '../poll.ts'
import { type ListPage, type Pages, usePages } from '../resource.ts'
import { href, type Query } from '../router.ts'
import { a, component, p, span, type VNode } from '../tags.ts'
import { Empty } from '../ui/empty.ts'
import { type Column, List } from '../ui/table.ts'
import { Badge, Id, Time } from '../ui/values.ts'
import { said } from './words.ts'

/** Deliveries that fit the query, newest first. Those that are shown change in place. */
function useDeliveries(query: Query): Pages<DeliveryView> {
  const load = (after?: string, signal?: AbortSignal) =>
    api.get<ListPage<DeliveryView>>(
      '/webhook_deliveries',
      { limit: 25, ...query, starting_after: after },
      signal ? { signal } : {},
    )
  const pages = usePages(load, ({ id }) => id, [JSON.stringify(query)])
  usePoll(async () => {
    const { data } = await load()
    const known = new Set(pages.rows.map(({ id }) => id))
    pages.newer.value = data.filter(({ id }) => !known.has(id)).length
    for (const row of data) pages.replace(row)
  })
  return pages
}

/** Where a list has several endpoints, each leads to its own deliveries of the event. */
const ENDPOINT: Column<DeliveryView> = {
  ...{ head: 'Endpoint', class: 'named' },
  cell: ({ endpoint, event_sequence: sequence }) =>
    component(Id, { id: endpoint, href: href(`/webhooks/${endpoint}`, { event_sequence: sequence }) }),
}

const COLUMNS: readonly Column<DeliveryView>[] = [
  { head: 'Event', cell: ({ id, event_type: type }) => a({ href: href(`/deliveries/${id}`) }, type) },
  { head: 'Status', cell: ({ status }) => component(Badge, { status }) },
  {
    ...{ head: 'Last attempt', class: 'wide' },
    cell: ({ last_error: error, last_status: status }) =>
      error === null
        ? status === null
          ? ''
          : `Accepted with ${status}`
        : span({ class: 'bad' }, said(error)),
  },
  {
    ...{ head: 'Next attempt', class: 'named', optional: true },
    cell: ({ next_attempt_at: next }) =>
      next === null ? '' : (relative(next) ?? component(Time, { at: next, style: 'minute' })),
  },
  { head: 'Stored', class: 'named', cell: ({ created_at: at }) => component(Time, { at }) },
  {
    ...{ head: 'Payment', class: 'named' },
    cell: ({ transaction_id: id }) =>
      id === null ? '' : component(Id, { id, href: href(`/payments/${id}`) }),
  },
]

type ListProps = { pages: Pages<DeliveryView>; query: Query; empty?: VNode }

function DeliveryList({ pages, query, empty }: ListProps): VNode {
  // The page of an event has its payment.
  const own = query['event_id'] === undefined ? COLUMNS : COLUMNS.filter(({ head }) => head !== 'Payment')
  const columns = query['endpoint'] === undefined ? own.toSpliced(2, 0, ENDPOINT) : own
  return component(List<DeliveryView>, {
    ...{ label: 'Deliveries', noun: 'webhook', pages, columns, idOf: ({ id }: DeliveryView) => id },
    empty:
      empty ??
      component(
        Empty,
        { title: 'No deliveries yet' },
        p({}, 'A delivery is listed once its first attempt ended.'),
      ),
  })
}

/** The deliveries that fit a query, with their own requests. */
export function Deliveries({ query, empty }: { query: Query; empty?: VNode }): VNode {
  return component(DeliveryList, { pages: useDeliveries(query), query, ...(empty && { empty }) })
}
