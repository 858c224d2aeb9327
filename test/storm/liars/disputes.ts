/** Disputes of a liar's payments: opened, changed, closed and opened again, by and by. */
import type { Draw } from '../../kit/draws.ts'
import type { Temper } from './conduct.ts'
import type { Words } from './lies.ts'
import type { Deed } from './truth.ts'

/** How a dispute stands at one time, as a lookup tells it. */
export type DisputeWords = Words & { readonly dispute: string }

export type DisputePlan = {
  readonly story: string
  readonly temper: Temper
  readonly transaction: string
  readonly reference: string
  /** One after the other, each with the time that passes before it, in ms. */
  readonly steps: readonly { readonly afterMs: number; readonly words: DisputeWords }[]
}

const STATUSES = ['open', 'won', 'lost'] as const

/** The disputes of a payment, or of an authorization that was declined; mostly none. */
export function disputesOf(
  draw: Draw,
  temper: Temper,
  deed: Deed,
  another: () => string | undefined,
): DisputePlan[] {
  if (!draw.chance(temper === 'faulty' ? 0.08 : 0.2)) return []
  const count = temper === 'faulty' ? 1 : draw.between(1, 3)
  return Array.from({ length: count }, (_, i) => {
    const reference = `dis_${deed.name}_${i}`
    const steps =
      temper === 'faulty' ? honestSteps(draw, deed, reference) : wildSteps(draw, deed, reference, another)
    return { story: deed.story, temper, transaction: deed.asked.transaction, reference, steps }
  })
}

function honestSteps(draw: Draw, deed: Deed, dispute: string): DisputePlan['steps'] {
  const { name: payment, currency } = deed
  const amount = draw.of([deed.amount, draw.between(1, deed.amount)])
  const words = (status: string) => ({ status, dispute, payment, amount, currency, reason: 'fraudulent' })
  const opened = { afterMs: draw.between(20, 300), words: words('open') }
  const closed = { afterMs: draw.between(20, 300), words: words(draw.of(['won', 'lost'])) }
  return draw.chance(0.7) ? [opened, closed] : [opened]
}

function wildSteps(
  draw: Draw,
  deed: Deed,
  dispute: string,
  another: () => string | undefined,
): DisputePlan['steps'] {
  const { amount, currency } = deed
  const other = currency === 'eur' ? 'usd' : 'eur'
  return Array.from({ length: draw.between(1, 4) }, () => {
    const amounts = [amount, amount, draw.between(1, amount), amount * 2, 0, Number.MAX_SAFE_INTEGER, -1, 1.5]
    const words = {
      status: draw.of<unknown>([...STATUSES, ...STATUSES, ...STATUSES, 'closed']),
      dispute,
      payment: draw.chance(0.8) ? deed.name : (another() ?? 'pay_of_mars'),
      amount: draw.of<unknown>([...amounts, draw.of(amounts), String(amount)]),
      currency: draw.of<unknown>([currency, currency, currency, currency.toUpperCase(), other, 'zzz', null]),
      reason: draw.of<unknown>(['fraudulent', undefined, 7, 'x'.repeat(2_000)]),
    }
    return { afterMs: draw.between(20, 250), words }
  })
}
