/** The schemas of the bodies of webhooks, which `api/webhooks/original.ts` makes. */

import { EVENT_TYPES, type EventType } from '../../domain/event.ts'
import { named, object, oneOf, optional, type Schema, type Static, string } from '../../http/schema.ts'
import { alarmKind } from './alarm-schemas.ts'
import { Charge } from './charge-schemas.ts'
import { Dispute } from './dispute-schemas.ts'
import { EndpointEventData } from './event-schemas.ts'
import {
  alarmId,
  amount,
  currency,
  customer,
  disputeId,
  epoch,
  eventId,
  refundId,
  sequence,
  time,
} from './fields.ts'
import { Refund } from './refund-schemas.ts'

const { properties: charge } = Charge
const { properties: endpoint } = EndpointEventData

const ofEvent = (type: Schema<EventType>) => ({
  type,
  event_id: eventId,
  sequence: {
    ...sequence,
    minimum: 1,
    description: 'The number of the event, without gaps within an epoch.',
  },
  epoch,
  created_at: { ...time, description: 'When the event was stored.' },
})

/** The fields of every webhook about a charge. Events that an earlier version stored lack the optional ones. */
const common = (type: Schema<EventType>) => ({
  ...{ id: charge.id, amount, currency, customer, status: charge.status },
  ...ofEvent(type),
  amount_captured: optional(charge.amount_captured),
  amount_refunded: optional(charge.amount_refunded),
  amount_disputed: optional(charge.amount_disputed),
  metadata: optional(charge.metadata),
  idempotency_key: optional(
    string({ description: 'The key of the request that made the charge.', examples: ['order-1234'] }),
  ),
})

const REFUND: readonly EventType[] = ['payment.refunded', 'refund.failed']
const is = (prefix: string) => (type: EventType) => type.startsWith(prefix)
const types = (wanted: (type: EventType) => boolean) =>
  oneOf((Object.keys(EVENT_TYPES) as EventType[]).filter(wanted), { description: 'The type of the event.' })

const ChargeWebhook = named(
  'ChargeWebhook',
  object({
    ...common(types((type) => is('payment.')(type) && !REFUND.includes(type))),
    decline_code: optional(charge.decline_code),
    failure_message: optional(charge.failure_message),
  }),
  'The body of a webhook about a charge.',
)
const RefundWebhook = named(
  'RefundWebhook',
  object({
    ...common(types((type) => REFUND.includes(type))),
    refund_id: refundId,
    refund_amount: { ...amount, description: 'Minor units of the refund.' },
    refund_status: optional(Refund.properties.status),
    refund_idempotency_key: optional(
      string({ description: 'The key of the request that made the refund.', examples: ['refund-1234'] }),
    ),
  }),
  'The body of a webhook about a refund.',
)
const DisputeWebhook = named(
  'DisputeWebhook',
  object({
    ...common(types(is('dispute.'))),
    dispute_id: disputeId,
    dispute_amount: Dispute.properties.amount,
    dispute_currency: optional(Dispute.properties.currency),
    dispute_status: optional(Dispute.properties.status),
  }),
  'The body of a webhook about a dispute.',
)
const AlarmWebhook = named(
  'AlarmWebhook',
  object({
    ...common(types(is('alarm.'))),
    alarm_id: alarmId,
    alarm_kind: optional(alarmKind),
  }),
  'The body of a webhook about an alarm.',
)

const EndpointWebhook = named(
  'EndpointWebhook',
  object({
    ...{ id: endpoint.id, ...ofEvent(types(is('webhook_endpoint.'))) },
    ...{ url: endpoint.url, url_fingerprint: endpoint.url_fingerprint },
    ...{ description: endpoint.description, status: endpoint.status },
    ...{ disabled_reason: endpoint.disabled_reason, failing_since: endpoint.failing_since },
  }),
  'The body of a webhook about a webhook endpoint.',
)
export type EndpointWebhookView = Static<typeof EndpointWebhook>

/** The body of a webhook: the fields of every one, and those of the object that its event is about. */
export type WebhookView = Static<typeof ChargeWebhook> &
  About<typeof RefundWebhook> &
  About<typeof DisputeWebhook> &
  About<typeof AlarmWebhook>
type About<S> = Partial<Omit<Static<S>, keyof Static<typeof ChargeWebhook>>>

/** The schema of the body of an event's webhook. */
export function webhookSchema(type: EventType): Schema {
  if (REFUND.includes(type)) return RefundWebhook
  if (is('dispute.')(type)) return DisputeWebhook
  if (is('webhook_endpoint.')(type)) return EndpointWebhook
  return is('alarm.')(type) ? AlarmWebhook : ChargeWebhook
}
