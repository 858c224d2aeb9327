/** What events say of amounts and states, one after the other. */
import type { Aggregate, Json, ToldEvent } from './aggregate.ts'
import { partOf } from './events.ts'
import { CHARGE, inWords } from './views.ts'

/** Types with which a charge may get another provider, reference, or captured amount. */
const OUTCOMES = [
  ...['payment.succeeded', 'payment.failed', 'payment.authorized', 'payment.requires_action'],
  ...['payment.capture_failed', 'payment.cancel_failed', 'payment.canceled'],
]

/** Then who has it is not known yet. */
const WAITING = ['processing', 'requires_action']

/** Everything in which an event does not follow from those before it, as sentences. */
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
  const begun = refundsAsBegun(refunds, transfers)
  const isCorrected = attempts.some(({ resolved_by }) => resolved_by === 'hand')
  let before: Json | null = null
  for (const event of events) {
    const { data, type } = event
    if (!data) return
    const told = data.charge
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
      if (told[field] !== amount)
        yield `${named(event)} says that ${CHARGE.fields[field]} of ${charge['id']} is ${told[field]}; the events up to it come to ${amount}.`
    const pending = Number(told['amountRefundPending'])
    // A person may have said later that another amount was paid back than was asked for.
    if (
      !isCorrected &&
      !reserved(
        begun.filter(({ id }) => !ended.has(id)),
        pending,
      )
    )
      yield `${named(event)} says that ${pending} of ${charge['id']} is being refunded, and its refunds never were so.`
    yield* followed(event, told, before)
    before = told
  }
  if (!isCorrected) yield* failuresTold({ charge, events })
}

const named = ({ seq, type }: ToldEvent) => `The event ${seq} (${type})`
const sum = (amounts: Iterable<number>) => [...amounts].reduce((a, b) => a + b, 0)

type Begun = { readonly id: unknown; readonly amount: number }

/** In the order of their first transfers, which is that in which their amounts were reserved. */
function refundsAsBegun(refunds: Aggregate['refunds'], transfers: Aggregate['transfers']): Begun[] {
  if (refunds.length === 0) return []
  const first = new Map<unknown, number>()
  for (const { transaction_id, seq } of transfers)
    first.set(transaction_id, Math.min(first.get(transaction_id) ?? Number.POSITIVE_INFINITY, Number(seq)))
  return refunds
    .map(({ id, amount }) => ({ id, amount: Number(amount), seq: first.get(id) ?? 0 }))
    .sort((a, b) => a.seq - b.seq)
}

/** True when the first few of these refunds come to just this. */
function reserved(refunds: readonly Begun[], pending: number): boolean {
  let total = 0
  for (const { amount } of refunds) {
    if (total === pending) return true
    total += amount
  }
  return total === pending
}

/** States and names that follow from those before, of each event. */
function* followed(event: ToldEvent, data: Json, before: Json | null): Iterable<string> {
  const status = String(data['status'])
  const wrong = statusFor(data)
  if (wrong !== undefined) yield `${named(event)} ${wrong}.`
  if (!['failed', 'canceled'].includes(status))
    for (const field of ['declineCode', 'failureMessage'])
      if ((data[field] ?? null) !== null)
        yield `${named(event)} tells of a charge that is ${status}, with the ${CHARGE.fields[field]} ${inWords(data[field])}.`
  // While a charge that waits for its customer is canceled, it is processing.
  if ((data['redirectUrl'] ?? null) !== null && status !== 'requires_action' && status !== 'processing')
    yield `${named(event)} tells of a charge that is ${status}, and where its customer has to go.`
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

/** Why a charge's status is not that of its amounts; as in the checks of the rows. */
function statusFor(data: Json): string | undefined {
  const [captured, refunded] = [Number(data['amountCaptured']), Number(data['amountRefunded'])]
  const taken = ['succeeded', 'partially_refunded', 'refunded']
  const status = String(data['status'])
  const fits =
    captured === 0
      ? !taken.includes(status)
      : status === (refunded === 0 ? 'succeeded' : refunded < captured ? 'partially_refunded' : 'refunded')
  return fits
    ? undefined
    : `tells of a charge that is ${status}, with ${captured} captured and ${refunded} refunded`
}

/** A failed capture or cancel has an event only when the charge was held or waited for its customer before. */
function* failuresTold({ charge, events }: Pick<Aggregate, 'charge' | 'events'>): Iterable<string> {
  let before = 'new'
  for (const event of events) {
    const { type, data } = event
    if (!type.startsWith('payment.')) continue
    // A cancellation that was wished for begins with what it waited for.
    const status = type === 'payment.authorized' ? 'authorized' : String(data?.charge['status'])
    if (/capture_failed$|cancel_failed$/.test(type) && before !== status && !isOfWish(type, status))
      yield `${named(event)} tells that ${charge['id']} is ${status} again, and it was ${before} before.`
    if (type === 'payment.authorized' && before === 'authorized')
      yield `${named(event)} tells that ${charge['id']} is authorized, which it was before.`
    before = status
  }
}

/** A cancellation that was wished for may be refused after the money was taken. */
const isOfWish = (type: string, status: string) =>
  type === 'payment.cancel_failed' && status !== 'authorized' && status !== 'requires_action'
