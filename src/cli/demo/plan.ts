/** What the customers of a shop do in a month. */
import { type Draws, drawsOf } from './draws.ts'

export const DAY_MS = 86_400_000
export const HOUR_MS = 3_600_000
export const MINUTE_MS = 60_000
export const DAYS = 30

/**
 * What happens to a payment at the banks: `plain`: the card decides. `failover`: the first bank declines without a reason,
 * and the next one takes it. `lost`: the response is lost, and a lookup finds the payment. `vanished`: it finds that the
 * bank did nothing. `stuck`: no lookup has an answer, and a person resolves it. `open`: the same, and no person has yet.
 * `doubled`: the bank says that it took twice the amount.
 */
export type Fate = 'plain' | 'failover' | 'lost' | 'vanished' | 'stuck' | 'open' | 'doubled'

export type Order = {
  /** ms since 1970. */
  readonly at: number
  readonly number: string
  readonly amount: number
  readonly currency: string
  readonly customer: string
  readonly description: string
  readonly paymentMethod: string
  readonly fate: Fate
  /** Null: it is captured at once. */
  readonly hold: { readonly end: 'capture' | 'part' | 'cancel' | 'none'; readonly afterMs: number } | null
  readonly refund: { readonly part: boolean; readonly reason: string; readonly afterMs: number } | null
  readonly dispute: {
    readonly reason: string
    readonly end: 'open' | 'won' | 'lost'
    readonly afterMs: number
  } | null
}

const CARDS = [
  ['tok_visa', 44],
  ['tok_mastercard', 30],
  ['tok_amex', 8],
  ['tok_visa_debit', 8],
  ['tok_unionpay', 3],
  ['tok_chargeDeclinedInsufficientFunds', 3],
  ['tok_chargeDeclinedExpiredCard', 1.2],
  ['tok_chargeDeclinedIncorrectCvc', 1],
  ['tok_chargeDeclinedLostCard', 0.4],
  ['tok_chargeDeclinedFraudulent', 0.6],
  ['tok_chargeDeclined', 0.8],
] as const
/** Currencies, and the least and most of a usual payment in minor units. */
const CURRENCIES: readonly (readonly [readonly [string, number, number], number])[] = [
  [['usd', 900, 24_000], 46],
  [['eur', 900, 21_000], 34],
  [['gbp', 800, 18_000], 12],
  [['jpy', 900, 32_000], 4],
  [['huf', 350_000, 9_000_000], 3],
  [['kwd', 2_500, 90_000], 1],
]
const GOODS = [
  'Two shirts',
  'Coffee beans, 1 kg',
  'Running shoes',
  'Desk lamp',
  'Cotton sheets',
  'Headphones',
  'Gift card',
  'Garden chairs',
] as const
const REASONS = ['requested_by_customer', 'out_of_stock', 'damaged', 'duplicate'] as const
/** How busy each hour of the day is, and each day of the week from Sunday on. */
const HOURS = [2, 1, 1, 1, 1, 2, 4, 7, 10, 12, 13, 13, 14, 13, 12, 12, 13, 14, 16, 18, 17, 13, 8, 4] as const
const WEEKDAYS = [0.75, 1, 1, 1.05, 1.1, 1.25, 1] as const

/** Orders of the thirty days before `until` (ms since 1970), `perDay` on a usual one, in their order. */
export function planMonth(seed: number, until: number, perDay: number): readonly Order[] {
  const draws = drawsOf(seed)
  const from = until - DAYS * DAY_MS
  const orders: Order[] = []
  for (let hour = from; hour < until; hour += HOUR_MS) {
    const date = new Date(hour)
    const busy = (HOURS[date.getUTCHours()] ?? 1) / HOURS.reduce((sum, one) => sum + one, 0)
    const expected = perDay * busy * (WEEKDAYS[date.getUTCDay()] ?? 1)
    const count = Math.floor(expected) + (draws.chance(expected % 1) ? 1 : 0)
    const times = Array.from({ length: count }, () => hour + draws.whole(0, HOUR_MS - 1)).sort(
      (a, b) => a - b,
    )
    for (const at of times)
      if (at < until - MINUTE_MS) orders.push(orderAt(draws, at, 10_001 + orders.length))
  }
  const paid = orders.filter(isPlain).toReversed()
  const fates = new Map(CHOSEN.map(([back, fate]) => [paid[back], fate]))
  const chosen = orders.map((order): Order => ({ ...order, fate: fates.get(order) ?? order.fate }))
  return [...chosen, ...cardTesting(draws, from + 16 * DAY_MS + 3 * HOUR_MS)].sort((a, b) => a.at - b.at)
}

/** What happens to some of the last payments, counted from the end: enough is left to do. */
const CHOSEN: readonly (readonly [number, Fate])[] = [
  [1, 'open'],
  [3, 'open'],
  [8, 'open'],
  [13, 'open'],
  [21, 'doubled'],
]

function isPlain({ fate, paymentMethod, hold, refund, dispute }: Order): boolean {
  return fate === 'plain' && !hold && !refund && !dispute && !/declined/i.test(paymentMethod)
}

function orderAt(draws: Draws, at: number, number: number): Order {
  const [currency, low, high] = draws.weighted(CURRENCIES)
  // Most payments are small.
  const amount = Math.round((low + (high - low) * draws.next() ** 3) / 50) * 50 - (currency === 'jpy' ? 0 : 1)
  const paymentMethod = draws.weighted(CARDS)
  const isPaid = !/declined/i.test(paymentMethod)
  const fate = isPaid ? fateOf(draws) : 'plain'
  const hold = isPaid && draws.chance(0.12)
  return {
    ...{ at, number: String(number), amount, currency, paymentMethod, fate },
    customer: `cus_${1_000 + Math.floor(900 * draws.next() ** 2)}`,
    description: draws.pick(GOODS),
    hold: hold ? { end: holdEnd(draws), afterMs: draws.whole(HOUR_MS, 2 * DAY_MS) } : null,
    refund:
      isPaid && !hold && draws.chance(0.08)
        ? { part: draws.chance(0.5), reason: draws.pick(REASONS), afterMs: draws.whole(HOUR_MS, 6 * DAY_MS) }
        : null,
    dispute:
      isPaid && !hold && draws.chance(0.025)
        ? {
            reason: draws.pick(['fraudulent', 'product_not_received', 'duplicate']),
            end: draws.pick(['open', 'won', 'lost']),
            afterMs: draws.whole(2 * DAY_MS, 9 * DAY_MS),
          }
        : null,
  }
}

function fateOf(draws: Draws): Fate {
  return draws.weighted([
    ['plain', 940],
    ['failover', 30],
    ['lost', 16],
    ['vanished', 5],
    ['stuck', 3],
  ])
}

function holdEnd(draws: Draws): NonNullable<Order['hold']>['end'] {
  return draws.weighted([
    ['capture', 70],
    ['part', 12],
    ['cancel', 12],
    ['none', 6],
  ])
}

/** A program that tries stolen cards: a velocity limit stops it. */
function cardTesting(draws: Draws, from: number): readonly Order[] {
  return Array.from(
    { length: 14 },
    (_, i): Order => ({
      ...{ at: from + i * 20_000 + draws.whole(0, 9_000), number: `t${i + 1}`, amount: 100, currency: 'usd' },
      ...{
        customer: 'cus_7777',
        description: 'Gift card',
        fate: 'plain',
        hold: null,
        refund: null,
        dispute: null,
      },
      paymentMethod: draws.pick([
        'tok_chargeDeclinedStolenCard',
        'tok_chargeDeclinedIncorrectCvc',
        'tok_visa',
      ]),
    }),
  )
}
