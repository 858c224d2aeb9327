/**
 * The bodies of webhooks in Stripe's format: an event of Stripe's API with its object. An event of MiniPay becomes the
 * main one of the events that Stripe would send; for some, Stripe would send none.
 */
import type { EventType } from '../../domain/event.ts'
import type { Mode } from '../../domain/scope.ts'
import { type ChargeSnapshot, decodeSnapshot } from '../../domain/snapshot.ts'
import type { StoredEvent } from '../../ports/store.ts'
import { chargeOf, disputeOf, refundOf, seconds } from './stripe-objects.ts'

/** The version of Stripe's API that the objects have. */
export const STRIPE_VERSION = '2026-10-28.endive'

/** An event's type at Stripe, and the digit that its id ends with: its place among the events that Stripe would send. */
type Counterpart = readonly [type: string, place: number]

const COUNTERPARTS: Readonly<Partial<Record<EventType, (snapshot: ChargeSnapshot) => Counterpart>>> = {
  'payment.succeeded': ({ charge }) => [charge.capture ? 'charge.succeeded' : 'charge.captured', 0],
  'payment.authorized': () => ['charge.succeeded', 0],
  'payment.failed': () => ['charge.failed', 0],
  'payment.canceled': ({ charge, previous }) =>
    // A payment for which its customer never acted was not held, so nothing of it was refunded.
    charge.declineCode === 'authorization_expired' || previous?.redirectUrl
      ? ['charge.expired', 0]
      : ['charge.refunded', 1],
  'payment.refunded': () => ['charge.refunded', 1],
  'refund.failed': () => ['refund.failed', 2],
  'dispute.opened': () => ['charge.dispute.created', 0],
  'dispute.updated': () => ['charge.dispute.updated', 0],
  'dispute.won': () => ['charge.dispute.closed', 1],
  'dispute.lost': () => ['charge.dispute.closed', 0],
}

/** Whether Stripe has an event for a type; other events are not sent to endpoints of Stripe's format. */
export const stripeCarries = (type: EventType) => COUNTERPARTS[type] !== undefined

/** The body of an event that `stripeCarries`. Throws for any other. */
export function stripeBody(event: StoredEvent, mode: Mode): string {
  const snapshot = decodeSnapshot(event.data)
  const counterpart = snapshot.charge && COUNTERPARTS[event.type]?.(snapshot)
  if (!snapshot.charge || !counterpart) throw new Error(`Stripe has no event for ${event.type}`)
  const [type, place] = counterpart
  const { requestId = null, key = null } = snapshot.cause ?? {}
  return JSON.stringify({
    id: `${event.id}${place}`,
    object: 'event',
    api_version: STRIPE_VERSION,
    created: seconds(event.createdAt),
    data: dataOf(type, snapshot, mode),
    livemode: mode === 'live',
    pending_webhooks: 1,
    request: { id: requestId, idempotency_key: key },
    type,
  })
}

function dataOf(type: string, snapshot: ChargeSnapshot, mode: Mode) {
  const { charge, refund, dispute, previous, previousDispute } = snapshot
  if (dispute) {
    const object = disputeOf(dispute, charge, mode)
    const former = disputeOf({ ...dispute, ...previousDispute }, charge, mode)
    const changed = type === 'charge.dispute.updated' && changes(DISPUTE_FIELDS, former, object)
    return { object, ...(changed && { previous_attributes: changed }) }
  }
  if (type === 'refund.failed' && refund) return { object: refundOf(refund) }
  const object = chargeOf(charge, mode, refund)
  const former = chargeOf({ ...charge, ...previous }, mode)
  const changed = CHANGING.has(type) && changes(CHARGE_FIELDS, former, object)
  return { object, ...(changed && { previous_attributes: changed }) }
}

/** The types that have `previous_attributes`, and the fields that these name. */
const CHANGING = new Set(['charge.captured', 'charge.refunded'])
const CHARGE_FIELDS = ['amount_captured', 'amount_refunded', 'captured', 'refunded'] as const
const DISPUTE_FIELDS = ['amount', 'currency', 'reason', 'status'] as const

/** The former values of the fields that differ; undefined if none does. */
function changes<T extends object>(fields: readonly (keyof T & string)[], former: T, now: T) {
  const changed = fields.filter((field) => former[field] !== now[field])
  return changed.length > 0 ? Object.fromEntries(changed.map((field) => [field, former[field]])) : undefined
}
