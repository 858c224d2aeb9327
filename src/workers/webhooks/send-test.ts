/** Sends a test event to a webhook endpoint, on request. */
import type { EventType } from '../../domain/event.ts'
import type { IdPrefix } from '../../domain/id.ts'
import { encodeFacts } from '../../domain/snapshot.ts'
import type { DeliveryTry } from '../../domain/webhooks/delivery.ts'
import type { WebhookEndpoint } from '../../domain/webhooks/endpoint.ts'
import { failureOf } from '../../domain/webhooks/schedule.ts'
import type { Log } from '../../ports/log.ts'
import type { StoredEvent } from '../../ports/store.ts'
import { VaultError } from '../../ports/vault.ts'
import type { WebhookClient } from './client.ts'
import { endpointFacts } from './endpoint-news.ts'
import type { MessageOf } from './message.ts'

/** No stored event has this type, so a receiver never takes a test for a payment. */
export const TEST_EVENT = 'webhook_endpoint.test'

/** The vault's reason names files and settings of the server: it is for the operator alone. */
const CLOSED = 'The server cannot open the secret of this endpoint; its operator finds the reason in the log.'

export type TestOptions = {
  /** Renders `TEST_EVENT` in every format. */
  readonly messageOf: MessageOf
  readonly clientOf: (endpoint: WebhookEndpoint) => WebhookClient
  readonly newId: (prefix: IdPrefix) => string
  /** ms since 1970. */
  readonly now: () => number
  readonly monotonic: () => number
  readonly log: Pick<Log, 'error'>
}

/** Sends one signed event and returns the attempt. Never rejects: a failure is an attempt that says why. */
export function createTestSender(options: TestOptions): (endpoint: WebhookEndpoint) => Promise<DeliveryTry> {
  const { messageOf, clientOf, newId, now, monotonic, log } = options
  return async (endpoint) => {
    const at = now()
    const startedAt = monotonic()
    const made = { at, why: 'manual' } as const
    const elapsed = () => Math.round(monotonic() - startedAt)
    try {
      const message = messageOf(endpoint, testEvent(endpoint, newId('evt'), at), newId('dlv'), at)
      const client = clientOf(endpoint)
      const attempt = await client.send(message)
      // No other message uses its connection.
      await client.destroy()
      const response = attempt.kind === 'response' ? attempt : undefined
      const { status = null, answer = null } = response ?? {}
      return { ...made, ms: elapsed(), status, error: failureOf(attempt), answer }
    } catch (error) {
      if (!(error instanceof VaultError)) throw error
      log.error(
        { endpoint: endpoint.id, reason: error.message },
        'A webhook endpoint cannot be tested, because its secret does not open.',
      )
      return { ...made, ms: elapsed(), status: null, error: CLOSED, answer: null }
    }
  }
}

function testEvent(endpoint: WebhookEndpoint, id: string, createdAt: number): StoredEvent {
  const data = encodeFacts({ endpoint: endpointFacts(endpoint, null) })
  return {
    ...{ id, createdAt, sequence: 0, epoch: 'test', data },
    type: TEST_EVENT as EventType,
  }
}
