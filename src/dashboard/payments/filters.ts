/** The filters of the payments: in the URL, in the API's words, and for one payment. */
import type { ChargeView } from '../../api/minipay/charge-schemas.ts'
import type { RefundView } from '../../api/minipay/refund-schemas.ts'
import { CURRENCY_EXPONENTS } from '../../domain/currencies.ts'
import { decimal, formatTime, parseAmount, startOfDay } from '../format.ts'
import type { Query } from '../router.ts'
import { statusOf } from '../texts.ts'
import { type Filter, providerFilter } from '../ui/filters.ts'

const STATUSES = [
  ...['succeeded', 'processing', 'requires_action', 'authorized'],
  ...['failed', 'canceled', 'partially_refunded', 'refunded'],
]
const choice = (status: string) => [status, statusOf(status).word] as const

export const currencyFilter: Filter = {
  ...{ name: 'currency', label: 'Currency', kind: 'select' },
  choices: [...CURRENCY_EXPONENTS.keys()].map((code) => [code, code.toUpperCase()]),
}
export const dateFilters: readonly Filter[] = [
  { name: 'from', label: 'From', kind: 'date' },
  { name: 'until', label: 'Until', kind: 'date' },
]

/** The filters to draw: an amount needs the digits of its currency, so its fields follow the choice of one. */
export function paymentFilters(providers: readonly string[], currency: string | null): readonly Filter[] {
  const code = currency?.toUpperCase()
  return [
    { name: 'status', label: 'Status', kind: 'many', choices: STATUSES.map(choice) },
    { name: 'customer', label: 'Customer', kind: 'text' },
    providerFilter(providers),
    { name: 'decline_code', label: 'Decline code', kind: 'text' },
    currencyFilter,
    ...(code
      ? ([
          { name: 'least', label: `At least, ${code}`, kind: 'text' },
          { name: 'most', label: `At most, ${code}`, kind: 'text' },
        ] as const)
      : []),
    ...dateFilters,
  ]
}

/** The times of the filters `from` and `until`, which are days; a link may have exact times in the API's words. */
export function timesOf(query: URLSearchParams, utc: boolean): Query {
  return {
    created_gte: startOfDay(query.get('from'), utc) ?? query.get('created_gte'),
    created_lt: startOfDay(query.get('until'), utc, 1) ?? query.get('created_lt'),
  }
}

export type Asked = {
  readonly query: Query
  /** What is wrong with the typed amounts: without them the query would find too much, so it must not be sent. */
  readonly problem?: string
}

/** The query of the API, from that of the page. */
export function askedOf(query: URLSearchParams, utc: boolean): Asked {
  const currency = query.get('currency') ?? ''
  const read = (name: string, from: number) => {
    const typed = query.get(name)
    if (typed === null || typed === '') return undefined
    if (currency === '') return { problem: `Choose the currency of the amount ${typed}.` }
    const amount = parseAmount(typed, currency)
    return 'amount' in amount && amount.amount < from ? { problem: 'Type an amount above zero.' } : amount
  }
  const [least, most] = [read('least', 0), read('most', 1)]
  const wrong = [least, most].find((one) => one && 'problem' in one)
  const asText = (one: typeof least) => (one && 'amount' in one && one.amount > 0 ? String(one.amount) : null)
  return {
    query: {
      status: query.getAll('status').join(','),
      ...{ customer: query.get('customer'), provider: query.get('provider'), currency },
      decline_code: query.get('decline_code'),
      amount_gte: asText(least) ?? query.get('amount_gte'),
      amount_lte: asText(most) ?? query.get('amount_lte'),
      ...timesOf(query, utc),
    },
    ...(wrong && 'problem' in wrong && { problem: wrong.problem }),
  }
}

/** Exact filters of a link that no field shows, in words. */
export function hiddenFilters(query: URLSearchParams): readonly (readonly [name: string, words: string])[] {
  const currency = query.get('currency') ?? 'usd'
  const amount = (name: string) => {
    const minor = query.get(name)
    return minor !== null && /^\d{1,16}$/.test(minor) ? decimal(BigInt(minor), currency) : minor
  }
  const found = [
    ['created_gte', `since ${formatTime(query.get('created_gte') ?? '', 'minute')}`],
    ['created_lt', `before ${formatTime(query.get('created_lt') ?? '', 'minute')}`],
    ['amount_gte', `at least ${amount('amount_gte')}`],
    ['amount_lte', `at most ${amount('amount_lte')}`],
    // They have fields only beside a currency.
    ...(query.get('currency')
      ? []
      : ([
          ['least', `at least ${query.get('least')}`],
          ['most', `at most ${query.get('most')}`],
        ] as const)),
  ] as const
  return found.filter(([name]) => query.has(name))
}

/** Whether a payment belongs to the list with this query. */
export function fitsQuery(charge: ChargeView, query: Query): boolean {
  return (
    fitsCommon(charge, charge.created_at, query) &&
    (!query['provider'] || query['provider'] === charge.provider) &&
    (!query['amount_gte'] || charge.amount >= Number(query['amount_gte'])) &&
    (!query['amount_lte'] || charge.amount <= Number(query['amount_lte']))
  )
}

/** Whether a refund belongs to the list with this query. */
export const fitsRefunds = (refund: RefundView, query: Query): boolean =>
  fitsCommon(refund, refund.refunded_at, query)

type Common = Pick<ChargeView | RefundView, 'status' | 'customer' | 'currency' | 'decline_code'>

function fitsCommon(object: Common, createdAt: string, query: Query): boolean {
  const statuses = String(query['status'] ?? '').split(',')
  const at = Date.parse(createdAt)
  return (
    (statuses[0] === '' || statuses.includes(object.status)) &&
    (['customer', 'currency', 'decline_code'] as const).every(
      (name) => !query[name] || query[name] === object[name],
    ) &&
    (!query['created_gte'] || at >= Date.parse(String(query['created_gte']))) &&
    (!query['created_lt'] || at < Date.parse(String(query['created_lt'])))
  )
}
