/** Checks the transfers of a charge, its refunds and its disputes: their accounts and their times. */
import type { Aggregate, AuditedEvent, Row } from './aggregate.ts'
import { partOf } from './events.ts'
import { timeOf } from './views.ts'

type Positions = Readonly<Record<string, number>>

/** All problems of a charge's transfers, as sentences; `isPartial`: some events of the charge may have been deleted. */
export function* moneyProblems(aggregate: Aggregate, isPartial = false): Iterable<string> {
  const { charge, refunds, disputes, transfers } = aggregate
  const byOwner = Map.groupBy(transfers, ({ transaction_id }) => transaction_id)
  yield* positionProblems(charge['id'], byOwner.get(charge['id'] as string) ?? [], chargePositions(aggregate))
  for (const refund of refunds)
    yield* positionProblems(
      refund['id'],
      byOwner.get(refund['id'] as string) ?? [],
      refundPositions(charge, refund),
    )
  for (const dispute of disputes)
    yield* positionProblems(
      dispute['id'],
      byOwner.get(dispute['id'] as string) ?? [],
      disputePositions(charge, dispute),
    )
  yield* accountProblems(aggregate)
  if (!isPartial) yield* timeProblems(aggregate, byOwner)
}

function positive(positions: Record<string, number>): Positions {
  return Object.fromEntries(Object.entries(positions).filter(([, amount]) => amount !== 0))
}

function chargePositions({ charge, attempts }: Aggregate): Positions {
  const { provider, status, redirect_url } = charge
  const captured = Number(charge['amount_captured'])
  const follows = attempts.some(({ kind, state }) => isFollowUp(kind) && isOpen(state))
  const capturing = status === 'processing' && redirect_url === null && follows
  const held = status === 'authorized' || capturing ? Number(charge['amount']) : 0
  return positive({
    merchant: -captured,
    [`provider:${provider}`]: captured,
    [`authorized:${provider}`]: held,
    [capturing ? 'capturing' : 'uncaptured']: -held,
  })
}

const isFollowUp = (kind: unknown) => kind === 'capture' || kind === 'cancel'
export const isOpen = (state: unknown) => state === 'sending' || state === 'pending' || state === 'unknown'

function refundPositions({ provider }: Row, { status, amount }: Row): Positions {
  if (status === 'failed') return {}
  const place = status === 'processing' ? 'refunds' : 'provider'
  return { merchant: Number(amount), [`${place}:${provider}`]: -Number(amount) }
}

function disputePositions({ provider }: Row, { status, amount_booked }: Row): Positions {
  const booked = Number(amount_booked)
  return positive({
    merchant: booked,
    [`${status === 'open' ? 'disputes' : 'provider'}:${provider}`]: -booked,
  })
}

function* positionProblems(owner: unknown, transfers: readonly Row[], expected: Positions): Iterable<string> {
  const found: Record<string, number> = {}
  const add = (code: string, amount: number) => {
    found[code] = (found[code] ?? 0) + amount
  }
  for (const { debit, credit, amount } of transfers) {
    add(String(debit), Number(amount))
    add(String(credit), -Number(amount))
  }
  for (const code of new Set([...Object.keys(expected), ...Object.keys(found)])) {
    const [should, actual] = [expected[code] ?? 0, found[code] ?? 0]
    if (should !== actual)
      yield `${owner} should have ${should} in ${code}, but its entries there sum to ${actual}.`
  }
}

/** Money of a charge is only in accounts of its currency, and of providers that were called for it. */
function* accountProblems({ charge, attempts, transfers }: Aggregate): Iterable<string> {
  const calledProviders = new Set([charge['provider'], ...attempts.map(({ provider }) => provider)])
  for (const { seq, transaction_id, debit, credit, currency } of transfers) {
    for (const code of [debit, credit]) {
      const [, provider] = String(code).split(':')
      if (provider !== undefined && !calledProviders.has(provider))
        yield `The transfer ${seq} of ${transaction_id} is in ${code}, and ${provider} was never called for ${charge['id']}.`
    }
    if (currency !== charge['currency'])
      yield `The transfer ${seq} of ${transaction_id} is in ${currency}, and ${charge['id']} in ${charge['currency']}.`
  }
}

/**
 * The event and the transfers of one commit have the same time. Transfers without an event belong to the start of an
 * attempt.
 */
function* timeProblems(
  { charge, attempts, events, transfers }: Aggregate,
  byOwner: ReadonlyMap<unknown, readonly Row[]>,
): Iterable<string> {
  const eventTimes = new Set(events.map(({ at }) => at))
  const begunAttempts = attempts.filter(({ kind }) => kind !== 'authorize')
  for (const { seq, transaction_id, created_at } of transfers) {
    const at = Number(created_at)
    if (
      eventTimes.has(at) ||
      begunAttempts.some((attempt) => mayHaveBegunAt(attempt, at) || attempt['ended_at'] === at)
    )
      continue
    yield `The transfer ${seq} of ${transaction_id} is of ${timeOf(at)}, when nothing happened to ${charge['id']}.`
  }
  for (const event of events) {
    const owner = ownerMovedBy(event, charge)
    // A correction of only the provider's reference moves no money and repeats the event.
    const isRepeated = events.some(
      (other) => other.seq < event.seq && other.type === event.type && ownerMovedBy(other, charge) === owner,
    )
    if (isRepeated) continue
    if (owner !== undefined && !byOwner.get(owner)?.some(({ created_at }) => created_at === event.at))
      yield `The event ${event.seq} (${event.type}) is of another time than the transfers of ${owner}.`
  }
}

/** The most by which an attempt's start may be later than its commit, in ms, because the clock is read twice. */
const SAME_MS = 2_000

/** True if a commit of this time may have begun the attempt: the commit of its key's record, if that is stored. */
function mayHaveBegunAt({ started_at, key_at }: Row, at: number): boolean {
  if (key_at !== null && key_at !== undefined && Number(key_at) === at) return true
  return Math.abs(Number(started_at) - at) <= SAME_MS
}

const MOVES_CHARGE = ['payment.succeeded', 'payment.authorized', 'payment.capture_failed']
const MOVES_REFUND = ['payment.refunded', 'refund.failed']

/** The object whose transfers the event's commit must contain; undefined if it need not contain any. */
function ownerMovedBy(event: AuditedEvent, charge: Row): unknown {
  if (MOVES_CHARGE.includes(event.type)) return charge['id']
  return MOVES_REFUND.includes(event.type) ? partOf(event)?.['refund_id'] : undefined
}
