/** Balances of accounts, now or at the end of a day, and whether they add up. */
import type { LedgerAccountView, TrialBalanceView } from '../../api/minipay/ledger-schemas.ts'
import { api } from '../api.ts'
import { count, moneyWithCode, plural } from '../format.ts'
import { type ListPage, useResource } from '../resource.ts'
import { href, place } from '../router.ts'
import { a, component, details, div, fragment, p, span, summary, type VNode } from '../tags.ts'
import { Card } from '../ui/card.ts'
import { Empty, Loaded } from '../ui/empty.ts'
import { type Column, Table } from '../ui/table.ts'
import { Amount, ExportButton, Id, Pill, Time } from '../ui/values.ts'
import { useMoneyMoved } from './live.ts'

/** Accounts in words. */
const MEANINGS: Readonly<Record<string, string>> = {
  merchant: 'Owed to you',
  provider: 'Money at the provider',
  authorized: 'Held at customers’ banks',
  uncaptured: 'Held, can be captured',
  capturing: 'Capture or cancel in progress',
  refunds: 'Refunds not yet confirmed',
  disputes: 'Reserved for disputes',
}

export function meaningOf(account: string): string {
  return MEANINGS[account.split(':')[0] as string] ?? ''
}

type Currency = TrialBalanceView['currencies'][number]

const ACCOUNTS: readonly Column<LedgerAccountView>[] = [
  {
    ...{ head: 'Balance', class: 'num lead' },
    cell: ({ balance, currency }) => component(Amount, { amount: balance, currency }),
  },
  {
    ...{ head: 'Account', class: 'side' },
    cell: ({ account, currency }) => {
      const others = Object.fromEntries(place.value.query)
      return a({ href: href('/ledger', { ...others, account, currency }) }, account)
    },
  },
  { head: 'Meaning', class: 'wide', cell: ({ account }) => meaningOf(account) },
]

const SUMS: readonly Column<Currency>[] = [
  { head: 'Currency', class: 'lead', cell: ({ currency }) => currency.toUpperCase() },
  { head: 'Debits', class: 'num', cell: ({ currency, debits }) => moneyWithCode(debits, currency) },
  { head: 'Credits', class: 'num', cell: ({ currency, credits }) => moneyWithCode(credits, currency) },
  {
    ...{ head: 'Result', class: 'side' },
    cell: ({ difference, currency }) =>
      BigInt(difference) === 0n
        ? component(Pill, { tone: 'good', word: 'Balances' })
        : component(Pill, { tone: 'bad', word: `Differs by ${moneyWithCode(difference, currency)}` }),
  },
]

/** `at` is a time of the API; undefined for now. */
export function Balances({ at }: { at: string | undefined }): VNode {
  const accounts = useResource(() => api.get<ListPage<LedgerAccountView>>('/ledger/accounts', { at }), [at])
  const trial = useResource(() => api.get<TrialBalanceView>('/ledger/trial_balance', { at }), [at])
  useMoneyMoved(() => {
    if (at !== undefined) return
    accounts.reload()
    trial.reload()
  })
  const when = at === undefined ? 'now' : component(Time, { at, style: 'minute' })
  return div(
    { class: 'halves' },
    component(
      Card,
      {
        title: 'Balances',
        aside: fragment(
          when,
          component(ExportButton, { path: '/ledger/accounts', query: { at }, label: 'CSV', small: true }),
        ),
      },
      component(Loaded<ListPage<LedgerAccountView>>, {
        resource: accounts,
        show: ({ data }) =>
          data.length === 0
            ? component(Empty, {
                title: at === undefined ? 'Nothing was booked yet' : 'Nothing was booked before',
              })
            : accountsOf(data),
      }),
    ),
    component(
      Card,
      { title: 'Trial balance', aside: when },
      component(Loaded<TrialBalanceView>, { resource: trial, show: (data) => component(Trial, { data }) }),
    ),
  )
}

/** The accounts with money, and behind a line those without: most accounts are empty most of the time. */
function accountsOf(data: readonly LedgerAccountView[]): VNode {
  const table = (name: string, rows: readonly LedgerAccountView[]) =>
    Table({
      ...{ label: name, columns: ACCOUNTS, rows },
      idOf: ({ account, currency }) => `${account} ${currency}`,
    })
  const empty = data.filter(({ balance }) => BigInt(balance) === 0n)
  const others = data.filter(({ balance }) => BigInt(balance) !== 0n)
  return fragment(
    others.length > 0 ? table('Accounts', others) : null,
    empty.length === 0
      ? null
      : details(
          { class: 'after' },
          summary({}, `${plural(empty.length, 'account')} with a balance of zero`),
          table('Empty accounts', empty),
        ),
  )
}

function Trial({ data: { currencies, entries, chain } }: { data: TrialBalanceView }): VNode {
  return fragment(
    currencies.length === 0
      ? component(Empty, { title: 'Nothing to add up' })
      : Table({
          ...{ label: 'Sums by currency', columns: SUMS, rows: currencies, clickable: false },
          idOf: ({ currency }) => currency,
        }),
    p(
      { class: 'soft after' },
      `${count(entries)} ${entries === 1 ? 'entry' : 'entries'} now.`,
      ...(chain === null
        ? []
        : [
            ` The hash chain has ${plural(chain.links, 'link')}; the last is `,
            component(Id, { id: chain.hash }),
            span({}, ' of ', component(Time, { at: chain.created_at, style: 'minute' }), '.'),
          ]),
      ' Debits are positive, credits negative. The command minipay verify recomputes every balance and the whole chain.',
    ),
  )
}
