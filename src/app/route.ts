/** From a route to a provider: which provider is called first, which are skipped and why, and which is next. */
import { type Attempt, newAttempt, type Outcome, type Route, resolved } from '../domain/attempt.ts'
import type { Charge } from '../domain/charge.ts'
import { isHardDecline } from '../domain/decline.ts'
import type { AuthorizeCall, Decided, InProcessProvider, Provider } from '../ports/provider.ts'
import type { Context } from './context.ts'

/** How long after its deadline a call may take to be settled before another worker takes it over, in ms. */
const SETTLE_MS = 10_000

/** The end of a lease on an attempt at this provider, which may not be configured any more. */
export function leaseUntil(provider: Provider | undefined, now: number): number {
  return now + (provider?.remote ? provider.deadlineMs : 0) + SETTLE_MS
}

/** The part of a charge that a walk needs. */
export type Routed = Pick<
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

export type Walk = {
  /** Attempts of this walk that a provider in this process has declined. */
  readonly ended: readonly Attempt[]
  /** The last attempt: to be sent, or decided. */
  readonly last: Attempt
  /** The outcome of the last attempt; null if it is to be sent. */
  readonly outcome: Extract<Outcome, { kind: 'succeeded' | 'declined' | 'not_sent' }> | null
}

/**
 * Walks a route's candidates: skips those that are unavailable, calls those that decide in this process, and stops at
 * the first one that needs a network call, or at the final outcome.
 */
export function walk(context: Context, charge: Routed, route: Route): Walk {
  const ended: Attempt[] = []
  /** Declined in this process: the final outcome, unless another provider is available. */
  let declined: { readonly attempt: Attempt; readonly outcome: Decided } | null = null
  let { next, skipped } = route
  for (;;) {
    const [name, ...rest] = next
    if (name === undefined) {
      if (!declined) return nobody(context, charge, { ...route, next, skipped })
      const before = declined.attempt.route?.skipped ?? []
      const last = { ...declined.attempt, route: { ...route, next, skipped: [...before, ...skipped] } }
      return { ended, last, outcome: declined.outcome }
    }
    const found = available(context, name, rest.length === 0)
    if (typeof found === 'string') {
      skipped = [...skipped, { provider: name, reason: found }]
      next = rest
      continue
    }
    if (declined) ended.push(resolved(declined.attempt, declined.outcome, 'answer', context.now()))
    const { again: _, ...plan } = route
    const attempt = authorizeAttempt(context, charge, name, found, { ...plan, next: rest, skipped })
    if (found.remote) return { ended, last: attempt, outcome: null }
    const outcome = found.authorize(authorizeCall(charge, attempt.id), attempt.startedAt)
    if (!mayFailOver(outcome, attempt.route) || rest.length === 0) return { ended, last: attempt, outcome }
    declined = { attempt, outcome }
    next = rest
    skipped = []
  }
}

/** The reason for skipping a provider without a free place. */
export const FULL = 'too many calls in flight'

/**
 * The provider, if it is available now; otherwise the reason. With `last`, if no other provider is available, a call
 * may wait for a place within its deadline.
 */
export function available(context: Context, name: string, last: boolean): Provider | string {
  const provider = context.providers.get(name)
  if (!provider) return 'not configured'
  if (!provider.remote) return provider
  if (!context.calls.hasPlace(provider, 'requests', last)) return FULL
  return context.health.peek(name) === 'open' ? 'circuit breaker open' : provider
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

/** No provider is available. Makes an attempt all the same, so that the charge has the reason. */
function nobody(context: Context, charge: Routed, route: Route): Walk {
  const reason = route.skipped.map(({ provider, reason: why }) => `${provider}: ${why}`).join('; ')
  const outcome: Outcome = { kind: 'not_sent', reason: reason || 'no provider is left' }
  const name = route.skipped.at(-1)?.provider ?? 'none'
  const last = newAttempt({ ...about(context, charge, name, route), leaseUntil: 0, token: '' })
  return { ended: [], last, outcome }
}

function authorizeAttempt(
  context: Context,
  charge: Routed,
  name: string,
  provider: Provider,
  route: Route,
): Attempt {
  const base = about(context, charge, name, route)
  return newAttempt({ ...base, leaseUntil: leaseUntil(provider, base.now), token: base.id })
}

function about(context: Context, charge: Routed, provider: string, route: Route) {
  return {
    id: context.newId('att'),
    transactionId: charge.id,
    refundId: null,
    kind: 'authorize',
    provider,
    amount: charge.amount,
    currency: charge.currency,
    route,
    idempotencyKey: charge.idempotencyKey,
    now: context.now(),
  } as const
}

export function authorizeCall(charge: Routed, attemptId: string): AuthorizeCall {
  return {
    attemptId,
    transactionId: charge.id,
    amount: charge.amount,
    currency: charge.currency,
    customer: charge.customer,
    paymentMethod: charge.paymentMethod,
    description: charge.description,
    metadata: charge.metadata,
    capture: charge.capture,
  }
}

/** The provider, if it is the only one and decides in this process. */
export function onlyInProcess(context: Context, names: readonly string[]): InProcessProvider | undefined {
  const provider = names.length === 1 ? context.providers.get(names[0] as string) : undefined
  return provider && !provider.remote ? provider : undefined
}
