/**
 * The second road: a provider that decides in this process, which is the sandbox. It is a pure function, so calling it
 * twice has no effect, and MiniPay need not store a call before it makes it. One commit stores the decision together
 * with its outcome, and the most frequent charge stores no attempt.
 *
 * Along the usual road (commit, call, commit) a charge at the sandbox took twice the CPU (340 µs in place of 170), 2,479
 * bytes in place of 1,412, and the rate fell to 0.57 (64 connections, SQLite, side by side on a busy machine with two
 * cores). The sandbox is what newcomers try and what the tests and benchmarks of the core run on, so it keeps this road.
 *
 * Everything that differs is in this file and in `chooseProvider`, which walks past a decline of such a provider. Other
 * code that calls a provider gets a `RemoteProvider` or none.
 */
import type { Attempt } from '../../domain/attempt.ts'
import type { ChargeCommand, Decision, NewIdentity } from '../../domain/charge.ts'
import { concludeCharge, decideCharge, joinDecisions } from '../../domain/lifecycle.ts'
import { concludeRefund } from '../../domain/refund.ts'
import type { Plan } from '../../domain/routing/choose.ts'
import type { Provider } from '../../ports/provider.ts'
import type { Scope } from '../../ports/store.ts'
import type { Context } from '../context.ts'
import { authorizeCall, type RoutedCharge } from '../routing/available-provider.ts'
import type { Paused } from '../routing/pauses.ts'
import { servingProvider } from '../routing/serving.ts'
import { followUpCall } from './call-provider.ts'

/**
 * A charge at the only provider of a plan without rules, if that provider decides in this process: no attempt, because
 * it would add no information. Null for every other charge.
 */
export function decideAtOnce(
  context: Context,
  scope: Scope,
  command: ChargeCommand,
  charge: RoutedCharge,
  plan: Plan,
  paused: Paused,
  made: NewIdentity,
  at: number,
): Decision | null {
  const [name = '', ...others] = plan.providers
  const provider = servingProvider(context, scope, name)
  if (!provider || provider.remote || others.length > 0 || paused.has(name)) return null
  if (!command.capture || plan.ruleSetVersion !== null) return null
  const outcome = provider.authorize(authorizeCall(charge, charge.id), at)
  return decideCharge(command, provider.name, outcome, made)
}

/** A capture or cancel that has begun, and, if its provider decides in this process, has ended as well. */
export function followUpAtOnce(
  provider: Provider,
  kind: 'capture' | 'cancel',
  firstStep: Decision,
  attempt: Attempt,
): Decision {
  if (provider.remote) return firstStep
  const outcome = provider[kind](followUpCall({ charge: firstStep.charge, attempt }))
  return joinDecisions(
    firstStep,
    concludeCharge(firstStep.charge, attempt, outcome, 'answer', attempt.startedAt),
  )
}

/** The same for a refund. */
export function refundAtOnce(provider: Provider, firstStep: Decision, attempt: Attempt): Decision {
  const { charge, refund } = firstStep
  if (provider.remote || !refund) return firstStep
  const outcome = provider.refund(followUpCall({ charge, attempt }))
  return joinDecisions(
    firstStep,
    concludeRefund(charge, refund, attempt, outcome, 'answer', attempt.startedAt),
  )
}
