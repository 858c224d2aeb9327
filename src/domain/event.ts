/** Every event type, and when it is stored. */
export const EVENT_TYPES = {
  'payment.succeeded': 'A charge succeeded: its money was taken.',
  'payment.failed': 'A charge failed: the provider declined it, or definitely did not take it.',
  'payment.refunded': 'A charge was refunded in full or in part.',
  'payment.authorized': 'The money of a charge is held. You can capture or cancel it.',
  'payment.requires_action': 'The customer must go to `redirect_url` before the charge can continue.',
  'payment.canceled': 'A charge was canceled, or its authorization expired; no money was taken.',
  'payment.capture_failed': 'The provider did not capture a charge; the charge is still authorized.',
  'payment.cancel_failed': 'The provider did not cancel a charge; the charge is unchanged.',
  'refund.failed': 'The provider did not pay a refund; its money belongs to the merchant again.',
  'dispute.opened': 'A customer disputes a charge; its money is reserved.',
  'dispute.updated': 'The amount of a dispute changed, the part of it that is reserved, or its deadline.',
  'dispute.won': 'The merchant won a dispute and has the money again.',
  'dispute.lost': 'The customer won a dispute; the money is gone.',
  'alarm.opened': 'A provider contradicted the books; a person must check it.',
  'alarm.closed': 'A person closed an alarm, or resolved its attempt.',
  'webhook_endpoint.failing':
    'A webhook endpoint has failed every attempt for half of the time after which MiniPay disables it.',
  'webhook_endpoint.disabled': 'MiniPay disabled a webhook endpoint that failed too long or responded 410.',
} as const

export type EventType = keyof typeof EVENT_TYPES
/** Events whose snapshot has a webhook endpoint and no charge. */
export type EndpointEventType = Extract<EventType, `webhook_endpoint.${string}`>
/** All other events: each shows its charge. */
export type ChargeEventType = Exclude<EventType, EndpointEventType>

export function isEndpointEvent(type: EventType): type is EndpointEventType {
  return type.startsWith('webhook_endpoint.')
}
