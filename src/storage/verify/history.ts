/** Checks the amounts and states of events in their order. */
import type { Aggregate, AuditedEvent, Json } from './aggregate.ts'
import { partOf } from './events.ts'
import { CHARGE, inWords } from './views.ts'

/** Types of events that may change a charge's provider, reference or captured amount. */
const OUTCOMES = [
  ...['payment.succeeded', 'payment.failed', 'payment.authorized', 'payment.requires_action'],
  ...['payment.capture_failed', 'payment.cancel_failed', 'payment.canceled'],
]

/** In these statuses the provider that has the money is not known yet. */
const WAITING = ['processing', 'requires_action']

/** Every event that does not follow from those before it, as sentences. */
export function* historyProblems({
  charge,
  refunds,
  attempts,
  transfers,
  events,
}: Aggregate): Iterable<string> {
  const ended = new Set<unknown>()
  const paid = new Map<unknown, number>()
  const disputed = new Map<unknown, number>()
  const begunRefunds = inOrderOfBegin(refunds, transfers)
  const isCorrected = attempts.some(({ resolved_by }) => resolved_by === 'hand')
  let before: Json | null = null
  for (const event of events) {
    const { data, type } = event
    if (!data) return
    const facts = data.charge
    const part = partOf(event)
    if (part && part === data.dispute) disputed.set(part['id'], Number(part['amountBooked']))
    if (part && part === data.refund) {
      ended.add(part['id'])
      paid.set(part['id'], part['status'] === 'failed' ? 0 : Number(part['amount']))
    }
    const expected: Record<string, number> = {
      amountRefunded: sum(paid.values()),
      amountDisputed: sum(disputed.values()),
    }
    if (before && !OUTCOMES.includes(type)) expected['amountCaptured'] = Number(before['amountCaptured'])
    for (const [field, amount] of Object.entries(expected))
      if (facts[field] !== amount)
        yield `${named(event)} says that ${CHARGE.fields[field]} of ${charge['id']} is ${facts[field]}; the events up to it come to ${amount}.`
    const pending = Number(facts['amountRefundPending'])
    // A person may have set another refunded amount than requested.
    if (
      !isCorrected &&
      !isReserved(
        begunRefunds.filter(({ id }) => !ended.has(id)),
        pending,
      )
    )
      yield `${named(event)} says that ${pending} of ${charge['id']} is being refunded, and its refunds never were so.`
    yield* followUpProblems(event, facts, before)
    before = facts
  }
  if (!isCorrected) yield* failureProblems({ charge, events })
}

const named = ({ seq, type }: AuditedEvent) => `The event ${seq} (${type})`
const sum = (amounts: Iterable<number>) => [...amounts].reduce((a, b) => a + b, 0)

type Begun = { readonly id: unknown; readonly amount: number }

/** In the order of their first transfers, which is the order in which their amounts were reserved. */
function inOrderOfBegin(refunds: Aggregate['refunds'], transfers: Aggregate['transfers']): Begun[] {
  if (refunds.length === 0) return []
  const first = new Map<unknown, number>()
  for (const { transaction_id, seq } of transfers)
    first.set(transaction_id, Math.min(first.get(transaction_id) ?? Number.POSITIVE_INFINITY, Number(seq)))
  return refunds
    .map(({ id, amount }) => ({ id, amount: Number(amount), seq: first.get(id) ?? 0 }))
    .sort((a, b) => a.seq - b.seq)
}

/** True if some first refunds of the list sum to exactly this amount. */
function isReserved(refunds: readonly Begun[], pending: number): boolean {
  let total = 0
  for (const { amount } of refunds) {
    if (total === pending) return true
    total += amount
  }
  return total === pending
}

/** The statuses and fields of each event that follow from the events before. */
function* followUpProblems(event: AuditedEvent, data: Json, before: Json | null): Iterable<string> {
  const status = String(data['status'])
  const wrong = statusProblem(data)
  if (wrong !== undefined) yield `${named(event)} ${wrong}.`
  if (!['failed', 'canceled'].includes(status))
    for (const field of ['declineCode', 'failureMessage'])
      if ((data[field] ?? null) !== null)
        yield `${named(event)} shows a charge that is ${status}, with the ${CHARGE.fields[field]} ${inWords(data[field])}.`
  // A charge that waits for its customer is `processing` while MiniPay cancels it.
  if ((data['redirectUrl'] ?? null) !== null && status !== 'requires_action' && status !== 'processing')
    yield `${named(event)} shows a charge that is ${status}, and where its customer has to go.`
  if (!before || OUTCOMES.includes(event.type) || WAITING.includes(String(before['status']))) return
  for (const field of ['provider', 'providerReference'])
    if (data[field] !== before[field])
      yield `${named(event)} says that the ${CHARGE.fields[field]} is ${inWords(data[field])}; the event before it says ${inWords(before[field])}.`
  if (
    before['status'] === 'authorized' &&
    status === 'authorized' &&
    data['expiresAt'] !== before['expiresAt']
  )
    yield `${named(event)} says that the charge expires at ${data['expiresAt']}; the event before it says ${before['expiresAt']}.`
}

/** Why a charge's status does not fit its amounts; the same rule as in the checks of rows. */
function statusProblem(data: Json): string | undefined {
  const [captured, refunded] = [Number(data['amountCaptured']), Number(data['amountRefunded'])]
  const capturedStatuses = ['succeeded', 'partially_refunded', 'refunded']
  const status = String(data['status'])
  const fits =
    captured === 0
      ? !capturedStatuses.includes(status)
      : status === (refunded === 0 ? 'succeeded' : refunded < captured ? 'partially_refunded' : 'refunded')
  return fits
    ? undefined
    : `shows a charge that is ${status}, with ${captured} captured and ${refunded} refunded`
}

/** A failed capture or cancel has an event only if the charge was held or waited for its customer before. */
function* failureProblems({ charge, events }: Pick<Aggregate, 'charge' | 'events'>): Iterable<string> {
  let before = 'new'
  for (const event of events) {
    const { type, data } = event
    if (!type.startsWith('payment.')) continue
    // A requested cancel begins after the call that it waited for.
    const status = type === 'payment.authorized' ? 'authorized' : String(data?.charge['status'])
    if (/capture_failed$|cancel_failed$/.test(type) && before !== status && !isOfCancelRequest(type, status))
      yield `${named(event)} says that ${charge['id']} is ${status} again, and it was ${before} before.`
    if (type === 'payment.authorized' && before === 'authorized')
      yield `${named(event)} says that ${charge['id']} is authorized, which it was before.`
    before = status
  }
}

/** A requested cancel may be refused after the charge was captured. */
const isOfCancelRequest = (type: string, status: string) =>
  type === 'payment.cancel_failed' && status !== 'authorized' && status !== 'requires_action'
