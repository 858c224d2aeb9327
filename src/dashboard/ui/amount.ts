import { type Minor, money } from '../format.ts'
import { span, type VNode } from '../tags.ts'

/** An amount with its currency after it; in tables the codes align below each other. */
export function Amount({ amount, currency }: { amount: Minor; currency: string }): VNode {
  return span(
    { class: 'amount' },
    span({ class: 'digits' }, money(amount, currency)),
    ' ',
    span({ class: 'currency' }, currency.toUpperCase()),
  )
}
