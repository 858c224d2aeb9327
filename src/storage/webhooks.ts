/** What both engines share for webhooks. */
import type { Scope } from '../domain/scope.ts'
import { type Delivery, KEPT_TRIES } from '../domain/webhooks/delivery.ts'
import type { WebhookEndpoint } from '../domain/webhooks/endpoint.ts'
import type { Replay } from '../domain/webhooks/replay.ts'
import type { StoredEvent } from '../ports/store.ts'
import type { DeliveryBatch, DeliveryResult, DueDelivery, WebhookHour } from '../ports/store-webhooks.ts'
import { WEBHOOK_DELIVERIES, WEBHOOK_ENDPOINTS, WEBHOOK_REPLAYS } from './columns.ts'
import { selectList } from './table.ts'

const SCOPE = (table: string) => `${table}.account_id AS "accountId", ${table}.live`

/** Of the endpoint `w`. */
export const ENDPOINT_COLUMNS = `${SCOPE('w')}, ${selectList(WEBHOOK_ENDPOINTS, {}, 'w')}`
/** Of the replay `r`. */
export const REPLAY_COLUMNS = `${SCOPE('r')}, ${selectList(WEBHOOK_REPLAYS, {}, 'r')}`
/** The id of a delivery has the time of its event's id, which is made up to this long before or after the event's time. */
export const DELIVERY_MARGIN_MS = 60_000
/** The condition that somebody put the delivery `d` back, and that it was not tried since. */
export const PUT_BACK = 'd.revision > 0 AND d.attempts = 0'
/** The beginning of the ids of an event's deliveries. */
export const beginningOf = (eventTime: string | undefined): string | undefined =>
  eventTime === undefined ? undefined : `dlv_${eventTime}`
/** Of the delivery `d`. */
export const DELIVERY_COLUMNS = selectList(WEBHOOK_DELIVERIES, {}, 'd')

type Owned = { readonly accountId: number; readonly live: number }

const scopeOf = ({ accountId, live }: Owned): Scope => ({ accountId, mode: live === 1 ? 'live' : 'test' })

/** The endpoint in a row that was read with `ENDPOINT_COLUMNS`. */
export function endpointOf(found: object): WebhookEndpoint {
  const { accountId, live, ...row } = found as Owned
  return { scope: scopeOf({ accountId, live }), ...WEBHOOK_ENDPOINTS.of(row) }
}

/** The replay in a row that was read with `REPLAY_COLUMNS`. */
export function replayOf(found: object): Replay {
  const { accountId, live, ...row } = found as Owned
  return { scope: scopeOf({ accountId, live }), ...WEBHOOK_REPLAYS.of(row) }
}

/** The columns of the event `e` after those of its delivery, and the SQL of its data and its epoch. */
export function dueColumns(data: string, epoch: string): string {
  return `${DELIVERY_COLUMNS}, e.seq AS "sequence", e.type AS "type", e.created_at AS "storedAt", ${data} AS "data",
    ${epoch} AS "epoch"`
}

type EventRow = Pick<StoredEvent, 'sequence' | 'type' | 'data' | 'epoch'> & { readonly storedAt: number }

/** The delivery and its event in a row that was read with `dueColumns`. */
export function dueOf(found: object): DueDelivery {
  const { sequence, type, storedAt, data, epoch, ...row } = found as EventRow
  const delivery = WEBHOOK_DELIVERIES.of(row)
  return { delivery, event: { sequence, id: delivery.eventId, type, createdAt: storedAt, data, epoch } }
}

/** The delivery that a result makes if none is stored. */
export function newDelivery(result: DeliveryResult, endpoint: string, at: number): Delivery {
  const { delivery, state, dueAt } = result
  return {
    ...delivery,
    endpoint,
    state,
    attempts: result.try ? 1 : 0,
    dueAt,
    revision: 0,
    tries: result.try ? [result.try] : [],
    settledAt: state === 'pending' ? null : at,
  }
}

const HOUR_MS = 3_600_000
/** The hours whose attempts are kept: 31 days. */
export const KEPT_HOURS = 31 * 24

/**
 * Whether a result may end the wait of the first pending delivery of its object: it ends a stored delivery, or stores one
 * that waits. Behind an event that was not stored none waits in the store.
 */
export function mayEndWait({
  revision,
  state,
  dueAt,
}: Pick<DeliveryResult, 'revision' | 'state' | 'dueAt'>): boolean {
  return state === 'pending' ? dueAt === null : revision !== null
}

/** The attempts that ended in a batch; null: none did. */
export function attemptsIn({ at, results }: DeliveryBatch): WebhookHour | null {
  let [attempts, succeeded] = [0, 0]
  for (const { try: made } of results) {
    if (made === null) continue
    attempts++
    if (made.error === null) succeeded++
  }
  return attempts === 0 ? null : { hour: Math.floor(at / HOUR_MS), attempts, succeeded }
}

/** The attempts of a batch, as the last ones of a deleted endpoint. */
export function lastTries(batch: DeliveryBatch): DeliveryBatch {
  const results = batch.results
    .filter((result) => result.try !== null)
    .map((result): DeliveryResult => {
      const state = result.state === 'delivered' ? 'delivered' : 'failed'
      return { ...result, state, dueAt: null }
    })
  return { ...batch, results }
}

/** The changing part of a delivery. */
export type DeliveryChange = Pick<
  Delivery,
  'state' | 'attempts' | 'dueAt' | 'revision' | 'tries' | 'settledAt'
>

/**
 * A stored delivery after a result: `made` is the delivery that the result would make. If the result is of another
 * revision (null: it was not stored when the attempt began), only its try is added. A replay begins the attempts anew.
 */
export function afterResult(
  stored: DeliveryChange,
  made: DeliveryChange,
  revision: number | null,
): DeliveryChange {
  const tries = [...stored.tries, ...made.tries].slice(-KEPT_TRIES)
  if (revision !== stored.revision) return { ...stored, tries }
  const before = made.tries.at(-1)?.why === 'replay' ? 0 : stored.attempts
  return { ...made, tries, attempts: before + made.attempts, revision }
}
