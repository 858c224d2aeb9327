/** The schemas of attempts, which are calls to providers. */

import { ATTEMPT_KINDS, ATTEMPT_STATES, RESOLVERS } from '../../domain/attempt.ts'
import {
  array,
  integer,
  named,
  nullable,
  object,
  oneOf,
  optional,
  type Static,
  strict,
  string,
} from '../../http/schema.ts'
import {
  amount,
  attemptId,
  chargeId,
  createdFilters,
  currency,
  declineCode,
  limit,
  listFormat,
  providerName,
  refundId,
  startingAfter,
  time,
} from './fields.ts'
import { statusFilter } from './lists.ts'

const skipped = object({
  provider: providerName,
  reason: string({ description: 'The reason why MiniPay skipped it.', examples: ['circuit breaker open'] }),
})

const attemptRoute = {
  ...nullable(
    named(
      'AttemptRoute',
      object({
        version: nullable(
          integer({ description: 'The version of the routing rules. Null while none are stored.' }),
        ),
        rule: string({ description: 'The rule that matched, or `default`.', examples: ['default'] }),
        skipped: { ...array(skipped), description: 'Providers that MiniPay skipped before this one.' },
        next: { ...array(providerName), description: 'Providers to fail over to, in order.' },
        failover_on: {
          ...array(string({ examples: ['processing_error'] })),
          description: 'Decline codes after which MiniPay calls the next provider.',
        },
        notes: { ...array(string()), description: 'Rules that could not be evaluated, with the reason.' },
        again: nullable(
          string({
            description:
              'The id of the earlier attempt, which never reached this provider. This attempt makes the same call once more.',
          }),
        ),
      }),
      'How MiniPay chose the provider.',
    ),
  ),
  description:
    'How MiniPay chose the provider. Null for a capture, a cancel or a refund: they go to the provider that has the charge.',
}

export const STATES = Object.keys(ATTEMPT_STATES) as (keyof typeof ATTEMPT_STATES)[]

const attemptStatus = named(
  'AttemptStatus',
  oneOf(STATES, {
    description: Object.entries(ATTEMPT_STATES)
      .map(([state, meaning]) => `\`${state}\`: ${meaning}.`)
      .join(' '),
  }),
)

export const Attempt = named(
  'Attempt',
  object({
    id: attemptId,
    transaction_id: chargeId,
    refund_id: nullable(refundId),
    kind: oneOf(ATTEMPT_KINDS, { description: 'The operation that MiniPay requested.' }),
    provider: { ...providerName, examples: ['bank_a'] },
    status: attemptStatus,
    amount,
    currency,
    route: attemptRoute,
    provider_reference: nullable(string({ description: "The provider's own id of the operation." })),
    decline_code: nullable(declineCode),
    reason: nullable(
      string({ description: 'The reason for its outcome, or the reason why the outcome is unknown.' }),
    ),
    resolved_by: nullable(oneOf(RESOLVERS, { description: 'The source of its outcome.' })),
    lookups: integer({ minimum: 0, description: 'The number of lookups.' }),
    started_at: { ...time, description: 'When the call began.' },
    ended_at: nullable({ ...time, description: 'When its outcome became known.' }),
    duration_ms: nullable(integer({ description: 'Milliseconds from its start to its end.' })),
    next_lookup_at: nullable({ ...time, description: 'When MiniPay looks it up next.' }),
    unknown_since: nullable({ ...time, description: 'The time since which its outcome is unknown.' }),
  }),
  'A call to a provider that moves money: an authorization, a capture, a cancel or a refund.',
)
export type AttemptView = Static<typeof Attempt>

export const AttemptsQuery = strict({
  limit,
  starting_after: startingAfter,
  ...listFormat,
  status: statusFilter(STATES),
  provider: optional({ ...providerName, description: 'Attempts at this provider.' }),
  kind: optional(oneOf(ATTEMPT_KINDS, { description: 'Attempts of this operation.' })),
  overdue: optional(
    oneOf(['true'], {
      description:
        'Attempts that have been `unknown` for longer than `MINIPAY_UNKNOWN_AGE_MINUTES`: a person must resolve them.',
    }),
  ),
  order: optional(
    oneOf(['newest', 'oldest'], {
      description:
        'Which come first; by default the newest. With `oldest`, the next page has newer attempts.',
    }),
  ),
  ...createdFilters,
})

export const AttemptLookup = named(
  'AttemptLookup',
  object({
    attempt: { ...Attempt, description: 'The attempt after the lookup.' },
    outcome: oneOf(['succeeded', 'declined', 'pending', 'not_sent', 'unknown'], {
      description:
        'What the lookup found. `unknown`: the provider gave no outcome that MiniPay can use; it looks again later.',
    }),
    reason: nullable(
      string({ description: 'Why the outcome is unknown, or why the call was declined or not sent.' }),
    ),
  }),
  'The result of a lookup.',
)

export const ResolveBody = named(
  'ResolveAttemptRequest',
  strict({
    outcome: oneOf(['succeeded', 'failed'], {
      description: 'The outcome that the provider shows.',
      examples: ['succeeded'],
    }),
    provider_reference: optional(
      string({ minLength: 1, maxLength: 255, description: "The provider's own id of the operation." }),
    ),
    amount: optional({
      ...amount,
      description:
        'Minor units that were captured or refunded, if less than requested. Omit it for an authorization or a cancel.',
      examples: [400],
    }),
    expected_status: optional(
      oneOf(STATES, {
        description:
          'The status that you saw. If the attempt has another one now, for example because another person resolved it, the response is 409 `attempt_not_open`, and nothing changes.',
        examples: ['unknown'],
      }),
    ),
    note: optional(
      string({
        minLength: 1,
        maxLength: 200,
        description:
          "The reason why it failed. MiniPay stores it with the charge, and as the reason with which it closes the attempt's alarms.",
      }),
    ),
  }),
  'The outcome of the attempt.',
)
