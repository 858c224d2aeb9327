/** The schemas of alarms. */
import { ALARM_KINDS, ALARM_STATES } from '../domain/alarm.ts'
import { boolean, integer, nullable, object, oneOf, optional, type Static, strict, string } from './schema.ts'
import { limit, sum, time, transactionId } from './schemas.ts'

export const Alarm = object({
  id: string({ examples: ['alm_01kasw5v8g005ne3r5yx2tb4qd'] }),
  transaction_id: transactionId,
  attempt_id: nullable(string({ description: 'The call to the provider that it is about.' })),
  dispute_id: nullable(string({ description: 'The dispute that it is about.' })),
  kind: oneOf(Object.keys(ALARM_KINDS), { description: 'What the provider did that does not fit.' }),
  provider: string({ examples: ['bank_a'] }),
  said: string({ description: 'What the provider said: how a call ended, or how a dispute stands.' }),
  provider_reference: nullable(
    string({ description: 'What the statement is about, as the provider names it.' }),
  ),
  amount: {
    ...nullable(integer({ minimum: 0 })),
    description: 'As the provider says it, in minor units of `currency`.',
  },
  currency: nullable(string({ examples: ['usd'] })),
  message: string({ description: 'A sentence for a person.' }),
  status: oneOf(ALARM_STATES),
  in_doubt: {
    ...boolean(),
    description: 'While true, no capture, cancel or refund of the charge is begun.',
  },
  opened_at: time,
  closed_at: nullable(time),
  reason: nullable(string({ description: 'Why it was closed.' })),
})
export type Alarm = Static<typeof Alarm>

export const AlarmsQuery = strict({
  limit,
  starting_after: optional(string({ description: 'The last id of the page before.' })),
  status: optional(oneOf(ALARM_STATES)),
  transaction_id: optional(transactionId),
})

export const CloseAlarmBody = strict({
  reason: string({
    minLength: 1,
    maxLength: 500,
    description: 'Why it needs no more attention, in your words.',
    examples: ['The customer was refunded at the dashboard.'],
  }),
  amount: optional({
    ...sum,
    description:
      "What really happened, to be booked with it, in minor units of the charge's currency: of `already_captured` what was captured, of `already_refunded` what was refunded, of `dispute_mismatch` what the dispute holds.",
    examples: [2500],
  }),
})
