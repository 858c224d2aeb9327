import { isRejection, type Rejection, reject } from '../../domain/error.ts'
import type { Scope } from '../../domain/scope.ts'
import type { DeliveryTry } from '../../domain/webhooks/delivery.ts'
import { findEndpoint, type WebhookContext } from './endpoints.ts'

/** At once, in this process: a test waits for a stranger's server, so many would hold up requests. */
const MAX_TESTS = 16
const running = new WeakMap<WebhookContext['webhooks'], number>()

/**
 * Sends a signed test event to an endpoint, and returns the attempt, also a failed one. Rejections:
 * `webhook_endpoint_not_found`; `overloaded` while too many tests run. Rejects with `StoreUnavailable`.
 */
export async function testEndpoint(
  context: WebhookContext,
  scope: Scope,
  id: string,
): Promise<DeliveryTry | Rejection> {
  const { webhooks } = context
  const endpoint = await findEndpoint(context, scope, id)
  if (isRejection(endpoint)) return endpoint
  const others = running.get(webhooks) ?? 0
  if (others >= MAX_TESTS)
    return reject('overloaded', 'Too many tests of webhook endpoints run; retry later.')
  running.set(webhooks, others + 1)
  try {
    const tested = await webhooks.sendTest(endpoint)
    if (tested.error === null) webhooks.probe(endpoint)
    return tested
  } finally {
    running.set(webhooks, (running.get(webhooks) ?? 1) - 1)
  }
}
