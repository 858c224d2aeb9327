import type { Known } from '../domain/attempt.ts'
import { type Rejection, reject } from '../domain/error.ts'
import type { OwnedAttempt, Scope } from '../ports/store.ts'
import { load, settle } from './attempt.ts'
import type { Context } from './context.ts'

/** What a person found out about an attempt, at the provider's dashboard or on its statement. */
export type Finding = {
  readonly outcome: 'succeeded' | 'failed'
  /** The provider's reference; without one the known one is kept. */
  readonly reference: string | null
  readonly note: string | null
}

/**
 * Ends by hand an attempt that stays unknown or pending, as if the provider had said so. Rejections:
 * `attempt_not_found`, `attempt_not_open` for one that has ended or is being sent now, and `parameter_missing` for an
 * authorization that succeeded without a reference: nothing could be captured or refunded of it.
 */
export async function resolveAttempt(
  context: Context,
  scope: Scope,
  id: string,
  { outcome, reference, note }: Finding,
): Promise<OwnedAttempt | Rejection> {
  const found = await context.store.attempt(id)
  if (!found || found.scope.accountId !== scope.accountId || found.scope.mode !== scope.mode)
    return reject('attempt_not_found', 'There is no such attempt.', 'id')
  const { attempt } = found
  if (attempt.state !== 'unknown' && attempt.state !== 'pending')
    return reject(
      'attempt_not_open',
      `The attempt is ${attempt.state}; only unknown and pending ones are resolved by hand.`,
    )
  if (outcome === 'succeeded' && attempt.kind === 'authorize' && !reference && !attempt.providerReference)
    return reject(
      'parameter_missing',
      "Give the provider's reference of the payment: without it nothing can be captured or refunded.",
      'provider_reference',
    )
  const known: Known =
    outcome === 'succeeded'
      ? {
          kind: 'succeeded',
          reference: reference ?? attempt.providerReference ?? attempt.id,
          amount: attempt.amount,
          currency: attempt.currency,
          expiresAt: null,
        }
      : {
          kind: 'declined',
          declineCode: 'processing_error',
          message: note ?? 'Resolved by hand: the provider did not do it.',
          reference,
        }
  const work = await load(context, { scope, attempt: { ...attempt, token: null } })
  await settle(context, work, known, 'hand')
  context.log.warn(
    { attempt: id, transaction: attempt.transactionId, outcome },
    'An attempt was resolved by hand.',
  )
  return (await context.store.attempt(id)) ?? found
}
