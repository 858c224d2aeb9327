import type { ReplayedCharge, SimulatedCharge } from '../../app/routing/simulation.ts'
import { isRejection } from '../../domain/error.ts'
import { CURRENCY_WANTED } from '../../domain/limits.ts'
import { parseCurrency } from '../../domain/money.ts'
import type { Facts } from '../../domain/routing/choose.ts'
import { NoQuery, sendObject } from '../../http/endpoint.ts'
import { time } from '../../http/paging.ts'
import { auditing, scopeOf } from '../caller.ts'
import type { Endpoint, Services } from '../endpoint.ts'
import { sendRejection } from '../errors.ts'
import { RULES, TIME } from '../openapi/example-objects.ts'
import { shows } from '../openapi/examples.ts'
import { bodyValidator, currencyRefused, queryValidator } from './parameters.ts'
import {
  type ReplayedChargesView,
  RuleSet,
  RuleSetBody,
  RuleSetEnvelope,
  RuleSetQuery,
  type RuleSetView,
  type SimulatedChargeBody,
  type SimulatedRouteView,
  SimulationBody,
  SimulationEnvelope,
  SimulationResponse,
  type SimulationView,
} from './routing-schemas.ts'
import { timestamp } from './views.ts'

const validRuleSet = bodyValidator(RuleSetEnvelope)
const validReset = queryValidator(RuleSetQuery)
const validSimulation = bodyValidator(SimulationEnvelope)

/** `document` was stored, so the router has checked it. */
function ruleSetView(version: number, document: unknown, createdAt: number | null): RuleSetView {
  return {
    version,
    document: document as RuleSetView['document'],
    created_at: createdAt === null ? null : timestamp(createdAt),
  }
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
  examples: shows('stored', 'Stored rules', { version: 1, document: RULES, created_at: TIME }),
  async handle({ context }, request, reply) {
    const { version, document, createdAt } = await context.router.current(scopeOf(request))
    return sendObject(reply, ruleSetView(version, document, createdAt))
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
      body: { document: RULES, version: 0 },
      status: 200,
      response: { version: 1, document: RULES, created_at: TIME },
    },
  ],
  async handle({ context }, request, reply) {
    const body = validRuleSet(request.body)
    const [scope, audit] = [scopeOf(request), auditing(context, request)]
    const stored = await context.router.replace(scope, body.document, body.version, audit)
    if (isRejection(stored)) return sendRejection(reply, stored)
    return sendObject(reply, ruleSetView(stored.version, body.document, stored.createdAt))
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
  }),
  async handle({ context }, request, reply) {
    const scope = scopeOf(request)
    const { version: expected } = validReset(request.query)
    const reset = await context.router.reset(scope, expected, auditing(context, request))
    if (isRejection(reset)) return sendRejection(reply, reset)
    const { version, document, createdAt } = await context.router.current(scope)
    return sendObject(reply, ruleSetView(version, document, createdAt))
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

export const routingEndpoints: readonly Endpoint[] = [
  retrieveRuleSetEndpoint,
  replaceRuleSetEndpoint,
  resetRuleSetEndpoint,
  simulateRoutingEndpoint,
]
