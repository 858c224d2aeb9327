import type { StatisticsRowView } from '../../api/minipay/statistics-schemas.ts'
import { count, duration, percent } from '../format.ts'
import { can } from '../me.ts'
import { href } from '../router.ts'
import { amountOf, isRefund, outcomesOf, rowsBy, takesMoney } from '../statistics.ts'
import { a, component, div, fragment, p, type VNode } from '../tags.ts'
import { Card } from '../ui/card.ts'
import { Strip } from '../ui/strip.ts'
import { Table } from '../ui/table.ts'
import { Amount } from '../ui/values.ts'
import { NeedsAttention } from './overview-attention.ts'
import { hoursOf, type OverviewData } from './overview-data.ts'

/** The lower half of the overview. */
export function Details({ data }: { data: OverviewData }): VNode {
  return fragment(
    div(
      { class: 'halves labelled' },
      can('operations:read') ? component(NeedsAttention, {}) : null,
      component(MoneyIn, { data }),
    ),
    div({ class: 'labelled' }, component(ByProvider, { data })),
  )
}

/** What came in and what went back, in each currency. */
function MoneyIn({ data }: { data: OverviewData }): VNode {
  const rows = [...rowsBy(data.money, ({ currency }) => currency ?? '')]
    .map(([currency, of]) => ({
      currency,
      taken: amountOf(of.filter(takesMoney)),
      payments: of.filter(takesMoney).reduce((sum, { attempts }) => sum + attempts, 0),
      refunded: amountOf(of.filter(isRefund)),
    }))
    .filter(({ taken, refunded }) => taken > 0n || refunded > 0n)
    .sort((a, b) => b.payments - a.payments)
  if (rows.length === 0)
    return component(Card, { title: 'Money in' }, p({ class: 'soft' }, 'No money came in during this time.'))
  const link = (currency: string) => href('/payments', { currency, created_gte: data.chart.from })
  return component(
    Card,
    { title: 'Money in', aside: 'by currency' },
    component(Table<(typeof rows)[number]>, {
      label: 'Money in by currency',
      rows,
      idOf: ({ currency }) => currency,
      columns: [
        {
          head: 'Taken',
          class: 'num lead',
          cell: ({ taken, currency }) =>
            a({ href: link(currency) }, component(Amount, { amount: taken, currency })),
        },
        { head: 'Payments', class: 'num', cell: ({ payments }) => count(payments) },
        {
          head: 'Refunded',
          class: 'num',
          cell: ({ refunded, currency }) =>
            refunded === 0n ? '–' : component(Amount, { amount: refunded, currency }),
        },
      ],
    }),
  )
}

/** Each provider: its success, its durations and its last 24 hours. */
function ByProvider({ data }: { data: OverviewData }): VNode | null {
  const rows = data.providers.filter(({ provider }) => provider !== 'none')
  if (rows.length === 0) return null
  const outcomes = (name: string | null) =>
    outcomesOf(data.outcomes.filter(({ provider }) => provider === name))
  const ms = (value: number | null) => (value === null ? '–' : duration(value))
  return component(
    Card,
    { title: 'Providers', aside: a({ href: href('/providers') }, 'All providers') },
    p({ class: 'soft' }, 'Attempts of every kind: captures, cancels and refunds are included here.'),
    component(Table<StatisticsRowView>, {
      label: 'Attempts by provider',
      rows,
      idOf: ({ provider }) => provider ?? '',
      columns: [
        {
          head: 'Provider',
          class: 'lead',
          cell: ({ provider }) => a({ href: href('/providers') }, provider),
        },
        { head: 'All attempts', class: 'num', cell: ({ attempts }) => count(attempts) },
        {
          head: 'Succeeded',
          class: 'num',
          cell: ({ provider }) => {
            const { succeeded, failed } = outcomes(provider)
            return percent(succeeded, succeeded + failed)
          },
        },
        { head: 'p50', class: 'num', cell: ({ duration_p50_ms: half }) => ms(half) },
        { head: 'p95', class: 'num', cell: ({ duration_p95_ms: most }) => ms(most) },
        {
          head: 'Last 24 hours',
          cell: ({ provider }) => component(Strip, { hours: hoursOf(data.strips, provider) }),
        },
      ],
    }),
  )
}
