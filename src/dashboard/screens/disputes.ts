import type { DisputeView } from '../../api/minipay/dispute-schemas.ts'
import type { EventView } from '../../api/minipay/event-schemas.ts'
import { api } from '../api.ts'
import { useEvents } from '../live.ts'
import { deadlineOf } from '../operations/deadline.ts'
import { type ListPage, type Pages, usePages } from '../resource.ts'
import { href, place, type Query } from '../router.ts'
import { component, div, fragment, h2, p, span, type VNode } from '../tags.ts'
import { sentence } from '../texts.ts'
import { Empty, NothingMatches } from '../ui/empty.ts'
import { clearFilters, type Filter, Filters } from '../ui/filters.ts'
import { Page } from '../ui/page.ts'
import { type Column, List } from '../ui/table.ts'
import { Amount, Badge, ExportButton, Id, Pill, Time } from '../ui/values.ts'

const FILTER: Filter = {
  ...{ name: 'status', label: 'Status', kind: 'select' },
  choices: [
    ['open', 'Open'],
    ['won', 'Won'],
    ['lost', 'Lost'],
  ],
}
/** Later than any deadline. */
const ANY_DEADLINE = '2200-01-01T00:00:00Z'

const COLUMNS: readonly Column<DisputeView>[] = [
  { head: 'Amount', class: 'num lead', cell: (dispute) => component(Amount, dispute) },
  { head: 'Status', class: 'side', cell: status },
  {
    head: 'Customer',
    class: 'second person',
    cell: ({ customer }) => span({ title: customer, dir: 'auto' }, customer),
  },
  { head: 'Evidence due', cell: deadline },
  { head: 'Reason', class: 'wide', cell: ({ reason }) => (reason === null ? '' : sentence(reason)) },
  { head: 'Reserved', class: 'num', cell: reserved },
  { head: 'Opened', cell: opened },
  {
    head: 'Payment',
    cell: ({ transaction_id: id }) => component(Id, { id, href: href(`/payments/${id}`) }),
  },
]

function opened({ provider, created_at: at }: DisputeView): VNode {
  return span(
    { class: 'two-lines' },
    component(Time, { at, style: 'day' }),
    span({ class: 'soft' }, provider),
  )
}

/** An open dispute without a deadline waits for the bank, not for the reader. */
function status({ status, evidence_due_at: due }: DisputeView): VNode {
  if (status === 'open' && due === null) return component(Pill, { tone: 'wait', word: 'Open' })
  return component(Badge, { status, kind: 'dispute' })
}

function deadline({ status, evidence_due_at: at, closed_at: closed }: DisputeView): VNode {
  if (status !== 'open')
    return span(
      { class: 'soft' },
      closed === null ? '' : 'closed ',
      closed && component(Time, { at: closed, style: 'day' }),
    )
  if (at === null) return span({ class: 'soft' }, 'None')
  const { words, tone } = deadlineOf(at, Date.now())
  return div(
    { class: 'two-lines' },
    component(Time, { at, style: 'minute' }),
    span({ class: tone === 'quiet' ? 'soft' : tone }, words),
  )
}

/**
 * What the ledger contains of it, which is in the currency of the payment: the same as the dispute's unless the amounts
 * differ for an alarm.
 */
function reserved({ amount, amount_booked: booked, currency }: DisputeView): VNode | string {
  if (booked === 0) return 'Nothing'
  return booked === amount ? component(Amount, { amount: booked, currency }) : 'In part: see the payment'
}

function useDisputes(query: Query, key: string): Pages<DisputeView> {
  return usePages<DisputeView>(
    (after, signal) =>
      api.get<ListPage<DisputeView>>('/disputes', { ...query, starting_after: after }, { signal }),
    ({ id }) => id,
    [key],
    (id) => api.get<DisputeView>(`/disputes/${id}`),
  )
}

/** Those that need evidence first, by deadline; below them all, newest first. */
export default function Disputes(): VNode {
  const status = place.value.query.get('status') ?? ''
  const due = useDisputes({ due_before: ANY_DEADLINE }, '')
  const all = useDisputes({ status }, status)
  const hear = (events: readonly EventView[]) => {
    const newest = all.rows[0]?.id ?? ''
    for (const { data } of events) {
      const dispute = 'dispute' in data ? (data.dispute as DisputeView | undefined) : undefined
      if (!dispute) continue
      due.replace(dispute)
      if (all.replace(dispute) || dispute.id <= newest) continue
      if (status === '' || dispute.status === status) all.notice(dispute.id)
    }
  }
  useEvents({ types: ['dispute.'] }, hear, () => [due, all].map((one) => one.refresh()))
  const table = { noun: 'dispute', columns: COLUMNS, idOf: ({ id }: DisputeView) => id }
  const reload = { ...all, reload: () => [due, all].map((one) => one.reload()) } as Pages<DisputeView>
  return component(
    Page,
    {
      title: 'Disputes',
      actions: component(ExportButton, { path: '/disputes', query: { status } }),
    },
    due.rows.length > 0
      ? fragment(
          h2({}, 'Evidence due'),
          List({ ...table, label: 'Disputes by deadline', pages: due, empty: fragment() }),
          h2({}, 'All disputes'),
        )
      : null,
    component(Filters, { filters: [FILTER] }),
    List({
      ...{ ...table, label: 'Disputes', pages: reload },
      empty:
        status === ''
          ? component(
              Empty,
              { title: 'No disputes yet' },
              p(
                {},
                'When a customer disputes a payment at the bank, the dispute appears here with its deadline.',
              ),
            )
          : component(NothingMatches, { onClear: () => clearFilters([FILTER]) }),
    }),
  )
}
