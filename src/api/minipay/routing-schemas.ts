/** The schemas of routing rules and of their simulation. */
import { LIMITS } from '../../domain/limits.ts'
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
import { limit as pageLimit, time } from './fields.ts'

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

export const ruleSetVersion = integer({ minimum: 0, examples: [1] })

const versionFields = {
  author: nullable(
    string({
      description:
        'Who stored this version, as the audit log names actors. Null for a version of an older MiniPay.',
      examples: ['keyless', 'key_01kasw5v8g000ne3r5yx2tb4qd'],
    }),
  ),
  note: nullable(string({ description: 'Why, in the words of the author.', examples: ['Try bank_b.'] })),
  built_in: {
    ...boolean(),
    description:
      'Whether these are the built-in rules: every provider in the order of the current configuration.',
  },
}

export const RuleSet = named(
  'RoutingRules',
  object({
    version: {
      ...ruleSetVersion,
      description:
        'Grows by one with each change. 0 while no rules are stored. MiniPay keeps the newest 100 versions.',
    },
    document: RuleSetDocument,
    created_at: nullable({ ...time, description: 'When this version was stored.' }),
    ...versionFields,
  }),
  'The rules with their version.',
)
export type RuleSetView = Static<typeof RuleSet>

export const RuleSetVersion = named(
  'RoutingVersion',
  object({
    version: { ...ruleSetVersion, minimum: 1, description: 'The number of the version.' },
    created_at: { ...time, description: 'When this version was stored.' },
    ...versionFields,
  }),
  'A version of the rules, without its document.',
)
export type RuleSetVersionView = Static<typeof RuleSetVersion>

export const VersionsQuery = strict({
  limit: pageLimit,
  before: optional(integer({ minimum: 1, description: 'Versions with a smaller number, newest first.' })),
})
export const VersionParams = object({
  version: string({ description: 'The number of the version.', examples: ['1'] }),
})

const expected = optional({
  ...ruleSetVersion,
  description: 'The version that you expect to replace. Without it, MiniPay replaces any version.',
})

const note = optional(
  string({
    minLength: 1,
    maxLength: LIMITS.description,
    description: 'Why you change the rules: the history shows it.',
    examples: ['Try bank_b.'],
  }),
)

export const RuleSetBody = named(
  'ReplaceRoutingRulesRequest',
  strict({ document: RuleSetDocument, version: expected, note }),
  'The rules to store.',
)

/** The query of a reset. */
export const RuleSetQuery = strict({ version: expected, note })

/** The check of the body without its document: the router checks the document, and gives each mistake its place. */
export const RuleSetEnvelope = strict({ document: {} as Schema<unknown>, version: expected, note })
