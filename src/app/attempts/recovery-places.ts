/**
 * Whether MiniPay may resolve earlier calls of a provider now, with places and a breaker apart from those of requests.
 */
import { type Attempt, recoveryStep } from '../../domain/attempt.ts'
import type { Provider, RemoteProvider } from '../../ports/provider.ts'
import type { Context } from '../context.ts'

/** True if a lookup may be sent now: its breaker allows it, and a place is free or worth waiting for. */
export function mayLookUp({ health, calls }: Context, provider: RemoteProvider, waits = false): boolean {
  return calls.hasPlace(provider, 'recovery', waits) && health.peek(provider.name, 'lookup') !== 'open'
}

/**
 * The step of recovery for an open attempt now; `later` while breakers forbid it. When lookups and resends alternate
 * and one is forbidden, the other takes its turn. The probe of the breaker for calls that move money is reserved for
 * requests, unless only a resend can give the outcome. While a person has `paused` the provider, an authorization is looked
 * up, and not sent again: it might take a new payment.
 */
export function nextRecoveryStep(
  context: Context,
  provider: RemoteProvider,
  attempt: Attempt,
  now: number,
  paused = false,
): 'lookup' | 'resend' | 'wait' | 'later' {
  const { health } = context
  const isHeld = paused && attempt.kind === 'authorize'
  const { name, capabilities } = provider
  const may = (step: 'lookup' | 'resend') =>
    step === 'lookup'
      ? health.peek(name, 'lookup') !== 'open'
      : isHeld
        ? false
        : capabilities.lookup === 'none'
          ? health.peek(name) !== 'open'
          : health.peek(name) === 'closed'
  const step = recoveryStep(capabilities, attempt, now)
  if (step === 'wait' || may(step)) return step
  const other = recoveryStep(capabilities, { ...attempt, lookups: attempt.lookups + 1 }, now)
  return other !== 'wait' && may(other) ? other : 'later'
}

/** How many attempts can be resolved now with this many places: one at a time while a breaker probes. */
export function freeRecoveryPlaces(
  { health }: Context,
  { name, capabilities }: Provider,
  places: number,
): number {
  const lookups = capabilities.lookup === 'none' ? 'open' : health.peek(name, 'lookup')
  const money = capabilities.lookup === 'final' ? 'open' : health.peek(name)
  const repetitions = money === 'probe' && capabilities.lookup !== 'none' ? 'open' : money
  if (lookups === 'closed' || repetitions === 'closed') return places
  return lookups === 'probe' || repetitions === 'probe' ? Math.min(1, places) : 0
}
