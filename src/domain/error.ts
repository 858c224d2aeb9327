import type { Problem } from './routing/rule-set.ts'

/** The codes of the rules, with their meanings. HTTP adds its own, and the statuses of all. */
export const ERROR_CODES = {
  parameter_missing: 'A required field is absent.',
  card_number_refused: 'A value looks like a card number. MiniPay takes tokens, never cards.',
  parameter_unknown: 'The route has no such field or query parameter.',
  parameter_invalid: 'A field or query parameter has the wrong type or is outside its limits.',
  amount_invalid:
    'The amount is not a positive integer of minor units up to 9007199254740991, written in plain digits.',
  currency_invalid: 'The currency is not an ISO 4217 code with a minor unit.',
  idempotency_key_invalid: 'The Idempotency-Key is not 1 to 255 visible ASCII characters.',
  idempotency_key_reused: 'The Idempotency-Key was used with another body or route; MiniPay did nothing.',
  idempotency_key_in_progress: 'The first request with this Idempotency-Key is still running; retry later.',
  card_declined:
    'The provider or a velocity limit declined the charge; `decline_code` gives the reason. MiniPay stores the failed charge.',
  provider_declined:
    'The provider declined a capture, a cancel or a refund; `decline_code` gives the reason. No money moved.',
  provider_unavailable:
    'No provider could take the charge, capture, cancel or refund, and no money moved; or a lookup is not possible now.',
  routing_rules_invalid:
    'The rule set has errors; `problems` lists each with its position. MiniPay stored nothing.',
  routing_version_not_found: 'MiniPay does not keep this version of the routing rules.',
  routing_version_conflict: 'The rule set is no longer at the expected version; MiniPay stored nothing.',
  permission_denied:
    'The API key lacks the permission that the endpoint requires, or that the request would grant; the message names it.',
  api_key_not_found: 'No API key has this id.',
  account_not_found: 'No account has this id.',
  session_not_found: 'No session of the dashboard has this id, or it has ended.',
  transaction_not_found: 'No transaction has this id.',
  refund_not_found: 'No refund has this id.',
  dispute_not_found: 'No dispute has this id.',
  alarm_not_found: 'No alarm has this id.',
  events_purged:
    'Events after this sequence were deleted after their retention; the message names the last deleted one.',
  delivery_not_found: 'No webhook delivery has this id.',
  event_not_found: 'No event has this id.',
  webhook_endpoint_not_found: 'No webhook endpoint has this id.',
  webhook_replay_not_found: 'No webhook replay has this id.',
  already_refunded: 'Nothing of the transaction is left to refund.',
  charge_not_refundable: 'The transaction cannot be refunded in its current state.',
  refund_exceeds_remaining: 'The amount is more than what is left to refund.',
  charge_disputed: 'What is left of the transaction is disputed and cannot be refunded.',
  charge_in_doubt:
    'A provider contradicted the books of this transaction. MiniPay moves no more money of it until its alarm is settled.',
  charge_not_capturable:
    'The transaction is not authorized, is no longer authorized, or has a cancel pending.',
  capture_exceeds_authorized: 'The amount is more than what was authorized.',
  charge_not_cancelable:
    'The transaction cannot be canceled in its current state, or a cancel is already in progress.',
  provider_not_capable: 'The provider of this transaction does not support this operation.',
  provider_not_configured: 'The provider of this transaction is no longer configured.',
  provider_not_found: 'No provider with this name is configured.',
  notification_unverified: 'MiniPay cannot verify the notification: its signature, time or format is wrong.',
  attempt_not_found: 'No attempt has this id.',
  attempt_not_open: 'The attempt has ended, or MiniPay is sending it or looking it up now.',
  attempt_not_resolved: 'The attempt cannot be resolved by hand; the message gives the reason.',
  api_key_ended: 'The API key was revoked or rolled, or has expired; it cannot change any more.',
  account_closed: 'The account is closed.',
  alarm_not_open: 'The alarm is already closed.',
  webhook_endpoint_configured:
    'The setting WEBHOOK_TARGET makes this webhook endpoint; only the configuration changes it.',
  webhook_endpoint_version_conflict:
    'The webhook endpoint is no longer at the expected version; MiniPay changed nothing.',
  webhook_endpoint_limit_reached:
    'The account has 1,000 webhook endpoints in this mode, the most that it can have.',
  webhook_replay_limit_reached: 'The webhook endpoint has ten running replays, the most that it can have.',
  webhook_replay_ended: 'The webhook replay has ended; it cannot be canceled.',
  secrets_key_missing: 'MiniPay has no key to encrypt the secrets of webhook endpoints with.',
  balance_limit_reached: 'The amount would exceed the largest balance that the ledger can store.',
  overloaded: 'Too many requests are waiting; retry later.',
} as const

export type ErrorCode = keyof typeof ERROR_CODES

/** A refused request, as a value: a sentence for people, a code for programs, and the field that caused it. */
export type Rejection = {
  readonly rejected: true
  readonly code: ErrorCode
  readonly message: string
  readonly param?: string
  /** For `routing_rules_invalid`: every problem with its place. */
  readonly problems?: readonly Problem[]
}

export function reject(code: ErrorCode, message: string, param?: string): Rejection {
  return param === undefined ? { rejected: true, code, message } : { rejected: true, code, message, param }
}

export function isRejection(value: object): value is Rejection {
  return 'rejected' in value
}
