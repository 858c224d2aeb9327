/** The schemas of simulations of routing rules. */
import {
  array,
  boolean,
  integer,
  named,
  nullable,
  object,
  optional,
  type Schema,
  type Static,
  strict,
  string,
} from '../../http/schema.ts'
import { amount, chargeId, count, currency, customer, metadata, sum, time } from './fields.ts'
import { provider, RuleSetDocument, ruleSetVersion } from './routing-schemas.ts'

const charge = named(
  'SimulatedCharge',
  strict({
    amount,
    currency: { ...currency, examples: ['eur'] },
    customer,
    payment_method: optional(
      string({
        minLength: 1,
        maxLength: 255,
        description: "The provider's token for the customer's card.",
        examples: ['tok_visa'],
      }),
    ),
    metadata: optional({ ...metadata, examples: [{ tier: 'gold' }] }),
    time: optional({ ...time, description: 'When the charge is made. Without it, now.' }),
  }),
  'A charge that is not made.',
)

export type SimulatedChargeBody = Static<typeof charge>

/** The most charges that one request replays. */
export const MAX_LAST = 1_000

const simulation = {
  charge: optional({ ...charge, description: 'One charge to route.' }),
  last: optional(
    integer({ minimum: 1, maximum: MAX_LAST, description: 'Routes this many of the newest charges again.' }),
  ),
}

const draft = 'A draft. Without it, the stored rules.'

export const SimulationBody = named(
  'SimulateRoutingRequest',
  strict({ rules: optional({ ...RuleSetDocument, description: draft }), ...simulation }),
  'The charges to route, and the rules.',
)

export const SimulationEnvelope = strict({ rules: optional({} as Schema<unknown>), ...simulation })
const reason = (example: string) => string({ description: 'The reason.', examples: [example] })
const skipped = array(object({ provider, reason: reason('circuit breaker open') }))

const limitName = string({ description: 'The name of the limit.', examples: ['card testing'] })
const usage = (what: string) => ({
  ...nullable(object({ used: { ...sum, description: 'Used so far.' }, max: amount })),
  description: `${what} in the current window, and its maximum. Null without such a maximum.`,
})
const simulatedLimit = named(
  'SimulatedLimit',
  object({
    limit: limitName,
    would_decline: { ...boolean(), description: 'Whether the charge would exceed the limit now.' },
    not_applied: nullable(reason('The charge has no payment method.')),
    charges: usage('The number of charges'),
    amount: usage('The sum of amounts in the currency of the charge'),
  }),
  'The effect of a velocity limit on the charge.',
)

const simulatedRoute = named(
  'SimulatedRoute',
  object({
    rule: string({ description: 'The rule that matched, or `default`.', examples: ['eu cards'] }),
    providers: { ...array(provider), description: 'Providers that would be called, in this order.' },
    failover_on: {
      ...array(string({ examples: ['processing_error'] })),
      description: 'Decline codes after which MiniPay would call the next provider.',
    },
    not_matched: {
      ...array(
        object({ rule: string({ description: 'The rule.' }), reason: reason('currency == "eur" is false.') }),
      ),
      description: 'Rules that did not match.',
    },
    skipped_now: { ...skipped, description: 'Providers that MiniPay would skip now.' },
    limits: {
      ...array(simulatedLimit),
      description: 'Every velocity limit, in order. The first that declines decides.',
    },
  }),
  'The route that the charge would take.',
)
export type SimulatedRouteView = Static<typeof simulatedRoute>

const choice = (whose: string) =>
  object({
    rule: string({ description: 'The rule that matches, or `default`.', examples: ['eu cards'] }),
    provider: string({
      description: `The first provider that ${whose} call, or \`none\`.`,
      examples: ['bank_a'],
    }),
  })
const sampledCharge = named(
  'SampledCharge',
  object({
    transaction_id: { ...chargeId, description: 'The id of the charge.' },
    amount,
    currency,
    customer,
    created_at: { ...time, description: 'When the charge was made.' },
    went: string({ description: 'The provider that it went to, or `none`.', examples: ['bank_a'] }),
    route: { ...choice('the simulated rules'), description: 'Its route by the simulated rules.' },
    stored_route: { ...choice('the stored rules'), description: 'Its route by the stored rules.' },
  }),
  'A charge that would be routed in another way.',
)

const replayedCharges = named(
  'ReplayedCharges',
  object({
    charges: { ...count, description: 'The number of charges that were routed again.' },
    changed: {
      ...count,
      description: 'The number of charges that would go to another provider than they did.',
    },
    rerouted: {
      ...count,
      description:
        'With a draft: the number of charges that it would route in another way than the stored rules.',
    },
    samples: {
      ...array(sampledCharge),
      description:
        'Up to 20 of these charges, newest first: with a draft, of those that it would route in another way than the stored rules; without one, of those that went to another provider.',
    },
    not_evaluated: {
      ...count,
      description: 'The number of charges for which a rule could not be evaluated.',
    },
    rules: {
      ...array(
        object({
          rule: string({ description: 'The rule.' }),
          charges: { ...count, description: 'The number of charges that it would match.' },
        }),
      ),
      description: 'How many charges each rule would match.',
    },
    providers: {
      ...array(
        object({
          provider,
          would_go: { ...count, description: 'Charges that would go to it.' },
          went: { ...count, description: 'Charges that went to it.' },
        }),
      ),
      description: 'How many charges each provider would have, and had.',
    },
    limits: {
      ...array(
        object({
          limit: limitName,
          would_decline: { ...count, description: 'The number of these charges that it would decline.' },
        }),
      ),
      description: 'The effect of each velocity limit, if these charges were the only ones.',
    },
  }),
  'How the newest charges would be routed now.',
)
export type ReplayedChargesView = Static<typeof replayedCharges>

export const SimulationResponse = named(
  'RoutingSimulation',
  object({
    version: nullable({
      ...ruleSetVersion,
      description: 'The version of the stored rules. Null for a draft.',
    }),
    charge: nullable(simulatedRoute),
    last: nullable(replayedCharges),
  }),
  'The effect of the rules.',
)
export type SimulationView = Static<typeof SimulationResponse>
