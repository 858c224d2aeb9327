/** Checks times and ids: the rows of one commit have the same time, and an id contains its own time. */
import { idTime, isId, twinId } from '../../domain/id.ts'
import type { Aggregate, AuditedEvent, Row } from './aggregate.ts'
import { partOf } from './events.ts'
import { SAME_MS } from './keys.ts'
import { timeOf } from './views.ts'

/** The longest time from a request to its first commit, in ms. */
const BEGUN_MS = 60_000

/**
 * All problems of the times of a charge, its refunds, its attempts and its events, as sentences. If the clock was set
 * back, an id may contain a time that is later by that much.
 */
export function* timeProblems(aggregate: Aggregate, setBackMs: number): Iterable<string> {
  const { charge, refunds, attempts, events } = aggregate
  for (const made of [charge, ...refunds]) {
    const id = String(made['id'])
    if (!isId(made === charge ? 'txn' : 're', id) || !isOfId(id, made, setBackMs))
      yield `${id} was not made at ${timeOf(Number(made['created_at']))}: its id says otherwise.`
  }
  for (const [i, attempt] of attempts.entries()) {
    const id = String(attempt['id'])
    const mostMs = id === twinId('att', String(charge['id'])) ? BEGUN_MS : SAME_MS
    if (!isId('att', id) || Number(attempt['started_at']) - idTime(id) > mostMs)
      yield `The attempt ${id} was not started at ${timeOf(Number(attempt['started_at']))}: its id says otherwise.`
    if (attempt['ended_at'] !== null && !endsWithChange(attempt, attempts.slice(i + 1), aggregate))
      yield `The attempt ${id} ended at ${timeOf(Number(attempt['ended_at']))}, when nothing happened to ${charge['id']}.`
  }
  for (const { id, closed_at } of aggregate.alarms)
    if (closed_at !== null && !events.some(({ at }) => at === closed_at))
      yield `The alarm ${id} was closed at ${timeOf(Number(closed_at))}, when nothing happened to ${charge['id']}.`
  for (const event of events) {
    const wrong = eventTimeProblem(event, aggregate, setBackMs)
    if (wrong !== undefined)
      yield `The event ${event.seq} (${event.type}) is of ${timeOf(event.at)}, ${wrong}.`
  }
}

function isOfId(id: string, { created_at }: Row, setBackMs: number): boolean {
  const laterMs = idTime(id) - Number(created_at)
  return laterMs === 0 || (laterMs > 0 && laterMs <= setBackMs)
}

/**
 * An attempt ends together with an event, at its own start if it was decided in this process, or when the next attempt
 * begins.
 */
function endsWithChange(attempt: Row, later: readonly Row[], { charge, events }: Aggregate): boolean {
  const ended = Number(attempt['ended_at'])
  if (events.some(({ at }) => at === ended)) return true
  // A cancel that failed and will be retried has no event.
  if (attempt['kind'] === 'cancel' && attempt['state'] !== 'succeeded') return true
  if (ended === attempt['started_at'] || ended === charge['created_at']) return true
  const next = later.find(
    ({ kind, refund_id }) => kind === attempt['kind'] && refund_id === attempt['refund_id'],
  )
  return next !== undefined && Math.abs(Number(next['started_at']) - ended) <= SAME_MS
}

/**
 * Why the time of an event is impossible; undefined if it is possible, or if no other row has the time of its commit.
 */
function eventTimeProblem(
  event: AuditedEvent,
  { charge, disputes, alarms, attempts, transfers, events }: Aggregate,
  setBackMs: number,
): string | undefined {
  const { type, at } = event
  const part = partOf(event)
  const ended = (kinds: readonly string[]) =>
    attempts.some((attempt) => kinds.includes(String(attempt['kind'])) && attempt['ended_at'] === at)
  switch (type) {
    case 'payment.failed':
      if (
        charge['status'] !== 'failed' ||
        events.some((other) => other.seq > event.seq && other.type === type)
      )
        return undefined
      if (ended(['authorize']) || charge['key_at'] === at) return undefined
      return decidedAtOnce(charge, events) &&
        Math.abs(at - Number(charge['created_at'])) <= BEGUN_MS + setBackMs
        ? undefined
        : 'when no attempt of it ended'
    case 'payment.canceled': {
      const moved = transfers.some(
        ({ transaction_id, created_at }) => transaction_id === charge['id'] && created_at === at,
      )
      return moved || ended(['cancel', 'authorize']) ? undefined : 'when no attempt of it ended'
    }
    case 'payment.requires_action':
      return attempts.some((attempt) => isWhile(attempt, at, SAME_MS + setBackMs))
        ? undefined
        : 'when no attempt of it was open'
    case 'dispute.opened': {
      const dispute = disputes.find(({ id }) => id === part?.['id'])
      const isFirst = !events.some((other) => other.seq < event.seq && partOf(other)?.['id'] === part?.['id'])
      const made = Math.abs(Number(dispute?.['created_at']) - at) <= SAME_MS
      return isFirst && !made ? 'when the dispute was not made' : undefined
    }
    case 'alarm.opened':
    case 'alarm.closed': {
      const alarm = alarms.find(({ id }) => id === part?.['id'])
      const time = alarm?.[type === 'alarm.opened' ? 'opened_at' : 'closed_at']
      return time === at ? undefined : 'when the alarm was not'
    }
    default:
      return undefined
  }
}

const decidedAtOnce = ({ version }: Row, events: readonly AuditedEvent[]) => Number(version) === events.length

function isWhile({ kind, started_at, ended_at }: Row, at: number, sameMs: number): boolean {
  return (
    kind === 'authorize' &&
    at >= Number(started_at) - sameMs &&
    (ended_at === null || at <= Number(ended_at) + sameMs)
  )
}
