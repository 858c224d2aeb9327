/** Which provider a charge goes to: the first rule whose condition holds says, or the default. Pure. */
import type { Metadata } from './charge.ts'

/** What a rule may ask about, and what a split is drawn from. */
export type Facts = {
  /** The charge's id: a split that is not sticky is drawn from it. */
  readonly seed: string
  readonly amount: number
  readonly currency: string
  readonly customer: string
  readonly paymentMethod: string | null
  readonly metadata: Metadata
  /** ms since 1970. */
  readonly time: number
}

/** A compiled condition. */
export type Condition = {
  /** Throws an `Error` with a sentence when the facts give no answer, such as a metadata key that is absent. */
  readonly holds: (facts: Facts) => boolean
  /** In words, the first part of it that does not hold. */
  readonly whyNot: (facts: Facts) => string
  /** Its value if it does not depend on the charge; otherwise null. */
  readonly constant: boolean | null
  /** The parts that `&&` joins, each written in one canonical way. */
  readonly conjuncts: readonly string[]
}

export type Share = { readonly provider: string; readonly weight: number }

/** Providers to ask in order, or a weighted choice among them. */
export type Targets =
  | { readonly kind: 'list'; readonly providers: readonly string[] }
  | { readonly kind: 'split'; readonly shares: readonly Share[]; readonly sticky: boolean }

export type Destination = { readonly targets: Targets; readonly failoverOn: readonly string[] }
export type Rule = Destination & { readonly name: string; readonly condition: Condition }
export type RuleSet = { readonly rules: readonly Rule[]; readonly fallback: Destination }

/** The name of what holds when no rule does; no rule may have it. */
export const DEFAULT_RULE = 'default'
export const NOT_CONFIGURED = 'not configured'

export type Plan = {
  /** Null when no rule set is stored. */
  readonly ruleSetVersion: number | null
  readonly rule: string
  /** Whom to ask, in order. Empty when none of those that the rule names is configured. */
  readonly providers: readonly string[]
  /** Decline codes after which MiniPay fails over. */
  readonly failoverOn: readonly string[]
  /** Providers that the rule names but that are not configured. */
  readonly skipped: readonly { readonly provider: string; readonly reason: string }[]
  /** Rules that could not be decided, and did not count as matching, each as a sentence. */
  readonly notes: readonly string[]
}

/** The first rule whose condition holds. One that can't be evaluated does not hold, and is noted. */
export function choose(
  ruleSet: RuleSet,
  ruleSetVersion: number | null,
  facts: Facts,
  isConfigured: (provider: string) => boolean,
): Plan {
  const notes: string[] = []
  const rule = ruleSet.rules.find((candidate) => {
    const held = evaluate(candidate.condition, facts)
    if (typeof held === 'string') notes.push(`The rule "${candidate.name}" could not be evaluated: ${held}`)
    return held === true
  })
  const { targets, failoverOn } = rule ?? ruleSet.fallback
  const named = inOrder(targets, facts)
  return {
    ruleSetVersion,
    rule: rule?.name ?? DEFAULT_RULE,
    providers: named.filter(isConfigured),
    failoverOn,
    skipped: named
      .filter((provider) => !isConfigured(provider))
      .map((provider) => ({ provider, reason: NOT_CONFIGURED })),
    notes,
  }
}

/** Why a rule does not match, in words; undefined when it does. */
export function whyNotMatched({ condition }: Rule, facts: Facts): string | undefined {
  const held = evaluate(condition, facts)
  return held === true ? undefined : held || condition.whyNot(facts)
}

/** Whether it holds, or a sentence that says why that can't be told. */
function evaluate(condition: Condition, facts: Facts): boolean | string {
  try {
    return condition.holds(facts)
  } catch (error) {
    return error instanceof Error ? error.message : 'It failed.'
  }
}

/** A list as it is; of a split the one that is drawn, then the others, the heaviest first. */
function inOrder(targets: Targets, facts: Facts): readonly string[] {
  if (targets.kind === 'list') return targets.providers
  const drawn = draw(targets.shares, targets.sticky ? facts.customer : facts.seed)
  const others = targets.shares.filter((share) => share !== drawn).sort((a, b) => b.weight - a.weight)
  return [drawn, ...others].map(({ provider }) => provider)
}

/**
 * Weighted rendezvous hashing: each share draws an exponential waiting time of its weight from a hash of the
 * seed and its name, and the shortest wins. The same seed always draws the same; when a weight changes, or a
 * share comes or goes, only as many seeds move as have to, which ranges of one hash would not give.
 */
function draw(shares: readonly Share[], seed: string): Share {
  const seedHash = hash(seed)
  let drawn = shares[0] as Share
  let shortest = Number.POSITIVE_INFINITY
  for (const share of shares) {
    const uniform = (mixed(seedHash ^ hash(share.provider)) + 0.5) / 2 ** 32
    const wait = -Math.log(uniform) / share.weight
    if (wait < shortest) {
      shortest = wait
      drawn = share
    }
  }
  return drawn
}

/** FNV-1a over UTF-16 code units, mixed; an unsigned 32-bit integer. */
function hash(text: string): number {
  let state = 0x811c9dc5
  for (let i = 0; i < text.length; i++) state = Math.imul(state ^ text.charCodeAt(i), 0x01000193)
  return mixed(state)
}

/** The last step of MurmurHash3 (https://github.com/aappleby/smhasher): every bit depends on every bit. */
function mixed(bits: number): number {
  let state = bits
  state = Math.imul(state ^ (state >>> 16), 0x85ebca6b)
  state = Math.imul(state ^ (state >>> 13), 0xc2b2ae35)
  return (state ^ (state >>> 16)) >>> 0
}
