/** Handles statements of a provider that contradict the books about an attempt. */
import type { Alarm, AlarmKind } from '../domain/alarm.ts'
import { type Attempt, isOpen, type Known, type Outcome, type Resolver } from '../domain/attempt.ts'
import { decision as unmoved } from '../domain/charge.ts'
import { isRejection } from '../domain/error.ts'
import { refundable } from '../domain/refund.ts'
import { concludeAnew, type Ended } from '../domain/reopen.ts'
import { standing } from '../domain/wish.ts'
import type { RemoteProvider } from '../ports/provider.ts'
import type { Scope } from '../ports/store.ts'
import { alarmsOf, raise, statementOf } from './alarms.ts'
import { mayLookUp } from './apart.ts'
import { ask, type Work } from './ask.ts'
import { commitStep } from './commit.ts'
import type { Context } from './context.ts'
import { rebookDisputes } from './disputes.ts'
import { endingOf } from './endings.ts'
import { remoteProvider } from './in-process.ts'
import { persistently } from './persistently.ts'

/** More attempts than a charge can have. */
const MOST_ATTEMPTS = 1_000
/** The most failed attempts that are looked up when a provider reports that a call was done before. */
const MOST_LOOKED_UP = 5

/**
 * A provider gave an attempt the reference of another attempt. First puts the other attempt's charge in doubt,
 * because a refund by that reference could pay another customer's money.
 */
export async function referenceReused(
  context: Context,
  { scope, charge, attempt }: Work,
  holderId: string,
  outcome: Outcome,
): Promise<void> {
  const state = (message: string, about = attempt) => statementOf(about, 'reference_reused', outcome, message)
  const holder = await context.store.attempt(holderId)
  if (holder && holder.attempt.transactionId !== charge.id) {
    const message = `The provider used the reference of this ${attempt.kind} again for attempt ${attempt.id} of transaction ${charge.id}.`
    await raise(context, holder.scope, holder.attempt.transactionId, state(message, holder.attempt))
  }
  await raise(
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
export async function contradicted(
  context: Context,
  work: Work,
  outcome: Known,
  by: Resolver,
): Promise<boolean> {
  const { scope, charge, attempt } = work
  const message = `The provider reports this ${attempt.kind} as ${outcome.kind}; in the books it is ${attempt.state}.`
  await raise(context, scope, charge.id, statementOf(attempt, 'contradiction', outcome, message))
  if (outcome.kind !== 'succeeded' || attempt.state === 'succeeded') return false
  const isLookup = by === 'lookup' || by === 'notification'
  const found = isLookup ? outcome : await lookedUp(context, work)
  return found?.kind === 'succeeded' && bookLate(context, work, found)
}

/**
 * Whether a provider's outcome for an ended attempt contradicts the books. `wasEnded`: the call began after the
 * attempt had ended. An authorization may expire or be released later, and a refund may fail later; no other outcome
 * is reversed.
 */
export function contradicts({ charge, refund, attempt }: Work, outcome: Known, wasEnded: boolean): boolean {
  if (attempt.state !== 'succeeded')
    return outcome.kind === 'succeeded' || (outcome.kind === 'pending' && wasEnded)
  if (outcome.kind === 'succeeded')
    return (
      attempt.resolvedBy !== 'hand' && isNamed(attempt) && outcome.reference !== attempt.providerReference
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
function isNamed({ kind }: Attempt): boolean {
  return kind === 'authorize' || kind === 'refund'
}

/** Books a success that a lookup found, for an attempt that failed in the books. */
async function bookLate(
  context: Context,
  { scope, attempt: { id, transactionId } }: Work,
  outcome: Extract<Known, { kind: 'succeeded' }>,
): Promise<boolean> {
  for (;;) {
    const ended = await endedAttempt(context, scope, transactionId, id)
    if (!ended || isOpen(ended.attempt) || ended.attempt.state === 'succeeded') return false
    const at = context.now()
    const booked = concludeAnew(ended, outcome, 'lookup', at)
    if (isRejection(booked)) {
      context.log.warn(
        { attempt: id, transaction: transactionId, reason: booked.message },
        'A person decides.',
      )
      return false
    }
    const alarms = await doubtsOf(context, scope, transactionId, id)
    const { charge, refund } = booked
    const [attempt] = booked.attempts as [Attempt]
    const key = attempt.idempotencyKey
    const request = { key, ending: endingOf(charge, refund, attempt) }
    const decision = { ...standing(booked, at), alarms: calmed(alarms) }
    const step = { decision, at, key: null, ended: request }
    const result = await persistently(context, () => commitStep(context, scope, step))
    if (result.kind === 'version_conflict') continue
    if (result.kind === 'reference_taken')
      await referenceReused(context, { scope, ...ended }, result.attemptId, outcome)
    if (result.kind !== 'committed') return false
    await rebookDisputes(context, scope, transactionId)
    return true
  }
}

/**
 * An attempt with its charge and refund. The charge is read first, because every change of the others increases its
 * version.
 */
export async function endedAttempt(
  { store }: Context,
  scope: Scope,
  transactionId: string,
  id: string,
): Promise<Ended | undefined> {
  const charge = await store.charge(scope, transactionId)
  const { data } = await store.attempts(scope, { limit: MOST_ATTEMPTS, transactionId })
  const attempt = data.find((one) => one.id === id)
  if (!charge || !attempt) return undefined
  const refund = attempt.refundId === null ? null : await store.refund(scope, attempt.refundId)
  return { charge, attempt, refund: refund ?? null, others: data.filter((one) => one !== attempt) }
}

/** The result of a lookup of the attempt now; null if the provider is unavailable. */
async function lookedUp(context: Context, work: Work): Promise<Outcome | null> {
  const provider = lookupProvider(context, work.attempt)
  return provider && ask(context, provider, work, 'lookup')
}

function lookupProvider(context: Context, { provider: name }: Attempt): RemoteProvider | null {
  const provider = remoteProvider(context, name)
  if (!provider || provider.capabilities.lookup === 'none') return null
  return mayLookUp(context, provider, true) ? provider : null
}

/**
 * The kind of earlier call that a decline reports and the books lack: it was done before. Null for any other outcome,
 * and for a payment that waited for its customer, who may have paid just now.
 */
export function contestOf({ charge, attempt: { kind } }: Work, outcome: Outcome): AlarmKind | null {
  if (outcome.kind !== 'declined' || charge.redirectUrl !== null) return null
  if (kind === 'refund') return outcome.declineCode === 'already_refunded' ? 'already_refunded' : null
  return kind !== 'authorize' && outcome.declineCode === 'already_captured' ? 'already_captured' : null
}

/**
 * A provider declines because it already did the call, possibly for this same attempt, which a lookup shows. Returns
 * the outcome if a lookup finds that the call was done as requested. Otherwise raises an alarm and returns null.
 */
export async function contest(
  context: Context,
  work: Work,
  kind: AlarmKind,
  outcome: Outcome,
  by: Resolver,
): Promise<Outcome | null> {
  const { scope, charge, attempt } = work
  const message =
    kind === 'already_captured'
      ? `The provider has captured transaction ${charge.id}; in the books it is only authorized.`
      : `The provider has nothing left to refund of transaction ${charge.id}, but the books do.`
  const alarm = () => raise(context, scope, charge.id, statementOf(attempt, kind, outcome, message))
  // A repeated call may find its own first one.
  if (by === 'answer') await alarm()
  const found = by === 'answer' || by === 'resend' ? await lookedUp(context, work) : null
  if (found?.kind === 'succeeded') return found
  if (by !== 'answer') await alarm()
  return null
}

/**
 * The earlier call may be an attempt that failed in the books: looks up each of these, and books it if it was done.
 */
export async function findEarlier(context: Context, work: Work, kind: AlarmKind): Promise<void> {
  const { scope, attempt } = work
  const { id, transactionId } = attempt
  const same = kind === 'already_refunded' ? 'refund' : 'capture'
  const { data } = await context.store.attempts(scope, { limit: MOST_ATTEMPTS, transactionId })
  const failed = data.filter(
    (one) => one.kind === same && one.id !== id && !isOpen(one) && one.state !== 'succeeded',
  )
  let booked = false
  for (const each of failed.slice(0, MOST_LOOKED_UP)) {
    const ended = await endedAttempt(context, scope, transactionId, each.id)
    if (!ended) continue
    const earlier = { scope, ...ended }
    const found = await lookedUp(context, earlier)
    if (found?.kind === 'succeeded' && (await contradicted(context, earlier, found, 'lookup'))) booked = true
  }
  if (!booked) return
  await agreed(context, work, kind, ({ charge }) => {
    return kind === 'already_captured' || refundable(charge) < attempt.amount
  })
}

const EITHER_WAY: readonly AlarmKind[] = ['amount_mismatch', 'contradiction', 'reference_reused']

/**
 * Alarms of an attempt that its end settles: they stay open for a person to read, but no longer block money. An alarm
 * that a call was done before is settled only by a call that was done.
 */
export async function settledBy(
  context: Context,
  { scope, attempt }: Work,
  outcome: Outcome,
): Promise<Alarm[]> {
  if (outcome.kind === 'pending') return []
  const doubts = await doubtsOf(context, scope, attempt.transactionId, attempt.id)
  return calmed(doubts.filter(({ kind }) => outcome.kind === 'succeeded' || EITHER_WAY.includes(kind)))
}

/** The provider and the books agree again: alarms of this kind and attempt no longer block money. */
export async function agreed(
  context: Context,
  { scope, attempt }: Work,
  kind: AlarmKind,
  agrees: (ended: Ended) => boolean = () => true,
): Promise<void> {
  for (;;) {
    const ended = await endedAttempt(context, scope, attempt.transactionId, attempt.id)
    if (!ended || !agrees(ended)) return
    const doubts = await doubtsOf(context, scope, attempt.transactionId, attempt.id)
    const alarms = calmed(doubts.filter((alarm) => alarm.kind === kind))
    if (alarms.length === 0) return
    const step = { decision: unmoved(ended.charge, {}, { alarms }), key: null, ended: null }
    const result = await commitStep(context, scope, { ...step, at: context.now() })
    if (result.kind !== 'version_conflict') return
  }
}

/** The alarms of an attempt that block money. */
async function doubtsOf(context: Context, scope: Scope, transactionId: string, id: string): Promise<Alarm[]> {
  const open = await alarmsOf(context, scope, transactionId, 'open')
  return open.filter(({ attemptId, inDoubt }) => attemptId === id && inDoubt)
}

function calmed(alarms: readonly Alarm[]): Alarm[] {
  return alarms.map((alarm) => ({ ...alarm, inDoubt: false }))
}
