import type { Attempt } from '../../domain/attempt.ts'
import type { Charge, Refund } from '../../domain/charge.ts'
import type { Scope, ScopedAttempt } from '../../ports/store.ts'
import type { Context } from '../context.ts'

/** An attempt with its charge and refund, as last read or committed. */
export type LoadedAttempt = {
  readonly scope: Scope
  readonly charge: Charge
  readonly refund: Refund | null
  readonly attempt: Attempt
  /** The request in this process that began it, for which it continues. */
  readonly requestId?: string | null
}

/** An attempt with its charge and its refund, from one consistent state. */
export async function loadAttempt(
  context: Context,
  { scope, attempt, requestId = null }: ScopedAttempt & Pick<LoadedAttempt, 'requestId'>,
): Promise<LoadedAttempt> {
  const { id, chargeId, refundId } = attempt
  let charge = await context.store.charge(scope, chargeId)
  for (;;) {
    const found = await context.store.attempt(id)
    const refund = refundId === null ? null : await context.store.refund(scope, refundId)
    const after = await context.store.charge(scope, chargeId)
    if (!found || !charge || refund === undefined) throw new Error(`${id} or what it is about is gone`)
    // Each end of an attempt increases the charge's version. If the versions match, the attempt and the charge belong
    // together.
    if (charge.version === after?.version)
      // Keeps the caller's lease, because another worker's lease may have begun since.
      return { scope, charge, refund, attempt: { ...found.attempt, token: attempt.token }, requestId }
    charge = after
  }
}
