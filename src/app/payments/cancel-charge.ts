import { type Rejection, reject } from '../../domain/error.ts'
import { cancelRefusal } from '../../domain/lifecycle.ts'
import type { Context } from '../context.ts'
import type { KeyedRequest, Result } from '../execute.ts'
import { followUp } from './change-charge.ts'

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
