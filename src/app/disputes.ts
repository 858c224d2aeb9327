import type { Dispute } from '../domain/charge.ts'
import { allows } from '../domain/charge.ts'
import { decideDispute } from '../domain/refund.ts'
import type { DisputeAnswer } from '../ports/provider.ts'
import { commitStep } from './commit.ts'
import type { Context } from './context.ts'

type Report = Extract<DisputeAnswer, { kind: 'dispute' }>

/**
 * Books a dispute as its provider reports it: opened, won or lost, each with its entries and its event.
 * `foreign` when no payment of ours has that reference, `early` when ours is not captured, so far as we know.
 * One that can't be true is not booked, and raises an alarm. Rejects with `StoreUnavailable`.
 */
export async function bookDispute(
  context: Context,
  provider: string,
  report: Report,
): Promise<'booked' | 'foreign' | 'early'> {
  const found = await context.store.attemptByReference(provider, 'authorize', report.paymentReference)
  if (!found) return 'foreign'
  const { scope, attempt } = found
  for (;;) {
    const charge = await context.store.charge(scope, attempt.transactionId)
    if (!charge) return 'foreign'
    if (!allows(charge, 'dispute')) return 'early'
    if (charge.currency !== report.currency || report.amount > charge.amountCaptured) {
      context.onAlarm(provider, 'amount_mismatch')
      context.log.error(
        {
          transaction: charge.id,
          provider,
          dispute: report.reference,
          amount: report.amount,
          currency: report.currency,
        },
        'A dispute is of more than was captured, or in another currency; it was not booked. A person has to look.',
      )
      return 'booked'
    }
    const before = await context.store.disputeByReference(scope, provider, report.reference)
    const at = context.now()
    const dispute: Dispute = before ?? {
      id: context.newId('dp'),
      transactionId: charge.id,
      provider,
      providerReference: report.reference,
      amount: report.amount,
      currency: report.currency,
      amountBooked: report.amount,
      customer: charge.customer,
      status: 'open',
      reason: report.reason,
      createdAt: at,
    }
    // A dispute that was closed before we heard of it, or was closed the other way, is opened first.
    const opens = report.status !== 'open' && before?.status !== 'open' && before?.status !== report.status
    const status = opens ? 'open' : report.status
    const decision = decideDispute(charge, before?.status ?? null, { ...dispute, status })
    if (!decision) return 'booked'
    const result = await commitStep(context, scope, { decision, at, key: null, answered: null })
    if (result.kind !== 'committed' && result.kind !== 'version_conflict')
      throw new Error(`the dispute ${report.reference} can't be booked: ${result.kind}`)
  }
}
