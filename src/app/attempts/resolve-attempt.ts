import { type Attempt, type AttemptState, isOpen, type KnownOutcome } from '../../domain/attempt.ts'
import { isRejection, type Rejection, reject } from '../../domain/error.ts'
import type { AmountMinor } from '../../domain/money.ts'
import { notFound } from '../../domain/not-found.ts'
import type { EndedAttempt } from '../../domain/reopen.ts'
import type { RemoteProvider } from '../../ports/provider.ts'
import type { Scope, ScopedAttempt } from '../../ports/store.ts'
import type { Audit } from '../audit.ts'
import type { Context } from '../context.ts'
import { remoteProvider } from '../routing/serving.ts'
import { callProvider } from './call-provider.ts'
import { loadEndedAttempt } from './contradictions.ts'
import { closeAlarmsOfAttempt, correctAttempt, isCorrectable, refuseExcess } from './correct-attempt.ts'
import { leaseUntil } from './lease.ts'
import { type LoadedAttempt, loadAttempt } from './load-attempt.ts'
import { mayLookUp } from './recovery-places.ts'
import { sendAttempt } from './send-attempt.ts'
import { settleAttempt } from './settle-attempt.ts'

/** Most holds last so long (https://docs.stripe.com/payments/place-a-hold-on-a-payment-method). */
const USUAL_HOLD_MS = 7 * 86_400_000

/** What a person found out about an attempt, at the provider's dashboard or on its statement. */
export type ResolutionByHand = {
  readonly outcome: 'succeeded' | 'failed'
  /** The provider's reference; without one the known one is kept. */
  readonly reference: string | null
  /** The amount that really moved, in minor units, if it is less than requested; null for the whole amount. */
  readonly amount: AmountMinor | null
  readonly note: string | null
  /** The state that the person saw; absent or null: any. Otherwise the second of two people would correct the first. */
  readonly expected?: AttemptState | null
}

/**
 * Resolves an unknown or pending attempt by hand, as if the provider had reported the outcome. If the provider has a
 * lookup, makes one first, and its result takes precedence. Corrects an attempt that was resolved by hand or has an
 * open alarm. Closes the alarms of the attempt. Rejections: `attempt_not_found`; `attempt_not_open` if it has another state than
 * expected, if any other
 * attempt has ended, or while one is being sent or looked up; `parameter_missing` for a succeeded authorization
 * without a reference, because captures and refunds need it; `parameter_invalid` for an impossible amount;
 * `attempt_not_resolved` if the provider still has it in progress, or if other money depends on it. Rejects with
 * `StoreUnavailable`.
 */
export async function resolveAttempt(
  context: Context,
  scope: Scope,
  id: string,
  finding: ResolutionByHand,
  audit: Audit,
): Promise<ScopedAttempt | Rejection> {
  const found = await context.store.attempt(id)
  if (!found || found.scope.accountId !== scope.accountId || found.scope.mode !== scope.mode)
    return notFound('attempt', id)
  const { attempt } = found
  if (finding.expected && finding.expected !== attempt.state)
    return reject(
      'attempt_not_open',
      `The attempt is ${attempt.state} now, and no longer ${finding.expected}.`,
    )
  const resolved = isOpen(attempt)
    ? await resolveOpen(context, scope, attempt, finding, audit)
    : await correctEnded(context, scope, attempt, finding, audit)
  if (isRejection(resolved)) return resolved
  const reason = finding.note ?? 'The attempt was resolved by hand.'
  await closeAlarmsOfAttempt(context, scope, attempt, reason, audit)
  return resolved
}

/** Says that an attempt ended in another way than it did. */
async function correctEnded(
  context: Context,
  scope: Scope,
  attempt: Attempt,
  finding: ResolutionByHand,
  audit: Audit,
): Promise<ScopedAttempt | Rejection> {
  const { id, state, chargeId } = attempt
  // Without a reference of its payment there is nothing that it could be corrected to.
  if (refuseWithoutReference(attempt, finding) || !(await isCorrectable(context, scope, attempt)))
    return reject(
      'attempt_not_open',
      `The attempt is ${state}. You can resolve attempts that are unknown or pending, that were resolved by hand before, or that have an open alarm.`,
    )
  const found = (ended: EndedAttempt, now: number) => outcomeOf({ scope, ...ended }, finding, now)
  const refusal = await refuseAmount(context, scope, attempt, finding)
  const rejected = refusal ?? (await correctAttempt(context, scope, attempt, found, audit))
  if (rejected) return rejected
  const after = await context.store.attempt(id)
  if (!after) throw new Error(`${id} is gone`)
  context.log.warn(
    { attempt: id, transaction: chargeId, before: state, outcome: after.attempt.state },
    'An attempt was corrected by hand.',
  )
  return after
}

async function refuseAmount(
  context: Context,
  scope: Scope,
  { id, kind, chargeId }: Attempt,
  { outcome, amount }: ResolutionByHand,
): Promise<Rejection | undefined> {
  if (amount === null) return undefined
  const ended = await loadEndedAttempt(context, scope, chargeId, id)
  if (!ended) throw new Error(`${id} or its charge is gone`)
  const moves = outcome === 'succeeded' && (kind !== 'authorize' || ended.charge.capture) && kind !== 'cancel'
  if (moves) return refuseExcess(ended, amount)
  return reject(
    'parameter_invalid',
    'Only a succeeded capture, refund or captured charge can have its own amount.',
    'amount',
  )
}

async function resolveOpen(
  context: Context,
  scope: Scope,
  attempt: Attempt,
  finding: ResolutionByHand,
  audit: Audit,
): Promise<ScopedAttempt | Rejection> {
  const { id, state } = attempt
  if (state === 'sending')
    return reject('attempt_not_open', 'MiniPay is sending the attempt. Retry in a moment.')
  const refusal =
    refuseWithoutReference(attempt, finding) ?? (await refuseAmount(context, scope, attempt, finding))
  if (refusal) return refusal
  const provider = remoteProvider(context, scope, attempt.provider)
  const now = context.now()
  // No worker may send the attempt again while a person records that it was never done.
  const claim = { now, leaseUntil: leaseUntil(provider, now), token: context.newKey() }
  const claimed = await context.store.claimAttempt(id, claim)
  if (!claimed) return reject('attempt_not_open', 'MiniPay is looking up the attempt. Retry in a moment.')
  const work = await loadAttempt(context, claimed)
  const lookup = provider ? await currentOutcome(context, provider, work) : null
  if (lookup) sendIfAny(context, await settleAttempt(context, work, lookup, 'lookup', audit))
  const current = lookup ? await loadAttempt(context, claimed) : work
  // The provider's outcome may not be bookable, for example if another attempt has its reference: then the person's
  // outcome counts.
  if (isOpen(current.attempt) && lookup?.kind !== 'pending')
    sendIfAny(context, await settleAttempt(context, current, outcomeOf(current, finding, now), 'hand', audit))
  context.log.warn(
    { attempt: id, transaction: work.charge.id, outcome: lookup?.kind ?? finding.outcome },
    lookup ? 'A person resolved an attempt; a lookup gave the outcome.' : 'An attempt was resolved by hand.',
  )
  const after = await loadAttempt(context, claimed)
  if (!isOpen(after.attempt)) return { scope, attempt: after.attempt }
  await releaseLease(context, { ...after, attempt: { ...after.attempt, token: claim.token } })
  return reject(
    'attempt_not_resolved',
    `The attempt is still ${after.attempt.state}: ${lookup?.kind === 'pending' ? 'the provider has it' : (after.attempt.reason ?? 'its charge is being canceled')}.`,
  )
}

/** The end of an attempt may begin the next step: a call to the next provider, or the requested cancel. */
function sendIfAny(context: Context, next: LoadedAttempt | null): void {
  if (next) sendAttempt(context, next)
}

function refuseWithoutReference(
  attempt: Attempt,
  { outcome, reference }: ResolutionByHand,
): Rejection | undefined {
  const named = reference !== null || attempt.providerReference !== null
  if (outcome === 'failed' || attempt.kind !== 'authorize' || named) return undefined
  return reject(
    'parameter_missing',
    "Give the provider's reference of the payment. Captures and refunds need it.",
    'provider_reference',
  )
}

/** The provider's current outcome; null if it is unavailable or unknown. */
async function currentOutcome(
  context: Context,
  provider: RemoteProvider,
  work: LoadedAttempt,
): Promise<KnownOutcome | null> {
  const asked = provider.capabilities.lookup !== 'none' && mayLookUp(context, provider, true)
  const outcome = asked ? await callProvider(context, provider, work, 'lookup') : null
  return outcome && outcome.kind !== 'unknown' ? outcome : null
}

function outcomeOf(
  { charge, attempt }: LoadedAttempt,
  { outcome, reference, amount, note }: ResolutionByHand,
  now: number,
): Exclude<KnownOutcome, { kind: 'pending' }> {
  if (outcome === 'failed')
    return {
      kind: 'declined',
      declineCode: 'processing_error',
      message: note ?? 'Resolved by hand: the provider did not do it.',
      reference,
    }
  return {
    kind: 'succeeded',
    reference: reference ?? attempt.providerReference ?? attempt.id,
    amount: amount ?? attempt.amount,
    currency: attempt.currency,
    // The expiry of a hold is unknown without a lookup.
    expiresAt: attempt.kind === 'authorize' && !charge.capture ? now + USUAL_HOLD_MS : null,
  }
}

/** Releases the attempt for the next worker. */
async function releaseLease({ store }: Context, { attempt }: LoadedAttempt): Promise<void> {
  const { id, token, state, reason, lookups, unknownSince, dueAt } = attempt
  if (token !== null) await store.postponeAttempt({ id, token, state, reason, lookups, unknownSince, dueAt })
}
