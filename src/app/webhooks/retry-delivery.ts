import { type Rejection, reject } from '../../domain/error.ts'
import { canonicalJson } from '../../domain/idempotency.ts'
import { notFound } from '../../domain/not-found.ts'
import type { Scope } from '../../domain/scope.ts'
import type { Delivery } from '../../domain/webhooks/delivery.ts'
import type { Audit } from '../audit.ts'
import type { WebhookContext } from './endpoints.ts'

/**
 * Puts a delivery back, in any state and any number of times: it is due now, with all its attempts. Rejections:
 * `delivery_not_found`; `webhook_endpoint_not_found` if its endpoint was deleted. Rejects with `StoreUnavailable`.
 */
export async function retryDelivery(
  { store, now, webhooks }: WebhookContext,
  scope: Scope,
  id: string,
  audit: Audit,
): Promise<Delivery | Rejection> {
  const before = await store.webhookDelivery(scope, id)
  if (!before) return notFound('delivery', id)
  const entry = audit({
    ...{ action: 'delivery.retried', object: id },
    ...{ before: canonicalJson({ status: before.state }), after: '{"status":"pending"}' },
  })
  const put = await store.retryWebhookDelivery(scope, id, now(), entry)
  const after = await store.webhookDelivery(scope, id)
  if (!after) return notFound('delivery', id)
  if (!put)
    return reject('webhook_endpoint_not_found', 'The webhook endpoint of the delivery was deleted.', 'id')
  webhooks.wake()
  return after
}
