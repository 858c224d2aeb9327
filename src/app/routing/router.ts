/** The routing rules of each account: they choose the providers of a charge. Also simulates other rule sets. */
import { type Rejection, reject } from '../../domain/error.ts'
import { canonicalJson } from '../../domain/idempotency.ts'
import { type Facts, matchRules, type Plan, type RuleSet } from '../../domain/routing/choose.ts'
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
import { replayCharges, type Simulation, type SimulationRequest, simulateCharge } from './simulation.ts'

/** Version 0 if none is stored: then the default applies, which is every provider in the order of the configuration. */
export type CurrentRuleSet = {
  readonly version: number
  readonly document: unknown
  /** ms since 1970; null if none is stored. */
  readonly createdAt: number | null
}

export type Router = {
  /** Without waiting while the rule set is cached: see `ScopedCache`. Rejects with `StoreUnavailable`. */
  plan(scope: Scope, facts: Facts): Plan | Promise<Plan>
  current(scope: Scope): Promise<CurrentRuleSet>
  /** Stores a document. If `expected` is given, it must be the current version (0: none is stored). */
  replace(
    scope: Scope,
    document: unknown,
    expected: number | undefined,
    audit: Audit,
  ): Promise<StoredRuleSet | Rejection>
  /** Restores the built-in rules, as a new version: every provider in the order of the configuration at that time. */
  reset(scope: Scope, expected: number | undefined, audit: Audit): Promise<StoredRuleSet | Rejection>
  /** The providers that the current rules name, as `plan` reads them. */
  namedProviders(scope: Scope): Promise<readonly string[]>
  /** `overloaded` if too many simulations are running. */
  simulate(scope: Scope, request: SimulationRequest): Promise<Simulation | Rejection>
}

export type RouterOptions = {
  readonly store: Pick<Store, 'ruleSet' | 'replaceRuleSet' | 'charges' | 'velocityCounters'>
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
    expected: number | undefined,
    audit: Audit,
  ): Promise<StoredRuleSet | Rejection> {
    for (;;) {
      const former = await store.ruleSet(scope)
      const version = former?.version ?? 0
      if (expected !== undefined && expected !== version) return conflict(expected, version)
      const stored = { version: version + 1, document, createdAt: now() }
      const entry = audit(ruleSetReplaced(former, stored))
      const replaced = store.replaceRuleSet(scope, version, document, stored.createdAt, entry)
      if (await replaced.finally(() => cache.forget(scope))) return stored
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
    const plan = (facts: Facts) => planOf(loaded, facts)
    return {
      version: document === undefined ? (loaded.version ?? 0) : null,
      charge: charge
        ? {
            ...(await simulateCharge(plan(charge), ruleSet, charge, health, pause)),
            limits: await simulateLimits(store, scope, ruleSet, charge, pause),
          }
        : null,
      last: last === undefined ? null : await replayCharges(store, scope, last, ruleSet, plan, pause),
    }
  }

  const planOf = ({ version, ruleSet, serving }: Loaded, facts: Facts) =>
    matchRules(ruleSet, version, facts, (provider) => serving.has(provider))

  return {
    plan(scope, facts) {
      const loaded = cache.get(scope)
      return loaded instanceof Promise ? loaded.then((late) => planOf(late, facts)) : planOf(loaded, facts)
    },
    async current(scope) {
      const stored = await store.ruleSet(scope)
      const serving = providers(scope)
      // A list of none is no rule set that could be stored.
      const list = serving.length > 0 && { providers: serving }
      const document = { rules: [], default: { ...list, failover_on: [] } }
      if (!stored) return { version: 0, document, createdAt: null }
      return { ...stored, document: stored.document === BUILT_IN ? document : JSON.parse(stored.document) }
    },
    async replace(scope, document, expected, audit) {
      const checked = await readDraft(scope, document)
      if ('rejected' in checked) return checked
      return replaceBy(scope, JSON.stringify(document), expected, audit)
    },
    reset: (scope, expected, audit) => replaceBy(scope, BUILT_IN, expected, audit),
    namedProviders: async (scope) => providersNamedIn((await cache.get(scope)).ruleSet),
    simulate: atMost(MAX_SIMULATIONS, runSimulation),
  }
}

/** The document is null for the built-in rules. */
function ruleSetReplaced(former: StoredRuleSet | undefined, stored: StoredRuleSet): AuditedAction {
  const shown = ({ version, document }: StoredRuleSet) =>
    canonicalJson({ version, document: document === BUILT_IN ? null : JSON.parse(document) })
  const action = stored.document === BUILT_IN ? 'routing.reset' : 'routing.replaced'
  return { action, before: former ? shown(former) : null, after: shown(stored) }
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
