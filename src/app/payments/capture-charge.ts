import { type Rejection, reject } from '../../domain/error.ts'
import { captureAmount } from '../../domain/lifecycle.ts'
import type { AmountMinor } from '../../domain/money.ts'
import type { Context } from '../context.ts'
import type { KeyedRequest, Result } from '../execute.ts'
import { followUp } from './change-charge.ts'

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
    const allowed = captureAmount(charge, amount)
    if (typeof allowed === 'number' && allowed < charge.amount && !capabilities.partialCapture)
      return reject('provider_not_capable', `The provider ${charge.provider} captures only the whole amount.`)
    return allowed
  })
}
