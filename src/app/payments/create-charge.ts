import type { Route } from '../../domain/attempt.ts'
import type { ChargeCommand, NewIdentity } from '../../domain/charge.ts'
import { isRejection, type Rejection, reject } from '../../domain/error.ts'
import { madeAt, twinId } from '../../domain/id.ts'
import { beginCharge, decideCharge } from '../../domain/lifecycle.ts'
import type { Plan } from '../../domain/routing/choose.ts'
import type { Scope } from '../../ports/store.ts'
import { decideAtOnce } from '../attempts/in-process.ts'
import type { Context } from '../context.ts'
import { execute, type KeyedRequest, type Proposal, type Result } from '../execute.ts'
import { FULL, type RoutedCharge } from '../routing/available-provider.ts'
import { chooseProvider } from '../routing/choose-provider.ts'
import type { Paused } from '../routing/pauses.ts'
import { chargeEnding } from './endings.ts'
import { limitedProposal } from './limit-charge.ts'

/**
 * Charges a customer, or holds the money if `capture` is false. Returns `created` with the charge; `declined` or
 * `unavailable` with the reason and the failed charge, which is stored, too; `declined` also if the charge exceeds a
 * velocity limit; or `accepted` if the outcome is not
 * known in time. Rejects with `StoreUnavailable` if the commit is not possible.
 */
export function createCharge(
  context: Context,
  request: KeyedRequest,
  command: ChargeCommand,
): Promise<Result | Rejection> {
  return execute(context, request, () => {
    const id = context.newId('txn')
    const facts = {
      amount: command.amount,
      currency: command.currency,
      customer: command.customer,
      paymentMethod: command.paymentMethod,
      metadata: command.metadata,
      time: context.now(),
      seed: id,
    }
    const plan = context.router.plan(request.scope, facts)
    const paused = context.pauses.of(request.scope)
    if (plan instanceof Promise || paused instanceof Promise)
      return Promise.all([plan, paused]).then((both) => proposeCharge(context, request, command, id, ...both))
    return proposeCharge(context, request, command, id, plan, paused)
  })
}

function proposeCharge(
  context: Context,
  request: KeyedRequest,
  command: ChargeCommand,
  id: string,
  plan: Plan,
  paused: Paused,
): Proposal | Rejection {
  const at = context.now()
  const made = { id, now: madeAt(id, at), idempotencyKey: request.key }
  const charge = { ...command, id, idempotencyKey: request.key }
  const proposed = proposeAtProvider(context, request.scope, command, charge, plan, paused, made, at)
  if (plan.limits.length === 0 || isRejection(proposed)) return proposed
  return limitedProposal(proposed, command, made, plan.limits)
}

/** The charge at the first available provider of its plan, without velocity limits. */
function proposeAtProvider(
  context: Context,
  scope: Scope,
  command: ChargeCommand,
  charge: RoutedCharge,
  plan: Plan,
  paused: Paused,
  made: NewIdentity,
  at: number,
): Proposal | Rejection {
  const decided = decideAtOnce(context, scope, command, charge, plan, paused, made, at)
  if (decided) return { decision: decided, at, ending: chargeEnding(decided.charge, false) }
  const route: Route = {
    ruleSetVersion: plan.ruleSetVersion,
    rule: plan.rule,
    next: plan.providers,
    skipped: plan.skipped,
    failoverOn: plan.failoverOn,
    notes: plan.notes,
  }
  const { ended, last, outcome } = chooseProvider(
    context,
    scope,
    charge,
    route,
    paused,
    // The digits of the charge's id: SQLite finds the first attempt of a charge by them, without an index by charge.
    twinId('att', charge.id),
  )
  if (outcome?.kind === 'not_sent' && last.route?.skipped.some(({ reason }) => reason === FULL))
    return reject('provider_unavailable', `No provider is available now: ${outcome.reason}.`)
  const charged = outcome
    ? decideCharge(command, last.provider, outcome, made, last)
    : beginCharge(command, last.provider, last, made)
  const decision = { ...charged, attempts: [...ended, ...charged.attempts] }
  return { decision, at, ending: chargeEnding(decision.charge, outcome?.kind === 'not_sent') }
}
