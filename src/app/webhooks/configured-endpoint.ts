/** The webhook endpoint that the setting `WEBHOOK_TARGET` makes, as the first versions of MiniPay had it. */
import { DEFAULT_ENDPOINT, type WebhookEndpoint } from '../../domain/webhooks/endpoint.ts'
import type { Scope, Store } from '../../ports/store.ts'

/** All events but those about webhook endpoints, which the first versions did not have. */
export const CONFIGURED_EVENTS = ['payment.*', 'refund.*', 'dispute.*', 'alarm.*'] as const

/** The endpoint of a target; its schedule is the original's. Its secret is a setting, which the database never holds. */
export function configuredEndpoint(scope: Scope, target: URL, now: number): WebhookEndpoint {
  return {
    ...{ id: DEFAULT_ENDPOINT, scope, url: target.href, description: null, metadata: {} },
    ...{ events: CONFIGURED_EVENTS, headers: {}, rateLimit: null, schedule: null, format: 'original' },
    ...{ ordered: false, secrets: [], disableAfterMs: null, status: 'enabled', disabledReason: null },
    ...{ version: 1, createdAt: now, deletedAt: null },
  }
}

/**
 * Makes the stored endpoint agree with the setting, at the start. With an empty setting, or in a scope that the setting
 * no longer serves, it is disabled; it gets no events that occur meanwhile, but deliveries that wait then go to the
 * next target. Rejects with `StoreUnavailable`.
 */
export async function ensureConfiguredEndpoint(
  store: Pick<Store, 'setDefaultWebhookEndpoint' | 'now'>,
  scope: Scope,
  target: URL | null,
): Promise<void> {
  await store.setDefaultWebhookEndpoint(target ? configuredEndpoint(scope, target, store.now()) : null)
}
