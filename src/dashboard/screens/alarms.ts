import type { AlarmView } from '../../api/minipay/alarm-schemas.ts'
import type { EventView } from '../../api/minipay/event-schemas.ts'
import { api } from '../api.ts'
import { useEvents } from '../live.ts'
import { can } from '../me.ts'
import { openCloseAlarm } from '../operations/open.ts'
import { type ListPage, type Pages, usePages } from '../resource.ts'
import { href, type Query } from '../router.ts'
import { button, component, div, fragment, h2, p, span, type VNode } from '../tags.ts'
import { sentence } from '../texts.ts'
import { Empty } from '../ui/empty.ts'
import { Filters, filterValues, providerFilter, useProviders } from '../ui/filters.ts'
import { Page } from '../ui/page.ts'
import { type Column, List } from '../ui/table.ts'
import { Amount, Badge, ExportButton, Id, Pill, Time } from '../ui/values.ts'

function columns(pages: Pages<AlarmView>): readonly Column<AlarmView>[] {
  return [
    { head: 'Alarm', class: 'lead', cell: ({ kind }) => sentence(kind) },
    { head: 'Status', class: 'side', cell: status },
    { head: 'Provider', class: 'second', cell: ({ provider }) => provider },
    { head: 'What the provider says', class: 'wide', cell: said },
    { head: 'Opened', cell: ({ opened_at: at }) => component(Time, { at, ago: true }) },
    {
      head: 'Payment',
      cell: ({ transaction_id: id }) => component(Id, { id, href: href(`/payments/${id}`) }),
    },
    { head: 'Actions', class: 'action', cell: (alarm) => closeButton(alarm, pages) },
  ]
}

const MEANING =
  'When the statement of a provider contradicts the books, it appears here for a person to check.'

function status({ status, in_doubt: inDoubt }: AlarmView): VNode {
  return span(
    { class: 'badges' },
    component(Badge, { status, kind: 'alarm' }),
    inDoubt
      ? component(Pill, {
          tone: 'warn',
          word: 'In doubt',
          title: 'MiniPay moves no more money of the payment.',
        })
      : null,
  )
}

function said({ message, amount, currency, reason }: AlarmView): VNode {
  return div(
    { class: 'response' },
    p({ dir: 'auto' }, message),
    amount !== null && currency !== null
      ? p({ class: 'soft' }, component(Amount, { amount, currency }))
      : null,
    reason === null ? null : p({ class: 'soft', dir: 'auto' }, `Closed: ${reason}`),
  )
}

function closeButton(alarm: AlarmView, pages: Pages<AlarmView>): VNode | null {
  if (alarm.status !== 'open' || !can('operations:write')) return null
  return button(
    {
      ...{ type: 'button', class: 'button small', 'aria-label': `Close ${alarm.id}` },
      onClick: () => openCloseAlarm(alarm, (after) => void pages.replace(after)),
    },
    'Close…',
  )
}

function useAlarms(status: 'open' | 'closed', query: Query): Pages<AlarmView> {
  return usePages<AlarmView>(
    (after, signal) =>
      api.get<ListPage<AlarmView>>('/alarms', { status, ...query, starting_after: after }, { signal }),
    ({ id }) => id,
    [query['provider']],
    (id) => api.get<AlarmView>(`/alarms/${id}`),
  )
}

/** The open ones, which a person must handle; below them those that were closed. One that is closed here stays in its place. */
export default function Alarms(): VNode {
  const filters = [providerFilter(useProviders().map(({ name }) => name))]
  const query = filterValues(filters)
  const [open, closed] = [useAlarms('open', query), useAlarms('closed', query)]
  const fits = ({ provider }: AlarmView) => !query['provider'] || query['provider'] === provider
  const hear = (events: readonly EventView[]) => {
    for (const { data } of events) {
      const alarm = 'alarm' in data ? (data.alarm as AlarmView | undefined) : undefined
      if (alarm && !open.replace(alarm) && alarm.status === 'open' && fits(alarm)) open.notice(alarm.id)
    }
  }
  useEvents({ types: ['alarm.'] }, hear, () => [open, closed].map((one) => one.refresh()))
  const table = { noun: 'alarm', idOf: ({ id }: AlarmView) => id }
  return component(
    Page,
    { title: 'Alarms', actions: component(ExportButton, { path: '/alarms', query }) },
    component(Filters, { filters }),
    List({
      ...{ ...table, label: 'Open alarms', pages: open, columns: columns(open) },
      empty: component(
        Empty,
        { title: query['provider'] ? 'No alarm of this provider is open' : 'No alarm is open' },
        p({}, MEANING),
      ),
    }),
    closed.rows.length > 0
      ? fragment(
          h2({}, 'Closed'),
          List({
            ...{ ...table, label: 'Closed alarms', pages: closed, columns: columns(closed) },
            empty: fragment(),
          }),
        )
      : null,
  )
}
