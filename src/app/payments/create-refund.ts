import type { RefundCommand } from '../../domain/charge.ts'
import type { Rejection } from '../../domain/error.ts'
import { refundAmount } from '../../domain/refund.ts'
import type { Context } from '../context.ts'
import type { KeyedRequest, Result } from '../execute.ts'
import { changeCharge } from './change-charge.ts'
import { decideRefund } from './decide-follow-up.ts'

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
