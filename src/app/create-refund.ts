import { decideRefund, type RefundCommand, refundAmount } from '../domain/charge.ts'
import { type Rejection, reject } from '../domain/error.ts'
import { idTime } from '../domain/id.ts'
import type { Context } from './context.ts'
import { type Answer, execute, type KeyedRequest, type Proposal } from './execute.ts'
import { refundView } from './present.ts'

/**
 * Refunds a charge, wholly or in part. Answers `done` with the refund. Rejections: `transaction_not_found`,
 * `charge_not_refundable`, `already_refunded`, `refund_exceeds_remaining`; none of them is stored under the
 * key. Rejects with `StoreUnavailable` when the commit can't be made.
 */
export function createRefund(
  context: Context,
  request: KeyedRequest,
  transactionId: string,
  command: RefundCommand,
): Promise<Answer | Rejection> {
  return execute(context, request, async (): Promise<Proposal | Rejection> => {
    const charge = await context.store.charge(request.scope, transactionId)
    if (!charge) return reject('transaction_not_found', 'There is no such transaction.', 'transaction_id')
    const amount = refundAmount(charge, command)
    if (typeof amount !== 'number') return amount

    const id = context.newId('re')
    const at = context.now()
    const outcome = context.provider.refund({
      transactionId,
      refundId: id,
      providerReference: charge.providerReference,
      amount,
      currency: charge.currency,
    })
    if (outcome.kind === 'declined') return reject('charge_not_refundable', outcome.message)
    const decision = decideRefund(charge, command, amount, {
      id,
      now: idTime(id),
      idempotencyKey: request.key,
    })
    const { refund } = decision
    if (!refund) throw new Error(`the refund of ${transactionId} decided no refund`)
    return { decision, at, answer: { kind: 'done', body: JSON.stringify(refundView(refund)) } }
  })
}
