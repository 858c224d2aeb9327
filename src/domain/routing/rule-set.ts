/** Reads a rule set from a document, and checks it: each problem has its position. */
import { isHardDecline } from '../decline.ts'
import {
  type Condition,
  DEFAULT_RULE,
  type Destination,
  type Rule,
  type RuleSet,
  type Share,
} from './choose.ts'
import { limitProblems, MAX_LIMITS, readLimits } from './limits.ts'
import { type Position, type Problem, type Report, readArray, readObject, readText } from './read-document.ts'

export type { Position, Problem } from './read-document.ts'

/** Compiles the text of a condition, or returns the problem with its position. */
export type CompileCondition = (text: string) => Condition | { position: Position; message: string }

export const MAX_RULES = 100
/** The number of versions that MiniPay stores. An attempt keeps the rule of its own version. */
export const KEPT_VERSIONS = 100
export const MAX_RULE_NAME = 64
export const MAX_CONDITION = 1000
export const MAX_TARGETS = 20
export const MAX_WEIGHT = 1_000_000
export const MAX_FAILOVER_CODES = 50

export const PROVIDER_NAME = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/
/** MiniPay's code, or a provider's own. */
const DECLINE_CODE = /^[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}$/

type Read = { readonly ruleSet: RuleSet; readonly problems: readonly Problem[] }

/**
 * Stored instead of a document: the built-in rules. A document could not name providers that are configured later.
 */
export const BUILT_IN = 'null'

/** Reads a document. The rule set lacks the parts with problems, so it is complete only if there are none. */
export function readRuleSet(document: unknown, compile: CompileCondition): Read {
  const problems: Problem[] = []
  const say: Report = (path, message, position) =>
    problems.push({ path, message, position: position ?? null })
  const top = readObject(document, '', ['rules', 'limits', 'default'], say)
  const rules = readArray(top?.['rules'] ?? [], 'rules', 0, MAX_RULES, say).map((value, i) =>
    readRule(value, `rules[${i}]`, compile, say),
  )
  const limits = readLimits(top?.['limits'], compile, say)
  if (top && top['default'] === undefined) say('default', 'The default is missing.')
  const written = top?.['default']
  const fallback = written === undefined ? undefined : readObject(written, 'default', DESTINATION_FIELDS, say)
  return {
    ruleSet: {
      rules: rules.filter((rule) => rule !== undefined),
      limits,
      fallback: readDestination(fallback ?? {}, 'default', fallback ? say : () => {}),
    },
    problems,
  }
}

/**
 * The conditions of a document that `readRuleSet` will compile, in their order. For a document of another form: those
 * that can be found.
 */
export function conditionsIn(document: unknown): string[] {
  if (typeof document !== 'object' || document === null) return []
  return [
    ...('rules' in document ? whensIn(document.rules, MAX_RULES) : []),
    ...('limits' in document ? whensIn(document.limits, MAX_LIMITS) : []),
  ]
}

function whensIn(items: unknown, most: number): string[] {
  if (!Array.isArray(items) || items.length > most) return []
  return items.flatMap((item: unknown) => {
    const when = typeof item === 'object' && item !== null && 'when' in item ? item.when : undefined
    return typeof when === 'string' && when.length <= MAX_CONDITION ? [when] : []
  })
}

/**
 * The problems of a rule set that was read without problems: providers that are not configured, hard declines to fail
 * over after, repeated names, rules that no charge can reach, limits that never apply.
 */
export function checkRuleSet({ rules, limits, fallback }: RuleSet, providers: readonly string[]): Problem[] {
  const named = rules.map((rule, i) => ({ ...rule, path: `rules[${i}]` }))
  return [
    ...named.flatMap((rule, i) => [
      ...nameProblems(rule, named.slice(0, i)),
      ...reachProblems(rule, named.slice(0, i)),
    ]),
    ...limitProblems(limits),
    ...[...named, { ...fallback, path: 'default' }].flatMap((place) => destinationProblems(place, providers)),
  ]
}

type WithPath<T> = T & { readonly path: string }

function nameProblems(rule: WithPath<Rule>, earlier: readonly WithPath<Rule>[]): Problem[] {
  const twin = earlier.find(({ name }) => name === rule.name)
  return twin ? [problem(`${rule.path}.name`, `${twin.path} has this name already.`)] : []
}

/** A later rule that requires at least everything that an earlier rule requires never applies. */
function reachProblems({ path, condition }: WithPath<Rule>, earlier: readonly WithPath<Rule>[]): Problem[] {
  const at = (message: string) => [
    { path: `${path}.when`, position: { line: 1, column: 1, offset: 0 }, message },
  ]
  if (condition.constant === false) return at('This is never true: no charge can reach the rule.')
  const always = earlier.find((other) => other.condition.constant === true)
  if (always) return at(`No charge can reach the rule: ${always.path} is always true.`)
  const parts = new Set(condition.conjuncts)
  const wider = earlier.find((other) => other.condition.conjuncts.every((part) => parts.has(part)))
  if (!wider) return []
  return at(`No charge can reach the rule: whenever this is true, ${wider.path} is true before it.`)
}

function destinationProblems(
  { path, targets, failoverOn }: WithPath<Destination>,
  configured: readonly string[],
): Problem[] {
  const places =
    targets.kind === 'list'
      ? targets.providers.map((provider, i) => ({ provider, at: `${path}.providers[${i}]` }))
      : targets.shares.map(({ provider }, i) => ({ provider, at: `${path}.split[${i}].provider` }))
  const unknown = places.filter(({ provider }) => !configured.includes(provider))
  return [
    ...unknown.map(({ provider, at }) =>
      problem(at, `No provider "${provider}" is configured. Configured: ${configured.join(', ')}.`),
    ),
    ...failoverOn.flatMap((code, i) =>
      isHardDecline(code)
        ? [
            problem(
              `${path}.failover_on[${i}]`,
              `${code} is a hard decline, after which MiniPay never fails over.`,
            ),
          ]
        : [],
    ),
  ]
}

function problem(path: string, message: string): Problem {
  return { path, position: null, message }
}

const DESTINATION_FIELDS = ['providers', 'split', 'sticky', 'failover_on']

function readRule(value: unknown, path: string, compile: CompileCondition, say: Report): Rule | undefined {
  const fields = readObject(value, path, ['name', 'when', ...DESTINATION_FIELDS], say)
  if (!fields) return undefined
  const name = readText(fields['name'], `${path}.name`, MAX_RULE_NAME, say)
  if (name === DEFAULT_RULE) say(`${path}.name`, `The name "${DEFAULT_RULE}" is reserved for the default.`)
  const text = readText(fields['when'], `${path}.when`, MAX_CONDITION, say)
  const destination = readDestination(fields, path, say)
  const condition = text === undefined ? undefined : compile(text)
  if (condition && 'message' in condition) say(`${path}.when`, condition.message, condition.position)
  if (name === undefined || !condition || 'message' in condition) return undefined
  return { name, condition, ...destination }
}

function readDestination(fields: Record<string, unknown>, path: string, say: Report): Destination {
  const { providers, split, sticky } = fields
  const failoverOn = readUnique(
    fields['failover_on'] ?? [],
    `${path}.failover_on`,
    0,
    MAX_FAILOVER_CODES,
    say,
    readCode,
  )
  if ((providers === undefined) === (split === undefined))
    say(path, 'It needs either providers, a list in order, or split, a list of weights.')
  if (sticky !== undefined && typeof sticky !== 'boolean')
    say(`${path}.sticky`, 'This must be true or false.')
  if (sticky !== undefined && split === undefined) say(`${path}.sticky`, 'Only a split can be sticky.')
  if (split === undefined) {
    const names = providers === undefined ? [] : readProviders(providers, `${path}.providers`, say)
    return { targets: { kind: 'list', providers: names }, failoverOn }
  }
  return {
    targets: { kind: 'split', shares: readSplit(split, `${path}.split`, say), sticky: sticky === true },
    failoverOn,
  }
}

function readProviders(value: unknown, path: string, say: Report): string[] {
  return readUnique(value, path, 1, MAX_TARGETS, say, readProviderName)
}

function readSplit(value: unknown, path: string, say: Report): Share[] {
  const weights = new Map<string, number>()
  const readShare = (item: unknown, at: string): string | undefined => {
    const fields = readObject(item, at, ['provider', 'weight'], say)
    if (!fields) return undefined
    const provider = readProviderName(fields['provider'], `${at}.provider`, say)
    const weight = fields['weight']
    if (typeof weight !== 'number' || !Number.isInteger(weight) || weight < 1 || weight > MAX_WEIGHT)
      say(`${at}.weight`, `This must be a whole number from 1 to ${MAX_WEIGHT}.`)
    else if (provider !== undefined) weights.set(provider, weight)
    return provider
  }
  const names = readUnique(value, path, 1, MAX_TARGETS, say, readShare)
  return names.map((provider) => ({ provider, weight: weights.get(provider) ?? 1 }))
}

function readProviderName(value: unknown, path: string, say: Report): string | undefined {
  if (typeof value === 'string' && PROVIDER_NAME.test(value)) return value
  say(path, 'This must be the name of a provider.')
  return undefined
}

function readCode(value: unknown, path: string, say: Report): string | undefined {
  if (typeof value === 'string' && DECLINE_CODE.test(value)) return value
  say(path, 'This must be a decline code, such as insufficient_funds.')
  return undefined
}

/** A list of different texts. */
function readUnique(
  value: unknown,
  path: string,
  least: number,
  most: number,
  say: Report,
  read: (item: unknown, path: string, say: Report) => string | undefined,
): string[] {
  const found = new Map<string, string>()
  for (const [i, item] of readArray(value, path, least, most, say).entries()) {
    const at = `${path}[${i}]`
    const text = read(item, at, say)
    if (text === undefined) continue
    const first = found.get(text)
    if (first === undefined) found.set(text, at)
    else say(at, `${first} is the same already.`)
  }
  return [...found.keys()]
}
