/** Follow-ups at the provider of a payment: capture, cancel, refund. */
import type { Attempt, AttemptKind } from '../../domain/attempt.ts'
import type { Charge, Decision, RefundCommand } from '../../domain/charge.ts'
import { isRejection, type Rejection, reject } from '../../domain/error.ts'
import { cancelRefusal, captureAmount } from '../../domain/lifecycle.ts'
import type { AmountMinor } from '../../domain/money.ts'
import { notFound } from '../../domain/not-found.ts'
import { refundAmount } from '../../domain/refund.ts'
import type { Provider } from '../../ports/provider.ts'
import { refuseInDoubt } from '../alarms/raise-alarm.ts'
import type { Context } from '../context.ts'
import { execute, type KeyedRequest, type Proposal, type Result } from '../execute.ts'
import { availableProvider } from '../routing/choose-provider.ts'
import { proposeCancelRequest } from './cancel-requests.ts'
import { decideFollowUp, decideRefund } from './decide-follow-up.ts'
import { endingOf } from './endings.ts'

/**
 * Captures the authorized amount, or less; the provider releases the rest. Returns `done` with the charge, `declined`
 * or `unavailable` if the provider did not do it, or `accepted` if the outcome is not known in time. Rejections:
 * `transaction_not_found`, `charge_in_doubt`, `charge_not_capturable`, `capture_exceeds_authorized`,
 * `provider_not_capable`, `provider_not_configured`, `provider_unavailable`; none of them is stored under the key.
 */
export function captureCharge(
  context: Context,
  request: KeyedRequest,
  id: string,
  amount: AmountMinor | undefined,
): Promise<Result | Rejection> {
  return followUp(context, request, id, 'capture', (charge, { capabilities }) => {
    const taken = captureAmount(charge, amount)
    if (typeof taken === 'number' && taken < charge.amount && !capabilities.partialCapture)
      return reject('provider_not_capable', `The provider ${charge.provider} captures only the whole amount.`)
    return taken
  })
}

/**
 * Cancels a charge that was not captured: the provider releases the held money. Results and rejections are those of a
 * capture, with `charge_not_cancelable`. While the authorization or the capture is in progress, the cancel is stored
 * and `accepted`; MiniPay cancels or refunds the charge once that call has ended.
 */
export function cancelCharge(
  context: Context,
  request: KeyedRequest,
  id: string,
): Promise<Result | Rejection> {
  return followUp(context, request, id, 'cancel', (charge, { capabilities }) => {
    const refusal = cancelRefusal(charge)
    if (refusal) return refusal
    if (capabilities.void) return charge.amount
    return reject(
      'provider_not_capable',
      `The provider ${charge.provider} does not support cancels. Held money is released when the authorization expires.`,
    )
  })
}

function followUp(
  context: Context,
  request: KeyedRequest,
  id: string,
  kind: 'capture' | 'cancel',
  amountOf: (charge: Charge, provider: Provider) => AmountMinor | Rejection,
): Promise<Result | Rejection> {
  return changeCharge(context, request, id, { param: 'id', kind }, (charge, provider) => {
    const amount = amountOf(charge, provider)
    if (typeof amount !== 'number') return amount
    return decideFollowUp(context, kind, { charge, provider, key: request.key, amount })
  })
}

/**
 * Refunds a charge in full or in part. Returns `done` with the refund, `declined` or `unavailable` if the provider
 * did not pay it, or `accepted` if the outcome is not known in time. Rejections: `transaction_not_found`,
 * `charge_in_doubt`, `charge_not_refundable`, `already_refunded`, `charge_disputed`, `refund_exceeds_remaining`,
 * `provider_not_configured`, `provider_unavailable`; none of them is stored under the key. Rejects with
 * `StoreUnavailable` if the commit is not possible.
 */
export function createRefund(
  context: Context,
  request: KeyedRequest,
  chargeId: string,
  command: RefundCommand,
): Promise<Result | Rejection> {
  const about = { param: 'transaction_id', kind: 'refund' } as const
  return changeCharge(context, request, chargeId, about, (charge, provider) => {
    const amount = refundAmount(charge, command)
    if (typeof amount !== 'number') return amount
    return decideRefund(context, command, { charge, provider, key: request.key, amount })
  })
}

/**
 * Decides on the current charge and the state of its provider. Begins nothing that cannot be sent now, so the request
 * can be repeated with its key.
 */
function changeCharge(
  context: Context,
  request: KeyedRequest,
  id: string,
  { param, kind }: { readonly param: string; readonly kind: AttemptKind },
  decide: (charge: Charge, provider: Provider) => Decision | Rejection,
): Promise<Result | Rejection> {
  return execute(context, request, async (): Promise<Proposal | Rejection> => {
    const found = await context.store.charge(request.scope, id)
    if (!found) return notFound('transaction', id, param)
    const wished =
      kind === 'cancel' ? await proposeCancelRequest(context, request.scope, found, request.key) : null
    if (wished?.kept) return wished.kept
    const charge = wished?.charge ?? found
    const provider = context.providers.get(charge.provider)
    if (!provider)
      return reject('provider_not_configured', `The provider ${charge.provider} is no longer configured.`)
    const doubt = await refuseInDoubt(context, request.scope, id, kind)
    if (doubt) return doubt
    const at = context.now()
    const decision = decide(charge, provider)
    if (isRejection(decision)) return decision
    const able = availableProvider(context, provider.name, true)
    if (typeof able === 'string')
      return reject('provider_unavailable', `The provider ${provider.name} is not available now: ${able}.`)
    const attempt = decision.attempts[0] as Attempt
    return { decision, at, ending: endingOf(decision.charge, decision.refund, attempt) }
  })
}
