/** The clients of one endpoint: that of its URL, and those of former URLs while they have attempts in flight. */
import type { WebhookEndpoint } from '../../domain/webhooks/endpoint.ts'
import type { WebhookClient } from './client.ts'

export type ReceiverClients = {
  /** The client of the present URL. */
  present(): WebhookClient
  /** The endpoint has another URL. */
  move(endpoint: WebhookEndpoint): void
  /** An attempt begins at the client of the present URL, which it returns. */
  begin(): WebhookClient
  /** An attempt ended. */
  end(client: WebhookClient): void
  /** Cuts the attempts in flight. */
  destroy(): Promise<void>
}

export function createReceiverClients(
  make: (endpoint: WebhookEndpoint) => WebhookClient,
  endpoint: WebhookEndpoint,
): ReceiverClients {
  let present = make(endpoint)
  const flying = new Map([[present, 0]])

  function leaveUnused(): void {
    for (const [client, attempts] of flying) {
      if (client === present || attempts > 0) continue
      flying.delete(client)
      void client.destroy()
    }
  }

  return {
    present: () => present,
    move(endpoint) {
      present = make(endpoint)
      flying.set(present, 0)
      leaveUnused()
    },
    begin() {
      flying.set(present, (flying.get(present) ?? 0) + 1)
      return present
    },
    end(client) {
      flying.set(client, (flying.get(client) ?? 1) - 1)
      if (client !== present) leaveUnused()
    },
    async destroy() {
      await Promise.all([...flying.keys()].map((client) => client.destroy()))
    },
  }
}
