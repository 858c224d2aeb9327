/** The schemas of providers. */

import { BREAKER_STATES } from '../../domain/breaker.ts'
import { MODES } from '../../domain/scope.ts'
import {
  array,
  boolean,
  integer,
  named,
  nullable,
  object,
  oneOf,
  optional,
  type Schema,
  type Static,
  strict,
  string,
} from '../../http/schema.ts'
import { count, time } from './fields.ts'
import { provider } from './routing-schemas.ts'

const reason = string({
  minLength: 1,
  maxLength: 200,
  description: 'The reason, for people. MiniPay stores it with the pause and in the audit log.',
  examples: ['Bank A books charges twice, incident 4711.'],
})

const number = (keywords: object = {}): Schema<number> => ({ type: 'number', ...keywords })
const milliseconds = (description: string) => nullable(integer({ minimum: 0, description, examples: [120] }))

const breaker = named(
  'CircuitBreaker',
  object({
    state: oneOf(BREAKER_STATES, { description: '`open`: the provider is not called.' }),
    retry_in_ms: { ...count, description: 'Milliseconds until the next try. 0 unless open.', examples: [0] },
  }),
  'The circuit breaker of a provider.',
)

const pause = named(
  'ProviderPause',
  object({
    all_accounts: {
      ...boolean(),
      description: 'True: for the charges of all accounts. False: for those of your account and mode.',
    },
    reason: nullable({
      ...reason,
      description: `${reason['description']} Null: it is the operator's, and you have another account.`,
    }),
    paused_by: string({
      description:
        'The id of the API key that paused it, or another `actor` of the audit log; `operator` if `reason` is null.',
      examples: ['keyless'],
    }),
    paused_at: { ...time, description: 'When it was paused.' },
  }),
  'A pause of a provider.',
)

const notifications = named(
  'ProviderNotifications',
  object({
    verified: {
      ...count,
      description: 'Those with a right signature, repeated ones included.',
      examples: [0],
    },
    refused: { ...count, description: 'Those that could not be verified.', examples: [0] },
    last_verified_at: nullable({ ...time, description: 'When the last verified one came.' }),
  }),
  'The notifications that this process got from a provider.',
)

export const ProviderState = named(
  'Provider',
  object({
    name: provider,
    kind: string({ description: 'Its kind, from the configuration.', examples: ['http'] }),
    mode: oneOf(MODES, { description: 'It serves charges of this mode alone.' }),
    capabilities: object(
      {
        idempotency_window_ms: {
          ...nullable(count),
          description:
            'Milliseconds during which the provider carries out a repeated call only once. Null: without limit.',
        },
        lookup: oneOf(['none', 'eventual', 'final'], {
          description: 'Whether the provider can look up a call, and how soon its "not found" is final.',
        }),
        void: { ...boolean(), description: 'It can cancel an authorization.' },
        partial_capture: { ...boolean(), description: 'It can capture less than was authorized.' },
      },
      { description: 'The capabilities of the provider.' },
    ),
    payment_url: nullable(
      string({
        description:
          "The provider's own page of a payment, with `{reference}` in place of the `provider_reference` of a charge. Null: it has none.",
        examples: ['https://dashboard.stripe.com/payments/{reference}'],
      }),
    ),
    notification_path: nullable(
      string({
        description:
          "The path of this server that takes the provider's notifications: give the provider its whole URL. Null: it sends none.",
        examples: ['/providers/bank_a/notifications'],
      }),
    ),
    pauses: {
      ...array(pause),
      description: 'Paused by a person: no new charge goes to it. Empty unless it is paused; at most two.',
    },
    calls: object(
      {
        in_flight: {
          ...count,
          description: 'Calls of requests that wait for a response now.',
          examples: [0],
        },
        recovery_in_flight: {
          ...count,
          description: 'Lookups, and calls that are sent again.',
          examples: [0],
        },
        concurrency: nullable(
          integer({
            minimum: 1,
            description: 'The most calls of requests at once. Null: without limit.',
            examples: [128],
          }),
        ),
      },
      { description: 'Its calls in this process.' },
    ),
    breaker: { ...breaker, description: 'Of calls that move money.' },
    window: object(
      {
        seconds: integer({ description: 'Length of the window.', examples: [60] }),
        calls: { ...count, description: 'Calls that move money.' },
        errors: { ...count, description: 'Calls that failed, or whose outcome is unknown.', examples: [0] },
        declines: { ...count, description: 'Calls that the provider declined.', examples: [0] },
        success_rate: nullable(
          number({
            minimum: 0,
            maximum: 1,
            description: 'The share of calls with a response. A decline is a response.',
            examples: [1],
          }),
        ),
        latency_p50_ms: milliseconds('Milliseconds within which half of the calls ended.'),
        latency_p95_ms: milliseconds('Milliseconds within which 95 of 100 calls ended.'),
      },
      { description: 'Its newest calls.' },
    ),
    lookups: {
      ...object({
        breaker,
        calls: { ...count, description: 'Lookups.' },
        errors: { ...count, description: 'Lookups without a readable response.', examples: [0] },
      }),
      description: 'Lookups, in the same window.',
    },
    notifications: {
      ...nullable(notifications),
      description: 'Its notifications since this process started. Null: it sends none.',
    },
  }),
  'A provider, its capabilities, and the outcomes of its recent calls.',
)
export type ProviderView = Static<typeof ProviderState>

const allAccounts = optional({
  ...boolean(),
  description:
    'The pause for the charges of all accounts, in place of that of your account and mode. It needs the permission `accounts:write`.',
})
export const PauseBody = named(
  'PauseProviderRequest',
  strict({ reason, all_accounts: allAccounts }),
  'Why the provider is paused, and for whom.',
)
export const ResumeBody = named(
  'ResumeProviderRequest',
  strict({ reason, all_accounts: allAccounts }),
  'Why the provider is resumed, and for whom.',
)
