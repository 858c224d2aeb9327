/** The receivers of the shop's webhooks: one that works nearly always, and one that has bad days. */
import type { DeliveryAttempt } from '../../domain/delivery.ts'
import type { WebhookEndpoint } from '../../domain/webhooks/endpoint.ts'
import { type Runtime, sleep } from '../../ports/runtime.ts'
import type { WebhookClient } from '../../workers/webhooks/client.ts'
import { drawsOf } from './draws.ts'

export const SHOP = 'http://127.0.0.1:4242/webhooks'
export const ACCOUNTING = 'http://127.0.0.1:4243/postings'

/** A stretch of time in which the accounting's receiver is down; ms since 1970. */
type Downtime = { readonly from: number; readonly until: number }

const FINE: DeliveryAttempt = { kind: 'response', status: 200, answer: 'ok' }

export function scriptReceivers(
  runtime: Runtime,
  seed: number,
  down: Downtime,
): (endpoint: WebhookEndpoint) => WebhookClient {
  const draws = drawsOf(seed + 2)

  function answer({ url }: WebhookEndpoint, body: string): DeliveryAttempt {
    if (url === SHOP)
      return draws.chance(0.01) ? { kind: 'response', status: 500, answer: 'internal error' } : FINE
    if (down.from <= runtime.now() && runtime.now() < down.until)
      return draws.chance(0.5)
        ? { kind: 'no_answer', error: 'connection refused' }
        : { kind: 'response', status: 503, answer: 'maintenance' }
    // It has no account for these.
    if (body.includes('"currency":"kwd"'))
      return { kind: 'response', status: 422, answer: '{"error":"no posting account for KWD"}' }
    return FINE
  }

  return (endpoint) => ({
    host: new URL(endpoint.url).host,
    async send({ body }) {
      await sleep(runtime, draws.whole(15, 140))
      return answer(endpoint, String(body))
    },
    destroy: async () => {},
  })
}
