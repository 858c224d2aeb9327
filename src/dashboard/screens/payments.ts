import type { ChargeView } from '../../api/minipay/charge-schemas.ts'
import type { EventView } from '../../api/minipay/event-schemas.ts'
import { api } from '../api.ts'
import { useEvents } from '../live.ts'
import { can, serverAddress } from '../me.ts'
import { NewPaymentButton } from '../new-payment.ts'
import { isRefundable, openRefund } from '../payments/actions.ts'
import { askedOf, fitsQuery, hiddenFilters, paymentFilters } from '../payments/filters.ts'
import { zone } from '../preferences.ts'
import { type ListPage, type Pages, usePages } from '../resource.ts'
import { href, place, replaceQuery } from '../router.ts'
import { button, code, component, div, fragment, p, pre, span, type VNode } from '../tags.ts'
import { sentence } from '../texts.ts'
import { Empty, NothingMatches } from '../ui/empty.ts'
import { clearFilters, Filters, useProviders } from '../ui/filters.ts'
import { Page } from '../ui/page.ts'
import { type Column, List } from '../ui/table.ts'
import { Amount, Badge, ExportButton, Id, Time } from '../ui/values.ts'

const placeOf = (id: string) => href(`/payments/${id}`)

function columns(pages: Pages<ChargeView>): readonly Column<ChargeView>[] {
  const shown: Column<ChargeView>[] = [
    { head: 'Amount', class: 'num lead', cell: (charge) => component(Amount, charge) },
    { head: 'Status', class: 'side', cell: ({ status }) => component(Badge, { status }) },
    {
      head: 'Customer',
      class: 'second person',
      cell: ({ customer }) => span({ title: customer, dir: 'auto' }, customer),
    },
    { head: 'Detail', class: 'wide', cell: detail },
    { head: 'Provider', cell: ({ provider }) => (provider === 'none' ? '' : provider) },
    { head: 'Created', class: 'when', cell: ({ created_at: at }) => component(Time, { at }) },
    { head: 'Id', class: 'ref', cell: ({ id }) => component(Id, { id, href: placeOf(id) }) },
  ]
  if (!can('refunds:write')) return shown
  return [
    ...shown,
    { head: 'Actions', class: 'action', optional: true, cell: (charge) => refundButton(charge, pages) },
  ]
}

/** Why it failed, or else what it was for. */
export function detail({ status, decline_code, failure_message, description }: ChargeView): VNode | string {
  if (status === 'failed' && decline_code !== null)
    return span({ class: 'bad', title: failure_message ?? '' }, sentence(decline_code))
  return span({ dir: 'auto' }, description ?? '')
}

function refundButton(charge: ChargeView, pages: Pages<ChargeView>): VNode | null {
  if (!isRefundable(charge)) return null
  // The list shows the payment as it is then, also without events.
  const onDone = async () => void pages.replace(await api.get<ChargeView>(`/charges/${charge.id}`))
  return button(
    {
      ...{ type: 'button', class: 'plain quiet-action', 'data-shortcut': 'r' },
      'aria-label': `Refund ${charge.id}`,
      onClick: () => openRefund(charge, () => void onDone()),
    },
    'Refund',
  )
}

export default function Payments(): VNode {
  const { query: inPage } = place.value
  const { query, problem } = askedOf(inPage, zone.value === 'UTC')
  const names = useProviders().map(({ name }) => name)
  const filters = paymentFilters(names, inPage.get('currency'))
  const pages = usePages(
    (after, signal) =>
      problem === undefined
        ? api.get<ListPage<ChargeView>>('/charges', { ...query, starting_after: after }, { signal })
        : new Promise<never>(() => {}),
    ({ id }) => id,
    [JSON.stringify(query), problem],
    (id) => api.get<ChargeView>(`/charges/${id}`),
  )
  const hear = (events: readonly EventView[]) => {
    if (problem !== undefined) return
    const newest = pages.rows[0]?.id ?? 'txn_'
    const changed = new Map(events.map(({ data }) => [data.id, data as ChargeView]))
    for (const charge of changed.values())
      if (!pages.replace(charge) && charge.id > newest && fitsQuery(charge, query)) pages.notice(charge.id)
  }
  const refresh = () => problem ?? pages.refresh()
  useEvents({ types: ['payment.', 'refund.', 'dispute.'] }, hear, refresh)
  const hidden = hiddenFilters(inPage)
  const isFiltered = [...inPage.keys()].length > 0
  const clear = () => {
    clearFilters(filters)
    replaceQuery(Object.fromEntries(hidden.map(([name]) => [name, null])))
  }
  return component(
    Page,
    {
      title: 'Payments',
      actions: fragment(
        component(ExportButton, { path: '/charges', query, disabled: problem !== undefined }),
        component(NewPaymentButton, {}),
      ),
    },
    div({ class: 'payment-filters' }, component(Filters, { filters })),
    problem === undefined ? null : p({ class: 'problem', role: 'alert' }, problem),
    hidden.length > 0 ? component(Hidden, { hidden }) : null,
    problem === undefined
      ? List({
          ...{ label: 'Payments', noun: 'payment', pages, columns: columns(pages) },
          idOf: ({ id }: ChargeView) => id,
          empty: isFiltered ? component(NothingMatches, { onClear: clear }) : component(NoPayments, {}),
        })
      : null,
  )
}

function Hidden({ hidden }: { hidden: ReturnType<typeof hiddenFilters> }): VNode {
  return p(
    { class: 'soft' },
    'Only payments ',
    hidden.map(([, words]) => words).join(', '),
    '. ',
    button(
      {
        ...{ type: 'button', class: 'plain' },
        onClick: () => replaceQuery(Object.fromEntries(hidden.map(([name]) => [name, null]))),
      },
      'Show all times and amounts',
    ),
  )
}

function NoPayments(): VNode {
  const command = `curl ${serverAddress()}/api/v1/charges \\\n  -H 'Content-Type: application/json' -H 'Idempotency-Key: order-1' \\\n  -d '{"amount":2500,"currency":"usd","customer":"cus_42"}'`
  return component(
    Empty,
    { title: 'No payments yet' },
    fragment(
      p({}, 'Your first payment appears here. This command makes one:'),
      pre({ tabIndex: 0 }, code({}, command)),
    ),
  )
}
