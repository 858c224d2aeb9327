/** The responses of requests that change something, from how they ended. */

import type { Result } from '../../app/execute.ts'
import type { Once } from '../../app/once.ts'
import type { Ending } from '../../app/payments/endings.ts'
import { type ErrorCode, isRejection, type Rejection } from '../../domain/error.ts'
import type { EndingKind } from '../../domain/idempotency.ts'
import { type Reply, sendJson } from '../../http/endpoint.ts'
import { ERRORS, sendRejection } from '../errors.ts'
import { alarmView, asOf, chargeView, refundView } from './views.ts'

function objectView(ending: Ending): object {
  switch (ending.about) {
    case 'charge':
      return asOf(ending.era, chargeView(ending.object))
    case 'refund':
      return asOf(ending.era, refundView(ending.object), 'refund_')
    case 'alarm':
      return alarmView(ending.object)
  }
}

/**
 * The body of a response: the object, or why the provider did not do it, with the object. `declined` is the code of a
 * refusal by the provider.
 */
export function endingView(ending: Ending, declined: ErrorCode = 'provider_declined'): object {
  const view = objectView(ending)
  const { kind, about, refusal } = ending
  if (!refusal) return view
  return {
    error: refusal.failureMessage,
    code: kind === 'unavailable' ? 'provider_unavailable' : declined,
    decline_code: refusal.declineCode,
    [about]: view,
  }
}

const STATUSES: Readonly<Record<EndingKind, number>> = {
  created: 201,
  done: 200,
  accepted: 202,
  declined: ERRORS.provider_declined.status,
  unavailable: ERRORS.provider_unavailable.status,
}

/** Sends what a request made, with this status; with 200 if an earlier request with its key made it. */
export function sendOnce(reply: Reply, { replayed }: Once<object>, view: object, status: 200 | 201): Reply {
  if (replayed) reply.header('idempotent-replayed', 'true')
  return sendJson(reply, replayed ? 200 : status, JSON.stringify(view))
}

/** Sends the result of a use case. A replay of what was created is 200, and a refusal names its request. */
export function sendResult(reply: Reply, result: Result | Rejection, declined?: ErrorCode): Reply {
  if (isRejection(result)) return sendRejection(reply, result)
  const { kind, refusal, replayed } = result
  if (replayed) reply.header('idempotent-replayed', 'true')
  const view = endingView(result, declined)
  const body = refusal ? { ...view, request_id: reply.request.id } : view
  return sendJson(reply, replayed && kind === 'created' ? 200 : STATUSES[kind], JSON.stringify(body))
}
