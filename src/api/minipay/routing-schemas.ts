/** The schemas of routing rules and of their simulation. */
import { MAX_AMOUNT } from '../../domain/money.ts'
import {
  LIMIT_SUBJECTS,
  MAX_LIMIT_CHARGES,
  MAX_LIMIT_NAME,
  MAX_LIMITS,
  MAX_WINDOW_S,
} from '../../domain/routing/limits.ts'
import {
  MAX_CONDITION,
  MAX_FAILOVER_CODES,
  MAX_RULE_NAME,
  MAX_RULES,
  MAX_TARGETS,
  MAX_WEIGHT,
  PROVIDER_NAME,
} from '../../domain/routing/rule-set.ts'
import {
  array,
  boolean,
  integer,
  named,
  nullable,
  object,
  oneOf,
  optional,
  record,
  type Schema,
  type Static,
  strict,
  string,
} from '../../http/schema.ts'
import { amount, count, currency, customer, metadata, sum, time } from './fields.ts'

const list = <T>(items: Schema<T>, keywords: object): Schema<readonly T[]> => ({
  ...array(items),
  ...keywords,
})

export const provider = string({
  pattern: PROVIDER_NAME.source,
  description: 'The name of the provider.',
  examples: ['bank_a'],
})

const weighted = named(
  'WeightedProvider',
  strict({
    provider,
    weight: integer({
      minimum: 1,
      maximum: MAX_WEIGHT,
      description: 'Its share, relative to the other weights.',
      examples: [80],
    }),
  }),
  'A provider and its share of the charges.',
)

const destination = {
  providers: optional(
    list(provider, {
      minItems: 1,
      maxItems: MAX_TARGETS,
      description: 'Providers to call, in this order.',
      examples: [['bank_a', 'bank_b']],
    }),
  ),
  split: optional(
    list(weighted, {
      minItems: 1,
      maxItems: MAX_TARGETS,
      description:
        'Instead of `providers`: MiniPay draws one by weight. The others follow, the heaviest first.',
    }),
  ),
  sticky: optional({
    ...boolean(),
    description: 'With true a split draws the same provider for the same customer.',
  }),
  failover_on: optional(
    list(string({ examples: ['insufficient_funds'] }), {
      maxItems: MAX_FAILOVER_CODES,
      description: 'Decline codes after which MiniPay calls the next provider. Hard declines are refused.',
      examples: [['processing_error']],
    }),
  ),
}

const condition = string({
  minLength: 1,
  maxLength: MAX_CONDITION,
  description:
    'A condition in CEL over `amount`, `currency`, `customer`, `payment_method`, `metadata` and `time`.',
  examples: ["currency == 'eur' && amount < 100000"],
})

const rule = named(
  'RoutingRule',
  strict({
    name: string({
      minLength: 1,
      maxLength: MAX_RULE_NAME,
      description: 'The name of the rule, which attempts show.',
      examples: ['eu cards'],
    }),
    when: condition,
    ...destination,
  }),
  'A condition, and the providers for charges that match it.',
)

const limit = named(
  'VelocityLimit',
  strict({
    name: string({
      minLength: 1,
      maxLength: MAX_LIMIT_NAME,
      description: 'The name of the limit, which declined charges show.',
      examples: ['card testing'],
    }),
    per: oneOf(LIMIT_SUBJECTS, { description: 'Whose charges count together.' }),
    window_s: integer({
      minimum: 1,
      maximum: MAX_WINDOW_S,
      description:
        'The length of the window in seconds. It slides in steps of a tenth, and a charge counts for 100% to 110% of it.',
      examples: [3600],
    }),
    max_charges: optional(
      integer({
        minimum: 1,
        maximum: MAX_LIMIT_CHARGES,
        description:
          'The most charges in a window. At least one of `max_charges` and `max_amount` is required.',
        examples: [10],
      }),
    ),
    max_amount: optional(
      record('^[A-Za-z]{3}$', integer({ minimum: 1, maximum: MAX_AMOUNT }), {
        minProperties: 1,
        description: 'The largest sum of amounts in a window, in minor units by currency.',
        examples: [{ usd: 100_000 }],
      }),
    ),
    when: optional({
      ...condition,
      description: 'The charges that count; without it, all. A condition in CEL.',
    }),
  }),
  'The most that a customer, a payment method or the account may charge in a window.',
)

const fallback = named(
  'RoutingDefault',
  strict(destination),
  'The providers for a charge that matches no condition.',
)

export const RuleSetDocument = named(
  'RoutingDocument',
  strict({
    rules: optional(
      list(rule, {
        maxItems: MAX_RULES,
        description: 'The first rule whose condition is true chooses the providers.',
      }),
    ),
    limits: optional(
      list(limit, {
        maxItems: MAX_LIMITS,
        description: 'Velocity limits. MiniPay declines a charge that exceeds one, and calls no provider.',
      }),
    ),
    default: { ...fallback, description: 'The providers for a charge that matches no condition.' },
  }),
  'Rules for the provider of a charge.',
)

const version = integer({ minimum: 0, examples: [1] })

export const RuleSet = named(
  'RoutingRules',
  object({
    version: {
      ...version,
      description:
        'Grows by one with each change. 0 while no rules are stored. MiniPay keeps the newest 100 versions.',
    },
    document: RuleSetDocument,
    created_at: nullable({ ...time, description: 'When this version was stored.' }),
  }),
  'The rules with their version.',
)
export type RuleSetView = Static<typeof RuleSet>

const expected = optional({
  ...version,
  description: 'The version that you expect to replace. Without it, MiniPay replaces any version.',
})

export const RuleSetBody = named(
  'ReplaceRoutingRulesRequest',
  strict({ document: RuleSetDocument, version: expected }),
  'The rules to store.',
)

/** The query of a reset. */
export const RuleSetQuery = strict({ version: expected })

/** The check of the body without its document: the router checks the document, and gives each mistake its place. */
export const RuleSetEnvelope = strict({ document: {} as Schema<unknown>, version: expected })

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

const replayedCharges = named(
  'ReplayedCharges',
  object({
    charges: { ...count, description: 'The number of charges that were routed again.' },
    changed: {
      ...count,
      description: 'The number of charges that would go to another provider than they did.',
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
    version: nullable({ ...version, description: 'The version of the stored rules. Null for a draft.' }),
    charge: nullable(simulatedRoute),
    last: nullable(replayedCharges),
  }),
  'The effect of the rules.',
)
export type SimulationView = Static<typeof SimulationResponse>
