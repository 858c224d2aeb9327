/** Handles statements of a provider that contradict the books about an attempt. */
import type { Alarm, AlarmKind } from '../../domain/alarm.ts'
import { type Attempt, isOpen, type KnownOutcome, type Outcome, type Resolver } from '../../domain/attempt.ts'
import { scheduleRequestedCancel } from '../../domain/cancel-request.ts'
import { decide as unmoved } from '../../domain/charge.ts'
import { isRejection } from '../../domain/error.ts'
import { refundableAmount } from '../../domain/refund.ts'
import { concludeAnew, type EndedAttempt } from '../../domain/reopen.ts'
import type { RemoteProvider } from '../../ports/provider.ts'
import type { Scope } from '../../ports/store.ts'
import { listAlarms, raiseAlarm, statementAbout } from '../alarms/raise-alarm.ts'
import { commitStep } from '../commit.ts'
import type { Context } from '../context.ts'
import { rebookDisputes } from '../payments/disputes.ts'
import { endingOf } from '../payments/endings.ts'
import { remoteProvider } from '../routing/serving.ts'
import { writePersistently } from '../write-persistently.ts'
import { callProvider } from './call-provider.ts'
import type { LoadedAttempt } from './load-attempt.ts'
import { mayLookUp } from './recovery-places.ts'

/** More attempts than a charge can have. */
const MAX_ATTEMPTS = 1_000
/** The most failed attempts that are looked up when a provider reports that a call was done before. */
const MAX_LOOKUPS = 5

/**
 * A provider gave an attempt the reference of another attempt. First puts the other attempt's charge in doubt,
 * because a refund by that reference could pay another customer's money.
 */
export async function alarmReusedReference(
  context: Context,
  { scope, charge, attempt }: LoadedAttempt,
  holderId: string,
  outcome: Outcome,
): Promise<void> {
  const state = (message: string, about = attempt) =>
    statementAbout(about, 'reference_reused', outcome, message)
  const holder = await context.store.attempt(holderId)
  if (holder && holder.attempt.chargeId !== charge.id) {
    const message = `The provider used the reference of this ${attempt.kind} again for attempt ${attempt.id} of transaction ${charge.id}.`
    await raiseAlarm(context, holder.scope, holder.attempt.chargeId, state(message, holder.attempt))
  }
  await raiseAlarm(
    context,
    scope,
    charge.id,
    state(`The provider used the reference of attempt ${holderId} again.`),
  )
}

/**
 * Handles a provider that reports the opposite of an attempt's outcome: raises an alarm. If the attempt failed in the
 * books, and a lookup shows that the provider did what was requested, books it, unless other money depends on it.
 * Returns whether it was booked.
 */
export async function handleContradiction(
  context: Context,
  work: LoadedAttempt,
  outcome: KnownOutcome,
  by: Resolver,
): Promise<boolean> {
  const { scope, charge, attempt } = work
  const message = `The provider reports this ${attempt.kind} as ${outcome.kind}; in the books it is ${attempt.state}.`
  await raiseAlarm(context, scope, charge.id, statementAbout(attempt, 'contradiction', outcome, message))
  if (outcome.kind !== 'succeeded' || attempt.state === 'succeeded') return false
  const isLookup = by === 'lookup' || by === 'notification'
  const found = isLookup ? outcome : await lookUpAttempt(context, work)
  return found?.kind === 'succeeded' && bookLateSuccess(context, work, found)
}

/**
 * Whether a provider's outcome for an ended attempt contradicts the books. `wasEnded`: the call began after the
 * attempt had ended. An authorization may expire or be released later, and a refund may fail later; no other outcome
 * is reversed.
 */
export function contradicts(
  { charge, refund, attempt }: LoadedAttempt,
  outcome: KnownOutcome,
  wasEnded: boolean,
): boolean {
  if (attempt.state !== 'succeeded')
    return outcome.kind === 'succeeded' || (outcome.kind === 'pending' && wasEnded)
  if (outcome.kind === 'succeeded')
    return (
      attempt.resolvedBy !== 'hand' &&
      hasOwnReference(attempt) &&
      outcome.reference !== attempt.providerReference
    )
  if (outcome.kind !== 'declined') return false
  if (refund) return outcome.declineCode === 'already_refunded'
  const isExpired = outcome.declineCode === 'authorization_expired'
  if (charge.status === 'authorized') return !isExpired
  return charge.status === 'canceled'
    ? attempt.kind === 'cancel' && !isExpired
    : charge.status !== 'processing'
}

/** A payment and a refund have their own ids at the provider. */
function hasOwnReference({ kind }: Attempt): boolean {
  return kind === 'authorize' || kind === 'refund'
}

/** Books a success that a lookup found, for an attempt that failed in the books. */
async function bookLateSuccess(
  context: Context,
  { scope, attempt: { id, chargeId } }: LoadedAttempt,
  outcome: Extract<KnownOutcome, { kind: 'succeeded' }>,
): Promise<boolean> {
  for (;;) {
    const ended = await loadEndedAttempt(context, scope, chargeId, id)
    if (!ended || isOpen(ended.attempt) || ended.attempt.state === 'succeeded') return false
    const at = context.now()
    const booked = concludeAnew(ended, outcome, 'lookup', at)
    if (isRejection(booked)) {
      context.log.warn({ attempt: id, transaction: chargeId, reason: booked.message }, 'A person decides.')
      return false
    }
    const alarms = await listDoubts(context, scope, chargeId, id)
    const { charge, refund } = booked
    const [attempt] = booked.attempts as [Attempt]
    const key = attempt.idempotencyKey
    const request = { key, ending: endingOf(charge, refund, attempt) }
    const decision = { ...scheduleRequestedCancel(booked, at), alarms: withoutDoubt(alarms) }
    const step = { decision, at, key: null, ended: request }
    const result = await writePersistently(context, () => commitStep(context, scope, step))
    if (result.kind === 'version_conflict') continue
    if (result.kind === 'reference_taken')
      await alarmReusedReference(context, { scope, ...ended }, result.attemptId, outcome)
    if (result.kind !== 'committed') return false
    await rebookDisputes(context, scope, chargeId)
    return true
  }
}

/**
 * An attempt with its charge and refund. The charge is read first, because every change of the others increases its
 * version.
 */
export async function loadEndedAttempt(
  { store }: Context,
  scope: Scope,
  chargeId: string,
  id: string,
): Promise<EndedAttempt | undefined> {
  const charge = await store.charge(scope, chargeId)
  const { data } = await store.attempts(scope, { limit: MAX_ATTEMPTS, chargeId })
  const attempt = data.find((one) => one.id === id)
  if (!charge || !attempt) return undefined
  const refund = attempt.refundId === null ? null : await store.refund(scope, attempt.refundId)
  return { charge, attempt, refund: refund ?? null, others: data.filter((one) => one !== attempt) }
}

/** The result of a lookup of the attempt now; null if the provider is unavailable. */
async function lookUpAttempt(context: Context, work: LoadedAttempt): Promise<Outcome | null> {
  const provider = providerWithLookup(context, work)
  return provider && callProvider(context, provider, work, 'lookup')
}

function providerWithLookup(context: Context, { scope, attempt }: LoadedAttempt): RemoteProvider | null {
  const provider = remoteProvider(context, scope, attempt.provider)
  if (!provider || provider.capabilities.lookup === 'none') return null
  return mayLookUp(context, provider, true) ? provider : null
}

/**
 * The kind of earlier call that a decline reports and the books lack: it was done before. Null for any other outcome,
 * and for a payment that waited for its customer, who may have paid just now.
 */
export function contestedKind(
  { charge, attempt: { kind } }: LoadedAttempt,
  outcome: Outcome,
): AlarmKind | null {
  if (outcome.kind !== 'declined' || charge.redirectUrl !== null) return null
  if (kind === 'refund') return outcome.declineCode === 'already_refunded' ? 'already_refunded' : null
  return kind !== 'authorize' && outcome.declineCode === 'already_captured' ? 'already_captured' : null
}

/**
 * A provider declines because it already did the call, possibly for this same attempt, which a lookup shows. Returns
 * the outcome if a lookup finds that the call was done as requested. Otherwise raises an alarm and returns null.
 */
export async function resolveContest(
  context: Context,
  work: LoadedAttempt,
  kind: AlarmKind,
  outcome: Outcome,
  by: Resolver,
): Promise<Outcome | null> {
  const { scope, charge, attempt } = work
  const message =
    kind === 'already_captured'
      ? `The provider has captured transaction ${charge.id}; in the books it is only authorized.`
      : `The provider has nothing left to refund of transaction ${charge.id}, but the books do.`
  const alarm = () => raiseAlarm(context, scope, charge.id, statementAbout(attempt, kind, outcome, message))
  // A repeated call may find its own first one.
  if (by === 'answer') await alarm()
  const found = by === 'answer' || by === 'resend' ? await lookUpAttempt(context, work) : null
  if (found?.kind === 'succeeded') return found
  if (by !== 'answer') await alarm()
  return null
}

/**
 * The earlier call may be an attempt that failed in the books: looks up each of these, and books it if it was done.
 */
export async function bookEarlierAttempts(
  context: Context,
  work: LoadedAttempt,
  kind: AlarmKind,
): Promise<void> {
  const { scope, attempt } = work
  const { id, chargeId } = attempt
  const same = kind === 'already_refunded' ? 'refund' : 'capture'
  const { data } = await context.store.attempts(scope, { limit: MAX_ATTEMPTS, chargeId })
  const failed = data.filter(
    (one) => one.kind === same && one.id !== id && !isOpen(one) && one.state !== 'succeeded',
  )
  let booked = false
  for (const each of failed.slice(0, MAX_LOOKUPS)) {
    const ended = await loadEndedAttempt(context, scope, chargeId, each.id)
    if (!ended) continue
    const earlier = { scope, ...ended }
    const found = await lookUpAttempt(context, earlier)
    if (found?.kind === 'succeeded' && (await handleContradiction(context, earlier, found, 'lookup')))
      booked = true
  }
  if (!booked) return
  await clearDoubts(context, work, kind, ({ charge }) => {
    return kind === 'already_captured' || refundableAmount(charge) < attempt.amount
  })
}

const SETTLED_BY_ANY_END: readonly AlarmKind[] = ['amount_mismatch', 'contradiction', 'reference_reused']

/**
 * Alarms of an attempt that its end settles: they stay open for a person to read, but no longer block money. An alarm
 * that a call was done before is settled only by a call that was done.
 */
export async function alarmsSettledBy(
  context: Context,
  { scope, attempt }: LoadedAttempt,
  outcome: Outcome,
): Promise<Alarm[]> {
  if (outcome.kind === 'pending') return []
  const doubts = await listDoubts(context, scope, attempt.chargeId, attempt.id)
  return withoutDoubt(
    doubts.filter(({ kind }) => outcome.kind === 'succeeded' || SETTLED_BY_ANY_END.includes(kind)),
  )
}

/** The provider and the books agree again: alarms of this kind and attempt no longer block money. */
export async function clearDoubts(
  context: Context,
  { scope, attempt }: LoadedAttempt,
  kind: AlarmKind,
  agrees: (ended: EndedAttempt) => boolean = () => true,
): Promise<void> {
  for (;;) {
    const ended = await loadEndedAttempt(context, scope, attempt.chargeId, attempt.id)
    if (!ended || !agrees(ended)) return
    const doubts = await listDoubts(context, scope, attempt.chargeId, attempt.id)
    const alarms = withoutDoubt(doubts.filter((alarm) => alarm.kind === kind))
    if (alarms.length === 0) return
    const step = { decision: unmoved(ended.charge, {}, { alarms }), key: null, ended: null }
    const result = await commitStep(context, scope, { ...step, at: context.now() })
    if (result.kind !== 'version_conflict') return
  }
}

/** The alarms of an attempt that block money. */
async function listDoubts(context: Context, scope: Scope, chargeId: string, id: string): Promise<Alarm[]> {
  const open = await listAlarms(context, scope, chargeId, 'open')
  return open.filter(({ attemptId, inDoubt }) => attemptId === id && inDoubt)
}

function withoutDoubt(alarms: readonly Alarm[]): Alarm[] {
  return alarms.map((alarm) => ({ ...alarm, inDoubt: false }))
}
