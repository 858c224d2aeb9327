/** Handles customers who do not return: cancels the payment at its provider and fails the charge. */
import { newAttempt } from '../../domain/attempt.ts'
import { beginFollowUp, isAbandonmentCancel } from '../../domain/lifecycle.ts'
import type { RemoteProvider } from '../../ports/provider.ts'
import type { ScopedAttempt } from '../../ports/store.ts'
import { refuseInDoubt } from '../alarms/raise-alarm.ts'
import { commitStep } from '../commit.ts'
import type { Context } from '../context.ts'
import { whyUnavailable } from '../routing/available-provider.ts'
import { leaseUntil, SENDER } from './lease.ts'
import { loadAttempt } from './load-attempt.ts'
import { sendAttempt } from './send-attempt.ts'

/** After this many refused cancels, the charge waits for the provider. */
const MAX_CANCELS = 3

/**
 * Begins to cancel the payment of an attempt that has waited too long for its customer, as a lookup has just
 * confirmed. Does nothing if the provider cannot void, or while the charge is in doubt. If the charge changes at the
 * same moment, that change takes precedence. Rejects with `StoreUnavailable`.
 */
export async function cancelAbandoned(
  context: Context,
  provider: RemoteProvider,
  owned: ScopedAttempt,
): Promise<void> {
  const now = context.now()
  const { kind, startedAt } = owned.attempt
  // Cancels no payment until the clock is trusted: it may have been set forward.
  const isOld = context.clock.trusted() - startedAt >= context.actionAgeMs
  if (kind !== 'authorize' || !isOld || !provider.capabilities.void) return
  const work = await loadAttempt(context, owned)
  const { scope, charge } = work
  if (charge.status !== 'requires_action' || work.attempt.state !== 'pending') return
  if (whyUnavailable(context, provider, true) !== null) return
  if (await refuseInDoubt(context, scope, charge.id, 'cancel')) return
  const { data } = await context.store.attempts(scope, { limit: 100, chargeId: charge.id })
  if (data.filter((attempt) => isAbandonmentCancel(charge, attempt)).length >= MAX_CANCELS) return
  const id = context.newId('att')
  const attempt = newAttempt({
    id,
    chargeId: charge.id,
    refundId: null,
    kind: 'cancel',
    provider: provider.name,
    amount: charge.amount,
    currency: charge.currency,
    route: null,
    idempotencyKey: charge.idempotencyKey,
    now,
    leaseUntil: leaseUntil(provider, now),
    token: SENDER,
  })
  const decision = beginFollowUp(charge, attempt)
  const result = await commitStep(context, scope, { decision, at: now, key: null, ended: null })
  if (result.kind === 'committed') sendAttempt(context, { ...work, charge: decision.charge, attempt })
}
