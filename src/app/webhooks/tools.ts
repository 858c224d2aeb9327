/** What the use cases of webhook endpoints need of the process that sends the webhooks. */
import type { DeliveryTry } from '../../domain/webhooks/delivery.ts'
import type { WebhookEndpoint } from '../../domain/webhooks/endpoint.ts'

export type WebhookTools = {
  /** Sends one signed test event to an endpoint, enabled or not; stores nothing. It never rejects. */
  sendTest(endpoint: WebhookEndpoint): Promise<DeliveryTry>
  /** Called after a change, so that deliveries do not wait for the next look. */
  wake(): void
  /** Called after a test that an endpoint passed: MiniPay does not wait any longer before it sends events to it. */
  probe(endpoint: WebhookEndpoint): void
}

const NOT_HERE = 'This process sends no webhooks.'

/** For a process that sends no webhooks. */
export const NO_WEBHOOKS: WebhookTools = {
  sendTest: async () => ({ at: 0, ms: 0, status: null, error: NOT_HERE, answer: null, why: 'manual' }),
  wake() {},
  probe() {},
}
