/** Velocity limits in simulations: what they would decline. The commit of a charge enforces them. */
import { type Facts, type RuleSet, whyNotLimited } from '../../domain/routing/choose.ts'
import { usesOf } from '../../domain/routing/limits.ts'
import { countUse, isExceededBy, type LimitUse, usedIn, type VelocityCounter } from '../../domain/velocity.ts'
import type { Scope, Store } from '../../ports/store.ts'
import { sha256 } from '../context.ts'
import type { Pause } from '../turns.ts'

/** How much of a window is used, and how much it allows. */
type Usage = { readonly used: number; readonly max: number }

export type SimulatedLimit = {
  readonly limit: string
  /** Why it does not apply to the charge, in words; null if it applies. */
  readonly notApplied: string | null
  /** Of the number of charges, and of the amount in the charge's currency; null without such a maximum. */
  readonly charges: Usage | null
  readonly amount: Usage | null
  readonly wouldDecline: boolean
}

/** What each limit would do with a charge, from the stored counters. */
export async function simulateLimits(
  store: Pick<Store, 'velocityCounters'>,
  scope: Scope,
  { limits }: Pick<RuleSet, 'limits'>,
  facts: Facts,
  pause: Pause,
): Promise<SimulatedLimit[]> {
  const each: { limit: string; notApplied: string | null; uses: LimitUse[] }[] = []
  for (const limit of limits) {
    const notApplied = whyNotLimited(limit, facts) ?? null
    each.push({
      limit: limit.name,
      notApplied,
      uses: notApplied === null ? usesOf([limit], facts, sha256) : [],
    })
    await pause()
  }
  const names = each.flatMap(({ uses }) => uses.map(({ counter }) => counter))
  const found = names.length === 0 ? [] : await store.velocityCounters(scope, names)
  const counters = new Map(found.map((counter) => [counter.counter, counter]))
  const usage = (use: LimitUse | undefined) =>
    use ? { used: usedIn(counters.get(use.counter), use.windowMs, facts.time), max: use.max } : null
  return each.map(({ limit, notApplied, uses }) => ({
    limit,
    notApplied,
    charges: usage(uses.find(({ unit }) => unit === 'charges')),
    amount: usage(uses.find(({ unit }) => unit === 'amount')),
    wouldDecline: uses.some((use) => isExceededBy(counters.get(use.counter), use, facts.time)),
  }))
}

/** A charge of the past, and its uses of the limits that apply to it. */
export type PastUses = { readonly at: number; readonly uses: readonly LimitUse[] }

/** How many of these charges each limit would have declined. The counters begin empty with the oldest charge. */
export async function replayLimits(
  { limits }: Pick<RuleSet, 'limits'>,
  oldestFirst: readonly PastUses[],
  pause: Pause,
): Promise<ReadonlyMap<string, number>> {
  const declined = new Map(limits.map(({ name }) => [name, 0]))
  const counters = new Map<string, VelocityCounter>()
  for (const { at, uses } of oldestFirst) {
    await pause()
    const exceeded = uses.find((use) => isExceededBy(counters.get(use.counter), use, at))
    if (exceeded) declined.set(exceeded.limit, (declined.get(exceeded.limit) ?? 0) + 1)
    else for (const use of uses) counters.set(use.counter, countUse(counters.get(use.counter), use, at))
  }
  return declined
}
