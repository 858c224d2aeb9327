/** What a storm of liars will do, all of it drawn from its seed. */
import { type Draw, drawsFrom } from '../../kit/draws.ts'
import { CURRENCIES, cancel, capture, type Fate, refund, type Story as Told } from '../../kit/stories.ts'
import type { Temper } from './conduct.ts'

export const LIARS = ['liar_a', 'liar_b', 'liar_c', 'liar_d'] as const
export type LiarName = (typeof LIARS)[number]
export const BANK = 'bank'

/** What one customer does at providers of that temper. */
export type Story = Told & { readonly temper: Temper }

/**
 * When so many stories have ended, someone goes down: MiniPay for as long as it takes to start, a liar until the
 * customers have heard `downFor` answers.
 */
export type Fall = {
  readonly at: number
  readonly victim: 'minipay' | LiarName
  readonly downFor: number
}

export type Plan = {
  readonly seed: number
  readonly stories: readonly Story[]
  readonly falls: readonly Fall[]
  /** When so many stories have ended, a person looks at what is open. */
  readonly visits: readonly number[]
  /** Stories that are told at once. */
  readonly customers: number
}

export type Size = {
  readonly stories: number
  /** How often MiniPay is killed, and each of the liars goes down. */
  readonly falls: { readonly minipay: number; readonly liar: number }
}

/** Most of the time a customer waits. */
const MAX_CUSTOMERS = 256
const VISITS = 6

export function planOf(seed: number, { stories, falls }: Size): Plan {
  const draw = drawsFrom(seed)
  return {
    seed,
    stories: Array.from({ length: stories }, (_, i) => story(draw, i)),
    falls: fallsOf(draw, stories, falls),
    visits: Array.from({ length: VISITS }, (_, i) => Math.floor(((i + draw.next()) * stories) / VISITS)),
    customers: Math.min(MAX_CUSTOMERS, Math.ceil(stories * 0.3)),
  }
}

function story(draw: Draw, index: number): Story {
  const amount = draw.between(100, 50_000)
  return {
    key: `s${index}`,
    temper: draw.chance(0.3) ? 'faulty' : 'lying',
    amount,
    currency: draw.of(CURRENCIES),
    customer: `cus_${draw.between(1, 100)}`,
    ...fate(draw, amount),
    twice: draw.chance(0.1),
  }
}

function fate(draw: Draw, amount: number): Fate {
  const part = draw.between(1, amount - 1)
  const most = Math.ceil(amount * 0.6)
  return draw.of<Fate>([
    { capture: true, steps: [] },
    { capture: true, steps: [[refund(null)]] },
    { capture: true, steps: [[refund(part)], [refund(null)]] },
    { capture: true, steps: [[refund(most), refund(most)], [refund(null)]] },
    { capture: true, steps: [[refund(part), refund(part), refund(null)]] },
    { capture: true, steps: [[cancel], [refund(null)]] },
    { capture: false, steps: [[capture(null)], [refund(part)]] },
    { capture: false, steps: [[capture(part)], [refund(null)]] },
    { capture: false, steps: [[cancel]] },
    { capture: false, steps: [[capture(part), cancel], [refund(null)]] },
    { capture: false, steps: [[cancel, capture(null)], [cancel]] },
    { capture: false, steps: [] },
  ])
}

function fallsOf(draw: Draw, stories: number, { minipay, liar }: Size['falls']): Fall[] {
  const victims: Fall['victim'][] = [
    ...Array.from({ length: minipay }, () => 'minipay' as const),
    ...LIARS.flatMap((name) => Array.from({ length: liar }, () => name)),
  ]
  const order = victims.map((victim) => ({ victim, rank: draw.next() })).sort((a, b) => a.rank - b.rank)
  return order.map(({ victim }, i) => ({
    at: Math.floor(((i + draw.next()) * stories * 0.9) / order.length),
    victim,
    downFor: victim === 'minipay' ? 0 : draw.between(0, 100),
  }))
}
