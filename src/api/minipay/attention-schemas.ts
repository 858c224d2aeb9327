/** The schemas of what needs attention. */
import { array, integer, named, nullable, object, oneOf, type Static } from '../../http/schema.ts'
import { count, providerName, time } from './fields.ts'

const some = (description: string) => ({ ...count, description, examples: [0] })

export const Attention = named(
  'Attention',
  object({
    unresolved: object(
      {
        unknown: some('Attempts with an unknown outcome.'),
        pending: some('Attempts whose provider reports the outcome later.'),
        overdue: some(
          'Of the oldest 1,000 attempts with an unknown outcome, those that have been unknown for longer than the setting for overdue attempts allows.',
        ),
        oldest_since: {
          ...nullable(time),
          description: 'Since when the outcome of the oldest of them has been unknown.',
        },
      },
      { description: 'Attempts without an outcome.' },
    ),
    failed_deliveries: some('Webhook deliveries that failed and wait for a retry by a person.'),
    webhook_endpoints: object(
      {
        disabled: some(
          'Webhook endpoints that MiniPay disabled because their deliveries failed, or because they are gone.',
        ),
        failing: some('Enabled webhook endpoints whose newest attempts all failed.'),
      },
      { description: 'Webhook endpoints that receive nothing.' },
    ),
    disputes: object(
      {
        open: some('Open disputes, counted up to 1,000.'),
        needs_response: some('Those of them that have a deadline for evidence, counted up to 1,000.'),
        due: some('Those of these whose evidence is due within seven days, or is overdue.'),
        next_due_at: {
          ...nullable(time),
          description: 'The earliest time at which evidence of an open dispute is due.',
        },
      },
      { description: 'Disputes that need a response.' },
    ),
    open_alarms: some('Alarms that are open.'),
    open_breakers: {
      ...array(
        named(
          'OpenBreaker',
          object({
            provider: providerName,
            calls: oneOf(['money', 'lookups'], {
              description: 'Which calls of the provider MiniPay does not make.',
            }),
            state: oneOf(['open', 'half_open'], {
              description: '`half_open`: MiniPay makes one call as a test.',
            }),
            retry_in_ms: integer({
              minimum: 0,
              description: 'Milliseconds until the next try.',
              examples: [5000],
            }),
          }),
          'A circuit breaker that is not closed.',
        ),
      ),
      description: 'Circuit breakers that are not closed, as this process sees them.',
    },
  }),
  'What a person should look at.',
)
export type AttentionView = Static<typeof Attention>
