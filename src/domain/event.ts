/** Every event type, and when it is stored. */
export const EVENT_TYPES = {
  'payment.succeeded': 'A charge succeeded.',
  'payment.failed': 'A charge was declined by the provider.',
  'payment.refunded': 'A charge was refunded, wholly or in part.',
} as const

export type EventType = keyof typeof EVENT_TYPES
