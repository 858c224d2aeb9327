import type { EventView } from '../../api/minipay/event-schemas.ts'
import type { RefundView } from '../../api/minipay/refund-schemas.ts'
import { api } from '../api.ts'
import { useEvents } from '../live.ts'
import { currencyFilter, dateFilters, fitsRefunds, timesOf } from '../payments/filters.ts'
import { zone } from '../preferences.ts'
import { type ListPage, usePages } from '../resource.ts'
import { href, place } from '../router.ts'
import { a, component, p, span, type VNode } from '../tags.ts'
import { sentence, statusOf } from '../texts.ts'
import { Empty, NothingMatches } from '../ui/empty.ts'
import { anyFilter, clearFilters, type Filter, Filters } from '../ui/filters.ts'
import { Page } from '../ui/page.ts'
import { type Column, List } from '../ui/table.ts'
import { Amount, Badge, ExportButton, Id, Time } from '../ui/values.ts'

const STATUSES = ['processing', 'refunded', 'partially_refunded', 'failed']
const FILTERS: readonly Filter[] = [
  {
    ...{ name: 'status', label: 'Status', kind: 'many' },
    choices: STATUSES.map((status) => [status, statusOf(status).word]),
  },
  { name: 'customer', label: 'Customer', kind: 'text' },
  { name: 'decline_code', label: 'Decline code', kind: 'text' },
  currencyFilter,
  ...dateFilters,
]

const COLUMNS: readonly Column<RefundView>[] = [
  { head: 'Amount', class: 'num lead', cell: (refund) => component(Amount, refund) },
  { head: 'Status', class: 'side', cell: ({ status }) => component(Badge, { status }) },
  {
    head: 'Customer',
    class: 'second person',
    cell: ({ customer }) => span({ title: customer, dir: 'auto' }, customer),
  },
  { head: 'Detail', class: 'wide', cell: detail },
  { head: 'Created', class: 'when', cell: ({ refunded_at: at }) => component(Time, { at }) },
  { head: 'Payment', cell: ({ id }) => component(Id, { id, href: href(`/payments/${id}`) }) },
  { head: 'Refund', cell: ({ refund_id: id }) => component(Id, { id }) },
]

/** Why it failed, or else why it was made. */
function detail({ status, decline_code, failure_message, reason }: RefundView): VNode | string {
  if (status === 'failed')
    return span(
      { class: 'bad', title: failure_message ?? '' },
      sentence(decline_code ?? failure_message ?? ''),
    )
  return span({ dir: 'auto' }, reason === null ? '' : sentence(reason))
}

export default function Refunds(): VNode {
  const { query: inPage } = place.value
  const query = {
    status: inPage.getAll('status').join(','),
    ...Object.fromEntries(['customer', 'decline_code', 'currency'].map((name) => [name, inPage.get(name)])),
    ...timesOf(inPage, zone.value === 'UTC'),
  }
  const pages = usePages(
    (after, signal) =>
      api.get<ListPage<RefundView>>('/refunds', { ...query, starting_after: after }, { signal }),
    ({ refund_id }) => refund_id,
    [JSON.stringify(query)],
    (id) => api.get<RefundView>(`/refunds/${id}`),
  )
  const hear = (events: readonly EventView[]) => {
    const newest = pages.rows[0]?.refund_id ?? ''
    for (const { data } of events) {
      const refund = 'refund' in data ? (data.refund as RefundView | undefined) : undefined
      if (!refund || pages.replace(refund)) continue
      if (refund.refund_id > newest && fitsRefunds(refund, query)) pages.notice(refund.refund_id)
    }
  }
  useEvents({ types: ['payment.refunded', 'refund.'] }, hear, pages.refresh)
  return component(
    Page,
    {
      title: 'Refunds',
      actions: component(ExportButton, { path: '/refunds', query }),
    },
    component(Filters, { filters: FILTERS }),
    List({
      ...{
        label: 'Refunds',
        noun: 'refund',
        pages,
        columns: COLUMNS,
        idOf: ({ refund_id }: RefundView) => refund_id,
      },
      empty: anyFilter(FILTERS)
        ? component(NothingMatches, { onClear: () => clearFilters(FILTERS) })
        : component(
            Empty,
            { title: 'No refunds yet' },
            p(
              {},
              'Open a payment, and refund it in full or in part: ',
              a({ href: href('/payments') }, 'Payments'),
            ),
          ),
    }),
  )
}
