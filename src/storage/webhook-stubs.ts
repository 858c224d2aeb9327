import type { WebhookStore } from '../ports/store-webhooks.ts'

const missing = async (): Promise<never> => {
  throw new Error('This engine does not store webhooks yet.')
}

/** Methods that an engine does not have yet. */
export const webhookStubs: WebhookStore = {
  addWebhookEndpoint: missing,
  changeWebhookEndpoint: missing,
  setDefaultWebhookEndpoint: missing,
  webhookEndpoint: missing,
  webhookEndpoints: missing,
  sealedWebhookEndpoints: async () => [],
  webhookCursor: missing,
  claimWebhookCursors: missing,
  releaseWebhookCursors: missing,
  eventsToDeliver: missing,
  storedDeliveries: missing,
  dueDeliveries: missing,
  nextDue: missing,
  blockedObjects: missing,
  failedDeliveriesOf: missing,
  recordDeliveries: missing,
  webhookDeliveries: missing,
  webhookDelivery: missing,
  retryWebhookDelivery: missing,
  retryWebhookDeliveries: missing,
  failedWebhookDeliveries: missing,
  addReplay: missing,
  replay: missing,
  replays: missing,
  cancelReplay: missing,
  webhookDeliveryTotals: missing,
  backlogTotals: missing,
  purgeDeliveries: missing,
  onRemoteEvents() {},
}
