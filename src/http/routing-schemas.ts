/** The schemas of routing rules, their simulation, and the state of providers. */
import { BREAKER_STATES } from '../domain/breaker.ts'
import { MAX_AMOUNT } from '../domain/money.ts'
import {
  MAX_CONDITION,
  MAX_FAILOVER_CODES,
  MAX_RULE_NAME,
  MAX_RULES,
  MAX_TARGETS,
  MAX_WEIGHT,
  PROVIDER_NAME,
} from '../domain/rule-set.ts'
import {
  array,
  boolean,
  integer,
  nullable,
  object,
  oneOf,
  optional,
  record,
  type Schema,
  type Static,
  strict,
  string,
} from './schema.ts'

const number = (keywords: object = {}): Schema<number> => ({ type: 'number', ...keywords })
const list = <T>(items: Schema<T>, keywords: object): Schema<T[]> => ({ ...array(items), ...keywords })

const provider = string({ pattern: PROVIDER_NAME.source, examples: ['bank_a'] })
const destination = {
  providers: optional(
    list(provider, {
      minItems: 1,
      maxItems: MAX_TARGETS,
      description: 'Whom to ask, in this order.',
      examples: [['bank_a', 'bank_b']],
    }),
  ),
  split: optional(
    list(strict({ provider, weight: integer({ minimum: 1, maximum: MAX_WEIGHT, examples: [80] }) }), {
      minItems: 1,
      maxItems: MAX_TARGETS,
      description: 'In place of `providers`: one is drawn by weight, the others follow, the heaviest first.',
    }),
  ),
  sticky: optional({ ...boolean(), description: 'A split that draws the same for the same customer.' }),
  failover_on: optional(
    list(string({ examples: ['insufficient_funds'] }), {
      maxItems: MAX_FAILOVER_CODES,
      description: 'Decline codes after which the next provider is asked; never hard declines.',
      examples: [['processing_error']],
    }),
  ),
}
export const RuleSetDocument = strict({
  rules: optional(
    list(
      strict({
        name: string({ minLength: 1, maxLength: MAX_RULE_NAME, examples: ['eu cards'] }),
        when: string({
          minLength: 1,
          maxLength: MAX_CONDITION,
          description:
            'A condition in CEL over `amount`, `currency`, `customer`, `payment_method`, `metadata` and `time`.',
          examples: ["currency == 'eur' && amount < 100000"],
        }),
        ...destination,
      }),
      { maxItems: MAX_RULES, description: 'The first whose condition holds says where a charge goes.' },
    ),
  ),
  default: { ...strict(destination), description: 'Where a charge goes for which no rule holds.' },
})

const version = integer({ minimum: 0, examples: [1] })
export const RuleSet = object({
  version: { ...version, description: 'Counts up by one with each rule set; 0 while none is stored.' },
  document: RuleSetDocument,
  created_at: nullable(string({ format: 'date-time', examples: ['2026-11-23T12:00:00.000Z'] })),
})

const expected = optional({
  ...version,
  description: 'The version that this is to replace. Without it, whatever is there is replaced.',
})
export const RuleSetBody = strict({ document: RuleSetDocument, version: expected })
/** Of a reset. */
export const RuleSetQuery = strict({ version: expected })
/** What is checked of it before its document is read, whose faults come with their places. */
export const RuleSetEnvelope = strict({ document: {} as Schema<unknown>, version: expected })

const charge = strict({
  amount: integer({ minimum: 1, maximum: MAX_AMOUNT, examples: [2500] }),
  currency: string({ minLength: 3, maxLength: 3, examples: ['eur'] }),
  customer: string({ minLength: 1, maxLength: 255, examples: ['cus_42'] }),
  payment_method: optional(string({ minLength: 1, maxLength: 255, examples: ['tok_visa'] })),
  metadata: optional(
    record('^[\\s\\S]{1,40}$', string({ maxLength: 500 }), {
      maxProperties: 50,
      examples: [{ tier: 'gold' }],
    }),
  ),
  time: optional(
    string({
      format: 'date-time',
      description: 'When it is made; now, unless given.',
      examples: ['2026-11-23T12:00:00Z'],
    }),
  ),
})
export type SimulatedChargeBody = Static<typeof charge>

/** No more charges than these are replayed by one request. */
export const MAX_LAST = 1_000
const simulation = {
  charge: optional({ ...charge, description: 'A charge to route.' }),
  last: optional(
    integer({ minimum: 1, maximum: MAX_LAST, description: 'How many of the newest charges to route again.' }),
  ),
}
const draft = 'A draft; without it, the current rule set.'
export const SimulationBody = strict({
  rules: optional({ ...RuleSetDocument, description: draft }),
  ...simulation,
})
export const SimulationEnvelope = strict({ rules: optional({} as Schema<unknown>), ...simulation })

const count = integer({ minimum: 0, examples: [1] })
const skipped = array(object({ provider: string(), reason: string({ examples: ['circuit breaker open'] }) }))
export const SimulationAnswer = object({
  version: nullable({ ...version, description: 'Of the current rule set; null for a draft.' }),
  charge: nullable(
    object({
      rule: string({ description: 'The rule that matched, or `default`.', examples: ['eu cards'] }),
      providers: array(string({ examples: ['bank_a'] })),
      failover_on: array(string()),
      not_matched: array(
        object({ rule: string(), reason: string({ examples: ['currency == "eur" is false.'] }) }),
      ),
      skipped_now: { ...skipped, description: 'Providers that would be passed over at this moment.' },
    }),
  ),
  last: nullable(
    object({
      charges: { ...count, description: 'How many there were.' },
      changed: { ...count, description: 'How many would be sent to another provider than they went to.' },
      not_evaluated: { ...count, description: 'For how many some rule could not be evaluated.' },
      rules: array(object({ rule: string(), charges: count })),
      providers: array(object({ provider: string(), would_go: count, went: count })),
    }),
  ),
})

/** What an error says of a rule set. */
export const RuleProblem = object({
  path: string({ examples: ['rules[1].when'] }),
  position: nullable(
    object({
      line: integer({ examples: [1] }),
      column: integer({ examples: [1] }),
      offset: integer({ examples: [0] }),
    }),
  ),
  message: string({ examples: ['Unknown variable: amout.'] }),
})

const milliseconds = nullable(integer({ minimum: 0, examples: [120] }))
const breaker = object({
  state: oneOf(BREAKER_STATES),
  retry_in_ms: { ...count, description: 'When it will be tried again; 0 unless open.', examples: [0] },
})
export const ProviderState = object({
  name: string({ examples: ['bank_a'] }),
  kind: string({ examples: ['http'] }),
  capabilities: object({
    idempotency_window_ms: {
      ...nullable(count),
      description: 'How long the same call sent again is done once; null without an end.',
    },
    lookup: oneOf(['none', 'eventual', 'final']),
    void: boolean(),
    partial_capture: boolean(),
  }),
  breaker: { ...breaker, description: 'Of calls that move money.' },
  window: object({
    seconds: integer({ description: 'How long the window is.', examples: [60] }),
    calls: { ...count, description: 'Calls that move money.' },
    errors: { ...count, description: 'Calls that were not taken, or whose end is not known.', examples: [0] },
    declines: { ...count, examples: [0] },
    success_rate: nullable(
      number({
        minimum: 0,
        maximum: 1,
        description: 'Calls that were answered, be it with a decline.',
        examples: [1],
      }),
    ),
    latency_p50_ms: milliseconds,
    latency_p95_ms: milliseconds,
  }),
  lookups: {
    ...object({
      breaker,
      calls: count,
      errors: { ...count, description: 'Lookups that were not answered, or not readably.', examples: [0] },
    }),
    description: 'How the provider answers what became of a call, in the same window.',
  },
})
