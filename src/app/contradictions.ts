/** What becomes of a provider's word that does not fit what the books have of an attempt. */
import type { Outcome } from '../domain/attempt.ts'
import { raise, statementOf } from './alarms.ts'
import type { Work } from './ask.ts'
import type { Context } from './context.ts'

/**
 * A provider gave an attempt the reference that another one has. The holder's charge is put in doubt first: a refund by
 * that reference could pay another customer's money.
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
    const message = `The provider gave the reference of this payment or refund to attempt ${attempt.id} of transaction ${charge.id} again.`
    await raise(context, holder.scope, holder.attempt.transactionId, state(message, holder.attempt))
  }
  await raise(
    context,
    scope,
    charge.id,
    state(`The provider gave the reference of attempt ${holderId} again.`),
  )
}

/** A provider says the opposite of how an attempt has ended. */
export async function contradicted(context: Context, work: Work, outcome: Outcome): Promise<void> {
  const { scope, charge, attempt } = work
  const message = `The provider says that this ${attempt.kind} is ${outcome.kind}; in the books it is ${attempt.state}.`
  await raise(context, scope, charge.id, statementOf(attempt, 'contradiction', outcome, message))
}
