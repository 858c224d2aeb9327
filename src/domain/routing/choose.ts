/** Chooses the providers of a charge: the first rule whose condition is true applies, or the default. Pure. */
import type { Metadata } from '../charge.ts'
import type { Limit } from './limits.ts'

/** The facts of a charge that conditions and splits can use. */
export type Facts = {
  /** The charge's id. A split that is not sticky uses it as the seed of its draw. */
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
  /**
   * Throws an `Error` with a sentence if the condition cannot be evaluated, for example because a metadata key is
   * absent.
   */
  readonly holds: (facts: Facts) => boolean
  /** In words, the first part of the condition that is false. */
  readonly whyNot: (facts: Facts) => string
  /** Its value if it does not depend on the charge; otherwise null. */
  readonly constant: boolean | null
  /** The parts that `&&` joins, each written in one canonical way. */
  readonly conjuncts: readonly string[]
}

export type Share = { readonly provider: string; readonly weight: number }

/** Providers to call in order, or a weighted choice among them. */
export type Targets =
  | { readonly kind: 'list'; readonly providers: readonly string[] }
  | { readonly kind: 'split'; readonly shares: readonly Share[]; readonly sticky: boolean }

export type Destination = { readonly targets: Targets; readonly failoverOn: readonly string[] }
export type Rule = Destination & { readonly name: string; readonly condition: Condition }
export type RuleSet = {
  readonly rules: readonly Rule[]
  readonly limits: readonly Limit[]
  readonly fallback: Destination
}

/** The name of the default; no rule may have it. */
export const DEFAULT_RULE = 'default'
export const NOT_CONFIGURED = 'not configured'

export type Plan = {
  /** Null when no rule set is stored. */
  readonly ruleSetVersion: number | null
  readonly rule: string
  /** The providers to call, in order. Empty if none of the rule's providers is configured. */
  readonly providers: readonly string[]
  /** Decline codes after which MiniPay fails over. */
  readonly failoverOn: readonly string[]
  /** Providers that the rule names but that are not configured. */
  readonly skipped: readonly { readonly provider: string; readonly reason: string }[]
  /** Rules that could not be evaluated and so did not match, each as a sentence. */
  readonly notes: readonly string[]
  /** The velocity limits that apply to the charge. */
  readonly limits: readonly Limit[]
}

/** Whether the condition is true, or a sentence that says why it cannot be evaluated. */
export type Evaluate = (condition: Condition, facts: Facts) => boolean | string

/**
 * The first rule whose condition is true. A condition that cannot be evaluated counts as false, with a note. `evaluated` may
 * know the results already.
 */
export function matchRules(
  ruleSet: RuleSet,
  ruleSetVersion: number | null,
  facts: Facts,
  isConfigured: (provider: string) => boolean,
  evaluated: Evaluate = evaluate,
): Plan {
  const notes: string[] = []
  const rule = ruleSet.rules.find((candidate) => {
    const result = evaluated(candidate.condition, facts)
    if (typeof result === 'string')
      notes.push(`The rule "${candidate.name}" could not be evaluated: ${result}`)
    return result === true
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
    limits:
      ruleSet.limits.length === 0
        ? NO_LIMITS
        : ruleSet.limits.filter((limit) => appliesTo(limit, facts, evaluated)),
  }
}

const NO_LIMITS: readonly Limit[] = []

/**
 * Whether a velocity limit applies. If its condition cannot be evaluated, it does: a defence must not end because a
 * charge lacks a metadata key.
 */
function appliesTo({ condition }: Limit, facts: Facts, evaluated: Evaluate = evaluate): boolean {
  return condition === null || evaluated(condition, facts) !== false
}

/** The reason why a limit does not apply, in words; undefined if it applies. */
export function whyNotLimited(limit: Limit, facts: Facts): string | undefined {
  if (!appliesTo(limit, facts)) return limit.condition?.whyNot(facts)
  if (limit.per === 'payment_method' && facts.paymentMethod === null)
    return 'The charge has no payment method.'
  return undefined
}

/** The reason why a rule does not match, in words; undefined if it matches. */
export function whyNotMatched({ condition }: Rule, facts: Facts): string | undefined {
  const result = evaluate(condition, facts)
  return result === true ? undefined : result || condition.whyNot(facts)
}

export function evaluate(condition: Condition, facts: Facts): boolean | string {
  try {
    return condition.holds(facts)
  } catch (error) {
    return error instanceof Error ? error.message : 'It failed.'
  }
}

/** A list as it is. For a split: the drawn provider first, then the others, the heaviest first. */
function inOrder(targets: Targets, facts: Facts): readonly string[] {
  if (targets.kind === 'list') return targets.providers
  const drawn = drawShare(targets.shares, targets.sticky ? facts.customer : facts.seed)
  const others = targets.shares.filter((share) => share !== drawn).sort((a, b) => b.weight - a.weight)
  return [drawn, ...others].map(({ provider }) => provider)
}

/**
 * Weighted rendezvous hashing: each share draws an exponential waiting time of its weight from a hash of the seed and
 * its name, and the shortest wins. The same seed always draws the same share. When a weight changes, or a share is
 * added or removed, only the necessary seeds move. Ranges of one hash would move more.
 */
function drawShare(shares: readonly Share[], seed: string): Share {
  const seedHash = hash(seed)
  let drawn = shares[0] as Share
  let shortest = Number.POSITIVE_INFINITY
  for (const share of shares) {
    const uniform = (mixBits(seedHash ^ hash(share.provider)) + 0.5) / 2 ** 32
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
  return mixBits(state)
}

/** The last step of MurmurHash3 (https://github.com/aappleby/smhasher): every bit depends on every bit. */
function mixBits(bits: number): number {
  let state = bits
  state = Math.imul(state ^ (state >>> 16), 0x85ebca6b)
  state = Math.imul(state ^ (state >>> 13), 0xc2b2ae35)
  return (state ^ (state >>> 16)) >>> 0
}
