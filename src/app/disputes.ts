import type { Dispute } from '../domain/charge.ts'
import { decideDispute } from '../domain/refund.ts'
import type { DisputeAnswer } from '../ports/provider.ts'
import { commitStep } from './commit.ts'
import type { Context } from './context.ts'

type Report = Extract<DisputeAnswer, { kind: 'dispute' }>

/**
 * Books a dispute as its provider reports it: opened, won or lost, each with its entries and its event. False
 * when no payment of ours has that reference. Rejects with `StoreUnavailable`.
 */
export async function bookDispute(context: Context, provider: string, report: Report): Promise<boolean> {
  const found = await context.store.attemptByReference(provider, 'authorize', report.paymentReference)
  if (!found) return false
  const { scope, attempt } = found
  for (;;) {
    const charge = await context.store.charge(scope, attempt.transactionId)
    if (!charge) return false
    if (charge.currency !== report.currency) {
      context.onAlarm(provider, 'amount_mismatch')
      context.log.error(
        { transaction: charge.id, provider, dispute: report.reference, currency: report.currency },
        'A dispute is in another currency than its charge; it was not booked. A person has to look.',
      )
      return true
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
      customer: charge.customer,
      status: 'open',
      reason: report.reason,
      createdAt: at,
    }
    // A dispute that was closed before we heard of it, or was closed the other way, is opened first.
    const opens = report.status !== 'open' && before?.status !== 'open' && before?.status !== report.status
    const status = opens ? 'open' : report.status
    const decision = decideDispute(charge, before?.status ?? null, { ...dispute, status })
    if (!decision) return true
    await commitStep(context, scope, { decision, at, key: null, answered: null })
  }
}
