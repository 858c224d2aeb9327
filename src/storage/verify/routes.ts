/** Checks rule sets, and the routes of the attempts that they chose. */
import type { Condition, Destination } from '../../domain/routing/choose.ts'
import { DEFAULT_RULE } from '../../domain/routing/choose.ts'
import { BUILT_IN, KEPT_VERSIONS, readRuleSet } from '../../domain/routing/rule-set.ts'
import { type Aggregate, type Json, jsonOf, type Row } from './aggregate.ts'
import { inWords } from './views.ts'

/**
 * The destinations of each rule of each version, by account, mode and version: `built_in` for the built-in rules,
 * `forgotten` for versions that are no longer stored.
 */
export type RuleSets = { of(row: Row, version: unknown): Rules | 'built_in' | 'forgotten' | undefined }
type Rules = ReadonlyMap<string, Destination>

const scopeOf = (row: Row) => `${row['account_id']}/${row['live']}`
const nameIn = (row: Row, version: unknown) => `${scopeOf(row)}/${version}`
/** The check does not evaluate conditions. */
const ANY: Condition = { holds: () => true, whyNot: () => '', constant: null, conjuncts: [] }

/** Reads every version of the rules, in order. Returns a sentence if one is wrong. */
export function rulesOf(rows: readonly Row[]): RuleSets | string {
  const found = new Map<string, Rules | 'built_in'>()
  const oldest = new Map<string, number>()
  const counts = Map.groupBy(rows, scopeOf)
  for (const row of rows) {
    const { version, document } = row
    const scope = scopeOf(row)
    // Versions before the oldest stored one were deleted. MiniPay deletes none before it has this many.
    const first = !oldest.has(scope) && (counts.get(scope)?.length ?? 0) >= KEPT_VERSIONS
    if (!oldest.has(scope)) oldest.set(scope, Number(version))
    if (Number(version) !== 1 && !first && !found.has(nameIn(row, Number(version) - 1)))
      return `The rules have version ${version}, and not the version before it.`
    if (document === BUILT_IN) {
      found.set(nameIn(row, version), 'built_in')
      continue
    }
    const text = jsonOf(String(document))
    const { ruleSet, problems } = readRuleSet(text, () => ANY)
    if (!text || problems.length > 0)
      return `The rules of version ${version} are none: ${problems[0] ? `${problems[0].path} ${problems[0].message}` : 'they are not in the JSON that MiniPay writes.'}`
    const rules = ruleSet.rules.map((rule) => [rule.name, rule] as const)
    found.set(
      nameIn(row, version),
      new Map<string, Destination>([...rules, [DEFAULT_RULE, ruleSet.fallback]]),
    )
  }
  return {
    of: (row, version) =>
      found.get(nameIn(row, version)) ??
      (Number(version) >= 1 && Number(version) < (oldest.get(scopeOf(row)) ?? 0) ? 'forgotten' : undefined),
  }
}

type Route = {
  readonly ruleSetVersion: number | null
  readonly rule: string
  readonly next: readonly string[]
  readonly skipped: readonly { readonly provider: string }[]
  readonly failoverOn: readonly string[]
}

/** All problems of the routes of a charge's attempts, as sentences. */
export function* routeProblems({ attempts }: Aggregate, rules: RuleSets): Iterable<string> {
  let before: Route | null = null
  let last = ''
  for (const attempt of attempts) {
    if (attempt['kind'] !== 'authorize') continue
    const route = routeOf(jsonOf(String(attempt['route'])))
    if (!route) {
      yield `The attempt ${attempt['id']} has a route that is none.`
      return
    }
    const wrong = routeProblem(attempt, route, rules, before === null)
    if (wrong !== undefined) yield `The attempt ${attempt['id']} ${wrong}.`
    const provider = String(attempt['provider'])
    if (before && provider !== last && !before.next.includes(provider))
      yield `The attempt ${attempt['id']} is at ${provider}, which was not the next to call after ${last}.`
    before = route
    last = provider
  }
}

/** Stored without its empty parts: see `encodeRoute`. */
function routeOf(stored: Json | null): Route | null {
  const { ruleSetVersion = null, rule, next = [], skipped = [], failoverOn = [] } = stored ?? {}
  const isComplete =
    Array.isArray(next) && Array.isArray(skipped) && Array.isArray(failoverOn) && typeof rule === 'string'
  return isComplete ? ({ ruleSetVersion, rule, next, skipped, failoverOn } as Route) : null
}

/** Why a route does not fit its version of the rules. */
function routeProblem(attempt: Row, route: Route, rules: RuleSets, isFirst: boolean): string | undefined {
  const { ruleSetVersion: version, rule, next, skipped, failoverOn } = route
  const provider = String(attempt['provider'])
  if (next.includes(provider)) return `is at ${provider}, which is still to be called`
  const destinations = version === null ? 'built_in' : rules.of(attempt, version)
  if (destinations === 'forgotten') return undefined
  // The built-in rules name every provider that was configured at that time, which is not stored.
  if (destinations === 'built_in')
    return rule === DEFAULT_RULE ? undefined : `follows the rule ${rule}, and the built-in rules held`
  const destination = destinations?.get(rule)
  if (!destination) return `follows the rule ${rule} of version ${version}, which is not there`
  const { targets } = destination
  const named = targets.kind === 'list' ? targets.providers : targets.shares.map((share) => share.provider)
  const called = [...skipped.map((one) => one.provider), provider, ...next]
  const unnamed = called.find((name) => !named.includes(name) && name !== 'none')
  if (unnamed !== undefined)
    return `has ${unnamed} in its route, which the rule ${rule} of version ${version} has not`
  if (isFirst && named.some((name) => !called.includes(name)))
    return `leaves out of its route what the rule ${rule} of version ${version} names`
  if (inWords(failoverOn) !== inWords(destination.failoverOn))
    return `fails over after other declines than the rule ${rule} of version ${version}`
  return undefined
}
