/** Statements of providers that contradict the books: stored as alarms of their charge until a person closes them. */
import {
  type Alarm,
  isSameStatement,
  MAX_ALARMS,
  newAlarm,
  type ProviderStatement,
} from '../../domain/alarm.ts'
import type { Attempt } from '../../domain/attempt.ts'
import { holdsCardNumber } from '../../domain/cards/card-numbers.ts'
import { decide } from '../../domain/charge.ts'
import { type Rejection, reject } from '../../domain/error.ts'
import type { LookupOutcome } from '../../ports/provider.ts'
import type { Scope } from '../../ports/store.ts'
import { commitStep } from '../commit.ts'
import type { Context } from '../context.ts'
import { writePersistently } from '../write-persistently.ts'

/**
 * Informs operators that a provider contradicted the books, and stores this as an alarm, unless the charge has the
 * same one already. Never rejects: the provider's outcome matters more than the alarm, and the provider will repeat
 * its statement.
 */
export async function raiseAlarm(
  context: Context,
  scope: Scope,
  chargeId: string,
  statement: ProviderStatement,
): Promise<void> {
  const { kind, provider, attemptId, disputeId, said, reference, message } = statement
  context.onAlarm(provider, kind)
  context.log.error(
    {
      alarm: kind,
      transaction: chargeId,
      ...(attemptId !== null && { attempt: attemptId }),
      ...(disputeId !== null && { dispute: disputeId }),
      provider,
      said,
      ...(reference !== null && { reference: loggableReference(reference) }),
      reason: message,
    },
    'A provider contradicted the books. A person must check it: see minipay alarms.',
  )
  try {
    await writePersistently(context, () => storeAlarm(context, scope, chargeId, statement))
  } catch (error) {
    context.log.error(
      { alarm: kind, transaction: chargeId, provider, err: error },
      'An alarm could not be stored.',
    )
  }
}

async function storeAlarm(
  context: Context,
  scope: Scope,
  chargeId: string,
  statement: ProviderStatement,
): Promise<void> {
  for (;;) {
    const charge = await context.store.charge(scope, chargeId)
    if (!charge) throw new Error(`${chargeId} is gone`)
    const alarms = await listAlarms(context, scope, chargeId)
    const same = alarms.find((alarm) => isSameStatement(alarm, statement))
    const doubted = same?.state === 'open' && !same.inDoubt && statement.inDoubt && statement.disputeId
    if ((same && !doubted) || (!same && alarms.length >= MAX_ALARMS)) return
    const at = context.now()
    const alarm = same ? { ...same, inDoubt: true } : newAlarm(context.newId('alm'), charge, statement, at)
    const raised = decide(charge, {}, { alarms: [alarm], event: same ? null : 'alarm.opened' })
    const result = await commitStep(context, scope, { decision: raised, at, key: null, ended: null })
    if (result.kind === 'committed') return
    if (result.kind !== 'version_conflict') throw new Error(`an alarm can't be stored: ${result.kind}`)
  }
}

/**
 * The alarms of a charge, newest first. Every alarm increases the charge's version, so a caller that reads the charge
 * first has no race.
 */
export async function listAlarms(
  { store }: Context,
  scope: Scope,
  chargeId: string,
  state?: Alarm['state'],
): Promise<readonly Alarm[]> {
  const query = { limit: MAX_ALARMS, chargeId, ...(state && { state }) }
  return (await store.alarms(scope, query)).data
}

/** The statement in a provider's response about an attempt. `message` is a sentence for a person. */
export function statementAbout(
  { id, provider, providerReference }: Attempt,
  kind: Alarm['kind'],
  response: LookupOutcome,
  message: string,
): ProviderStatement {
  return {
    kind,
    provider,
    attemptId: id,
    disputeId: null,
    said: response.kind,
    reference: ('reference' in response ? response.reference : null) ?? providerReference,
    amount: response.kind === 'succeeded' ? response.amount : null,
    currency: response.kind === 'succeeded' ? response.currency : null,
    message,
    inDoubt: true,
  }
}

/** The reason why no money of a charge may move now: an open alarm in doubt. Read it after the charge. */
export async function refuseInDoubt(
  context: Context,
  scope: Scope,
  chargeId: string,
  kind: Attempt['kind'],
): Promise<Rejection | undefined> {
  const open = await listAlarms(context, scope, chargeId, 'open')
  // A disputed payment may be captured and canceled; only the refundable amount is in doubt.
  const alarm = open.find((one) => one.inDoubt && (kind === 'refund' || one.kind !== 'dispute_mismatch'))
  if (!alarm) return undefined
  return reject(
    'charge_in_doubt',
    `Transaction ${chargeId} is in doubt until alarm ${alarm.id} is settled: ${alarm.message}`,
  )
}

/** The log contains nothing that looks like a card number, including a provider's references. */
export function loggableReference(reference: string): string {
  return holdsCardNumber(reference) ? '(looks like a card number)' : reference
}
