import { type ChargeCommand, decideCharge } from '../domain/charge.ts'
import type { Rejection } from '../domain/error.ts'
import { idTime } from '../domain/id.ts'
import type { StoredAnswer } from '../domain/idempotency.ts'
import type { Context } from './context.ts'
import { type Answer, execute, type KeyedRequest, type Proposal } from './execute.ts'
import { chargeView } from './present.ts'

/**
 * Charges a customer. Answers `created` with the charge, or `declined` with why and the failed charge,
 * which is stored too. Rejects with `StoreUnavailable` when the commit can't be made.
 */
export function createCharge(
  context: Context,
  request: KeyedRequest,
  command: ChargeCommand,
): Promise<Answer | Rejection> {
  return execute(context, request, (): Proposal => {
    const { provider } = context
    const id = context.newId('txn')
    const at = context.now()
    const outcome = provider.authorize({
      transactionId: id,
      amount: command.amount,
      currency: command.currency,
      customer: command.customer,
      paymentMethod: command.paymentMethod,
    })
    const decision = decideCharge(command, provider.name, outcome, {
      id,
      now: idTime(id),
      idempotencyKey: request.key,
    })
    const charge = chargeView(decision.charge)
    const answer: StoredAnswer =
      outcome.kind === 'succeeded'
        ? { kind: 'created', body: JSON.stringify(charge) }
        : {
            kind: 'declined',
            body: JSON.stringify({
              error: outcome.message,
              code: 'card_declined',
              decline_code: outcome.declineCode,
              charge,
            }),
          }
    return { decision, at, answer }
  })
}
