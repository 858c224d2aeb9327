/** What only a provider over the network brings: outcomes that come later, customers who have to act, disputes. */
import type { Draft, Payment } from './generate.ts'

const CHARGES = '/api/v1/charges'
const SETTLED = '"status":"(?!processing|requires_action)'

/** Each waits for what it set in motion. */
const STORIES: readonly ((draft: Draft) => void)[] = [
  late,
  approved,
  canceledMeanwhile,
  disputed,
  lapsed,
  refundThatComesBack,
  declined,
]

export function atBank(draft: Draft): void {
  draft.draw.of(STORIES)(draft)
}

function toBank(draft: Draft, fields: object = {}): Payment {
  return draft.sale(draft.draw.between(100, 100_000), { metadata: { to: 'bank' }, ...fields })
}

function settle(draft: Draft, { made }: Payment, match = SETTLED): void {
  draft.add({ kind: 'await', path: `${CHARGES}/{txn:${made}}`, match })
}

function tell(draft: Draft, path: string, body: object = {}): void {
  draft.add({ kind: 'bank', path, body })
}

function refund(draft: Draft, { made }: Payment, amount?: number): string {
  const at = draft.next
  const body = JSON.stringify({ transaction_id: `{txn:${made}}`, amount })
  draft.send({ method: 'POST', path: '/api/v1/refunds', body, ...draft.key() })
  return at
}

function late(draft: Draft): void {
  const capture = draft.draw.chance(0.5)
  const payment = toBank(draft, { payment_method: 'tok_fault_late', capture })
  settle(draft, payment)
  if (!capture) draft.send({ method: 'POST', path: `${CHARGES}/{txn:${payment.made}}/capture` })
  draft.get(`${CHARGES}/{txn:${payment.made}}/attempts`)
}

function approved(draft: Draft): void {
  const payment = toBank(draft, { payment_method: 'tok_requires_action', capture: draft.draw.chance(0.5) })
  const { made } = payment
  draft.get(`${CHARGES}/{txn:${made}}`)
  refund(draft, payment)
  tell(draft, `/confirm/{ref:${made}}`, { approve: draft.draw.chance(0.6) })
  settle(draft, payment)
  draft.get(`${CHARGES}/{txn:${made}}/attempts`)
}

function canceledMeanwhile(draft: Draft): void {
  const payment = toBank(draft, { payment_method: 'tok_requires_action' })
  draft.send({ method: 'POST', path: `${CHARGES}/{txn:${payment.made}}/cancel`, ...draft.key() })
  settle(draft, payment)
}

function disputed(draft: Draft): void {
  const { draw } = draft
  const payment = toBank(draft)
  const { made } = payment
  const amount = draw.chance(0.5) ? payment.amount : Math.ceil(payment.amount / 2)
  const disputes = `/api/v1/disputes?transaction_id={txn:${made}}`
  tell(draft, '/disputes', { payment: `{ref:${made}}`, amount })
  draft.add({ kind: 'await', path: disputes, match: '"status":"open"' })
  refund(draft, payment, payment.amount)
  refund(draft, payment)
  const status = draw.of(['won', 'lost'])
  tell(draft, '/disputes/{dp:0}', { status })
  draft.add({ kind: 'await', path: disputes, match: `"status":"${status}"` })
  refund(draft, payment)
}

function lapsed(draft: Draft): void {
  const payment = toBank(draft, { capture: false })
  tell(draft, `/payments/{ref:${payment.made}}/expire`)
  settle(draft, payment, '"status":"canceled"')
  draft.send({ method: 'POST', path: `${CHARGES}/{txn:${payment.made}}/capture` })
}

function refundThatComesBack(draft: Draft): void {
  const payment = toBank(draft)
  const made = refund(draft, payment, draft.draw.chance(0.5) ? 50 : undefined)
  tell(draft, `/refunds/{ref:${made}}/fail`)
  draft.add({ kind: 'await', path: `/api/v1/refunds/{re:${made}}`, match: '"status":"failed"' })
  refund(draft, payment)
}

function declined(draft: Draft): void {
  const token = draft.draw.of([
    'tok_fault_decline',
    'tok_unknown_decline',
    'tok_odd_decline',
    'tok_chargeDeclinedExpiredCard',
    'tok_chargeDeclinedProcessingError',
  ])
  const payment = toBank(draft, { payment_method: token, currency: draft.draw.of(['usd', 'eur']) })
  draft.get(`${CHARGES}/{txn:${payment.made}}/attempts`)
}
