/** From a route to a provider: which one is called, which are skipped and why, and which are next. */
import { type Attempt, applyOutcome, type Outcome, type Route } from '../../domain/attempt.ts'
import type { FinalOutcome } from '../../ports/provider.ts'
import type { Scope } from '../../ports/store.ts'
import type { Context } from '../context.ts'
import {
  authorizeCall,
  firstAvailable,
  mayFailOver,
  type RoutedCharge,
  unsentAttempt,
} from './available-provider.ts'
import type { Paused } from './pauses.ts'

export type ChosenProvider = {
  /** Attempts of this walk that a provider in this process has declined. */
  readonly ended: readonly Attempt[]
  /** The last attempt: to be sent, or decided. */
  readonly last: Attempt
  /** The outcome of the last attempt; null if it is to be sent. */
  readonly outcome: FinalOutcome | Extract<Outcome, { kind: 'not_sent' }> | null
}

/**
 * Walks a route to its first available provider that is not among the paused ones. If that one decides in this process
 * and its decline allows a failover, walks on to the next one. `attemptId` is the id of the first attempt of the walk.
 */
export function chooseProvider(
  context: Context,
  scope: Scope,
  charge: RoutedCharge,
  route: Route,
  paused: Paused,
  attemptId: string,
): ChosenProvider {
  const found = firstAvailable(context, scope, charge, route, paused, attemptId)
  if (!('attempt' in found)) {
    const { attempt, outcome } = unsentAttempt(
      context,
      scope,
      charge,
      {
        ...route,
        next: [],
        skipped: found.skipped,
      },
      attemptId,
    )
    return { ended: [], last: attempt, outcome }
  }
  const ended: Attempt[] = []
  let { provider, attempt } = found
  for (;;) {
    if (provider.remote) return { ended, last: attempt, outcome: null }
    const outcome = provider.authorize(authorizeCall(charge, attempt.id), attempt.startedAt)
    const left = attempt.route
    if (!left || left.next.length === 0 || !mayFailOver(outcome, left))
      return { ended, last: attempt, outcome }
    const next = firstAvailable(
      context,
      scope,
      charge,
      { ...left, skipped: [] },
      paused,
      context.newId('att'),
    )
    if (!('attempt' in next)) {
      const skipped = [...left.skipped, ...next.skipped]
      return { ended, last: { ...attempt, route: { ...left, next: [], skipped } }, outcome }
    }
    ended.push(applyOutcome(attempt, outcome, 'answer', context.now()))
    provider = next.provider
    attempt = next.attempt
  }
}
