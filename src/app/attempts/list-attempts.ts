import { type Attempt, newAttempt } from '../../domain/attempt.ts'
import type { Charge } from '../../domain/charge.ts'
import { isId } from '../../domain/id.ts'
import { NO_PROVIDER } from '../../domain/routing/limits.ts'
import type { Scope } from '../../ports/store.ts'
import type { Context } from '../context.ts'

/** Far more than a charge can have: one a provider, then captures, cancels and refunds that failed. */
const MAX_ATTEMPTS = 1_000

/**
 * Every attempt of a charge, oldest first; undefined when there is no such charge. A charge that the only provider
 * decided in this process has no stored attempt: the charge itself has the same information. A charge that a velocity
 * limit declined has none at all.
 */
export async function listAttempts(
  { store }: Context,
  scope: Scope,
  chargeId: string,
): Promise<Attempt[] | undefined> {
  const charge = await store.charge(scope, chargeId)
  if (!charge) return undefined
  const { data } = await store.attempts(scope, { limit: MAX_ATTEMPTS, chargeId })
  const attempts = data.toReversed()
  const isWhole = charge.provider === NO_PROVIDER || attempts.some(({ kind }) => kind === 'authorize')
  return isWhole ? attempts : [attemptOfCharge(charge), ...attempts]
}

/** An attempt as `listAttempts` lists it: also that of a charge without a stored one. */
export async function findAttempt(context: Context, scope: Scope, id: string): Promise<Attempt | undefined> {
  const found = await context.store.attempt(id)
  if (found)
    return found.scope.accountId === scope.accountId && found.scope.mode === scope.mode
      ? found.attempt
      : undefined
  const chargeId = id.replace('att_', 'txn_')
  return isId('txn', chargeId)
    ? (await listAttempts(context, scope, chargeId))?.find((attempt) => attempt.id === id)
    : undefined
}

function attemptOfCharge(charge: Charge): Attempt {
  const attempt = newAttempt({
    id: charge.id.replace('txn_', 'att_'),
    chargeId: charge.id,
    refundId: null,
    kind: 'authorize',
    provider: charge.provider,
    amount: charge.amount,
    currency: charge.currency,
    route: { ruleSetVersion: null, rule: 'default', next: [], skipped: [], failoverOn: [], notes: [] },
    idempotencyKey: charge.idempotencyKey,
    now: charge.createdAt,
    leaseUntil: 0,
    token: '',
  })
  return {
    ...attempt,
    state: charge.status === 'failed' ? 'declined' : 'succeeded',
    providerReference: charge.providerReference,
    declineCode: charge.declineCode,
    reason: charge.failureMessage,
    resolvedBy: 'answer',
    endedAt: charge.createdAt,
    dueAt: null,
    token: null,
  }
}
