import assert from 'node:assert/strict'
import { test } from 'node:test'
import { auditEntry, auditIn } from '../../../test/kit/audit-entries.ts'
import type { Charge } from '../../domain/charge.ts'
import { isRejection } from '../../domain/error.ts'
import type { Facts } from '../../domain/routing/choose.ts'
import { usesOf } from '../../domain/routing/limits.ts'
import { readRuleSet } from '../../domain/routing/rule-set.ts'
import { countUse, type VelocityCounter } from '../../domain/velocity.ts'
import { KEYLESS_SCOPE, type Scope, type StoredRuleSet } from '../../ports/store.ts'
import { compileCondition } from '../../rules/cel.ts'
import { nodeRuntime } from '../../runtime/node.ts'
import { sha256 } from '../context.ts'
import { createHealth } from './health.ts'
import { createRouter, type RouterOptions } from './router.ts'

const PROVIDERS = ['bank_a', 'bank_b']
const FACTS: Facts = {
  seed: 'txn_1',
  amount: 2500,
  currency: 'eur',
  customer: 'cus_42',
  paymentMethod: null,
  metadata: {},
  time: 0,
}
const document = (provider: string, when = "currency == 'eur'") => ({
  rules: [{ name: 'eu', when, providers: [provider] }],
  default: { providers: ['bank_a'] },
})

const ruleSetOf = (body: unknown, createdAt: number) => ({
  document: JSON.stringify(body),
  note: null,
  createdAt,
})

const audit = auditIn(KEYLESS_SCOPE)

/** A router over a small store that counts its reads. */
function setUp(charges: Charge[] = []) {
  const versions: StoredRuleSet[] = []
  const counters: VelocityCounter[] = []
  const seen = { reads: 0, loads: 0, pages: [] as number[] }
  const clock = { now: 1_000_000 }
  const store: RouterOptions['store'] = {
    async ruleSet(scope: Scope) {
      seen.reads++
      return scope.mode === 'test' ? versions.at(-1) : undefined
    },
    async ruleSetVersion(_scope, version) {
      return versions[version - 1]
    },
    async replaceRuleSet(_scope, version, next, { actor }) {
      if (version !== versions.length) return false
      versions.push({ version: version + 1, ...next, author: actor })
      return true
    },
    velocityCounters: async () => counters,
    async charges(_scope, { limit, startingAfter }) {
      seen.pages.push(limit)
      const from = charges.findIndex(({ id }) => id === startingAfter) + 1
      return { data: charges.slice(from, from + limit), hasMore: charges.length > from + limit }
    },
  }
  const health = createHealth(() => clock.now)
  const loadConditions = async () => {
    seen.loads++
    return compileCondition
  }
  const now = () => clock.now
  const runtime = nodeRuntime
  const router = createRouter({ store, providers: () => PROVIDERS, health, loadConditions, now, runtime })
  const replace = (body: unknown, expected?: number) =>
    router.replace(KEYLESS_SCOPE, body, { expected }, audit)
  const plan = async (facts: Partial<Facts> = {}) => router.plan(KEYLESS_SCOPE, { ...FACTS, ...facts })
  return { router, replace, plan, store, versions, counters, seen, clock, health }
}

test('without a rule set every provider is tried in the order of the configuration, and no rule language is loaded', async () => {
  const { router, plan, seen } = setUp()
  assert.deepEqual(await plan(), {
    ruleSetVersion: null,
    rule: 'default',
    providers: PROVIDERS,
    failoverOn: [],
    skipped: [],
    notes: [],
    limits: [],
  })
  assert.deepEqual(await router.current(KEYLESS_SCOPE), {
    version: 0,
    document: { rules: [], default: { providers: PROVIDERS, failover_on: [] } },
    createdAt: null,
    author: null,
    note: null,
    isBuiltIn: true,
  })
  assert.equal(seen.loads, 0)
})

test('a reset is the next version, with every provider, including those that are configured later', async () => {
  const { router, replace, plan, store, versions } = setUp()
  await replace(document('bank_b'))
  assert.deepEqual(await router.namedProviders(KEYLESS_SCOPE), ['bank_b', 'bank_a'])
  const stale = await router.reset(KEYLESS_SCOPE, { expected: 0 }, audit)
  assert.ok(isRejection(stale) && stale.code === 'routing_version_conflict')
  const reset = await router.reset(KEYLESS_SCOPE, { expected: 1 }, audit)
  assert.ok(!isRejection(reset) && reset.version === 2)
  assert.equal(versions.length, 2, 'the version before it stays')
  const { rule, providers, ruleSetVersion } = await plan()
  assert.deepEqual([rule, providers, ruleSetVersion], ['default', PROVIDERS, 2])
  const later = createRouter({
    ...{ store, providers: () => ['bank_c'], health: createHealth(() => 0), now: () => 0 },
    runtime: nodeRuntime,
    loadConditions: async () => compileCondition,
  })
  assert.deepEqual(await later.namedProviders(KEYLESS_SCOPE), ['bank_c'])
  const { version, document: shown } = await later.current(KEYLESS_SCOPE)
  assert.deepEqual([version, shown], [2, { rules: [], default: { providers: ['bank_c'], failover_on: [] } }])
})

test('a plan is made at once while the rule set was read less than a second ago', async () => {
  const { router, plan, seen, clock } = setUp()
  await Promise.all([plan(), plan(), plan()])
  assert.equal(seen.reads, 1)
  clock.now += 999
  assert.ok(!(router.plan(KEYLESS_SCOPE, FACTS) instanceof Promise))
  clock.now += 1
  assert.ok(router.plan(KEYLESS_SCOPE, FACTS) instanceof Promise)
  assert.equal(seen.reads, 2)
})

test('a rule set that another node stored holds within a second', async () => {
  const { plan, store, clock } = setUp()
  assert.equal((await plan()).rule, 'default')
  await store.replaceRuleSet(
    KEYLESS_SCOPE,
    0,
    ruleSetOf(document('bank_b'), clock.now),
    auditEntry(KEYLESS_SCOPE),
  )
  clock.now += 1_000
  const { rule, providers, ruleSetVersion } = await plan()
  assert.deepEqual([rule, providers, ruleSetVersion], ['eu', ['bank_b'], 1])
})

test('a rule set that is replaced here holds at once, and is that of its scope alone', async () => {
  const { router, replace, plan } = setUp()
  await plan()
  await replace(document('bank_b'))
  assert.equal((await plan()).rule, 'eu')
  assert.equal((await router.plan({ accountId: 1, mode: 'live' }, FACTS)).rule, 'default')
})

test('a rule set is replaced only at the version that is expected', async () => {
  const { replace, versions } = setUp()
  assert.equal(isRejection(await replace(document('bank_a'), 0)), false)
  const late = await replace(document('bank_b'), 0)
  assert.ok(isRejection(late) && late.code === 'routing_version_conflict')
  assert.equal(versions.length, 1)
  await replace(document('bank_b'), 1)
  await replace(document('bank_a'))
  assert.deepEqual(
    versions.map(({ version }) => version),
    [1, 2, 3],
  )
})

test('of two that replace the same version one is refused; without a version both are stored', async () => {
  const { replace, versions } = setUp()
  const both = await Promise.all([replace(document('bank_a'), 0), replace(document('bank_b'), 0)])
  assert.equal(both.filter(isRejection).length, 1)
  await Promise.all([replace(document('bank_a')), replace(document('bank_b'))])
  assert.equal(versions.length, 3)
})

test('a rule set with problems is refused with all of them, the first as a sentence, and is not stored', async () => {
  const { replace, versions } = setUp()
  const refused = await replace({
    rules: [
      { name: 'eu', when: "currency == 'eur' && amout > 3", providers: ['bank_a'] },
      { name: 'x', when: 'amount', providers: [] },
    ],
    default: { providers: ['bank_a'] },
  })
  assert.ok(isRejection(refused))
  assert.equal(refused.code, 'routing_rules_invalid')
  assert.equal(refused.param, 'rules[0].when')
  assert.match(
    refused.message,
    /^rules\[0\]\.when, line 1, column 22: Unknown variable: amout.*\(2 more in problems\)$/,
  )
  assert.deepEqual(
    refused.problems?.map(({ path }) => path),
    ['rules[0].when', 'rules[1].providers', 'rules[1].when'],
  )
  assert.equal(versions.length, 0)
})

test('a stored rule set that names a provider which is no longer configured passes over it', async () => {
  const { plan, store, clock } = setUp()
  await store.replaceRuleSet(
    KEYLESS_SCOPE,
    0,
    ruleSetOf(document('bank_z'), clock.now),
    auditEntry(KEYLESS_SCOPE),
  )
  const { rule, providers, skipped } = await plan()
  assert.deepEqual([rule, providers], ['eu', []])
  assert.deepEqual(skipped, [{ provider: 'bank_z', reason: 'not configured' }])
})

test('a stored condition that this version no longer takes does not hold, and is noted', async () => {
  const { plan, store, clock } = setUp()
  const old = document('bank_b', "currency.matches('e')")
  await store.replaceRuleSet(KEYLESS_SCOPE, 0, ruleSetOf(old, clock.now), auditEntry(KEYLESS_SCOPE))
  const { rule, notes } = await plan()
  assert.equal(rule, 'default')
  assert.match(notes[0] as string, /^The rule "eu" could not be evaluated: matches\(\)/)
})

test('a simulated charge shows its plan, why earlier rules did not match, and whose breaker is open', async () => {
  const { router, health } = setUp()
  for (let i = 0; i < 5; i++) health.report('bank_b', 'unknown', 10, false)
  const simulation = await router.simulate(KEYLESS_SCOPE, {
    document: {
      rules: [
        { name: 'us', when: "currency == 'usd' && amount > 1", providers: ['bank_a'] },
        { name: 'gold', when: "metadata.tier == 'gold'", providers: ['bank_a'] },
        { name: 'eu', when: "currency == 'eur'", providers: ['bank_b', 'bank_a'] },
      ],
      default: { providers: ['bank_a'] },
    },
    charge: FACTS,
  })
  assert.ok(!isRejection(simulation))
  assert.equal(simulation.version, null)
  assert.equal(simulation.last, null)
  assert.equal(simulation.charge?.plan.rule, 'eu')
  assert.deepEqual(simulation.charge?.openNow, ['bank_b'])
  assert.deepEqual(simulation.charge?.notMatched, [
    { rule: 'us', reason: 'currency == "usd" is false.' },
    { rule: 'gold', reason: 'No such key: tier.' },
  ])
  assert.equal(health.admit('bank_b'), 'open')
})

function charges(count: number): Charge[] {
  return Array.from({ length: count }, (_, i) => {
    const currency = i % 2 === 0 ? 'eur' : 'usd'
    return {
      id: `txn_${i}`,
      amount: 100,
      currency,
      customer: 'cus',
      provider: 'bank_a',
      metadata: {},
      paymentMethod: null,
      createdAt: count - i,
    } as Charge
  })
}

test('the newest charges are replayed in pages, no more than requested', async () => {
  const { router, replace, seen } = setUp(charges(1_000))
  await replace(document('bank_b'))
  const simulation = await router.simulate(KEYLESS_SCOPE, { last: 250 })
  assert.ok(!isRejection(simulation))
  assert.equal(simulation.version, 1)
  assert.deepEqual(seen.pages, [100, 100, 50])
  assert.ok(simulation.last)
  const { samples, ...last } = simulation.last
  assert.deepEqual(
    samples.map(({ charge: { id }, route, stored }) => [id, route.provider, stored.provider]),
    Array.from({ length: 20 }, (_, i) => [`txn_${2 * i}`, 'bank_b', 'bank_b']),
  )
  assert.deepEqual(last, {
    rerouted: 0,
    charges: 250,
    rules: new Map([
      ['eu', 125],
      ['default', 125],
    ]),
    providers: new Map([
      ['bank_b', 125],
      ['bank_a', 125],
    ]),
    went: new Map([['bank_a', 250]]),
    changed: 125,
    notEvaluated: 0,
    declined: new Map(),
  })
})

const limit = (name: string, rest: object) => ({ name, per: 'customer', window_s: 60, ...rest })
const limited = (...limits: object[]) => ({ limits, default: { providers: ['bank_a'] } })

test('a plan has the limits that apply, and a document of limits alone may have conditions', async () => {
  const { replace, plan } = setUp()
  await replace(
    limited(
      limit('large', { max_charges: 1, when: 'amount > 5000' }),
      limit('gold', { max_charges: 2, when: "metadata.tier == 'gold'" }),
    ),
  )
  const named = async (facts: Partial<Facts>) => (await plan(facts)).limits.map(({ name }) => name)
  assert.deepEqual(await named({ amount: 100, metadata: { tier: 'gold' } }), ['gold'])
  assert.deepEqual(await named({ amount: 9_000, metadata: { tier: 'silver' } }), ['large'])
  // It cannot be evaluated, so it applies.
  assert.deepEqual(await named({ amount: 100, metadata: {} }), ['gold'])
})

test('a simulated charge shows what each limit has counted, and whether it would decline', async () => {
  const { router, counters, clock } = setUp()
  const draft = limited(
    limit('number', { max_charges: 1 }),
    limit('money', { max_amount: { usd: 5_000, eur: 900 } }),
    limit('cards', { per: 'payment_method', max_charges: 1 }),
    limit('large', { max_charges: 1, when: 'amount > 5000' }),
  )
  const simulated = async (facts: Partial<Facts>) => {
    const charge = { ...FACTS, currency: 'usd', paymentMethod: null, time: clock.now, ...facts }
    const simulation = await router.simulate(KEYLESS_SCOPE, { document: draft, charge })
    assert.ok(!isRejection(simulation))
    return simulation.charge?.limits
  }
  const uses = usesOf(
    readRuleSet(draft, compileCondition).ruleSet.limits,
    { ...FACTS, currency: 'usd', paymentMethod: null, amount: 3_000 },
    sha256,
  )
  counters.push(...uses.map((use) => countUse(undefined, use, clock.now)))
  const none = { notApplied: null, charges: null, amount: null }
  assert.deepEqual(await simulated({ amount: 2_000 }), [
    { ...none, limit: 'number', charges: { used: 1, max: 1 }, wouldDecline: true },
    { ...none, limit: 'money', amount: { used: 3_000, max: 5_000 }, wouldDecline: false },
    { ...none, limit: 'cards', notApplied: 'The charge has no payment method.', wouldDecline: false },
    { ...none, limit: 'large', notApplied: 'amount > 5000 is false.', wouldDecline: false },
  ])
  const declines = async (facts: Partial<Facts>) =>
    (await simulated(facts))?.filter(({ wouldDecline }) => wouldDecline).map((one) => one.limit)
  assert.deepEqual(await declines({ amount: 2_001 }), ['number', 'money'])
  assert.deepEqual(await declines({ amount: 901, currency: 'eur' }), ['number', 'money'])
  assert.deepEqual(await declines({ amount: 2_001, time: clock.now + 66_000 }), [])
  assert.deepEqual(await declines({ amount: 2_001, customer: 'another' }), [])
})

test('the newest charges are counted from the oldest on, and each limit names those that it would decline', async () => {
  const { router } = setUp(charges(250))
  const simulation = await router.simulate(KEYLESS_SCOPE, {
    document: limited(
      limit('three', { max_charges: 3 }),
      limit('two', { max_charges: 2, when: 'amount < 0' }),
    ),
    last: 200,
  })
  assert.ok(!isRejection(simulation))
  const { declined } = simulation.last!
  assert.equal(declined.get('two'), 0)
  assert.equal(declined.get('three'), 197)
})

test('fewer charges than requested, or none, are replayed as they are', async () => {
  for (const count of [0, 7, 100]) {
    const { router } = setUp(charges(count))
    const simulation = await router.simulate(KEYLESS_SCOPE, { last: 1_000 })
    assert.ok(!isRejection(simulation))
    assert.equal(simulation.last?.charges, count)
    assert.equal(simulation.last?.changed, 0)
  }
})

test('four simulations run at once, and a fifth is refused until one has ended', async () => {
  const { router } = setUp(charges(10))
  const simulate = () => router.simulate(KEYLESS_SCOPE, { last: 10 })
  const running = Array.from({ length: 4 }, simulate)
  const refused = await simulate()
  assert.ok(isRejection(refused))
  assert.equal(refused.code, 'overloaded')
  for (const simulation of await Promise.all(running)) assert.ok(!isRejection(simulation))
  assert.ok(!isRejection(await simulate()))
})

test('of a thousand problems of a rule set a hundred are listed, with their total', async () => {
  const { replace } = setUp()
  const rules = Array.from({ length: 100 }, (_, i) => ({
    name: `r${i}`,
    when: `amount == ${i}`,
    providers: Array.from({ length: 10 }, (_, p) => `unknown_${p}`),
  }))
  const refused = await replace({ rules, default: { providers: ['bank_a'] } })
  assert.ok(isRejection(refused))
  assert.equal(refused.problems?.length, 100)
  assert.match(refused.message, /\(99 more in problems, 900 left out\)$/)
})
