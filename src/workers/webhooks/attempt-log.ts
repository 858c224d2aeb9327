/** What a courier writes to the log about an attempt. */
import type { DeliveryAttempt } from '../../domain/delivery.ts'
import type { WebhookEndpoint } from '../../domain/webhooks/endpoint.ts'
import type { WebhookMessage } from './client.ts'
import type { CourierParts } from './courier-parts.ts'
import type { Job } from './job.ts'
import { reasonOf } from './message.ts'

/** The message; or the reason why there is none, which is not the receiver's fault and takes no slot from it. */
export function messageOrReason(
  { message, log }: Pick<CourierParts, 'message' | 'log'>,
  endpoint: WebhookEndpoint,
  { event, id }: Job,
  at: number,
): WebhookMessage | string {
  try {
    return message(endpoint, event, id, at)
  } catch (error) {
    log.error(
      { delivery: id, event: event.id, endpoint: endpoint.id, err: error },
      'The body of a webhook cannot be rendered.',
    )
    return reasonOf(error)
  }
}

/** `host`: that of the URL, whose path may be a secret. */
export function logFailed(
  { log }: Pick<CourierParts, 'log'>,
  endpoint: string,
  host: string,
  { id, event }: Job,
  attempt: DeliveryAttempt,
): void {
  const status = attempt.kind === 'response' ? attempt.status : null
  const error = attempt.kind === 'response' ? null : attempt.error
  log.warn(
    { delivery: id, event: event.id, endpoint, host, status, error },
    'A webhook failed for good. When the receiver works again, send failed webhooks with: minipay webhooks retry',
  )
}
