import { classifyOutcome, type Outcome } from '../../domain/attempt.ts'
import type { FollowUpCall, LookupCall, LookupOutcome, RemoteProvider } from '../../ports/provider.ts'
import { type CallSignal, withDeadline } from '../../ports/runtime.ts'
import { loggableReference, raiseAlarm, statementAbout } from '../alarms/raise-alarm.ts'
import type { Context } from '../context.ts'
import { authorizeCall } from '../routing/available-provider.ts'
import type { LoadedAttempt } from './load-attempt.ts'

/** How long after its deadline MiniPay waits for a provider that ignores it, in ms. */
export const GRACE_MS = 1_000

/**
 * Calls a provider: sends the attempt (`send`), sends the same call again (`resend`), or looks it up (`lookup`). Never
 * rejects: every failure is an outcome. Reports the call to the provider's health, the metrics and the log.
 */
export async function callProvider(
  context: Context,
  provider: RemoteProvider,
  work: LoadedAttempt,
  how: 'send' | 'resend' | 'lookup',
): Promise<Outcome> {
  const { charge, attempt } = work
  // Every caller has checked it. Nothing of a test charge may ever reach a provider that moves money.
  if (provider.mode !== work.scope.mode)
    return {
      kind: how === 'send' ? 'not_sent' : 'unknown',
      reason: `the provider serves ${provider.mode} mode`,
    }
  const admitted = checkBreaker(context, provider, how)
  if (admitted === 'open')
    return { kind: how === 'send' ? 'not_sent' : 'unknown', reason: 'circuit breaker open' }
  const { monotonic } = context.runtime
  const started = monotonic()
  const leave = context.calls.enter(provider.name, how === 'send' ? 'requests' : 'recovery')
  const response = await callWithDeadline(context, provider, work, how)
  leave()
  const ms = monotonic() - started
  const { capabilities } = provider
  const { outcome, alarm } = classifyOutcome(
    attempt,
    capabilities,
    how,
    response,
    context.clock.nowFor(attempt.id),
    charge.providerReference,
  )
  reportHealth(context, provider.name, how, admitted === 'probe', response, ms)
  context.onCall(provider.name, how === 'lookup' ? 'lookup' : attempt.kind, outcome.kind, ms)
  if (alarm) {
    const message = 'reason' in outcome ? outcome.reason : alarm
    await raiseAlarm(context, work.scope, charge.id, statementAbout(attempt, alarm, response, message))
  }
  const level = outcome.kind === 'unknown' || outcome.kind === 'not_sent' ? 'warn' : 'info'
  context.log[level](loggedCall(work, provider.name, how, outcome, ms), 'Provider call finished.')
  return outcome
}

/** The call as the log shows it. Fields are added one by one, because to copy them takes longer than to write them. */
function loggedCall(
  { charge, attempt }: LoadedAttempt,
  provider: string,
  how: 'send' | 'resend' | 'lookup',
  outcome: Outcome,
  ms: number,
): object {
  const fields: Record<string, unknown> = {
    transaction: charge.id,
    attempt: attempt.id,
    provider,
    call: how === 'send' ? attempt.kind : `${how} of ${attempt.kind}`,
    outcome: outcome.kind,
  }
  if ('reason' in outcome) fields['reason'] = outcome.reason
  if ('declineCode' in outcome) fields['decline_code'] = outcome.declineCode
  if ('reference' in outcome && outcome.reference !== null)
    fields['reference'] = loggableReference(outcome.reference)
  fields['ms'] = Math.round(ms)
  return fields
}

/** A resend is never the breaker's probe, because the provider may return a stored response. */
function checkBreaker(
  { health }: Context,
  { name }: RemoteProvider,
  how: 'send' | 'resend' | 'lookup',
): 'closed' | 'probe' | 'open' {
  if (how === 'resend') return health.peek(name) === 'open' ? 'open' : 'closed'
  return health.admit(name, how === 'lookup' ? 'lookup' : 'money')
}

/** Reports a call to the provider's health. A refusal in the provider's own format is a response, not a failure. */
function reportHealth(
  { health }: Context,
  name: string,
  how: 'send' | 'resend' | 'lookup',
  probe: boolean,
  response: LookupOutcome,
  ms: number,
): void {
  const outcome = response.kind === 'not_sent' && response.refused ? 'declined' : response.kind
  health.report(name, outcome, ms, probe, how === 'send' ? 'money' : how === 'resend' ? 'repetition' : how)
}

/** Never rejects. */
function callWithDeadline(
  context: Context,
  provider: RemoteProvider,
  work: LoadedAttempt,
  how: 'send' | 'resend' | 'lookup',
): Promise<LookupOutcome> {
  const deadline = { ms: provider.deadlineMs, graceMs: GRACE_MS }
  const late: Outcome = { kind: 'unknown', reason: `no response within ${provider.deadlineMs} ms` }
  const call = (signal: CallSignal) =>
    how === 'lookup' ? sendLookup(provider, work, signal) : sendCall(provider, work, how, signal)
  return withDeadline(context.runtime, deadline, call, late).catch((error: unknown) => {
    context.log.error(
      { provider: provider.name, attempt: work.attempt.id, err: error },
      'A provider adapter failed; the outcome counts as unknown.',
    )
    return { kind: 'unknown', reason: 'the provider adapter failed' }
  })
}

/**
 * A call that is resent, or made once more, uses separate connections, because the pooled ones may have caused the
 * failure.
 */
function sendCall(
  provider: RemoteProvider,
  work: LoadedAttempt,
  how: 'send' | 'resend',
  signal: CallSignal,
): Promise<Outcome> {
  const { charge, attempt } = work
  const apart = how === 'resend' || attempt.route?.again !== undefined
  return attempt.kind === 'authorize'
    ? provider.authorize(authorizeCall(charge, attempt.id), signal, apart)
    : provider[attempt.kind](followUpCall(work), signal, apart)
}

export function followUpCall({ charge, attempt }: Pick<LoadedAttempt, 'charge' | 'attempt'>): FollowUpCall {
  return {
    attemptId: attempt.id,
    chargeId: charge.id,
    paymentReference: charge.providerReference ?? '',
    amount: attempt.amount,
    currency: attempt.currency,
  }
}

function sendLookup(
  provider: RemoteProvider,
  work: LoadedAttempt,
  signal: CallSignal,
): Promise<LookupOutcome> {
  const { charge, attempt } = work
  const call: LookupCall = {
    attemptId: attempt.id,
    chargeId: charge.id,
    kind: attempt.kind,
    providerReference: attempt.providerReference,
    paymentReference: charge.providerReference,
    amount: attempt.amount,
    currency: attempt.currency,
  }
  return provider.lookup(call, signal)
}
