import type { WebhookEndpoint } from '../../domain/webhooks/endpoint.ts'
import type { Log } from '../../ports/log.ts'
import { closedPart, secretContext, type Vault } from '../../ports/vault.ts'

/**
 * Says whether this process can sign for an endpoint. If its current secret or a header does not open, the process
 * leaves the endpoint to others. If none has the key, the endpoint waits with all its events, rather than fail them one
 * after another: the key may come back, and the receiver did nothing wrong.
 * Checks each version of an endpoint once, because the keys of a process do not change.
 */
export function createSecretCheck(vault: Vault, log: Log): (endpoint: WebhookEndpoint) => boolean {
  const checked = new Map<string, { readonly version: number; readonly opens: boolean }>()
  return function opens(endpoint) {
    const context = secretContext(endpoint.scope, endpoint.id)
    const known = checked.get(context)
    if (known?.version === endpoint.version) return known.opens
    const reason = closedPart(vault, endpoint)
    checked.set(context, { version: endpoint.version, opens: reason === null })
    if (reason !== null)
      log.error(
        { endpoint: endpoint.id, reason },
        'The secret or a header of a webhook endpoint does not open here, so this process leaves it to others. Its events are kept.',
      )
    return reason === null
  }
}
