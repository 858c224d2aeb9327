import type { CurrentRuleSet } from '../../app/routing/router.ts'
import type { ReplayedCharge, SampledCharge, SimulatedCharge } from '../../app/routing/simulation.ts'
import { isRejection, reject } from '../../domain/error.ts'
import { CURRENCY_WANTED } from '../../domain/limits.ts'
import { parseCurrency } from '../../domain/money.ts'
import type { Facts } from '../../domain/routing/choose.ts'
import { NoQuery, sendObject } from '../../http/endpoint.ts'
import { DEFAULT_LIMIT, sendPage, time } from '../../http/paging.ts'
import type { RuleSetVersion } from '../../ports/store.ts'
import { auditing, scopeOf } from '../caller.ts'
import type { Endpoint, Services } from '../endpoint.ts'
import { sendRejection } from '../errors.ts'
import { RULES, TIME } from '../openapi/example-objects.ts'
import { shows } from '../openapi/examples.ts'
import { page } from './lists.ts'
import { bodyValidator, currencyRefused, queryValidator } from './parameters.ts'
import {
  RuleSet,
  RuleSetBody,
  RuleSetEnvelope,
  RuleSetQuery,
  RuleSetVersion as RuleSetVersionSchema,
  type RuleSetVersionView,
  type RuleSetView,
  VersionParams,
  VersionsQuery,
} from './routing-schemas.ts'
import {
  type ReplayedChargesView,
  type SimulatedChargeBody,
  type SimulatedRouteView,
  SimulationBody,
  SimulationEnvelope,
  SimulationResponse,
  type SimulationView,
} from './simulation-schemas.ts'
import { timestamp } from './views.ts'

const validRuleSet = bodyValidator(RuleSetEnvelope)
const validVersions = queryValidator(VersionsQuery)
const validReset = queryValidator(RuleSetQuery)
const validSimulation = bodyValidator(SimulationEnvelope)

const NOTE = 'Send small European charges to bank_b.'
const VERSION = { version: 1, created_at: TIME, author: 'keyless', note: NOTE, built_in: false }
const STORED = { ...VERSION, document: RULES }

/** `document` was stored, so the router has checked it. */
function ruleSetView({ document, createdAt, ...facts }: CurrentRuleSet): RuleSetView {
  return {
    version: facts.version,
    document: document as RuleSetView['document'],
    created_at: createdAt === null ? null : timestamp(createdAt),
    ...authorOf(facts),
  }
}

function versionView({ version, createdAt, ...facts }: RuleSetVersion): RuleSetVersionView {
  return { version, created_at: timestamp(createdAt), ...authorOf(facts) }
}

function authorOf({ author, note, isBuiltIn }: Pick<RuleSetVersion, 'author' | 'note' | 'isBuiltIn'>) {
  return { author, note, built_in: isBuiltIn }
}

const retrieveRuleSetEndpoint: Endpoint = {
  id: 'retrieveRoutingRules',
  method: 'GET',
  url: '/api/v1/routing',
  permission: 'routing:read',
  summary: 'Retrieve the routing rules',
  description:
    'While none are stored, the version is 0, and MiniPay calls the providers in the order of the configuration.',
  tag: 'Routing',
  query: NoQuery,
  responses: { 200: { description: 'The current rules.', schema: RuleSet } },
  errors: [],
  examples: shows('stored', 'Stored rules', STORED),
  async handle({ context }, request, reply) {
    return sendObject(reply, ruleSetView(await context.router.current(scopeOf(request))))
  },
}

const listVersionsEndpoint: Endpoint = {
  id: 'listRoutingVersions',
  method: 'GET',
  url: '/api/v1/routing/versions',
  permission: 'routing:read',
  summary: 'List the versions of the routing rules, newest first',
  description: 'MiniPay keeps the newest 100. To restore one, store its document again.',
  tag: 'Routing',
  query: VersionsQuery,
  responses: { 200: { description: 'A page of versions.', schema: page(RuleSetVersionSchema) } },
  errors: ['cursor_invalid'],
  examples: shows('page', 'A page of versions', { data: [VERSION], has_more: false }),
  async handle({ context }, request, reply) {
    const { limit = DEFAULT_LIMIT, before } = validVersions(request.query)
    const query = { limit, ...(before !== undefined && { before }) }
    return sendPage(reply, await context.store.ruleSetVersions(scopeOf(request), query), versionView)
  },
}

const retrieveVersionEndpoint: Endpoint = {
  id: 'retrieveRoutingVersion',
  method: 'GET',
  url: '/api/v1/routing/versions/:version',
  permission: 'routing:read',
  summary: 'Retrieve a version of the routing rules',
  tag: 'Routing',
  params: VersionParams,
  query: NoQuery,
  responses: { 200: { description: 'The version.', schema: RuleSet } },
  errors: ['routing_version_not_found'],
  examples: shows('version', 'A version', STORED),
  async handle({ context }, request, reply) {
    const { version } = request.params as { version: string }
    const stored = /^\d{1,9}$/.test(version)
      ? await context.router.version(scopeOf(request), Number(version))
      : undefined
    if (stored) return sendObject(reply, ruleSetView(stored))
    const message = 'MiniPay does not keep this version of the routing rules.'
    return sendRejection(reply, reject('routing_version_not_found', message, 'version'))
  },
}

const replaceRuleSetEndpoint: Endpoint = {
  id: 'replaceRoutingRules',
  method: 'PUT',
  url: '/api/v1/routing',
  permission: 'routing:write',
  summary: 'Replace the routing rules',
  description:
    'MiniPay checks the whole document first. If it has errors, the response lists each with its position, and MiniPay stores nothing.',
  tag: 'Routing',
  query: NoQuery,
  body: RuleSetBody,
  responses: { 200: { description: 'The stored rules.', schema: RuleSet } },
  errors: ['routing_rules_invalid', 'routing_version_conflict'],
  examples: [
    {
      name: 'replaced',
      summary: 'The first rules',
      body: { document: RULES, version: 0, note: NOTE },
      status: 200,
      response: STORED,
    },
  ],
  async handle({ context }, request, reply) {
    const body = validRuleSet(request.body)
    const [scope, audit] = [scopeOf(request), auditing(context, request)]
    const how = { expected: body.version, note: body.note }
    const stored = await context.router.replace(scope, body.document, how, audit)
    if (isRejection(stored)) return sendRejection(reply, stored)
    return sendObject(reply, ruleSetView(stored))
  },
}

const resetRuleSetEndpoint: Endpoint = {
  id: 'resetRoutingRules',
  method: 'DELETE',
  url: '/api/v1/routing',
  permission: 'routing:write',
  summary: 'Reset the routing rules',
  description:
    'MiniPay calls the providers in the order of the configuration again. This is stored as the next version.',
  tag: 'Routing',
  query: RuleSetQuery,
  responses: { 200: { description: 'The current rules.', schema: RuleSet } },
  errors: ['routing_version_conflict'],
  examples: shows('reset', 'The built-in rules', {
    version: 2,
    document: { rules: [], default: { providers: ['bank_a', 'bank_b'], failover_on: [] } },
    created_at: TIME,
    ...{ author: 'keyless', note: null, built_in: true },
  }),
  async handle({ context }, request, reply) {
    const { version: expected, note } = validReset(request.query)
    const audit = auditing(context, request)
    const reset = await context.router.reset(scopeOf(request), { expected, note }, audit)
    if (isRejection(reset)) return sendRejection(reply, reset)
    return sendObject(reply, ruleSetView(reset))
  },
}

const simulateRoutingEndpoint: Endpoint = {
  id: 'simulateRouting',
  method: 'POST',
  url: '/api/v1/routing/simulate',
  permission: 'routing:read',
  summary: 'Simulate routing rules',
  description:
    'Shows the providers that a given charge would go to, the velocity limits that would decline it, and the newest charges if they were made now. MiniPay stores nothing and calls no provider.',
  tag: 'Routing',
  query: NoQuery,
  body: SimulationBody,
  responses: { 200: { description: 'The effect of the rules.', schema: SimulationResponse } },
  errors: ['routing_rules_invalid', 'currency_invalid'],
  examples: [
    {
      name: 'charge',
      summary: 'One charge with the stored rules',
      body: { charge: { amount: 2500, currency: 'eur', customer: 'cus_42' } },
      status: 200,
      response: {
        version: 1,
        charge: {
          rule: 'eu cards',
          providers: ['bank_b', 'bank_a'],
          failover_on: ['processing_error'],
          not_matched: [],
          skipped_now: [],
          limits: [],
        },
        last: null,
      },
    },
  ],
  async handle(services, request, reply) {
    const { rules, charge, last } = validSimulation(request.body ?? {})
    const simulation = await services.context.router.simulate(scopeOf(request), {
      ...(rules !== undefined && { document: rules }),
      ...(charge && { charge: facts(services, charge) }),
      ...(last !== undefined && { last }),
    })
    if (isRejection(simulation)) return sendRejection(reply, simulation)
    return sendObject(reply, {
      version: simulation.version,
      charge: simulation.charge && simulatedRouteView(simulation.charge),
      last: simulation.last && replayedView(simulation.last),
    } satisfies SimulationView)
  },
}

/** The facts of a charge to simulate. Throws `Refused` for a bad currency or time. */
function facts({ context }: Services, charge: SimulatedChargeBody): Facts {
  const currency = parseCurrency(charge.currency)
  if (currency === undefined)
    throw currencyRefused(`The parameter charge.currency must ${CURRENCY_WANTED}.`, 'charge.currency')
  return {
    seed: context.newId('txn'),
    amount: charge.amount,
    currency,
    customer: charge.customer,
    paymentMethod: charge.payment_method ?? null,
    metadata: charge.metadata ?? {},
    time: time('charge.time', charge.time) ?? context.now(),
  }
}

function simulatedRouteView({ plan, notMatched, openNow, limits }: SimulatedCharge): SimulatedRouteView {
  return {
    rule: plan.rule,
    providers: plan.providers,
    failover_on: plan.failoverOn,
    not_matched: notMatched,
    skipped_now: [
      ...plan.skipped,
      ...openNow.map((provider) => ({ provider, reason: 'circuit breaker open' })),
    ],
    limits: limits.map(({ limit, wouldDecline, notApplied, charges, amount }) => ({
      limit,
      would_decline: wouldDecline,
      not_applied: notApplied,
      charges,
      amount,
    })),
  }
}

function replayedView({
  charges,
  changed,
  rerouted,
  samples,
  notEvaluated,
  rules,
  providers,
  went,
  declined,
}: ReplayedCharge): ReplayedChargesView {
  const names = [...new Set([...providers.keys(), ...went.keys()])].sort()
  return {
    charges,
    changed,
    rerouted,
    samples: samples.map(sampledView),
    not_evaluated: notEvaluated,
    rules: [...rules].map(([rule, matched]) => ({ rule, charges: matched })),
    providers: names.map((provider) => ({
      provider,
      would_go: providers.get(provider) ?? 0,
      went: went.get(provider) ?? 0,
    })),
    limits: [...declined].map(([limit, count]) => ({ limit, would_decline: count })),
  }
}

function sampledView({ charge, route, stored }: SampledCharge): ReplayedChargesView['samples'][number] {
  const { id, amount, currency, customer, createdAt, provider } = charge
  return {
    ...{ transaction_id: id, amount, currency, customer, created_at: timestamp(createdAt) },
    ...{ went: provider, route, stored_route: stored },
  }
}

export const routingEndpoints: readonly Endpoint[] = [
  retrieveRuleSetEndpoint,
  listVersionsEndpoint,
  retrieveVersionEndpoint,
  replaceRuleSetEndpoint,
  resetRuleSetEndpoint,
  simulateRoutingEndpoint,
]
