/** Which providers of a route are available now, and why the others are skipped. */
import { type Attempt, newAttempt, type Outcome, type Route } from '../../domain/attempt.ts'
import type { Charge } from '../../domain/charge.ts'
import { isHardDecline } from '../../domain/decline.ts'
import { madeAt } from '../../domain/id.ts'
import { PAUSED } from '../../domain/routing/pause.ts'
import type { AuthorizeCall, Provider } from '../../ports/provider.ts'
import type { Scope } from '../../ports/store.ts'
import { leaseUntil, SENDER } from '../attempts/lease.ts'
import type { Context } from '../context.ts'
import type { Paused } from './pauses.ts'
import { serves, servingProvider } from './serving.ts'

/** The part of a charge that its provider gets. */
export type RoutedCharge = Pick<
  Charge,
  | 'id'
  | 'amount'
  | 'currency'
  | 'customer'
  | 'paymentMethod'
  | 'description'
  | 'metadata'
  | 'capture'
  | 'idempotencyKey'
>

/**
 * The attempt at the first available provider of a route that no person has paused, which takes that provider and those
 * before it out of `next`. If none is available, only the reasons for which each was skipped.
 */
export function firstAvailable(
  context: Context,
  scope: Scope,
  charge: RoutedCharge,
  { again: _, ...route }: Route,
  paused: Paused,
  attemptId: string,
): { readonly provider: Provider; readonly attempt: Attempt } | { readonly skipped: Route['skipped'] } {
  const skipped = [...route.skipped]
  for (const [i, name] of route.next.entries()) {
    const rest = route.next.slice(i + 1)
    const provider = servingProvider(context, scope, name)
    const reason = !provider
      ? 'not configured'
      : paused.has(name)
        ? PAUSED
        : whyUnavailable(context, provider, rest.length === 0)
    if (provider && reason === null)
      return {
        provider,
        attempt: authorizeAttempt(context, charge, provider, { ...route, next: rest, skipped }, attemptId),
      }
    skipped.push({ provider: name, reason: reason ?? '' })
  }
  return { skipped }
}

/** The reason for skipping a provider without a free place. */
export const FULL = 'too many calls in flight'

/**
 * The reason for which a provider is not available now; null if it is available. With `last`, if no other provider is
 * available, a call may wait for a place within its deadline.
 */
export function whyUnavailable(context: Context, provider: Provider, last: boolean): string | null {
  if (!context.calls.hasPlace(provider, 'requests', last)) return FULL
  return context.health.peek(provider.name) === 'open' ? 'circuit breaker open' : null
}

/**
 * Whether MiniPay may fail over after this outcome: the call was definitely not sent, or was declined with a code that
 * the rule names and that is not a hard decline. Never after any other outcome.
 */
export function mayFailOver(outcome: Outcome, route: Route | null): boolean {
  if (outcome.kind === 'not_sent') return true
  return (
    outcome.kind === 'declined' &&
    route !== null &&
    route.failoverOn.includes(outcome.declineCode) &&
    !isHardDecline(outcome.declineCode)
  )
}

/** An attempt for a charge without an available provider, so that the charge has the reason. */
export function unsentAttempt(
  context: Context,
  scope: Scope,
  charge: RoutedCharge,
  route: Route,
  id: string,
): { readonly attempt: Attempt; readonly outcome: Extract<Outcome, { kind: 'not_sent' }> } {
  const reason = route.skipped.map(({ provider, reason: why }) => `${provider}: ${why}`).join('; ')
  const name = route.skipped.at(-1)?.provider ?? 'none'
  const attempt = newAttempt({
    ...attemptFields(context, charge, name, route, id),
    leaseUntil: 0,
    token: '',
  })
  return { attempt, outcome: { kind: 'not_sent', reason: reason || noneLeft(context, scope) } }
}

/** The reason for which a route without a provider has none. */
function noneLeft({ providers }: Context, scope: Scope): string {
  if ([...providers.values()].some((provider) => serves(provider, scope))) return 'no provider is left'
  const remedy =
    scope.mode === 'test'
      ? 'use a live API key, or add a provider with "mode": "test" to the providers file'
      : 'use a test API key, or add a provider with "mode": "live" to the providers file'
  return `no provider serves this account in ${scope.mode} mode; ${remedy}`
}

function authorizeAttempt(
  context: Context,
  charge: RoutedCharge,
  provider: Provider,
  route: Route,
  id: string,
): Attempt {
  const base = attemptFields(context, charge, provider.name, route, id)
  return newAttempt({ ...base, leaseUntil: leaseUntil(provider, base.now), token: SENDER })
}

function attemptFields(context: Context, charge: RoutedCharge, provider: string, route: Route, id: string) {
  return {
    id,
    chargeId: charge.id,
    refundId: null,
    kind: 'authorize',
    provider,
    amount: charge.amount,
    currency: charge.currency,
    route,
    idempotencyKey: charge.idempotencyKey,
    // Lists by time compare ids.
    now: madeAt(id, context.now()),
  } as const
}

export function authorizeCall(charge: RoutedCharge, attemptId: string): AuthorizeCall {
  return {
    attemptId,
    chargeId: charge.id,
    amount: charge.amount,
    currency: charge.currency,
    customer: charge.customer,
    paymentMethod: charge.paymentMethod,
    description: charge.description,
    metadata: charge.metadata,
    capture: charge.capture,
  }
}
