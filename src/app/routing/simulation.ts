/** Simulates a rule set: for a hypothetical charge, and for past charges. */
import type { Charge } from '../../domain/charge.ts'
import {
  type Condition,
  type Evaluate,
  evaluate,
  type Facts,
  type Plan,
  type RuleSet,
  whyNotMatched,
} from '../../domain/routing/choose.ts'
import { NO_PROVIDER, usesOf } from '../../domain/routing/limits.ts'
import type { Scope, Store } from '../../ports/store.ts'
import { sha256 } from '../context.ts'
import type { Pause } from '../turns.ts'
import type { Health } from './health.ts'
import { type PastUses, replayLimits, type SimulatedLimit } from './limits.ts'

const PAGE = 100

export type SimulationRequest = {
  /** A draft; undefined for the current rule set. */
  readonly document?: unknown
  readonly charge?: Facts
  /** How many of the newest charges to replay. */
  readonly last?: number
}

export type SimulatedCharge = {
  readonly plan: Plan
  /** The rules before the matching one, each with the reason why it did not match. */
  readonly notMatched: readonly { readonly rule: string; readonly reason: string }[]
  /** Providers of the plan that MiniPay does not call now. */
  readonly openNow: readonly string[]
  /** Every velocity limit, in the order of the document. */
  readonly limits: readonly SimulatedLimit[]
}

export type ReplayedCharge = {
  readonly charges: number
  /** How many charges each rule matched, how many would go to each provider first, and how many went to each. */
  readonly rules: ReadonlyMap<string, number>
  readonly providers: ReadonlyMap<string, number>
  readonly went: ReadonlyMap<string, number>
  /** Charges that went to another provider than the rules would choose. */
  readonly changed: number
  /** Charges that a draft would route in another way than the stored rules; 0 for the stored rules. */
  readonly rerouted: number
  /**
   * The newest of the charges that a draft would route in another way than the stored rules; for the stored rules, the
   * newest of those that went to another provider. At most `MAX_SAMPLES`.
   */
  readonly samples: readonly SampledCharge[]
  /** Charges for which a rule could not be evaluated. */
  readonly notEvaluated: number
  /** How many of the charges each velocity limit would have declined. */
  readonly declined: ReadonlyMap<string, number>
}

/** A charge with its route. */
export type SampledCharge = {
  readonly charge: Charge
  /** By the simulated rules. The provider is the first one to be called, or `none`. */
  readonly route: Choice
  /** By the stored rules. */
  readonly stored: Choice
}
export type Choice = { readonly rule: string; readonly provider: string }

export const MAX_SAMPLES = 20

/** Chooses the route of a charge. */
type Planner = (facts: Facts) => Plan | Promise<Plan>

export type Simulation = {
  /** Null for a draft, 0 if none is stored. */
  readonly version: number | null
  readonly charge: SimulatedCharge | null
  readonly last: ReplayedCharge | null
}

/**
 * Evaluates the conditions that `matchRules` will evaluate, in slices: all those of a rule set, each at its limits, take 25 ms.
 */
export async function evaluateInSlices(
  { rules, limits }: Pick<RuleSet, 'rules' | 'limits'>,
  facts: Facts,
  pause: Pause,
): Promise<Evaluate> {
  const results = new Map<Condition, boolean | string>()
  const add = async (condition: Condition) => {
    const result = evaluate(condition, facts)
    results.set(condition, result)
    await pause()
    return result
  }
  for (const { condition } of rules) if ((await add(condition)) === true) break
  for (const { condition } of limits) if (condition !== null) await add(condition)
  return (condition) => results.get(condition) ?? evaluate(condition, facts)
}

/** The result of the rules for one charge, without the limits. */
export async function simulateCharge(
  plan: Plan,
  ruleSet: RuleSet,
  facts: Facts,
  health: Pick<Health, 'snapshot'>,
  pause: Pause,
): Promise<Omit<SimulatedCharge, 'limits'>> {
  const notMatched: { rule: string; reason: string }[] = []
  for (const rule of ruleSet.rules) {
    const reason = whyNotMatched(rule, facts)
    if (reason === undefined) break
    notMatched.push({ rule: rule.name, reason })
    await pause()
  }
  return {
    plan,
    notMatched,
    openNow: plan.providers.filter((provider) => health.snapshot(provider).state === 'open'),
  }
}

/** The results for the newest charges, in slices between which other work gets its turn. */
export async function replayCharges(
  store: Pick<Store, 'charges'>,
  scope: Scope,
  last: number,
  ruleSet: RuleSet,
  { plan, stored }: { readonly plan: Planner; readonly stored?: Planner | undefined },
  pause: Pause,
): Promise<ReplayedCharge> {
  const tally = { rules: counter(), providers: counter(), went: counter() }
  let [charges, changed, rerouted, notEvaluated] = [0, 0, 0, 0]
  const samples: SampledCharge[] = []
  const newestFirst: PastUses[] = []
  let startingAfter: string | undefined
  for (;;) {
    const limit = Math.min(PAGE, last - charges)
    const page = await store.charges(scope, { limit, ...(startingAfter !== undefined && { startingAfter }) })
    for (const charge of page.data) {
      await pause()
      const facts = factsOf(charge)
      const route = await plan(facts)
      const { rule, providers, notes, limits } = route
      if (limits.length > 0) newestFirst.push({ at: facts.time, uses: usesOf(limits, facts, sha256) })
      const first = providers[0] ?? NO_PROVIDER
      tally.rules.count(rule)
      tally.providers.count(first)
      tally.went.count(charge.provider)
      if (first !== charge.provider) changed++
      const now = stored ? await stored(facts) : route
      const isRerouted = isOther(route, now)
      if (isRerouted) rerouted++
      if ((stored ? isRerouted : first !== charge.provider) && samples.length < MAX_SAMPLES)
        samples.push({ charge, route: choiceOf(route), stored: choiceOf(now) })
      if (notes.length > 0) notEvaluated++
    }
    charges += page.data.length
    startingAfter = page.data.at(-1)?.id
    if (!page.hasMore || charges >= last) break
  }
  const { rules, providers, went } = tally
  return {
    charges,
    rules: rules.counts,
    providers: providers.counts,
    went: went.counts,
    changed,
    rerouted,
    samples,
    notEvaluated,
    declined: await replayLimits(ruleSet, newestFirst.reverse(), pause),
  }
}

function choiceOf({ rule, providers: [provider = NO_PROVIDER] }: Plan): Choice {
  return { rule, provider }
}

/** Whether two routes differ in their providers or their order, or fail over after other declines. */
function isOther(one: Plan, other: Plan): boolean {
  return one.providers.join() !== other.providers.join() || one.failoverOn.join() !== other.failoverOn.join()
}

function counter() {
  const counts = new Map<string, number>()
  return { counts, count: (name: string) => counts.set(name, (counts.get(name) ?? 0) + 1) }
}

/** The facts of a charge that rules can use. */
function factsOf(
  charge: Pick<
    Charge,
    'id' | 'amount' | 'currency' | 'customer' | 'paymentMethod' | 'metadata' | 'createdAt'
  >,
): Facts {
  const { id, amount, currency, customer, paymentMethod, metadata, createdAt } = charge
  return { seed: id, amount, currency, customer, paymentMethod, metadata, time: createdAt }
}
