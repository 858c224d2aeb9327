/**
 * Cancels that were requested while another call was in progress at the provider; domain/cancel-request has the rules.
 */
import { type Attempt, isOpen } from '../../domain/attempt.ts'
import {
  applyCancelRequest,
  dropCancelRequest,
  isCancelRequested,
  isOfCancelRequest,
  requestCancel,
  requestedFollowUp,
  restoreDueTime,
} from '../../domain/cancel-request.ts'
import type { Charge, Decision, RefundCommand } from '../../domain/charge.ts'
import { refundAmount } from '../../domain/refund.ts'
import type { Scope } from '../../ports/store.ts'
import { refuseInDoubt } from '../alarms/raise-alarm.ts'
import type { LoadedAttempt } from '../attempts/load-attempt.ts'
import { commitStep } from '../commit.ts'
import type { Context } from '../context.ts'
import type { Proposal } from '../execute.ts'
import { whyUnavailable } from '../routing/available-provider.ts'
import { holdingProvider } from '../routing/serving.ts'
import { decideFollowUp, decideRefund } from './decide-follow-up.ts'
import { acceptedEnding, cancelRefusedEnding, type EndedRequest, endingOf } from './endings.ts'

/** Far more attempts than a charge can have. */
const MAX_ATTEMPTS = 1_000

const REFUND: RefundCommand = {
  amount: undefined,
  reason: 'cancel_requested',
  description: 'The charge was canceled before its outcome was known.',
  metadata: {},
}

/**
 * The proposal that stores the cancel, if the charge's authorization or capture is in progress and no cancel was
 * requested yet; otherwise null. Decide on the returned `charge`, because the call may have ended since the given one
 * was read.
 */
export async function proposeCancelRequest(
  context: Context,
  scope: Scope,
  charge: Charge,
  key: string,
): Promise<{ readonly kept: Proposal | null; readonly charge: Charge }> {
  if (charge.status !== 'processing' || isCancelRequested(charge)) return { kept: null, charge }
  const { data } = await context.store.attempts(scope, { limit: MAX_ATTEMPTS, chargeId: charge.id })
  const kinds = data.filter(isOpen).map(({ kind }) => kind)
  // A charge that waits for its customer and is being canceled has both attempts open.
  if (kinds.includes('cancel')) return { kept: null, charge }
  if (kinds.includes('authorize') || kinds.includes('capture')) {
    const decision = requestCancel(charge, key)
    return { kept: { decision, at: context.now(), ending: acceptedEnding(decision.charge) }, charge }
  }
  const now = await context.store.charge(scope, charge.id)
  return now && now.version > charge.version
    ? proposeCancelRequest(context, scope, now, key)
    : { kept: null, charge }
}

/**
 * The decision that ends an attempt, with its effect on the requested cancel, and the cancel that begins in the same
 * commit if possible, so that no reader sees the charge authorized in between. A refund has its own ledger
 * transaction, so it begins in the next commit. Without a requested cancel at once, as it is.
 */
export function withCancelRequest(
  context: Context,
  work: LoadedAttempt,
  ended: Decision,
  at: number,
): AfterCancelRequest | Promise<AfterCancelRequest> {
  return isCancelRequested(work.charge)
    ? endWithCancelRequest(context, work, ended, at)
    : { left: ended, cancel: null }
}

type AfterCancelRequest = {
  readonly left: Decision
  readonly cancel: { readonly decision: Decision; readonly next: LoadedAttempt } | null
}

async function endWithCancelRequest(
  context: Context,
  { scope, charge, attempt }: LoadedAttempt,
  ended: Decision,
  at: number,
): Promise<AfterCancelRequest> {
  const { data } = await context.store.attempts(scope, { limit: MAX_ATTEMPTS, chargeId: charge.id })
  const left = applyCancelRequest(charge, data, attempt, ended, at)
  const wanted = !isOfCancelRequest(charge, attempt) && requestedFollowUp(left.charge) === 'cancel'
  const followUp = wanted ? await decideRequestedFollowUp(context, scope, left.charge) : null
  const [next] = followUp?.decision.attempts ?? []
  if (!followUp || next?.state !== 'sending') return { left, cancel: null }
  const decision = {
    ...ended,
    charge: { ...followUp.decision.charge, version: ended.charge.version },
    attempts: [...ended.attempts, next],
    transfers: [...ended.transfers, ...followUp.decision.transfers],
  }
  return { left, cancel: { decision, next: { scope, charge: decision.charge, refund: null, attempt: next } } }
}

/**
 * Begins the requested cancel or refund of a charge once its state is known, and returns the attempt to send. Null if
 * there is nothing to do, if it is not possible now, or if it was done in this process. The next worker that handles
 * an attempt of the charge tries again. Rejects with `StoreUnavailable`.
 */
export async function beginRequestedCancel(
  context: Context,
  scope: Scope,
  chargeId: string,
): Promise<LoadedAttempt | null> {
  for (;;) {
    const charge = await context.store.charge(scope, chargeId)
    if (!charge) return null
    const followUp = await decideRequestedFollowUp(context, scope, charge)
    if (!followUp) return null
    const { decision, ended } = followUp
    const at = context.now()
    const result = await commitStep(context, scope, { decision, at, key: null, ended })
    if (result.kind === 'version_conflict') continue
    if (result.kind !== 'committed') return null
    const attempt = decision.attempts.find(({ state }) => state === 'sending')
    return attempt ? { scope, charge: decision.charge, refund: decision.refund, attempt } : null
  }
}

type BegunFollowUp = { readonly decision: Decision; readonly ended: EndedRequest }

/** Null while it cannot begin; the caller tries again later. */
async function decideRequestedFollowUp(
  context: Context,
  scope: Scope,
  charge: Charge,
): Promise<BegunFollowUp | null> {
  const wished = requestedFollowUp(charge)
  const key = charge.cancelKey
  if (wished === null || key === null) return null
  const { data } = await context.store.attempts(scope, { limit: MAX_ATTEMPTS, chargeId: charge.id })
  if (data.some((each) => isOfCancelRequest(charge, each) && each.state !== 'not_sent')) return null
  const provider = holdingProvider(context, scope, charge.provider)
  if (!provider) return null
  if (wished === 'cancel' && !provider.capabilities.void)
    return refuseCancel(
      charge,
      key,
      `The provider ${charge.provider} does not support cancels. Held money is released when the authorization expires.`,
    )
  if (await refuseInDoubt(context, scope, charge.id, wished)) return null
  if (whyUnavailable(context, provider, true) !== null) return null
  const amount = wished === 'cancel' ? charge.amount : refundAmount(charge, REFUND)
  if (typeof amount !== 'number') return refuseCancel(charge, key, amount.message)
  const about = { charge, provider, key, amount }
  const decision =
    wished === 'cancel' ? decideFollowUp(context, wished, about) : decideRefund(context, REFUND, about)
  const attempt = decision.attempts[0] as Attempt
  const request = { key, ending: endingOf(decision.charge, decision.refund, attempt) }
  return {
    decision: { ...decision, attempts: [...decision.attempts, ...restoreDueTime(charge, data)] },
    ended: request,
  }
}

function refuseCancel(charge: Charge, key: string, message: string): BegunFollowUp {
  const decision = dropCancelRequest(charge)
  return { decision, ended: { key, ending: cancelRefusedEnding(decision.charge, message) } }
}
