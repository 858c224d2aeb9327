/** The schemas of providers. */

import { BREAKER_STATES } from '../../domain/breaker.ts'
import { MODES } from '../../domain/scope.ts'
import {
  boolean,
  integer,
  named,
  nullable,
  object,
  oneOf,
  type Schema,
  type Static,
  string,
} from '../../http/schema.ts'
import { count } from './fields.ts'
import { provider } from './routing-schemas.ts'

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
  }),
  'A provider, its capabilities, and the outcomes of its recent calls.',
)
export type ProviderView = Static<typeof ProviderState>
