import type { Alarm, ProviderStatement } from '../../domain/alarm.ts'
import { type Charge, type Decision, type Dispute, decide as unmoved } from '../../domain/charge.ts'
import { bookableAmount, decideDispute } from '../../domain/dispute.ts'
import { parseCurrency } from '../../domain/money.ts'
import type { DisputeLookup, Provider } from '../../ports/provider.ts'
import type { Scope } from '../../ports/store.ts'
import { listAlarms, raiseAlarm } from '../alarms/raise-alarm.ts'
import { type CommitStep, commitStep } from '../commit.ts'
import type { Context } from '../context.ts'

type Report = Extract<DisputeLookup, { kind: 'dispute' }>

/** More disputes than a charge can have; the most that are booked when one of them leaves room. */
const MOST_DISPUTES = 100

/** A dispute with everything that decides its booked amount, as read from the store. */
type DisputeCase = {
  readonly scope: Scope
  readonly charge: Charge
  /** The stored dispute; null if it is new. */
  readonly former: Dispute | null
  /** The attempts of its charge. */
  readonly alarms: readonly Alarm[]
}

/**
 * Books a dispute as its provider reports it: the bookable part, with its transfers and its event, and an alarm if it
 * does not fit. `foreign` if no payment has that reference. `early` if our payment may still be captured: then the
 * dispute is listed, and booked when it is reported again. Rejects with `StoreUnavailable`.
 */
export async function bookDispute(
  context: Context,
  { name: provider, mode }: Pick<Provider, 'name' | 'mode'>,
  reported: Report,
): Promise<'booked' | 'foreign' | 'early'> {
  const report = {
    ...reported,
    currency: parseCurrency(reported.currency) ?? reported.currency.toLowerCase(),
  }
  const attempt = await context.store.attemptByReference(provider, 'authorize', report.paymentReference)
  // A provider says nothing about charges of the other mode.
  const named = attempt?.scope.mode === mode ? attempt : undefined
  for (;;) {
    const stored = await context.store.disputeInMode(mode, provider, report.reference)
    const scope = stored?.scope ?? named?.scope
    const id = stored?.dispute.chargeId ?? named?.attempt.chargeId
    const found =
      !scope || id === undefined ? undefined : await loadCase(context, scope, id, provider, report.reference)
    if (!scope || !found) return 'foreign'
    const { charge, former } = found
    if (former?.chargeId !== stored?.dispute.chargeId) continue
    const dispute = former ?? newDispute(context, charge, provider, report)
    // The booked amount shows that the payment that it named before was the charge's.
    const isOther = former !== null && named?.attempt.chargeId !== charge.id
    const ours =
      charge.provider === provider &&
      (charge.providerReference === report.paymentReference || (former?.amountBooked ?? 0) > 0)
    const at = context.now()
    const step = decidePosition(found, dispute, report, { ours, isOther, isRebooked: false, at })
    if (step.decision && !(await commitDispute(context, found, step.decision, at))) continue
    // A dispute that was closed before MiniPay knew it, or that was closed the other way, is opened first.
    if (step.opens) continue
    if (step.misfit !== null)
      await raiseAlarm(context, scope, charge.id, statementAbout(step.dispute, report, step.misfit))
    if (isOther) await alarmBoth(context, found, dispute, report, named?.attempt.chargeId)
    if (freesMoney(former, step.dispute)) await rebookDisputes(context, scope, charge.id, dispute.id)
    return step.misfit !== null && isUncaptured(charge) ? 'early' : 'booked'
  }
}

/**
 * Books the bookable parts of a charge's disputes now: after a payment turned out to be taken, or after one dispute,
 * `except`, has left room for the others. Rejects with `StoreUnavailable`.
 */
export async function rebookDisputes(
  context: Context,
  scope: Scope,
  chargeId: string,
  except?: string,
): Promise<void> {
  const query = { limit: MOST_DISPUTES, chargeId }
  const { data } = await context.store.disputes(scope, query)
  for (const { id, provider, providerReference, status } of data.toReversed()) {
    if (status === 'won' || id === except) continue
    for (;;) {
      const found = await loadCase(context, scope, chargeId, provider, providerReference)
      if (!found?.former) break
      const { charge, former, alarms } = found
      // The newest alarm of the dispute contains the payment that its provider named last.
      const named = alarms.find(({ disputeId }) => disputeId === former.id)?.reference
      const isNamed = named === undefined || named === charge.providerReference
      const ours = charge.provider === provider && (isNamed || former.amountBooked > 0)
      const at = context.now()
      const { decision } = decidePosition(found, former, former, {
        ours,
        isOther: false,
        isRebooked: true,
        at,
      })
      if (!decision || (await commitDispute(context, found, decision, at))) break
    }
  }
}

/** A dispute that its provider reported before and does not find any more: the booked amount stays, with an alarm. */
export async function alarmMissingDispute(
  context: Context,
  { name: provider, mode }: Pick<Provider, 'name' | 'mode'>,
  reference: string,
): Promise<void> {
  const stored = await context.store.disputeInMode(mode, provider, reference)
  if (!stored) return
  const { scope, dispute } = stored
  const message = `The provider no longer knows the dispute ${dispute.id}; in the books it is ${dispute.status}.`
  await raiseAlarm(context, scope, dispute.chargeId, {
    kind: 'contradiction',
    provider,
    attemptId: null,
    disputeId: dispute.id,
    said: 'not_found',
    reference,
    amount: null,
    currency: null,
    message,
    inDoubt: false,
  })
}

/** Books the amount of a dispute that a person found out, in the charge's currency. */
export async function settleDispute(
  context: Context,
  scope: Scope,
  disputeId: string,
  amountBooked: number,
  by: () => Pick<CommitStep, 'audit' | 'cause'>,
): Promise<'booked' | 'no_room'> {
  for (;;) {
    const stored = await context.store.dispute(scope, disputeId)
    if (!stored) throw new Error(`${disputeId} is gone`)
    const { chargeId, provider, providerReference } = stored
    const found = await loadCase(context, scope, chargeId, provider, providerReference)
    if (!found?.former) throw new Error(`${disputeId} or its charge is gone`)
    const { charge, former } = found
    const free = charge.amountCaptured - charge.amountDisputed + former.amountBooked
    const stands = former.provider === charge.provider && former.status !== 'won' ? free : 0
    if (amountBooked > stands) return 'no_room'
    const decision = decideDispute(charge, former, { ...former, amountBooked })
    if (decision && !(await commitDispute(context, found, decision, context.now(), by()))) continue
    if (amountBooked < former.amountBooked) await rebookDisputes(context, scope, chargeId, disputeId)
    return 'booked'
  }
}

/** Reads the charge first, then its rows: each change of these increases its version. */
async function loadCase(
  { store, ...context }: Context,
  scope: Scope,
  chargeId: string,
  provider: string,
  reference: string,
): Promise<DisputeCase | undefined> {
  const charge = await store.charge(scope, chargeId)
  if (!charge) return undefined
  const former = (await store.disputeByReference(scope, provider, reference)) ?? null
  return { scope, charge, former, alarms: await listAlarms({ store, ...context }, scope, chargeId) }
}

type Claim = Pick<Dispute, 'status' | 'amount' | 'currency' | 'evidenceDueAt'>

type Position = {
  /** The dispute after the step. */
  readonly dispute: Dispute
  /** Null when nothing changes. */
  readonly decision: Decision | null
  readonly misfit: string | null
  /** This step only opens it; its end follows. */
  readonly opens: boolean
}

function decidePosition(
  { charge, former, alarms: stored }: DisputeCase,
  dispute: Dispute,
  { amount, currency, status: reported, evidenceDueAt }: Claim,
  { ours, isOther, isRebooked, at }: { ours: boolean; isOther: boolean; isRebooked: boolean; at: number },
): Position {
  const opens = reported !== 'open' && former?.status !== 'open' && former?.status !== reported
  const claim = { amount, currency, status: opens ? 'open' : reported } as const
  const own = stored.filter(({ disputeId, kind }) => disputeId === dispute.id && kind === 'dispute_mismatch')
  // A person can only have set a booked amount. A dispute that came before its capture is booked now.
  const settled =
    (former?.amountBooked ?? 0) > 0 &&
    own.some((one) => one.state === 'closed' && one.amount === amount && one.currency === currency)
  const { amount: free, misfit } = bookableAmount(charge, former, claim, { ours, settled })
  // A repeated statement that does not fit stays as it was booked: only another dispute can make room for it.
  const amountBooked =
    misfit !== null && !isRebooked && former && isSameClaim(former, claim) ? former.amountBooked : free
  const closedAt = claim.status === 'open' ? null : former?.status === claim.status ? former.closedAt : at
  const after = { ...dispute, ...claim, amountBooked, evidenceDueAt, closedAt }
  const decided = decideDispute(charge, former, after)
  // The provider and the books agree: an earlier alarm stays open for a person to read.
  const calmed =
    misfit !== null || isOther ? [] : own.filter(({ state, inDoubt }) => state === 'open' && inDoubt)
  const alarms = calmed.map((alarm) => ({ ...alarm, inDoubt: false }))
  const changes = decided ?? (alarms.length > 0 ? unmoved(charge, {}, {}) : null)
  return { dispute: after, decision: changes && { ...changes, alarms }, misfit, opens }
}

/** The same claim as before, with a booked amount. */
function isSameClaim(former: Dispute, claim: Pick<Dispute, 'status' | 'amount' | 'currency'>): boolean {
  return (
    former.amountBooked > 0 &&
    former.status === claim.status &&
    former.amount === claim.amount &&
    former.currency === claim.currency
  )
}

function newDispute(context: Context, charge: Charge, provider: string, report: Report): Dispute {
  return {
    id: context.newId('dp'),
    chargeId: charge.id,
    provider,
    providerReference: report.reference,
    amount: report.amount,
    currency: report.currency,
    amountBooked: 0,
    customer: charge.customer,
    status: 'open',
    reason: report.reason,
    evidenceDueAt: report.evidenceDueAt,
    closedAt: null,
    createdAt: context.now(),
  }
}

/** False when the charge has changed since it was read, or the dispute was stored with another charge. */
async function commitDispute(
  context: Context,
  { scope, former }: DisputeCase,
  decision: Decision,
  at: number,
  by: Pick<CommitStep, 'audit' | 'cause'> = {},
): Promise<boolean> {
  const step = { decision, at, key: null, ended: null, ...by }
  const result = await commitStep(context, scope, step).catch(async (error: unknown) => {
    const { provider = '', providerReference = '' } = decision.dispute ?? {}
    const isNew = former === null && decision.dispute !== null
    // Another lookup has stored it since: the schema allows each reference once.
    const stored = isNew && (await context.store.disputeByReference(scope, provider, providerReference))
    if (!stored) throw error
    return { kind: 'version_conflict' } as const
  })
  if (result.kind === 'committed') return true
  if (result.kind === 'version_conflict') return false
  throw new Error(`the dispute ${decision.dispute?.id} can't be booked: ${result.kind}`)
}

/** A charge that is not captured, but may be. */
function isUncaptured({ status }: Charge): boolean {
  return status === 'processing' || status === 'requires_action' || status === 'authorized'
}

function freesMoney(former: Dispute | null, { amountBooked }: Dispute): boolean {
  return former !== null && amountBooked < former.amountBooked
}

function statementAbout(dispute: Dispute, { paymentReference }: Report, message: string): ProviderStatement {
  return {
    kind: 'dispute_mismatch',
    provider: dispute.provider,
    attemptId: null,
    disputeId: dispute.id,
    said: dispute.status,
    reference: paymentReference,
    amount: dispute.amount,
    currency: dispute.currency,
    message,
    inDoubt: true,
  }
}

/** A dispute names another payment than before: it stays with its charge, and both charges are in doubt. */
async function alarmBoth(
  context: Context,
  { scope, charge }: DisputeCase,
  dispute: Dispute,
  report: Report,
  other: string | undefined,
): Promise<void> {
  const where = other === undefined ? 'that is not in the books' : `of transaction ${other}`
  const first = `The dispute ${dispute.id} is now about another payment, ${where}; it stays booked here.`
  await raiseAlarm(context, scope, charge.id, statementAbout(dispute, report, first))
  if (other === undefined) return
  const second = `The dispute ${dispute.id} of transaction ${charge.id} is now about the payment of this transaction.`
  await raiseAlarm(context, scope, other, statementAbout(dispute, report, second))
}
