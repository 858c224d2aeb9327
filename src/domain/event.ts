/** Every event type, and when it is stored. */
export const EVENT_TYPES = {
  'payment.succeeded': 'A charge succeeded: its money was taken.',
  'payment.failed': 'A charge failed: the provider declined it, or surely never took it.',
  'payment.refunded': 'A charge was refunded, wholly or in part.',
  'payment.authorized': 'The money of a charge is held, to be captured or canceled.',
  'payment.requires_action': 'The customer must go to `redirect_url` before the charge can go on.',
  'payment.canceled': 'A charge was canceled, or its authorization expired; nothing was taken.',
  'payment.capture_failed': 'The provider did not capture a charge; it is authorized as before.',
  'payment.cancel_failed': 'The provider did not cancel a charge; it is as it was before.',
  'refund.failed': 'The provider did not pay a refund; its money is owed to the merchant again.',
  'dispute.opened': 'A customer disputes a charge; its money is set aside.',
  'dispute.updated': 'The amount of a dispute changed, or what of it is set aside.',
  'dispute.won': 'A dispute was decided for the merchant, who has the money again.',
  'dispute.lost': 'A dispute was decided for the customer; the money is gone.',
  'alarm.opened': 'A provider said something that does not fit the books; a person has to look.',
  'alarm.closed': 'A person closed an alarm, or resolved what it was about.',
} as const

export type EventType = keyof typeof EVENT_TYPES
