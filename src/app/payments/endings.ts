/** How requests end, from the current state of their charge, attempt or refund. */
import type { Alarm } from '../../domain/alarm.ts'
import type { Attempt } from '../../domain/attempt.ts'
import { isOpen } from '../../domain/attempt.ts'
import { isCancelRequested, isOfCancelRequest } from '../../domain/cancel-request.ts'
import type { Charge, Refund } from '../../domain/charge.ts'
import type { EndingKind, FoundRecord, StoredEnding } from '../../domain/idempotency.ts'
import { isAbandonmentCancel } from '../../domain/lifecycle.ts'
import {
  type ChargeFacts,
  type ChargeSnapshot,
  decodeFacts,
  type EndingFacts,
  type Era,
  encodeFacts,
  type Refusal,
} from '../../domain/snapshot.ts'

const UNAVAILABLE = 'provider_unavailable'

/** The object that a response shows. */
export type ShownObject =
  | { readonly about: 'charge'; readonly object: ChargeFacts }
  | { readonly about: 'refund'; readonly object: Refund }
  | { readonly about: 'alarm'; readonly object: Alarm }

/**
 * How a request ended, and the object that its response shows. `refusal` is there for `declined` and `unavailable` alone.
 * `era` is of a response that a former schema stored.
 */
export type Ending = ShownObject & {
  readonly kind: EndingKind
  readonly refusal: Refusal | null
  readonly era?: Era | undefined
}

/** An earlier key whose request ends with a commit. */
export type EndedRequest = { readonly key: string; readonly ending: Ending }

/**
 * For a charge: created, declined, or in progress. `unavailable` means that it failed because no provider took the
 * call. A provider may decline with MiniPay's own code for that; it then remains a decline.
 */
export function chargeEnding(charge: Charge, unavailable = charge.declineCode === UNAVAILABLE): Ending {
  switch (charge.status) {
    case 'processing':
    case 'requires_action':
      return acceptedEnding(charge)
    case 'failed':
      return refusedEnding({ about: 'charge', object: charge }, charge, unavailable)
    default:
      return endingWith('created', { about: 'charge', object: charge })
  }
}

/** For a refund; see `chargeEnding`. */
export function refundEnding(refund: Refund, unavailable = refund.declineCode === UNAVAILABLE): Ending {
  const shown = { about: 'refund', object: refund } as const
  switch (refund.status) {
    case 'processing':
      return endingWith('accepted', shown)
    case 'failed':
      return refusedEnding(shown, refund, unavailable)
    default:
      return endingWith('done', shown)
  }
}

/** For a call in progress at a provider. */
export function acceptedEnding(charge: Charge): Ending {
  return endingWith('accepted', { about: 'charge', object: charge })
}

/** For a cancel that turned out to be impossible. */
export function cancelRefusedEnding(charge: Charge, failureMessage: string): Ending {
  return refusedEnding(
    { about: 'charge', object: charge },
    { declineCode: 'processing_error', failureMessage },
  )
}

/** For an alarm that a person closed. */
export function alarmClosedEnding(alarm: Alarm): Ending {
  return endingWith('done', { about: 'alarm', object: alarm })
}

/** For a cancel that was requested before MiniPay knew that the charge was captured, and that led to a refund. */
function refundInsteadEnding(charge: Charge, refund: Refund, unavailable: boolean): Ending {
  if (refund.status === 'processing') return acceptedEnding(charge)
  const shown = { about: 'charge', object: charge } as const
  return refund.status === 'failed' ? refusedEnding(shown, refund, unavailable) : endingWith('done', shown)
}

/** For a capture or a cancel. A cancel of an expired authorization succeeds. */
function followUpEnding(charge: Charge, attempt: Attempt): Ending {
  if (isOpen(attempt)) return acceptedEnding(charge)
  const shown = { about: 'charge', object: charge } as const
  const done = attempt.state === 'succeeded' || (attempt.kind === 'cancel' && charge.status === 'canceled')
  if (done) return endingWith('done', shown)
  const unavailable = attempt.state === 'not_sent'
  const refusal = {
    declineCode: attempt.declineCode ?? UNAVAILABLE,
    failureMessage: unavailable ? `The provider did not take it: ${attempt.reason}` : attempt.reason,
  }
  return refusedEnding(shown, refusal, unavailable)
}

/**
 * The other requests that end with an attempt, from the charge before and after it. The request that made a charge
 * whose customer had to act ends when the charge is canceled. A requested cancel ends when the charge fails by itself.
 */
export function otherEndings(before: Charge, after: Charge, attempt: Attempt): EndedRequest[] {
  const others: EndedRequest[] = []
  if (attempt.kind === 'cancel' && before.redirectUrl !== null && after.status === 'canceled')
    others.push({ key: after.idempotencyKey, ending: chargeEnding(after) })
  const over = after.status === 'failed' || after.status === 'canceled'
  if (over && after.cancelKey && !isOfCancelRequest(after, attempt))
    others.push({ key: after.cancelKey, ending: endingWith('done', { about: 'charge', object: after }) })
  return others
}

/**
 * For the request that began this attempt, from the current charge and refund. `cancelKey` is the charge's value
 * before the attempt ended.
 */
export function endingOf(
  charge: Charge,
  refund: Refund | null,
  attempt: Attempt,
  cancelKey: string | null = charge.cancelKey,
): Ending {
  const unavailable = attempt.state === 'not_sent'
  if (attempt.kind === 'authorize' || isAbandonmentCancel(charge, attempt))
    return chargeEnding(charge, unavailable)
  if (isOfCancelRequest({ cancelKey }, attempt)) {
    // It is begun again.
    if (attempt.state === 'not_sent' && isCancelRequested(charge)) return acceptedEnding(charge)
    if (refund) return refundInsteadEnding(charge, refund, unavailable)
  }
  return refund ? refundEnding(refund, unavailable) : followUpEnding(charge, attempt)
}

function endingWith(kind: 'created' | 'done' | 'accepted', shown: ShownObject): Ending {
  return { kind, ...shown, refusal: null }
}

function refusedEnding(shown: ShownObject, why: Refusal, unavailable = false): Ending {
  const { declineCode, failureMessage } = why
  const kind = unavailable ? 'unavailable' : 'declined'
  return { kind, ...shown, refusal: { declineCode, failureMessage } }
}

/** An ending as the record of its key keeps it, beside the snapshot of the same commit's event. */
export function storedEnding(ending: Ending, event: ChargeSnapshot | null): StoredEnding {
  const { kind, object } = ending
  const facts = kind === 'accepted' ? null : factsBeside(ending, event)
  return { kind, objectId: object.id, facts }
}

function factsBeside({ about, object, refusal }: Ending, event: ChargeSnapshot | null): string | null {
  const facts = event?.[about] === object
  const said = refusal && !isOwn(refusal, object)
  if (facts && !said) return null
  return encodeFacts({ ...(!facts && { [about]: object }), ...(said && { refusal }) })
}

/** Whether a failed object itself contains the reason. */
function isOwn(refusal: Refusal, object: ShownObject['object']): boolean {
  if (!('declineCode' in object) || object.status !== 'failed') return false
  return object.declineCode === refusal.declineCode && object.failureMessage === refusal.failureMessage
}

/**
 * The ending of a request from the record of its key: a replay returns it, even if the object has changed since.
 * Undefined while the request is `accepted`: then the object's current state counts. Throws if a record has lost its
 * facts, which is a bug.
 */
export function recordedEnding({ ending, event }: FoundRecord): Ending | undefined {
  const { kind, objectId } = ending
  if (kind === 'accepted') return undefined
  const facts: EndingFacts = {
    ...(event !== null && decodeFacts(event)),
    ...(ending.facts !== null && decodeFacts(ending.facts)),
  }
  const shown = shownOf(facts, objectId)
  if (!shown) throw new Error(`the response about ${objectId} has lost its facts`)
  const isRefused = kind === 'declined' || kind === 'unavailable'
  const refusal = isRefused ? (facts.refusal ?? ownRefusal(shown.object)) : null
  return { kind, ...shown, refusal, era: facts.era }
}

function shownOf({ charge, refund, alarm }: EndingFacts, id: string): ShownObject | undefined {
  if (charge?.id === id) return { about: 'charge', object: charge }
  if (refund?.id === id) return { about: 'refund', object: refund }
  return alarm?.id === id ? { about: 'alarm', object: alarm } : undefined
}

function ownRefusal(object: ShownObject['object']): Refusal {
  if (!('declineCode' in object)) throw new Error(`${object.id} can't have been refused`)
  return { declineCode: object.declineCode, failureMessage: object.failureMessage }
}
