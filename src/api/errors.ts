import { ERROR_CODES, type ErrorCode, type Rejection } from '../domain/error.ts'
import { type Reply, sendRefusal } from '../http/endpoint.ts'
import { type ErrorMeaning, HTTP_ERRORS, type HttpErrorCode, type Refusal } from '../http/errors.ts'

/** The statuses of the codes of the rules. */
const RULE_ERRORS: Readonly<Record<Exclude<ErrorCode, HttpErrorCode>, Omit<ErrorMeaning, 'meaning'>>> = {
  routing_rules_invalid: { status: 400 },
  amount_invalid: { status: 400 },
  currency_invalid: { status: 400 },
  idempotency_key_invalid: { status: 400 },
  notification_unverified: { status: 400 },
  card_declined: { status: 402 },
  provider_declined: { status: 402 },
  transaction_not_found: { status: 404 },
  refund_not_found: { status: 404 },
  api_key_not_found: { status: 404 },
  account_not_found: { status: 404 },
  session_not_found: { status: 404 },
  alarm_not_found: { status: 404 },
  dispute_not_found: { status: 404 },
  delivery_not_found: { status: 404 },
  event_not_found: { status: 404 },
  webhook_endpoint_not_found: { status: 404 },
  webhook_replay_not_found: { status: 404 },
  attempt_not_found: { status: 404 },
  routing_version_not_found: { status: 404 },
  provider_not_found: { status: 404 },
  idempotency_key_in_progress: { status: 409, retryAfterS: 1 },
  events_purged: { status: 410 },
  already_refunded: { status: 409 },
  routing_version_conflict: { status: 409 },
  charge_not_refundable: { status: 409 },
  refund_exceeds_remaining: { status: 409 },
  webhook_endpoint_configured: { status: 409 },
  webhook_endpoint_version_conflict: { status: 409 },
  webhook_endpoint_limit_reached: { status: 409 },
  webhook_replay_limit_reached: { status: 409 },
  webhook_replay_ended: { status: 409 },
  secrets_key_missing: { status: 409 },
  charge_disputed: { status: 409 },
  charge_in_doubt: { status: 409 },
  api_key_ended: { status: 409 },
  account_closed: { status: 409 },
  alarm_not_open: { status: 409 },
  charge_not_capturable: { status: 409 },
  capture_exceeds_authorized: { status: 409 },
  charge_not_cancelable: { status: 409 },
  provider_not_capable: { status: 409 },
  provider_not_configured: { status: 409 },
  attempt_not_open: { status: 409 },
  attempt_not_resolved: { status: 409 },
  idempotency_key_reused: { status: 422 },
  balance_limit_reached: { status: 422 },
  provider_unavailable: { status: 502, retryAfterS: 5 },
}

/** Every code that a client can get in `code`. */
export type ApiErrorCode = ErrorCode | HttpErrorCode

/** The one table of errors: the codes of the rules, and those of HTTP. */
export const ERRORS: Readonly<Record<ApiErrorCode, ErrorMeaning>> = {
  ...(Object.fromEntries(
    Object.entries(RULE_ERRORS).map(([code, http]) => [
      code,
      { ...http, meaning: ERROR_CODES[code as ErrorCode] },
    ]),
  ) as Record<keyof typeof RULE_ERRORS, ErrorMeaning>),
  ...HTTP_ERRORS,
}

/** A rejection of the rules as HTTP sends it. */
export function refusalOf({ code, message, param, problems }: Rejection): Refusal {
  const { status, retryAfterS } = ERRORS[code]
  return {
    ...{ status, code, message },
    ...(retryAfterS !== undefined && { retryAfterS }),
    ...(param !== undefined && { param }),
    ...(problems && { problems }),
  }
}

export function sendRejection(reply: Reply, rejection: Rejection): Reply {
  return sendRefusal(reply, refusalOf(rejection))
}
