/** Checks idempotency records against their requests and the results. */
import { hash } from 'node:crypto'
import {
  canonicalRequest,
  ENDINGS,
  type EndingKind,
  PLAIN_FINGERPRINT,
  SURFACES,
} from '../../domain/idempotency.ts'
import { decodeFacts } from '../../domain/snapshot.ts'
import { type Aggregate, type AuditedEvent, type Json, jsonOf, type Row } from './aggregate.ts'
import { earlierCallOf } from './calls.ts'
import { partOf } from './events.ts'
import { isOpen } from './money.ts'
import { CHARGE, difference, REFUND, shapeProblem, timeOf } from './views.ts'

/** All problems of the records of a charge's keys, as sentences. `forgotten` is in ms since 1970: see audit. */
export function* keyProblems(
  aggregate: Aggregate,
  purgedBefore: number,
  setBackMs: number,
): Iterable<string> {
  const { charge, refunds, attempts, events, transfers } = aggregate
  const first = attempts.find(({ kind }) => kind === 'authorize')
  const begun = first ? [Number(first['started_at'])] : events.slice(0, 1).map(({ at }) => at)
  yield* recordProblems(aggregate, charge, chargeRequests(charge), begun, purgedBefore)
  for (const refund of refunds) {
    // No request made a refund that a person booked for an alarm. A cancel request made the refund that it led to.
    if (aggregate.alarms.some(({ id }) => id === refund['idempotency_key'])) continue
    if (isOfCancelRequest(refund, charge, setBackMs)) continue
    const posted = transfers.filter(({ transaction_id }) => transaction_id === refund['id'])
    const times = posted.map(({ created_at }) => Number(created_at))
    const requests = isByHand(attempts, refund['id']) ? null : refundRequests(refund)
    yield* recordProblems(aggregate, refund, requests, times, purgedBefore)
  }
  for (const attempt of attempts) {
    const { kind, idempotency_key: key } = attempt
    if ((kind !== 'capture' && kind !== 'cancel') || earlierCallOf(attempt) !== undefined) continue
    const isBooked = aggregate.alarms.some(({ id }) => id === key)
    // If a customer never returns, MiniPay cancels with the charge's own key.
    if (isBooked || key === charge['idempotency_key'] || isOfCancelRequest(attempt, charge, setBackMs))
      continue
    const last = attempts.find((one) => earlierCallOf(one) === attempt['id']) ?? attempt
    const requests = attempt['resolved_by'] === 'hand' ? null : followUpRequests(attempt, charge)
    const times = [Number(attempt['started_at'])]
    yield* recordProblems(
      aggregate,
      { ...attempt, state: last['state'] ?? null },
      requests,
      times,
      purgedBefore,
    )
  }
  for (const closing of aggregate.closings) {
    const wrong = closingProblem(closing, events)
    if (wrong !== undefined) yield `The idempotency record ${closing['idempotency_key']} ${wrong}.`
  }
}

/** True if it began because of a cancel that was requested while the charge was processing. */
function isOfCancelRequest(
  { kind, idempotency_key, key_at, started_at, reason }: Row,
  charge: Row,
  setBackMs: number,
): boolean {
  if (idempotency_key === charge['cancel_key']) return true
  if (kind === undefined) return reason === 'cancel_requested'
  const latest = Number(started_at) - SAME_MS + setBackMs
  return kind === 'cancel' && key_at !== null && Number(key_at) < latest
}

/** The record of a request that closed an alarm names the alarm of its event. */
function closingProblem(closing: Row, events: readonly AuditedEvent[]): string | undefined {
  const { id, created_at, key_at, key_ending, key_object, key_facts, key_fingerprint } = closing
  const event = events.find(({ seq }) => seq === id)
  const alarm = event && partOf(event)
  if (key_ending !== 'done' || key_object !== alarm?.['id'] || key_facts !== null)
    return `did not end as its event ${id} shows`
  if (key_at !== created_at) return `is of another time than its event ${id}`
  const operation = `POST /api/v1/alarms/${alarm?.['id']}/close `
  const text = String(key_fingerprint)
  const asked = text.startsWith(operation) ? jsonOf(text.slice(operation.length)) : null
  const isHash = /^[\w-]{43}$/.test(text)
  return asked?.['reason'] === alarm?.['reason'] || isHash
    ? undefined
    : 'is of another request than the one that made it'
}

/** A person may have set another refunded amount than requested. */
const isByHand = (attempts: readonly Row[], refund: unknown) =>
  attempts.some(({ refund_id, resolved_by }) => refund_id === refund && resolved_by === 'hand')

/** The most by which times of one commit differ that were read one after the other, in ms. */
export const SAME_MS = 5_000

/** `begun`: the approximate time of the request's commit. */
function* recordProblems(
  { charge, events }: Aggregate,
  owner: Row,
  requests: Iterable<string> | null,
  begun: readonly number[],
  purgedBefore: number,
): Iterable<string> {
  const { id, idempotency_key, key_at, key_ending, key_fingerprint } = owner
  if (key_at === null) {
    if (Math.min(...begun, Number(owner['created_at'] ?? owner['started_at'])) - SAME_MS > purgedBefore)
      yield `The idempotency record of ${id}, ${idempotency_key}, is not there, and older ones are.`
    return
  }
  const record = `The idempotency record of ${id}, ${idempotency_key},`
  if (requests && !isOneOf(String(key_fingerprint), requests))
    yield `${record} is of another request than the one that made it.`
  const at = Number(key_at)
  if (begun.length > 0 && !begun.some((time) => Math.abs(time - at) <= SAME_MS))
    yield `${record} is of ${timeOf(at)}, when nothing was asked.`
  const wrong = endingProblem(charge, owner, events)
  if (wrong !== undefined) yield `${record} ${wrong}.`
  if (key_ending === 'accepted' && hasEnded(charge, owner))
    yield `${record} is accepted, as if it had not ended.`
}

function isOneOf(value: string, values: Iterable<string>): boolean {
  for (const one of values) if (one === value) return true
  return false
}

/** True if the request's own end is committed: then its record must have the result. */
function hasEnded(charge: Row, { state, refund_id, status, transaction_id }: Row): boolean {
  if (state !== undefined) return !isOpen(state)
  if (transaction_id !== undefined && refund_id === undefined) return status !== 'processing'
  return !['processing', 'requires_action', 'canceled'].includes(String(charge['status']))
}

/** Why a record's ending does not fit the result of its request; undefined if it fits. */
function endingProblem(charge: Row, owner: Row, events: readonly AuditedEvent[]): string | undefined {
  const { key_ending, key_object, key_surface, key_facts, key_event } = owner
  const kind = ENDINGS.find((one) => one === key_ending)
  if (!kind) return `ended as ${key_ending}, which nothing does`
  if (!SURFACES.some((one) => one === key_surface)) return `came through ${key_surface}, which is no API`
  const [view, row] = isRefund(owner) ? ([REFUND, owner] as const) : ([CHARGE, charge] as const)
  if (key_object !== row['id']) return `is about ${key_object} in place of ${row['id']}`
  const event = events.find(({ seq }) => seq === Number(key_event))
  if (Number(key_event) !== 0 && !event)
    return `names the event ${key_event}, which is not one of ${charge['id']}`
  if (kind === 'accepted') return key_facts === null ? undefined : 'is accepted, and has facts of its end'
  const facts = key_facts === null ? {} : jsonOf(String(key_facts))
  if (!facts) return 'has no facts in the JSON that MiniPay writes'
  const ownFacts =
    (key_facts !== null && (decodeFacts(String(key_facts))[view.name] as Json | undefined)) || null
  const wrong =
    ownFacts && (shapeProblem(view, facts[view.name]) ?? difference(view, ownFacts, row, view.fixed))
  if (wrong) return wrong
  const shown = ownFacts ?? event?.data?.[view.name]
  return shown
    ? shownStateProblem(kind, shown, owner, 'refusal' in facts)
    : `ended, and no event shows ${row['id']}`
}

const isRefund = (owner: Row) => owner['transaction_id'] !== undefined && owner['kind'] === undefined

/** Why the object's state does not fit the ending of its request; undefined if it fits. */
function shownStateProblem(
  kind: EndingKind,
  shown: Json,
  owner: Row,
  hasReason: boolean,
): string | undefined {
  const isRefused = kind === 'declined' || kind === 'unavailable'
  const status = String(shown['status'])
  const hasFailed = status === 'failed'
  // A refused capture or cancel does not change its charge.
  if (owner['kind'] !== undefined)
    return isRefused && !hasFailed && !hasReason ? 'is refused without a reason' : undefined
  const fits = isRefused ? hasFailed : !hasFailed && status !== 'processing' && status !== 'requires_action'
  return fits ? undefined : `is ${kind}, and its event shows ${shown['id']} that is ${status}`
}

const fingerprint = (operation: string, body: object) => {
  const text = canonicalRequest(operation, body)
  return text.length <= PLAIN_FINGERPRINT ? text : hash('sha256', text, 'base64url')
}

/** Every request body that gives this row: each option is written out, or omitted if that means the same. */
function* bodies(fixed: object, [ways, ...rest]: readonly (readonly object[])[]): Iterable<object> {
  if (!ways) yield fixed
  else for (const way of ways) yield* bodies({ ...fixed, ...way }, rest)
}
const givenField = (name: string, value: unknown) => (value === null ? {} : { [name]: value })
const metadata = ({ metadata: text }: Row): object[] =>
  text === null ? [{}, { metadata: {} }] : [{ metadata: jsonOf(String(text)) }]

/** The fingerprints of every request that makes this charge. Each letter of a currency may be in either case. */
function* chargeRequests(charge: Row): Iterable<string> {
  const { amount, customer, capture, payment_method, description } = charge
  const [a = '', b = '', c = ''] = String(charge['currency'])
  const cases = (letter: string) => [letter, letter.toUpperCase()]
  const currencies = cases(a).flatMap((x) => cases(b).flatMap((y) => cases(c).map((z) => x + y + z)))
  const fixed = {
    amount,
    customer,
    ...givenField('payment_method', payment_method),
    ...givenField('description', description),
  }
  const options = [
    currencies.map((currency) => ({ currency })),
    capture === 1 ? [{}, { capture: true }] : [{ capture: false }],
    metadata(charge),
  ]
  for (const body of bodies(fixed, options)) yield fingerprint('POST /api/v1/charges', body)
}

function* refundRequests(refund: Row): Iterable<string> {
  const { transaction_id, amount, reason, description } = refund
  const fixed = { transaction_id, ...givenField('reason', reason), ...givenField('description', description) }
  for (const body of bodies(fixed, [[{ amount }, {}], metadata(refund)]))
    yield fingerprint('POST /api/v1/refunds', body)
}

function* followUpRequests({ kind, amount }: Row, { id }: Row): Iterable<string> {
  const asked = kind === 'capture' ? [{}, { amount }] : [{}]
  for (const body of asked) yield fingerprint(`POST /api/v1/charges/${id}/${kind}`, body)
}
