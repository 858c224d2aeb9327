import type { AttemptView } from '../../api/minipay/attempt-schemas.ts'
import { api } from '../api.ts'
import { useEvents } from '../live.ts'
import { actions, age, call, isOpen, kindOf, nextLookup, response } from '../operations/attempt-cells.ts'
import { usePoll } from '../poll.ts'
import { type ListPage, type Pages, usePages } from '../resource.ts'
import { href, place } from '../router.ts'
import { component, fragment, h2, p, type VNode } from '../tags.ts'
import { Empty, NothingMatches } from '../ui/empty.ts'
import {
  anyFilter,
  clearFilters,
  type Filter,
  Filters,
  filterValues,
  providerFilter,
  useProviders,
} from '../ui/filters.ts'
import { Page } from '../ui/page.ts'
import { type Column, List } from '../ui/table.ts'
import { Amount, Badge, ExportButton, Id } from '../ui/values.ts'

const OPEN = 'sending,pending,unknown'

const KIND_FILTER: Filter = {
  ...{ name: 'kind', label: 'Operation', kind: 'select' },
  choices: ['authorize', 'capture', 'cancel', 'refund'].map((kind) => [kind, kindOf(kind)]),
}

/** `mute`: the providers without lookups; `urls`: their pages of a payment. */
function columns(
  mute: ReadonlySet<string>,
  urls: ReadonlyMap<string, string | null>,
  onChange: (attempt: AttemptView) => void,
): readonly Column<AttemptView>[] {
  return [
    { head: 'Amount', class: 'num lead', cell: (attempt) => component(Amount, attempt) },
    { head: 'Status', class: 'side', cell: ({ status }) => component(Badge, { status }) },
    { head: 'Call', class: 'second', cell: (attempt) => call(attempt, urls.get(attempt.provider)) },
    { head: 'Age', cell: age },
    { head: 'Last response', class: 'wide', cell: response },
    { head: 'Lookups', cell: (attempt) => nextLookup(attempt, !mute.has(attempt.provider)) },
    {
      head: 'Payment',
      cell: ({ transaction_id: id }) => component(Id, { id, href: href(`/payments/${id}`) }),
    },
    {
      head: 'Actions',
      class: 'action',
      cell: (attempt) => actions(attempt, !mute.has(attempt.provider), onChange),
    },
  ]
}

const idOf = ({ id }: AttemptView) => id

export default function Unresolved(): VNode {
  const providers = useProviders()
  const filters = [providerFilter(providers.map(({ name }) => name)), KIND_FILTER]
  const silent = providers.filter(({ capabilities }) => capabilities.lookup === 'none')
  const query = { ...filterValues(filters), order: 'oldest', limit: 50 }
  const pagesOf = (more: object) =>
    usePages<AttemptView>(
      (after, signal) =>
        api.get<ListPage<AttemptView>>('/attempts', { ...query, ...more, starting_after: after }, { signal }),
      idOf,
      [place.value.query.toString()],
    )
  const overdue = pagesOf({ overdue: true })
  const all = pagesOf({ status: OPEN })
  const urgent = new Set(overdue.rows.map(idOf))
  const rest: Pages<AttemptView> = { ...all, rows: all.rows.filter(({ id }) => !urgent.has(id)) }
  const onChange = (attempt: AttemptView) => {
    all.replace(attempt)
    overdue.replace(attempt)
  }
  const refresh = async () => {
    const { refreshOpen } = await import('../operations/refresh.ts')
    await refreshOpen(all, { ...query, status: OPEN }, onChange)
    // Time alone makes an attempt overdue. Without a first one there is no list whose rows could move.
    if (overdue.rows.length === 0) overdue.reload()
    else overdue.refresh()
  }
  usePoll(refresh)
  useEvents({ types: ['payment.', 'refund.', 'dispute.'] }, (events) => {
    const changed = new Set(events.map(({ data }) => data.id))
    for (const attempt of all.rows)
      if (changed.has(attempt.transaction_id) && isOpen(attempt))
        void api.get<AttemptView>(`/attempts/${attempt.id}`).then(onChange, () => {})
  })
  const shown = columns(
    new Set(silent.map(({ name }) => name)),
    new Map(providers.map(({ name, payment_url: url }) => [name, url])),
    onChange,
  )
  const table = { noun: 'open attempt', columns: shown, idOf }
  return component(
    Page,
    {
      title: 'Unresolved',
      actions: component(ExportButton, {
        path: '/attempts',
        query: { ...filterValues(filters), status: OPEN, order: 'oldest' },
      }),
    },
    component(Filters, { filters }),
    urgent.size > 0
      ? fragment(
          h2({}, 'Overdue'),
          p(
            { class: 'soft' },
            `MiniPay could not find out the outcome in time. A person must resolve ${urgent.size === 1 ? 'it' : 'these'}.`,
          ),
          List({ ...table, label: 'Overdue attempts', pages: overdue, empty: component(Nothing, {}) }),
          rest.rows.length > 0 ? h2({}, 'In progress') : null,
        )
      : null,
    urgent.size > 0 && rest.rows.length === 0
      ? null
      : List({
          ...{ ...table, label: 'Open attempts', pages: rest },
          empty: anyFilter(filters)
            ? component(NothingMatches, { onClear: () => clearFilters(filters) })
            : component(Nothing, {}),
        }),
  )
}

function Nothing(): VNode {
  return component(
    Empty,
    { title: 'Nothing is unresolved' },
    p(
      {},
      'When a provider does not respond in time, the outcome is unknown: money may have moved or not. Such calls appear here, and MiniPay looks them up until it knows.',
    ),
  )
}
