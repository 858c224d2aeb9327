/** What became of attempts that nobody has an answer to: left by a crash, unknown, pending, or due to lapse. */
import { isOpen, type Known, recoveryStep } from '../domain/attempt.ts'
import { expire } from '../domain/lifecycle.ts'
import { reverseRefund } from '../domain/refund.ts'
import type { RemoteProvider } from '../ports/provider.ts'
import type { OwnedAttempt } from '../ports/store.ts'
import { ask, raise, type Work } from './ask.ts'
import { load, sendAttempt, settle } from './attempt.ts'
import { commitStep } from './commit.ts'
import type { Context } from './context.ts'
import { available } from './route.ts'

/** Where nothing can be asked, the configuration or a person may change that, in ms. */
const NOTHING_TO_ASK_MS = 600_000
/** While its provider can't be asked. */
const UNAVAILABLE_MS = 5_000
/** An authorization that is still held after its time is looked at so often. */
const STILL_HELD_MS = 3_600_000

/**
 * Looks at one claimed attempt: asks its provider, and makes true what it says. What is still unknown is put
 * off. Rejects with `StoreUnavailable`; the lease brings the attempt back.
 */
export async function recover(context: Context, owned: OwnedAttempt): Promise<void> {
  const work = await load(context, owned)
  const { attempt } = work
  if (!isOpen(attempt)) return lapse(context, work)
  const now = context.now()
  const provider = context.providers.get(attempt.provider)
  const step = provider?.remote ? recoveryStep(provider.capabilities, attempt, now) : 'wait'
  if (!provider?.remote || step === 'wait') return putOff(context, work, now + NOTHING_TO_ASK_MS)
  const able = available(context, provider.name)
  if (typeof able === 'string') return putOff(context, work, now + UNAVAILABLE_MS)
  const trial = { ...work, probe: able.probe }
  const next = await settle(context, trial, await ask(context, provider, trial, step), step)
  if (next) sendAttempt(context, next)
}

/** The time of an authorization has come: its provider says whether it is gone; where it can't, the time does. */
async function lapse(context: Context, work: Work): Promise<void> {
  const { charge, attempt } = work
  if (charge.status !== 'authorized') return putOff(context, work, null)
  const now = context.now()
  const provider = context.providers.get(attempt.provider)
  if (!provider?.remote || provider.capabilities.lookup === 'none')
    return expired(context, work, 'The authorization has expired.')
  const outcome = await ask(context, provider, work, 'lookup')
  if (outcome.kind === 'declined') return expired(context, work, outcome.message)
  const later =
    outcome.kind === 'succeeded' ? Math.max(outcome.expiresAt ?? 0, now + STILL_HELD_MS) : now + 60_000
  return putOff(context, work, later)
}

/** Cancels the charge, unless something else has become of it meanwhile. */
async function expired(context: Context, work: Work, message: string): Promise<void> {
  for (let current = work; current.charge.status === 'authorized'; current = await load(context, current)) {
    const at = context.now()
    const decision = expire(current.charge, current.attempt, message, at)
    const result = await commitStep(context, current.scope, { decision, at, key: null, answered: null })
    if (result.kind === 'committed') return
  }
}

/**
 * A notification says that something became of an attempt: its provider is asked, not the notification
 * believed. False when that gave no answer.
 */
export async function review(
  context: Context,
  provider: RemoteProvider,
  owned: OwnedAttempt,
): Promise<boolean> {
  const work = await load(context, { ...owned, attempt: { ...owned.attempt, token: null } })
  const outcome = await ask(context, provider, work, 'lookup')
  if (outcome.kind === 'unknown') return false
  const current = await load(context, work)
  if (isOpen(current.attempt)) {
    const next = await settle(context, current, outcome, 'notification')
    if (next) sendAttempt(context, next)
    return true
  }
  return revise(context, current, outcome)
}

/** What was done may have come undone: an authorization lapsed, a refund failed days later. */
async function revise(context: Context, work: Work, outcome: Known): Promise<boolean> {
  const { charge, refund, attempt } = work
  if (outcome.kind === 'succeeded' && attempt.state !== 'succeeded')
    raise(context, work, 'contradiction', outcome)
  if (outcome.kind !== 'declined' || attempt.state !== 'succeeded') return true
  if (attempt.kind === 'authorize' && charge.status === 'authorized') {
    await expired(context, work, outcome.message)
    return true
  }
  if (refund === null || refund.status === 'failed' || refund.status === 'processing') return true
  const at = context.now()
  const decision = reverseRefund(charge, refund, attempt, outcome, 'notification', at)
  const result = await commitStep(context, work.scope, { decision, at, key: null, answered: null })
  return result.kind === 'committed'
}

async function putOff(context: Context, { attempt }: Work, dueAt: number | null): Promise<void> {
  const now = context.now()
  const state = attempt.state === 'sending' ? 'unknown' : attempt.state
  await context.store.postponeAttempt({
    id: attempt.id,
    token: attempt.token ?? '',
    state,
    reason: state === attempt.state ? attempt.reason : 'left unfinished, perhaps by a crash',
    lookups: attempt.lookups,
    unknownSince: state === 'unknown' ? (attempt.unknownSince ?? now) : null,
    dueAt,
  })
}
