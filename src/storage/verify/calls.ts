/** Checks attempts against their charge or refund. */
import { LIMIT_CODE, NO_PROVIDER } from '../../domain/routing/limits.ts'
import { type Aggregate, jsonOf, type Row } from './aggregate.ts'
import { isOpen } from './money.ts'

const ENDED_BY = ['answer', 'lookup', 'resend', 'notification', 'hand', 'expiry']

/** All problems of a charge's attempts, as sentences. */
export function* callProblems(aggregate: Aggregate, setBackMs: number): Iterable<string> {
  const { charge, refunds, attempts } = aggregate
  for (const attempt of attempts) {
    const wrong = stateProblem(attempt, setBackMs) ?? subjectProblem(attempt, aggregate)
    if (wrong !== undefined) yield `The ${attempt['kind']} attempt ${attempt['id']} ${wrong}.`
  }
  const of = (kind: string) => attempts.filter((attempt) => attempt['kind'] === kind)
  yield* authorizationProblems(aggregate, of('authorize'))
  yield* followUpProblems(charge, of('capture'), of('cancel'))
  for (const refund of refunds)
    yield* refundProblems(
      refund,
      of('refund').filter(({ refund_id }) => refund_id === refund['id']),
    )
}

/** The id of the earlier attempt that never reached its provider, so that MiniPay made the same call once more. */
export function earlierCallOf({ route }: Row): string | undefined {
  const again = typeof route === 'string' ? jsonOf(route)?.['again'] : undefined
  return typeof again === 'string' ? again : undefined
}

/** The fields that an attempt in its state must have, and must not have. */
function stateProblem(attempt: Row, setBackMs: number): string | undefined {
  const { kind, state, ended_at, resolved_by, started_at, decline_code, route, lookups, due_at } = attempt
  if (isOpen(state)) {
    if (ended_at !== null || resolved_by !== null) return `is ${state}, and has an end`
    if (due_at === null) return `is ${state}, and is never looked at again`
  } else {
    if (ended_at === null) return `is ${state}, and has no end`
    if (!ENDED_BY.includes(String(resolved_by))) return `was ended by ${resolved_by}, which nothing is`
  }
  if (state === 'declined' && decline_code === null) return 'is declined without a code'
  if (state !== 'declined' && decline_code !== null)
    return `is ${state} with the decline code ${decline_code}`
  if (kind === 'authorize' && route === null) return 'has no route'
  if (kind !== 'authorize' && route !== null && earlierCallOf(attempt) === undefined)
    return 'has a route, which only an authorization has'
  if (Number(lookups) < 0) return `was looked up ${lookups} times`
  if (Number(started_at) < -setBackMs) return 'was started before 1970'
  return undefined
}

/** The fields that an attempt shares with its charge or refund. */
function subjectProblem(attempt: Row, { charge, refunds }: Aggregate): string | undefined {
  const { kind, state, amount, currency, provider, idempotency_key, refund_id } = attempt
  if (currency !== charge['currency'])
    return `is in ${currency}, and ${charge['id']} in ${charge['currency']}`
  const refund = refunds.find(({ id }) => id === refund_id)
  if (kind === 'refund' && !refund) return `is of ${refund_id}, which ${charge['id']} has not`
  const whole = Number((refund ?? charge)['amount'])
  // Only a person can set another amount than requested. The first of two calls has the requested amount.
  const isLess = kind === 'capture' || kind === 'authorize' || state === 'not_sent'
  if (Number(amount) > whole ? state !== 'not_sent' : !isLess && Number(amount) !== whole)
    return `is of ${amount}, and ${refund?.['id'] ?? charge['id']} of ${whole}`
  if (kind !== 'authorize' && provider !== charge['provider'])
    return `is at ${provider}, and the money of ${charge['id']} at ${charge['provider']}`
  const requester = refund ?? (kind === 'authorize' ? charge : undefined)
  if (requester && idempotency_key !== requester['idempotency_key'])
    return `is of the key ${idempotency_key}, and ${requester['id']} of ${requester['idempotency_key']}`
  return undefined
}

/**
 * Exactly one authorization of a paid or held charge succeeded, and none of any other charge. The charge has the fields
 * of its decisive attempt.
 */
function* authorizationProblems({ charge, events }: Aggregate, attempts: readonly Row[]): Iterable<string> {
  const { id, status } = charge
  const succeeded = attempts.filter(({ state }) => state === 'succeeded')
  if (attempts.length === 0) {
    // Only a charge that was decided in this process, in one step, or that exceeded a velocity limit has no attempt.
    const isLimited = charge['decline_code'] === LIMIT_CODE
    if ((charge['provider'] === NO_PROVIDER) !== isLimited)
      yield `The transaction ${id} failed with ${charge['decline_code']} at ${charge['provider']}, and has no attempt.`
    else if (charge['capture'] === 0 && !isLimited)
      yield `The transaction ${id} was to be held, and no attempt of it is there.`
    else if (Number(charge['version']) !== events.length)
      yield `The transaction ${id} was changed ${charge['version']} times, and has ${events.length} events and no attempt.`
    return
  }
  const decisiveEvent = events.findLast(({ type }) =>
    /^payment\.(succeeded|failed|authorized|canceled)$/.test(type),
  )
  const holds = events.some(({ type }) => type === 'payment.authorized')
  const expectedCount =
    decisiveEvent?.type !== 'payment.failed' && (Number(charge['amount_captured']) > 0 || holds) ? 1 : 0
  if (succeeded.length !== expectedCount)
    yield `The transaction ${id} is ${status}, and ${succeeded.length} authorizations of it succeeded.`
  yield* authorizedAmountProblems(charge, succeeded[0] ?? attempts)
  // A person may have corrected the outcome of an earlier attempt.
  const same = attempts
    .filter((one) => NAMES.every((name) => one[name] === charge[name]))
    .reduce<Row | undefined>(
      (a, b) => (a && Number(a['ended_at']) > Number(b['ended_at']) ? a : b),
      undefined,
    )
  const last = (succeeded[0] ?? same ?? attempts.at(-1)) as Row
  for (const name of NAMES)
    if (charge[name] !== last[name])
      yield `The transaction ${id} says that its ${name} is ${charge[name]}; its attempt ${last['id']} says ${last[name]}.`
  if (status === 'failed') yield* failureProblems(`The transaction ${id}`, charge, last)
}

const NAMES = ['provider', 'provider_reference']

/** The requested amount, or the amount that a person set. */
function* authorizedAmountProblems(charge: Row, attempts: Row | readonly Row[]): Iterable<string> {
  const { id, amount, amount_captured, capture } = charge
  for (const attempt of [attempts].flat() as Row[]) {
    const expected = attempt['state'] === 'succeeded' && capture === 1 ? amount_captured : amount
    if (attempt['amount'] !== expected && attempt['resolved_by'] !== 'hand')
      yield `The authorize attempt ${attempt['id']} is of ${attempt['amount']}, and ${id} of ${expected}.`
  }
}

/** A failure has the reason of its attempt. */
function* failureProblems(
  what: string,
  { decline_code, failure_message }: Row,
  attempt: Row,
): Iterable<string> {
  const { id, state } = attempt
  if (state !== 'declined' && state !== 'not_sent') yield `${what} is failed, and its attempt ${id} ${state}.`
  const code = state === 'declined' ? attempt['decline_code'] : 'provider_unavailable'
  if (decline_code !== code) yield `${what} failed with ${decline_code}; its attempt ${id} says ${code}.`
  const reason = String(attempt['reason'] ?? '')
  const stored = String(failure_message)
  const storedReason =
    state === 'declined'
      ? stored
      : stored.replace(/^(?:It was not charged|The provider did not take it): |\.$/gs, '')
  if (!reason.replace(/\.$/, '').endsWith(storedReason.replace(/\.$/, '')))
    yield `${what} failed because of "${stored}"; its attempt ${id} says "${reason}".`
}

/**
 * One attempt captured a held charge, with exactly the captured amount, or one attempt canceled it; no other charge has
 * such an attempt.
 */
function* followUpProblems(charge: Row, captures: readonly Row[], cancels: readonly Row[]): Iterable<string> {
  const { id, status, amount_captured, decline_code } = charge
  const done = (attempts: readonly Row[]) => attempts.filter(({ state }) => state === 'succeeded')
  const [captured, canceled] = [done(captures), done(cancels)]
  const wasCaptured = charge['capture'] === 0 && Number(amount_captured) > 0
  if (captured.length !== (wasCaptured ? 1 : 0))
    yield `The transaction ${id} is ${status}, and ${captured.length} captures of it succeeded.`
  if (captured[0] && captured[0]['amount'] !== amount_captured)
    yield `The transaction ${id} says that ${amount_captured} of it was captured; its attempt ${captured[0]['id']} says ${captured[0]['amount']}.`
  const wasCanceled = status === 'canceled' && decline_code !== 'authorization_expired'
  const requestedCancels = canceled.filter(
    ({ idempotency_key }) => idempotency_key !== charge['idempotency_key'],
  )
  if (requestedCancels.length !== (wasCanceled ? 1 : 0))
    yield `The transaction ${id} is ${status}, and ${requestedCancels.length} cancellations of it succeeded.`
}

const ENDS: Readonly<Record<string, readonly string[]>> = {
  processing: ['sending', 'pending', 'unknown'],
  refunded: ['succeeded'],
  partially_refunded: ['succeeded'],
  failed: ['declined', 'not_sent'],
}

/**
 * Of two attempts of a refund, the one that paid or may still pay. If neither, the one that ended last, as after a
 * correction.
 */
function decisive(one: Row | undefined, other: Row): Row {
  const isDead = (attempt: Row) => ENDS['failed']?.includes(String(attempt['state']))
  if (!one) return other
  if (isDead(one) !== isDead(other)) return isDead(one) ? other : one
  return Number(other['ended_at']) >= Number(one['ended_at']) ? other : one
}

/** A refund and the attempt that decided it; refunds of the first schema have none. All its other attempts failed. */
function* refundProblems(refund: Row, attempts: readonly Row[]): Iterable<string> {
  const { id, status, provider_reference } = refund
  const attempt = attempts.reduce(decisive, undefined)
  for (const other of attempts)
    if (other !== attempt && !ENDS['failed']?.includes(String(other['state'])))
      yield `The refund ${id} is decided by its attempt ${attempt?.['id']}, and its attempt ${other['id']} is ${other['state']}.`
  if (!attempt) {
    if (status !== 'partially_refunded' && status !== 'refunded')
      yield `The refund ${id} is ${status}, and no attempt of it is there.`
    return
  }
  if (!ENDS[String(status)]?.includes(String(attempt['state'])))
    yield `The refund ${id} is ${status}, and its attempt ${attempt['id']} ${attempt['state']}.`
  if (status === 'failed') yield* failureProblems(`The refund ${id}`, refund, attempt)
  else if (status !== 'processing' && provider_reference !== attempt['provider_reference'])
    yield `The refund ${id} says that its provider_reference is ${provider_reference}; its attempt ${attempt['id']} says ${attempt['provider_reference']}.`
}
