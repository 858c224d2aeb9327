/**
 * Checks MiniPay's books against the real payments. At the end every liar has reported the truth of every call, so
 * every difference must have an alarm, and every story without a lie must be booked exactly.
 */

import type { Alarm, Attempt, Charge, Refund } from '../../kit/client.ts'
import type { Statement } from '../../kit/simulator.ts'
import type { Problem } from '../audit.ts'
import { type Found, OPEN_ATTEMPT } from './audit-books.ts'
import type { Books } from './books.ts'
import type { Liar } from './liar.ts'
import { BANK } from './plan.ts'
import { type Deed, isReleased } from './truth.ts'

const UNDONE = new Set(['failed', 'canceled'])
/** Beyond so many alarms of one charge only the log tells. */
const MOST_ALARMS = 20

type Known = {
  readonly charges: ReadonlyMap<string, Charge>
  readonly refunds: ReadonlyMap<string, Refund>
  readonly attempts: ReadonlyMap<string, Attempt>
  readonly alarms: ReadonlyMap<string, readonly Alarm[]>
}

export function auditTruth(books: Books, liars: readonly Liar[], bank: Statement): Problem[] {
  const problems: Problem[] = []
  const found: Found = (what, charge = null) => void problems.push({ what, charge })
  const known: Known = {
    charges: new Map(books.charges.map((charge) => [charge.id, charge])),
    refunds: new Map(books.refunds.map((refund) => [refund.refund_id, refund])),
    attempts: new Map(books.attempts.map((attempt) => [attempt.id, attempt])),
    alarms: Map.groupBy(books.alarms, ({ transaction_id }) => transaction_id),
  }
  for (const liar of liars) {
    for (const [id, deed] of liar.truth.deeds) deedIsBooked(known, liar, id, deed, found)
    for (const reference of liar.strays) found(`${liar.name} has no lookup, and got one of ${reference}`)
    disputesAreListed(books, liar, found)
  }
  for (const charge of books.charges) nothingIsMadeUp(charge, known, liars, found)
  bankAgrees(books, bank, found)
  return problems
}

/**
 * What was really done is booked as it was, or has an alarm; where nobody lied, it is booked. Nothing shows the lie of a
 * provider without lookups.
 */
function deedIsBooked(known: Known, liar: Liar, id: string, deed: Deed, found: Found): void {
  const attempt = known.attempts.get(id)
  if (!attempt) {
    found(`${liar.name} has a call ${id} of no attempt`, deed.asked.transaction)
    return
  }
  const really = reallyDone(deed)
  const booked = isBooked(attempt, known)
  const asAsked = deed.amount === attempt.amount && deed.currency === attempt.currency
  if (really === booked && (asAsked || !really || attempt.resolved_by === 'hand')) return
  // A charge that is canceled needs no authorization, and no other end of it.
  const over = attempt.kind === 'authorize' || attempt.kind === 'cancel'
  if (over && isEmpty(deed) && isCanceled(known, attempt)) return
  // Nor is a cancel contradicted by a provider that had nothing to cancel any more: either way it holds no money.
  if (attempt.kind === 'cancel' && deed.code === 'authorization_expired' && isCanceled(known, attempt)) return
  const alarms = known.alarms.get(attempt.transaction_id) ?? []
  const faulty = liar.temperOf(deed.story) === 'faulty'
  const alarmed = alarms.length >= MOST_ALARMS || alarms.some(({ provider }) => provider === liar.name)
  if ((alarmed || liar.lookup === 'none') && !faulty) return
  if (waitsForEver(known, liar, attempt)) return
  const words = `${deed.stage}, ${deed.amount} ${deed.currency}`
  found(
    `${liar.name} says of its ${attempt.kind} ${id}: ${words}; the attempt is ${attempt.status}, ${attempt.amount} ${attempt.currency}${faulty ? '' : ', without an alarm'}`,
    attempt.transaction_id,
  )
}

/**
 * Whether a charge has an attempt of which nothing can be found out: this provider may do a call twice, and its "not
 * found" may change. Until a person resolves it, all else of the charge waits.
 */
function waitsForEver({ attempts }: Known, { name, truth }: Liar, { transaction_id }: Attempt): boolean {
  if (name !== 'liar_c') return false
  return [...attempts.values()].some(
    (other) =>
      other.transaction_id === transaction_id &&
      other.provider === name &&
      OPEN_ATTEMPT.has(other.status) &&
      truth.deeds.get(other.id)?.stage !== 'done',
  )
}

/** Nothing is held or taken. */
function isEmpty({ payment }: Deed): boolean {
  return payment?.held === 0 && payment.captured === 0
}

function reallyDone(deed: Deed): boolean {
  return deed.stage === 'done' && !isReleased(deed)
}

/** Whether the books say that an attempt moved money, and that this was not taken back. */
function isBooked(attempt: Attempt, { refunds }: Known): boolean {
  if (attempt.status !== 'succeeded') return false
  return attempt.refund_id === null || !UNDONE.has(refunds.get(attempt.refund_id)?.status ?? '')
}

function isCanceled({ charges }: Known, { transaction_id }: Attempt): boolean {
  return charges.get(transaction_id)?.status === 'canceled'
}

/** A story that nobody lied about has no alarm, and all of it ends. */
function nothingIsMadeUp(charge: Charge, known: Known, liars: readonly Liar[], found: Found): void {
  const story = charge.metadata['story'] ?? ''
  const alarms = known.alarms.get(charge.id) ?? []
  if (liars[0]?.temperOf(story) === 'faulty') {
    for (const alarm of alarms)
      found(`has an alarm although nobody lied: ${JSON.stringify(alarm)}`, charge.id)
    return
  }
  const known_to_provider = charge.amount_captured === 0 || charge.provider === BANK
  if (known_to_provider || alarms.length > 0) return
  const liar = liars.find(({ name }) => name === charge.provider)
  if (liar?.lookup === 'none') return
  const deeds = [...(liar?.truth.deeds.values() ?? [])].filter(({ asked }) => asked.transaction === charge.id)
  if (!deeds.some(reallyDone)) found(`has ${charge.amount_captured} captured that nobody took`, charge.id)
}

/** A dispute of a payment that MiniPay knows is listed as it stands at last. */
function disputesAreListed(
  { attempts, disputes }: Books,
  { name, disputes: told }: Liar,
  found: Found,
): void {
  const listed = new Map(
    disputes
      .filter(({ provider }) => provider === name)
      .map((dispute) => [dispute.provider_reference, dispute]),
  )
  const payments = new Map(
    attempts.flatMap(({ kind, provider, provider_reference: reference, transaction_id }) =>
      kind === 'authorize' && provider === name && reference !== null
        ? [[reference, transaction_id] as const]
        : [],
    ),
  )
  for (const [reference, { words }] of told) {
    const dispute = listed.get(reference)
    const transaction = dispute?.transaction_id ?? payments.get(String(words['payment']))
    if (transaction === undefined) continue
    const { status, amount } = words
    const currency = String(words['currency']).toLowerCase()
    const differs =
      dispute === undefined ||
      dispute.status !== status ||
      dispute.amount !== amount ||
      dispute.currency !== currency
    if (differs)
      found(`the dispute ${JSON.stringify(words)} is listed as ${JSON.stringify(dispute)}`, transaction)
  }
}

/** The honest bank's statement is the books of its charges. */
function bankAgrees({ charges, attempts }: Books, { payments }: Statement, found: Found): void {
  const byReference = new Map(payments.map((payment) => [payment.reference, payment]))
  const explained = new Set<string>()
  const byId = new Map(charges.map((charge) => [charge.id, charge]))
  for (const { id, kind, provider, status, transaction_id } of attempts) {
    const charge = byId.get(transaction_id)
    if (kind !== 'authorize' || provider !== BANK || status !== 'succeeded' || !charge) continue
    explained.add(id)
    const { captured, refunded } = byReference.get(id) ?? { captured: -1, refunded: -1 }
    if (charge.amount_captured !== captured || charge.amount_refunded !== refunded)
      found(
        `has ${charge.amount_captured} captured and ${charge.amount_refunded} refunded, the bank ${captured} and ${refunded}`,
        charge.id,
      )
  }
  for (const { reference, captured, transaction_id } of payments)
    if (!explained.has(reference) && captured > 0)
      found(`the bank took ${captured} by ${reference}, which is not in the books`, transaction_id)
}
