/** An account by day: a chart, and a row for each day, which leads to its entries. Loaded once an account is chosen. */
import type { LedgerDayView } from '../../api/minipay/ledger-schemas.ts'
import { api } from '../api.ts'
import { count } from '../format.ts'
import { type ListPage, usePages } from '../resource.ts'
import { go, href, place, type Query } from '../router.ts'
import { a, component, div, fragment, p, type VNode } from '../tags.ts'
import { Card } from '../ui/card.ts'
import { Empty } from '../ui/empty.ts'
import { type Column, List } from '../ui/table.ts'
import { Amount, ExportButton } from '../ui/values.ts'
import { DaysChart, DaysLegend, dayWords, MOST_DAYS } from './days-chart.ts'
import { useMoneyMoved } from './live.ts'

const PATH = '/ledger/days'

const idOf = ({ id }: LedgerDayView) => id

/** The entries of a day; the filters of the page then have the day in place of others of time. */
const entriesOf = ({ day, account, currency }: LedgerDayView): Query => ({
  // The balances stay at the time that the reader has chosen.
  at: place.value.query.get('at'),
  ...{ account, currency, day },
})

function dayLink(row: LedgerDayView): VNode {
  const query = entriesOf(row)
  const onClick = (event: MouseEvent) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return
    event.preventDefault()
    go('/ledger', query)
    requestAnimationFrame(() => document.querySelector('.entries:not(.days)')?.scrollIntoView())
  }
  return a({ href: href('/ledger', query), onClick }, dayWords(row.day))
}

const COLUMNS: readonly Column<LedgerDayView>[] = [
  { head: 'Day (UTC)', class: 'lead', cell: dayLink },
  {
    ...{ head: 'Debits', class: 'num' },
    cell: ({ debits, currency }) => component(Amount, { amount: debits, currency }),
  },
  {
    ...{ head: 'Credits', class: 'num' },
    cell: ({ credits, currency }) => component(Amount, { amount: credits, currency }),
  },
  {
    ...{ head: 'Closing balance', class: 'num side' },
    cell: ({ closing_balance: balance, currency }) => component(Amount, { amount: balance, currency }),
  },
  { head: 'Entries', class: 'num', cell: ({ entries }) => count(entries) },
]

export type DaysProps = { account: string; currency: string | undefined }

/** Of one account, in one currency or in each. */
export function Days({ account, currency }: DaysProps): VNode {
  const query = { account, currency }
  const pages = usePages<LedgerDayView>(
    (after) => api.get<ListPage<LedgerDayView>>(PATH, { ...query, limit: MOST_DAYS, starting_after: after }),
    idOf,
    [account, currency],
  )
  useMoneyMoved(() => pages.refresh())
  const [first] = pages.rows
  const isOfOne = pages.rows.every((row) => row.currency === first?.currency)
  return component(
    Card,
    {
      title: `${account} by day`,
      class: 'entries days',
      aside: fragment(
        component(DaysLegend, {}),
        component(ExportButton, { path: PATH, query, label: 'CSV', small: true }),
      ),
    },
    first && isOfOne
      ? component(DaysChart, { rows: pages.rows, currency: first.currency })
      : first
        ? p({ class: 'soft' }, 'Choose a currency to see a chart.')
        : null,
    div(
      { class: 'scrolls' },
      List({
        ...{ pages, noun: 'day', label: `Days of ${account}`, columns: COLUMNS, idOf },
        empty: component(Empty, { title: 'Nothing was booked in this account' }),
      }),
    ),
  )
}
