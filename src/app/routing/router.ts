/** The routing rules of each account: they choose the providers of a charge. Also simulates other rule sets. */
import type { Actor } from '../../domain/audit.ts'
import { type Rejection, reject } from '../../domain/error.ts'
import { canonicalJson } from '../../domain/idempotency.ts'
import {
  type Evaluate,
  type Facts,
  matchRules,
  type Plan,
  type RuleSet,
} from '../../domain/routing/choose.ts'
import {
  BUILT_IN,
  type CompileCondition,
  checkRuleSet,
  conditionsIn,
  type Problem,
  readRuleSet,
} from '../../domain/routing/rule-set.ts'
import type { Runtime } from '../../ports/runtime.ts'
import type { Scope, Store, StoredRuleSet } from '../../ports/store.ts'
import type { Audit, AuditedAction } from '../audit.ts'
import { createScopedCache } from '../scoped-cache.ts'
import { createTurns, inSlices, type Pause } from '../turns.ts'
import type { Health } from './health.ts'
import { simulateLimits } from './limits.ts'
import {
  evaluateInSlices,
  replayCharges,
  type Simulation,
  type SimulationRequest,
  simulateCharge,
} from './simulation.ts'

/** Version 0 if none is stored: then the default applies, which is every provider in the order of the configuration. */
export type CurrentRuleSet = {
  readonly version: number
  readonly document: unknown
  /** ms since 1970; null if none is stored. */
  readonly createdAt: number | null
  readonly author: Actor | null
  readonly note: string | null
  readonly isBuiltIn: boolean
}

/** How a version is stored. */
export type Replacement = {
  /** The version that must be the current one (0: none is stored); without it, any. */
  readonly expected?: number | undefined
  /** Why, for the history. */
  readonly note?: string | undefined
}

export type Router = {
  /** Without waiting while the rule set is cached: see `ScopedCache`. Rejects with `StoreUnavailable`. */
  plan(scope: Scope, facts: Facts): Plan | Promise<Plan>
  current(scope: Scope): Promise<CurrentRuleSet>
  /** A stored version; undefined if there is none, or no more. */
  version(scope: Scope, version: number): Promise<CurrentRuleSet | undefined>
  /** Stores a document as the next version. */
  replace(
    scope: Scope,
    document: unknown,
    how: Replacement,
    audit: Audit,
  ): Promise<CurrentRuleSet | Rejection>
  /** Restores the built-in rules, as a new version: every provider in the order of the configuration at that time. */
  reset(scope: Scope, how: Replacement, audit: Audit): Promise<CurrentRuleSet | Rejection>
  /** The providers that the current rules name, as `plan` reads them. */
  namedProviders(scope: Scope): Promise<readonly string[]>
  /** `overloaded` if too many simulations are running. */
  simulate(scope: Scope, request: SimulationRequest): Promise<Simulation | Rejection>
}

export type RouterOptions = {
  readonly store: Pick<
    Store,
    'ruleSet' | 'ruleSetVersion' | 'replaceRuleSet' | 'charges' | 'velocityCounters'
  >
  /** The names of those that serve a scope, in the order of their configuration. */
  readonly providers: (scope: Scope) => readonly string[]
  readonly health: Pick<Health, 'snapshot'>
  /** Loads the language of conditions. Called once, with the first rule set that has a condition. */
  readonly loadConditions: () => Promise<CompileCondition>
  /** ms since 1970. */
  readonly now: () => number
  readonly runtime: Pick<Runtime, 'monotonic' | 'nextTurn'>
}

/** The most simulations at once; each may keep a core busy for seconds. */
const MAX_SIMULATIONS = 4
/** The most problems of a rule set in one response, each with its place. */
const MAX_PROBLEMS = 100

type Loaded = {
  readonly version: number | null
  readonly ruleSet: RuleSet
  /** The providers that serve its scope. */
  readonly serving: ReadonlySet<string>
}

/** The router over a store. */
export function createRouter(options: RouterOptions): Router {
  const { store, providers, health, now, runtime } = options
  const cache = createScopedCache({ load, now })
  const compiler = onDemand(options.loadConditions)
  /** Compiles rule sets and runs simulations, one of them in each turn of the event loop. */
  const turn = createTurns(runtime.nextTurn)

  async function load(scope: Scope, before?: Loaded): Promise<Loaded> {
    const stored = await store.ruleSet(scope)
    if (before && before.version === (stored?.version ?? null)) return before
    const serving = new Set(providers(scope))
    if (!stored) return { version: null, ruleSet: builtIn(scope), serving }
    const { version } = stored
    if (stored.document === BUILT_IN) return { version, ruleSet: builtIn(scope), serving }
    return { version, ruleSet: await restoreRuleSet(stored, compiler, inSlices(runtime, turn)), serving }
  }

  /** Every provider of the scope, in the order of the configuration. */
  function builtIn(scope: Scope): RuleSet {
    const fallback = { targets: { kind: 'list', providers: providers(scope) }, failoverOn: [] } as const
    return { rules: [], limits: [], fallback }
  }

  /**
   * Stores the next version. Without an expected version the last writer wins: each lost round is another writer's
   * success.
   */
  async function replaceBy(
    scope: Scope,
    document: string,
    { expected, note }: Replacement,
    audit: Audit,
  ): Promise<CurrentRuleSet | Rejection> {
    for (;;) {
      const former = await store.ruleSet(scope)
      const version = former?.version ?? 0
      if (expected !== undefined && expected !== version) return conflict(expected, version)
      const next = { version: version + 1, document, note: note ?? null, createdAt: now() }
      const entry = audit(ruleSetReplaced(former, next))
      const replaced = store.replaceRuleSet(scope, version, next, entry)
      if (await replaced.finally(() => cache.forget(scope)))
        return shown(scope, { ...next, author: entry.actor })
    }
  }

  async function readDraft(scope: Scope, document: unknown): Promise<Loaded | Rejection> {
    const compile = await compiler(conditionsIn(document).length > 0)
    const { ruleSet, problems } = readRuleSet(
      document,
      await compileAhead(document, compile, inSlices(runtime, turn)),
    )
    const found = problems.length > 0 ? problems : checkRuleSet(ruleSet, providers(scope))
    return found.length > 0 ? invalid(found) : { version: null, ruleSet, serving: new Set(providers(scope)) }
  }

  async function runSimulation(
    scope: Scope,
    { document, charge, last }: SimulationRequest,
  ): Promise<Simulation | Rejection> {
    const pause = inSlices(runtime, turn)
    const loaded = document === undefined ? await load(scope) : await readDraft(scope, document)
    if ('rejected' in loaded) return loaded
    const { ruleSet } = loaded
    const planBy = (rules: Loaded) => async (facts: Facts) =>
      planOf(rules, facts, await evaluateInSlices(rules.ruleSet, facts, pause))
    const plan = planBy(loaded)
    const current = document === undefined || last === undefined ? undefined : await load(scope)
    const stored = current && planBy(current)
    return {
      version: document === undefined ? (loaded.version ?? 0) : null,
      charge: charge
        ? {
            ...(await simulateCharge(await plan(charge), ruleSet, charge, health, pause)),
            limits: await simulateLimits(store, scope, ruleSet, charge, pause),
          }
        : null,
      last:
        last === undefined ? null : await replayCharges(store, scope, last, ruleSet, { plan, stored }, pause),
    }
  }

  function builtInDocument(scope: Scope): object {
    const serving = providers(scope)
    // A list of none is no rule set that could be stored.
    const list = serving.length > 0 && { providers: serving }
    return { rules: [], default: { ...list, failover_on: [] } }
  }

  function shown(scope: Scope, stored: StoredRuleSet): CurrentRuleSet {
    const isBuiltIn = stored.document === BUILT_IN
    return {
      ...stored,
      isBuiltIn,
      document: isBuiltIn ? builtInDocument(scope) : JSON.parse(stored.document),
    }
  }

  const planOf = ({ version, ruleSet, serving }: Loaded, facts: Facts, evaluated?: Evaluate) =>
    matchRules(ruleSet, version, facts, (provider) => serving.has(provider), evaluated)

  return {
    plan(scope, facts) {
      const loaded = cache.get(scope)
      return loaded instanceof Promise ? loaded.then((late) => planOf(late, facts)) : planOf(loaded, facts)
    },
    async current(scope) {
      const stored = await store.ruleSet(scope)
      if (stored) return shown(scope, stored)
      const unstored = { version: 0, createdAt: null, author: null, note: null, isBuiltIn: true }
      return { ...unstored, document: builtInDocument(scope) }
    },
    async version(scope, version) {
      const stored = await store.ruleSetVersion(scope, version)
      return stored && shown(scope, stored)
    },
    async replace(scope, document, how, audit) {
      const checked = await readDraft(scope, document)
      if ('rejected' in checked) return checked
      return replaceBy(scope, JSON.stringify(document), how, audit)
    },
    reset: (scope, how, audit) => replaceBy(scope, BUILT_IN, how, audit),
    namedProviders: async (scope) => providersNamedIn((await cache.get(scope)).ruleSet),
    simulate: atMost(MAX_SIMULATIONS, runSimulation),
  }
}

/** The document is null for the built-in rules. */
function ruleSetReplaced(
  former: StoredRuleSet | undefined,
  stored: Omit<StoredRuleSet, 'author'>,
): AuditedAction {
  const facts = ({ version, document, note }: Omit<StoredRuleSet, 'author'>) =>
    canonicalJson({
      version,
      document: document === BUILT_IN ? null : JSON.parse(document),
      ...(note !== null && { note }),
    })
  const action = stored.document === BUILT_IN ? 'routing.reset' : 'routing.replaced'
  return { action, before: former ? facts(former) : null, after: facts(stored) }
}

/** Every provider that a rule or the fallback names, once. */
function providersNamedIn({ rules, fallback }: RuleSet): string[] {
  const targets = [...rules, fallback].map((destination) => destination.targets)
  const names = targets.flatMap((one) =>
    one.kind === 'list' ? one.providers : one.shares.map(({ provider }) => provider),
  )
  return [...new Set(names)]
}

/** Runs so many simulations at once, and refuses more. */
function atMost(limit: number, simulate: Router['simulate']): Router['simulate'] {
  let running = 0
  return async (scope, request) => {
    if (running >= limit) return reject('overloaded', 'Too many simulations are running.')
    running++
    try {
      return await simulate(scope, request)
    } finally {
      running--
    }
  }
}

/** Loads the language when it is first needed; a document without conditions does not need it. */
function onDemand(load: () => Promise<CompileCondition>) {
  let loaded: Promise<CompileCondition> | undefined
  return async (needed: boolean): Promise<CompileCondition> => {
    if (!needed) return () => unusableRuleSet('There is no condition.')
    loaded ??= load()
    return loaded
  }
}

/** A compiler that already has every condition of a document: compiling a hundred at once would be a long pause. */
async function compileAhead(
  document: unknown,
  compile: CompileCondition,
  pause: Pause,
): Promise<CompileCondition> {
  const compiled = new Map<string, ReturnType<CompileCondition>>()
  for (const text of conditionsIn(document)) {
    compiled.set(text, compile(text))
    await pause()
  }
  return (text) => compiled.get(text) ?? compile(text)
}

/**
 * A stored rule set, which was valid when it was stored. If this version rejects the condition of a rule, the rule never
 * applies and each plan notes it: that is better than routing no charge. A limit with such a condition always applies.
 */
async function restoreRuleSet(
  { version, document }: StoredRuleSet,
  compiler: (needed: boolean) => Promise<CompileCondition>,
  pause: Pause,
): Promise<RuleSet> {
  const parsed: unknown = JSON.parse(document)
  const compile = await compileAhead(parsed, await compiler(conditionsIn(parsed).length > 0), pause)
  const { ruleSet, problems } = readRuleSet(parsed, (text) => {
    const condition = compile(text)
    return 'message' in condition ? unusableRuleSet(condition.message) : condition
  })
  const [problem] = problems
  if (problem)
    throw new Error(`The stored rule set ${version} can't be read: ${problem.path}: ${problem.message}`)
  return ruleSet
}

function unusableRuleSet(message: string) {
  const fail = () => {
    throw new Error(message)
  }
  return { holds: fail, whyNot: () => message, constant: null, conjuncts: [message] }
}

function invalid(problems: readonly Problem[]): Rejection {
  const [first] = problems as [Problem]
  const { path, position, message } = first
  const where = [path, position && `line ${position.line}, column ${position.column}`]
    .filter(Boolean)
    .join(', ')
  const reported = problems.slice(0, MAX_PROBLEMS)
  const omitted = problems.length - reported.length
  const rest = omitted > 0 ? `, ${omitted} left out` : ''
  const more = reported.length > 1 ? ` (${reported.length - 1} more in problems${rest})` : ''
  const sentence = `${where === '' ? '' : `${where}: `}${message}${more}`
  return { ...reject('routing_rules_invalid', sentence, path === '' ? 'document' : path), problems: reported }
}

function conflict(expected: number, version: number): Rejection {
  return reject(
    'routing_version_conflict',
    `The rule set is at version ${version}, not ${expected}.`,
    'version',
  )
}
