/** The actions of a storm's customers: a charge, its follow-ups, and their requests. */

export type Step = { readonly kind: 'capture' | 'cancel' | 'refund'; readonly amount: number | null }

/** One charge and its merchant's actions: groups of steps, where the steps of a group run at once. */
export type Story = {
  readonly key: string
  readonly amount: number
  readonly currency: string
  readonly customer: string
  readonly capture: boolean
  /** An impatient customer: each request is sent twice at once. */
  readonly twice: boolean
  readonly steps: readonly (readonly Step[])[]
}
/** Whether a charge captures at once, and the steps after it. */
export type Fate = Pick<Story, 'capture' | 'steps'>

export const CURRENCIES = ['usd', 'eur', 'jpy'] as const
export const refund = (amount: number | null): Step => ({ kind: 'refund', amount })
export const capture = (amount: number | null): Step => ({ kind: 'capture', amount })
export const cancel: Step = { kind: 'cancel', amount: null }

/** The request of a step on that charge. */
export function stepRequest(
  { kind, amount }: Step,
  id: string,
): { path: string; body: Readonly<Record<string, unknown>> } {
  const some = amount === null ? {} : { amount }
  if (kind === 'refund') return { path: '/api/v1/refunds', body: { transaction_id: id, ...some } }
  return { path: `/api/v1/charges/${id}/${kind}`, body: some }
}

/** A capture against a cancel, or refunds that together exceed the charge: one of them must fail, with such a code. */
export const LOST: ReadonlySet<string> = new Set([
  'charge_not_capturable',
  'charge_not_cancelable',
  'refund_exceeds_remaining',
  'already_refunded',
])
