/** Batches of results as the message to the writer thread: rows are arrays, as in `commit-message`. */
import type { AuditEntry } from '../../domain/audit.ts'
import type { WebhookEndpoint } from '../../domain/webhooks/endpoint.ts'
import type { DeliveryBatch, WebhookHour } from '../../ports/store-webhooks.ts'
import { WEBHOOK_DELIVERIES } from '../columns.ts'
import { attemptsIn, newDelivery } from '../webhooks.ts'
import { live, type Row } from './rows.ts'
import type { NewEvent } from './write-events.ts'

export type BatchMessage = {
  readonly accountId: number
  readonly live: number
  readonly endpoint: string
  readonly token: string
  readonly at: number
  readonly position: number | null
  readonly failing: DeliveryBatch['failing']
  /** The delivery that each result makes if none is stored, and the revision that was read. */
  readonly rows: readonly Row[]
  readonly revisions: readonly (number | null)[]
  readonly attempts: WebhookHour | null
  readonly replay: DeliveryBatch['replay']
  readonly change: {
    readonly before: WebhookEndpoint
    readonly after: WebhookEndpoint
    readonly audit: AuditEntry | null
  } | null
  readonly event: NewEvent | null
}

export function batchMessage(batch: DeliveryBatch): BatchMessage {
  const { scope, endpoint, token, at, position, failing, results, replay, change, event } = batch
  // Pushed: V8 treats an array that `map` made as one with holes, and clones it slowly from thread to thread.
  const rows: Row[] = []
  const revisions: (number | null)[] = []
  for (const result of results) {
    rows.push(WEBHOOK_DELIVERIES.row(newDelivery(result, endpoint, at)))
    revisions.push(result.revision)
  }
  return {
    accountId: scope.accountId,
    live: live(scope),
    ...{ endpoint, token, at, position, failing, rows, revisions, replay, change },
    attempts: attemptsIn(batch),
    event: event && [event.id, event.type, event.data],
  }
}
