/** Whether a provider can be asked now what became of a call: apart from its requests, and from their breaker. */
import { type Attempt, recoveryStep } from '../domain/attempt.ts'
import { type RemoteProvider, recoveryPlaces } from '../ports/provider.ts'
import type { Context } from './context.ts'

/** True when a lookup may be sent now: its breaker allows it, and a place is free or can be waited for. */
export function mayLookUp(
  { health, apart }: Context,
  { name, concurrency }: RemoteProvider,
  waits = false,
): boolean {
  const full = !waits && (apart.get(name) ?? 0) >= recoveryPlaces(concurrency).all
  return !full && health.peek(name, 'lookup') !== 'open'
}

/**
 * What recovery does about an open attempt now; `later` while breakers forbid it. Where lookup and repetition take
 * turns, one that is forbidden leaves its turn to the other. While the breaker of calls that move money tries, its trial
 * is for a request, unless nothing but a repetition can tell.
 */
export function stepNow(
  context: Context,
  provider: RemoteProvider,
  attempt: Attempt,
  now: number,
): 'lookup' | 'resend' | 'wait' | 'later' {
  const { health } = context
  const { name, capabilities } = provider
  const may = (step: 'lookup' | 'resend') =>
    step === 'lookup'
      ? health.peek(name, 'lookup') !== 'open'
      : capabilities.lookup === 'none'
        ? health.peek(name) !== 'open'
        : health.peek(name) === 'closed'
  const step = recoveryStep(capabilities, attempt, now)
  if (step === 'wait' || may(step)) return step
  const other = recoveryStep(capabilities, { ...attempt, lookups: attempt.lookups + 1 }, now)
  return other !== 'wait' && may(other) ? other : 'later'
}

/** How many attempts can be asked about now, of so many places: one at a time while a breaker tries. */
export function roomApart(
  { health }: Context,
  { name, capabilities }: RemoteProvider,
  places: number,
): number {
  const lookups = capabilities.lookup === 'none' ? 'open' : health.peek(name, 'lookup')
  const money = capabilities.lookup === 'final' ? 'open' : health.peek(name)
  const repetitions = money === 'probe' && capabilities.lookup !== 'none' ? 'open' : money
  if (lookups === 'closed' || repetitions === 'closed') return places
  return lookups === 'probe' || repetitions === 'probe' ? Math.min(1, places) : 0
}
