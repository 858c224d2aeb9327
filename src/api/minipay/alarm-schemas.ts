/** The schemas of alarms. */
import { ALARM_KINDS, ALARM_STATES } from '../../domain/alarm.ts'
import {
  boolean,
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
  alarmId,
  attemptId,
  chargeId,
  disputeId,
  limit,
  listFormat,
  providerName,
  startingAfter,
  sum,
  time,
} from './fields.ts'

const status = named('AlarmStatus', oneOf(ALARM_STATES, { description: 'The status of the alarm.' }))
export const alarmKind = named(
  'AlarmKind',
  oneOf(Object.keys(ALARM_KINDS), {
    description: Object.entries(ALARM_KINDS)
      .map(([kind, meaning]) => `\`${kind}\`: ${meaning}`)
      .join(' '),
  }),
)

export const Alarm = named(
  'Alarm',
  object({
    id: alarmId,
    transaction_id: chargeId,
    attempt_id: nullable({ ...attemptId, description: 'The id of the attempt that it is about.' }),
    dispute_id: nullable({ ...disputeId, description: 'The id of the dispute that it is about.' }),
    kind: alarmKind,
    provider: { ...providerName, examples: ['bank_a'] },
    said: string({
      description: 'The outcome of a call, or the status of a dispute, as the provider states it.',
    }),
    provider_reference: nullable(
      string({ description: "The provider's own id of the payment, refund or dispute." }),
    ),
    amount: {
      ...nullable(integer({ minimum: 0 })),
      description: 'As the provider states it, in minor units of `currency`.',
    },
    currency: nullable(string({ description: 'As the provider states it.', examples: ['usd'] })),
    message: string({ description: 'A sentence for people.' }),
    status,
    in_doubt: {
      ...boolean(),
      description: 'While true, MiniPay refuses captures, cancels and refunds of the charge.',
    },
    opened_at: { ...time, description: 'When it was opened.' },
    closed_at: nullable({ ...time, description: 'When it was closed.' }),
    reason: nullable(string({ description: 'Why it was closed.' })),
  }),
  'A statement of a provider that contradicts the books.',
)
export type AlarmView = Static<typeof Alarm>

export const AlarmsQuery = strict({
  limit,
  starting_after: startingAfter,
  status: optional(status),
  transaction_id: optional(chargeId),
  provider: optional({ ...providerName, description: 'Alarms about statements of this provider.' }),
  ...listFormat,
})

export const CloseAlarmBody = named(
  'CloseAlarmRequest',
  strict({
    reason: string({
      minLength: 1,
      maxLength: 500,
      description: 'The reason for closing it, in your words.',
      examples: ['The customer was refunded at the dashboard.'],
    }),
    amount: optional({
      ...sum,
      description:
        "Books this amount, in minor units of the charge's currency. For `already_captured` it is the amount that was captured, for `already_refunded` the amount that was refunded, for `dispute_mismatch` the amount that the dispute reserves.",
      examples: [2500],
    }),
  }),
  'Why the alarm is closed.',
)
