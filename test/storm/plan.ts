import { type Draw, drawsFrom } from '../kit/draws.ts'
import { CURRENCIES, cancel, capture, type Fate, refund, type Story as Told } from '../kit/stories.ts'
/** What a storm will do, all of it drawn from its seed: the payments, and when who is killed. */

export const BANKS = ['bank_a', 'bank_b'] as const
export type BankName = (typeof BANKS)[number]

/** What one customer does at a bank. */
export type Story = Told & { readonly paymentMethod: string | null }

/** A SIGKILL when so many stories have ended; the victims are back when clients have heard `downFor` answers. */
export type Kill = {
  readonly at: number
  readonly victims: readonly ('minipay' | BankName)[]
  readonly downFor: number
}

export type Plan = {
  readonly stories: readonly Story[]
  readonly kills: readonly Kill[]
  /** Stories that are told at once. */
  readonly customers: number
  /** The faults end when so many stories have ended: the others have begun, and may be stuck until then. */
  readonly calmAt: number
}

export type Size = {
  readonly stories: number
  /** How often MiniPay is killed, and each of the banks. */
  readonly kills: { readonly minipay: number; readonly bank: number }
}

/** More than connections, since most of the time a customer waits. */
const MAX_CUSTOMERS = 256

export function planOf(seed: number, { stories, kills }: Size): Plan {
  const draw = drawsFrom(seed)
  const customers = Math.min(MAX_CUSTOMERS, Math.ceil(stories * 0.3))
  const calmAt = stories - customers
  return {
    stories: Array.from({ length: stories }, (_, i) => story(draw, i)),
    kills: killsOf(draw, kills, calmAt),
    customers,
    calmAt,
  }
}

function story(draw: Draw, index: number): Story {
  const amount = draw.between(100, 50_000)
  const { capture, steps } = fate(draw, amount)
  return {
    key: `story-${index}`,
    amount,
    currency: draw.of(CURRENCIES),
    customer: `cus_${draw.between(1, 100)}`,
    paymentMethod: draw.chance(0.03) ? 'tok_chargeDeclinedStolenCard' : draw.of([null, 'tok_visa']),
    capture,
    twice: draw.chance(0.1),
    steps,
  }
}

function fate(draw: Draw, amount: number): Fate {
  const part = draw.between(1, amount - 1)
  const most = Math.ceil(amount * 0.6)
  return draw.of<Fate>([
    { capture: true, steps: [] },
    { capture: true, steps: [] },
    { capture: true, steps: [[refund(null)]] },
    { capture: true, steps: [[refund(part)], [refund(null)]] },
    // Together more than there is.
    { capture: true, steps: [[refund(most), refund(most)]] },
    { capture: false, steps: [[capture(null)]] },
    { capture: false, steps: [[capture(part)], [refund(null)]] },
    { capture: false, steps: [[cancel]] },
    // Only one of them can be.
    { capture: false, steps: [[capture(part), cancel]] },
    { capture: false, steps: [] },
  ])
}

/** MiniPay and the banks in turn, at moments spread over the storm; now and then MiniPay and a bank at once. */
function killsOf(draw: Draw, { minipay, bank }: Size['kills'], calmAt: number): Kill[] {
  const victims: Kill['victims'][] = [
    ...Array.from({ length: minipay }, (_, i) =>
      i % 3 === 2 ? (['minipay', draw.of(BANKS)] as const) : (['minipay'] as const),
    ),
    ...BANKS.flatMap((name) => Array.from({ length: bank }, () => [name])),
  ]
  const order = victims.map((who) => ({ who, rank: draw.next() })).sort((a, b) => a.rank - b.rank)
  return order.map(({ who }, i) => ({
    at: Math.floor(((i + draw.next()) * calmAt) / order.length),
    victims: who,
    downFor: draw.between(0, 200),
  }))
}
