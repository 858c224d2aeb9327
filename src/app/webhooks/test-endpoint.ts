import { isRejection, type Rejection, reject } from '../../domain/error.ts'
import type { Scope } from '../../domain/scope.ts'
import type { DeliveryTry } from '../../domain/webhooks/delivery.ts'
import { DEFAULT_ENDPOINT } from '../../domain/webhooks/endpoint.ts'
import { findEndpoint, type WebhookContext } from './endpoints.ts'

/** At once, in this process: a test waits for a stranger's server, so many would hold up requests. */
const MAX_TESTS = 16
/** Of one account, in both modes: its silent receivers leave places to others. */
const MAX_OF_ACCOUNT = 4
/** Its stored URL is the former target. */
const UNSET = reject(
  'webhook_endpoint_configured',
  'The setting WEBHOOK_TARGET is empty, or its events are those of another mode, so there is no target to test.',
  'id',
)
/** The accounts of the tests that run, each as often as it has one. */
const running = new WeakMap<WebhookContext['webhooks'], number[]>()

/**
 * Sends a signed test event to an endpoint, and returns the attempt, also a failed one. Rejections:
 * `webhook_endpoint_not_found`; `webhook_endpoint_configured` for the endpoint of an empty setting; `overloaded` while too
 * many tests run, of all accounts or of this one. Rejects with `StoreUnavailable`.
 */
export async function testEndpoint(
  context: WebhookContext,
  scope: Scope,
  id: string,
): Promise<DeliveryTry | Rejection> {
  const { webhooks } = context
  const endpoint = await findEndpoint(context, scope, id)
  if (isRejection(endpoint)) return endpoint
  if (id === DEFAULT_ENDPOINT && endpoint.status === 'disabled') return UNSET
  const all = running.get(webhooks) ?? []
  const own = all.filter((account) => account === scope.accountId)
  if (all.length >= MAX_TESTS || own.length >= MAX_OF_ACCOUNT)
    return reject('overloaded', 'Too many tests of webhook endpoints run; retry later.')
  all.push(scope.accountId)
  running.set(webhooks, all)
  try {
    return await webhooks.sendTest(endpoint)
  } finally {
    all.splice(all.indexOf(scope.accountId), 1)
  }
}
