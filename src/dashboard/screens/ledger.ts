import type { LedgerEntryView } from '../../api/minipay/ledger-schemas.ts'
import { api } from '../api.ts'
import { startOfDay } from '../format.ts'
import { Balances, meaningOf } from '../ledger/balances.ts'
import type { DaysProps } from '../ledger/days.ts'
import { useMoneyMoved } from '../ledger/live.ts'
import { zone } from '../preferences.ts'
import { type ListPage, usePages } from '../resource.ts'
import { href, place, type Query } from '../router.ts'
import { component, span, type VNode } from '../tags.ts'
import { Card } from '../ui/card.ts'
import { Empty, NothingMatches } from '../ui/empty.ts'
import { anyFilter, clearFilters, type Filter, Filters, filterValues } from '../ui/filters.ts'
import { Later, Page } from '../ui/page.ts'
import { type Column, List } from '../ui/table.ts'
import { Amount, ExportButton, Id, Time } from '../ui/values.ts'

const AT: readonly Filter[] = [{ name: 'at', label: 'Balances at the end of', kind: 'date' }]
const ABOUT: readonly Filter[] = [
  { name: 'account', label: 'Account', kind: 'text' },
  { name: 'currency', label: 'Currency', kind: 'text' },
  { name: 'transaction_id', label: 'Payment, refund or dispute', kind: 'text' },
]
const ENTRIES: readonly Filter[] = [
  ...ABOUT,
  { name: 'from', label: 'From', kind: 'date' },
  { name: 'to', label: 'To', kind: 'date' },
]
/** A day of an account leads here; it begins in UTC. */
const DAY: Filter = { name: 'day', label: 'Day (UTC)', kind: 'date' }
const ALL = [...ENTRIES, DAY]

const loadDays = () => import('../ledger/days.ts').then(({ Days }) => Days)

const COLUMNS: readonly Column<LedgerEntryView>[] = [
  {
    ...{ head: 'Amount', class: 'num lead' },
    cell: ({ amount, currency }) => component(Amount, { amount, currency }),
  },
  { head: 'Account', class: 'side', cell: ({ account }) => span({ title: meaningOf(account) }, account) },
  { head: 'Time', cell: ({ created_at: at }) => component(Time, { at }) },
  { head: 'Entry', class: 'num', cell: ({ sequence }) => String(sequence) },
  {
    ...{ head: 'Belongs to', class: 'wide' },
    cell: ({ transaction_id: id }) => {
      const page = pageOf(id)
      return component(Id, { id, ...(page !== undefined && { href: page }) })
    },
  },
]

/** The page of a charge, a refund or a dispute; undefined if it has none of its own. */
function pageOf(id: string): string | undefined {
  if (id.startsWith('txn_')) return href(`/payments/${id}`)
  return undefined
}

/** The filters of entries as the API's query: whole days of the reader, or one day in UTC. */
function entriesQuery(): Query {
  const { from, to, day, ...others } = filterValues(ALL) as Record<string, string | null>
  const isUtc = zone.value === 'UTC' || Boolean(day)
  return {
    ...others,
    created_gte: startOfDay(day || (from ?? null), isUtc),
    created_lt: startOfDay(day || (to ?? null), isUtc, 1),
  }
}

/** None while they cannot be loaded: the next event tries again. */
async function newestEntries(query: Query): Promise<readonly LedgerEntryView[]> {
  try {
    return (await api.get<ListPage<LedgerEntryView>>('/ledger/entries', { ...query, limit: 100 })).data
  } catch {
    return []
  }
}

/** Accounts, their balances at any day, and entries. */
export default function Ledger(): VNode {
  const query = entriesQuery()
  const pages = usePages(
    (before) => api.get<ListPage<LedgerEntryView>>('/ledger/entries', { ...query, limit: 50, before }),
    ({ sequence }) => String(sequence),
    [JSON.stringify(query)],
  )
  useMoneyMoved(async () => {
    const newest = await newestEntries(query)
    const known = pages.rows[0]?.sequence ?? 0
    pages.newer.value = newest.filter(({ sequence }) => sequence > known).length
  })
  const isFiltered = anyFilter(ALL)
  const { account, currency } = filterValues(ENTRIES) as Record<string, string | null>
  const filters = anyFilter([DAY]) ? [...ABOUT, DAY] : ENTRIES
  return component(
    Page,
    { title: 'Ledger' },
    component(Filters, { filters: AT, label: 'Time of the balances' }),
    component(Balances, { at: startOfDay(place.value.query.get('at'), zone.value === 'UTC', 1) }),
    account
      ? component(Later<DaysProps>, {
          load: loadDays,
          props: { account, currency: currency || undefined },
        })
      : null,
    component(
      Card,
      {
        title: 'Entries',
        class: 'entries',
        aside: component(ExportButton, { path: '/ledger/entries', query, label: 'CSV', small: true }),
      },
      component(Filters, { filters, label: 'Filters of entries' }),
      List({
        ...{ pages, noun: 'row', label: 'List of entries', columns: COLUMNS },
        idOf: ({ sequence }) => String(sequence),
        empty: isFiltered
          ? component(NothingMatches, { onClear: () => clearFilters(ALL) })
          : component(Empty, { title: 'Nothing was booked yet' }),
      }),
    ),
  )
}
