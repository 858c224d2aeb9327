/** The objects of the examples about webhooks. */

import { DEFAULT_ENDPOINT } from '../../domain/webhooks/endpoint.ts'
import { CHARGE_ID, TIME } from './example-objects.ts'

export const WEBHOOK_SECRET = 'whsec_q1N7hJ8sV0bX3dZ5fK2mR9tY4wC6uA1eG8pL0oI7iE4='
export const WEBHOOK_ENDPOINT = {
  id: 'we_01kasw5v8g000ne3r5yx2tb4qd',
  url: 'https://shop.example.com/webhooks',
  description: null,
  metadata: {},
  events: ['payment.*', 'refund.failed'],
  header_names: ['x-shop'],
  rate_limit: null,
  retry_delays_seconds: [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400],
  format: 'minipay',
  ordered: false,
  disable_after_seconds: 432_000,
  status: 'enabled',
  disabled_reason: null,
  former_secret_until: null,
  position: 0,
  backlog: 0,
  pending: 0,
  failed: 0,
  attempts_24h: 0,
  succeeded_24h: 0,
  failing_since: null,
  version: 1,
  created_at: TIME,
}
const ATTEMPT = {
  started_at: TIME,
  duration_ms: 12,
  status: 500,
  error: 'the receiver responded with 500',
  response: 'out of order',
}
/** The endpoint of `WEBHOOK_TARGET` is not tried again after a 400. */
const FAILED = { ...ATTEMPT, status: 400, error: 'the receiver responded with 400', response: null }
export const WEBHOOK_TEST = {
  endpoint: WEBHOOK_ENDPOINT.id,
  delivered: true,
  ...{ ...ATTEMPT, status: 200, error: null, response: 'ok' },
}
export const REPLAY = {
  id: 'rpl_01kasw5v8g008ne3r5yx2tb4qd',
  endpoint: WEBHOOK_ENDPOINT.id,
  kind: 'failed',
  event_types: null,
  last_error: null,
  after_sequence: 0,
  to_sequence: 1,
  position: 0,
  status: 'running',
  total: 1,
  sent: 0,
  delivered: 0,
  created_at: TIME,
  ended_at: null,
}
export const DELIVERY = {
  id: 'dlv_01kasw5v8g002ne3r5yx2tb4qd',
  endpoint: DEFAULT_ENDPOINT,
  event_id: 'evt_01kasw5v8g001ne3r5yx2tb4qd',
  event_sequence: 1,
  event_type: 'payment.succeeded',
  transaction_id: CHARGE_ID,
  status: 'failed',
  attempts: 1,
  next_attempt_at: null,
  last_status: FAILED.status,
  last_error: FAILED.error,
  created_at: TIME,
  settled_at: TIME,
}
export const DELIVERY_WITH_ATTEMPTS = { ...DELIVERY, attempts_made: [{ ...FAILED, reason: 'event' }] }
