import type { AlarmKind } from './alarm.ts'
import type { AmountMinor } from './money.ts'

/** What a call to a provider asks for. */
export const ATTEMPT_KINDS = ['authorize', 'capture', 'cancel', 'refund'] as const
export type AttemptKind = (typeof ATTEMPT_KINDS)[number]

/** The states of an attempt, and what each means. The first three are open: they are worked on until they end. */
export const ATTEMPT_STATES = {
  sending: 'it is committed, and MiniPay is calling the provider',
  pending: 'the provider accepted it and reports the outcome later',
  unknown: 'it may have moved money; MiniPay looks it up until the outcome is known',
  succeeded: 'the provider did it',
  declined: 'the provider declined it',
  not_sent: 'the provider definitely did not do it: it never received the call, or refused to process any',
} as const
export type AttemptState = keyof typeof ATTEMPT_STATES

/** How one call to a provider ended. Closed: whoever adds one decides in the domain what may follow it. */
export type Outcome =
  /**
   * The money moved, or is held: exactly this amount. `reference` is the provider's own name for what it did,
   * `expiresAt` (ms since 1970) is when an authorization lapses; null when it was captured, or never does.
   */
  | {
      readonly kind: 'succeeded'
      readonly reference: string
      readonly amount: AmountMinor
      readonly currency: string
      readonly expiresAt: number | null
    }
  /** The provider said no. `declineCode` is one of ours (domain/decline) or the provider's own, unchanged. */
  | {
      readonly kind: 'declined'
      readonly declineCode: string
      readonly message: string
      readonly reference: string | null
    }
  /** Accepted, to be told later. With `redirectUrl` the customer has to go there first. */
  | { readonly kind: 'pending'; readonly reference: string | null; readonly redirectUrl: string | null }
  /**
   * Surely not done: another provider may be asked. `refused` when the provider looked at the call and answered
   * that it will not do it, now or later: that says nothing against its health, and is as true of the same call
   * before. What it turned away at the door, unread, has it not.
   */
  | { readonly kind: 'not_sent'; readonly reason: string; readonly refused?: true }
  /** It may have been done: nobody else may be asked until it is known. */
  | { readonly kind: 'unknown'; readonly reason: string }

/** How the provider of an attempt was chosen, and who would be next. Stored with the attempt: its story. */
export type Route = {
  /** The version of the rule set; null when none is stored. */
  readonly ruleSetVersion: number | null
  /** The name of the rule that matched, or `default`. */
  readonly rule: string
  /** Providers to ask after this one, in order. */
  readonly next: readonly string[]
  /** Providers that came before and were passed over, each with why. */
  readonly skipped: readonly { readonly provider: string; readonly reason: string }[]
  /** Decline codes after which the next provider is asked. */
  readonly failoverOn: readonly string[]
  /** Rules that could not be evaluated, each as a sentence; absent when all could. */
  readonly notes?: readonly string[]
  /** The attempt before this one, which surely never came to this provider, so that it is called once more. */
  readonly again?: string
}

/** By what an attempt came to its end. */
export const RESOLVERS = ['answer', 'lookup', 'resend', 'notification', 'hand', 'expiry'] as const
export type Resolver = (typeof RESOLVERS)[number]

/** One call to one provider. Its id is our reference at the provider, and its idempotency key there. */
export type Attempt = {
  readonly id: string
  readonly transactionId: string
  /** Of a refund. */
  readonly refundId: string | null
  readonly kind: AttemptKind
  readonly provider: string
  readonly state: AttemptState
  readonly amount: AmountMinor
  readonly currency: string
  /** Of an authorization; null for the others, which go where the money is, unless that is called once more. */
  readonly route: Route | null
  readonly providerReference: string | null
  readonly declineCode: string | null
  /** In words: why it is or was unknown, the decline's message, or why it was not sent. Scrubbed of secrets. */
  readonly reason: string | null
  readonly resolvedBy: Resolver | null
  /** The key of the request that began it, whose answer its end decides. */
  readonly idempotencyKey: string
  /** ms since 1970, like all times here. */
  readonly startedAt: number
  readonly endedAt: number | null
  /** How often the provider was asked about it afterwards. */
  readonly lookups: number
  readonly unknownSince: number | null
  /** When a worker has to look at it; null when it has not. While it is sent: the end of the sender's lease. */
  readonly dueAt: number | null
  /** The lease of whoever works on it. */
  readonly token: string | null
}

export function isOpen({ state }: Pick<Attempt, 'state'>): boolean {
  return state === 'sending' || state === 'pending' || state === 'unknown'
}

/** Why it did not succeed, after what stood in the way of knowing: that a call timed out belongs to its story. */
function told({ reason }: Attempt, outcome: Known): string | null {
  const said =
    outcome.kind === 'declined' ? outcome.message : outcome.kind === 'not_sent' ? outcome.reason : null
  return reason === null || reason === said ? said : [reason, said].filter(Boolean).join('; ')
}

/** What a provider can do. The core asks for nothing else. */
export type Capabilities = {
  /** How long after the first the same call with the same key is done only once, in ms; 0 when it may be done again. */
  readonly idempotencyWindowMs: number
  /**
   * Whether a call can be found by our reference. `eventual`: "not found" may change. `final`: whoever is
   * told "not found" may rely on it, since the provider refuses that reference from then on.
   */
  readonly lookup: 'none' | 'eventual' | 'final'
  /** An authorization can be released before it expires. */
  readonly void: boolean
  /** Less than what was authorized can be captured. */
  readonly partialCapture: boolean
}

/** A customer is not charged by a repetition that comes later than this after the request, in ms. */
const AUTHORIZE_AGAIN_MS = 600_000

/**
 * How to find out what became of an open attempt: ask about it, or send the very same call again, which an
 * idempotent provider does once. Where both tell something they take turns, the lookup first: neither one that
 * keeps failing holds up the other. `wait` when neither is safe: then only the provider's notification or a
 * person can tell.
 */
export function recoveryStep(
  { idempotencyWindowMs, lookup }: Capabilities,
  attempt: Pick<Attempt, 'kind' | 'state' | 'startedAt' | 'providerReference' | 'lookups'>,
  now: number,
): 'lookup' | 'resend' | 'wait' {
  if (lookup === 'final') return 'lookup'
  const windowMs =
    attempt.kind === 'authorize' ? Math.min(idempotencyWindowMs, AUTHORIZE_AGAIN_MS) : idempotencyWindowMs
  // Sending it again would not tell more of what the provider has accepted already.
  const resendable = attempt.state !== 'pending' && isWithin(attempt.startedAt, windowMs, now)
  if (lookup === 'none') return resendable ? 'resend' : 'wait'
  const known = attempt.providerReference !== null
  return resendable && !known && attempt.lookups % 2 === 1 ? 'resend' : 'lookup'
}

/** True from a time on and for so long; not before it, as after a clock was set back. */
export function isWithin(since: number, ms: number, now: number): boolean {
  return now >= since && now - since < ms
}

const FIRST_LOOK_MS = 500
const MAX_UNKNOWN_MS = 30_000
const MAX_PENDING_MS = 600_000

/** The wait before an open attempt is looked at again: it doubles up to half a minute, or ten while it is pending. */
export function nextLookMs(state: AttemptState, lookups: number): number {
  const most = state === 'pending' ? MAX_PENDING_MS : MAX_UNKNOWN_MS
  return Math.min(FIRST_LOOK_MS * 2 ** Math.min(lookups, 20), most)
}

/**
 * Whether the end of an attempt may change at its provider, so that a lookup which lags behind matters: a refund comes
 * back or is paid after all, an authorization that is held lapses, and what surely was not done turns out to be.
 */
export function mayChange(
  { kind, state }: Pick<Attempt, 'kind' | 'state'>,
  charge: { readonly status: string },
): boolean {
  if (isOpen({ state })) return false
  if (kind === 'refund' || state === 'not_sent') return true
  return kind === 'authorize' && state === 'succeeded' && charge.status === 'authorized'
}

/** After a notification, when its provider is asked again that says nothing new: 10 s, 1 min, 10 min, and 1 h after the one before, in ms. */
const LOOKS_MS = [10_000, 70_000, 670_000, 4_270_000] as const

/** When a provider is asked again that said nothing new of what it had notified of; null after the last time. ms since 1970. */
export function nextQuietLook(receivedAt: number, now: number): number | null {
  return LOOKS_MS.map((ms) => receivedAt + ms).find((at) => at > now) ?? null
}

/** What a new attempt is about; `leaseUntil` and `token` are the sender's. */
export type NewAttempt = Pick<
  Attempt,
  | 'id'
  | 'transactionId'
  | 'refundId'
  | 'kind'
  | 'provider'
  | 'amount'
  | 'currency'
  | 'route'
  | 'idempotencyKey'
> & { readonly now: number; readonly leaseUntil: number; readonly token: string }

/** An attempt that is about to be sent; nobody else touches it before its lease ends. */
export function newAttempt({ now, leaseUntil, token, ...about }: NewAttempt): Attempt {
  return {
    ...about,
    state: 'sending',
    providerReference: null,
    declineCode: null,
    reason: null,
    resolvedBy: null,
    startedAt: now,
    endedAt: null,
    lookups: 0,
    unknownSince: null,
    dueAt: leaseUntil,
    token,
  }
}

/** An outcome that says how it stands; `unknown` only puts the attempt off. */
export type Known = Exclude<Outcome, { kind: 'unknown' }>

/**
 * The attempt after the provider has said how it stands. A pending one stays open, to be looked at again; an
 * authorization that lapses is looked at when it does. What succeeded is of the amount that was moved, which is another
 * than what was asked only by a person's word.
 */
export function resolved(attempt: Attempt, outcome: Known, by: Resolver, now: number): Attempt {
  const pending = outcome.kind === 'pending'
  const lookups = attempt.lookups + (by === 'answer' ? 0 : 1)
  const reference = outcome.kind === 'not_sent' ? null : outcome.reference
  return {
    ...attempt,
    state: outcome.kind,
    amount: outcome.kind === 'succeeded' && attempt.kind !== 'cancel' ? outcome.amount : attempt.amount,
    providerReference: reference ?? attempt.providerReference,
    declineCode: outcome.kind === 'declined' ? outcome.declineCode : null,
    reason: told(attempt, outcome),
    resolvedBy: pending ? null : by,
    endedAt: pending ? null : now,
    lookups,
    unknownSince: null,
    dueAt: pending
      ? now + nextLookMs('pending', lookups)
      : outcome.kind === 'succeeded' && attempt.kind === 'authorize'
        ? outcome.expiresAt
        : null,
    token: null,
  }
}

/** "Not found" is believed for so long after a call: later the provider may have forgotten it. */
const NOT_FOUND_MS = 23 * 3_600_000

/**
 * What an answer is worth. Money that moved in another amount or currency than was asked is never booked:
 * the attempt stays unknown, with an alarm. That a lookup or a repetition was not sent says nothing of the call
 * before it; that the provider has looked at a repetition and refuses it says that it did not do the call, and will
 * not. "Not found" is worth what the provider promises, of a call of late; of one that it has accepted it is a
 * contradiction.
 */
export function judged(
  attempt: Pick<Attempt, 'kind' | 'amount' | 'currency' | 'providerReference' | 'startedAt'>,
  capabilities: Pick<Capabilities, 'lookup'>,
  how: 'send' | 'resend' | 'lookup',
  answer: Outcome | { readonly kind: 'not_found' },
  now: number,
  paymentReference: string | null = null,
): { readonly outcome: Outcome; readonly alarm: AlarmKind | null } {
  const unknown = (reason: string, alarm: AlarmKind | null = null) =>
    ({ outcome: { kind: 'unknown', reason }, alarm }) as const
  if (answer.kind === 'not_found' && attempt.providerReference !== null)
    return unknown('the provider had accepted it, and does not find it now', 'contradiction')
  if (answer.kind === 'not_found')
    return capabilities.lookup === 'final' && isWithin(attempt.startedAt, NOT_FOUND_MS, now)
      ? { outcome: { kind: 'not_sent', reason: 'the provider never got the call' }, alarm: null }
      : unknown('the provider does not find it yet')
  if (answer.kind === 'not_sent' && how !== 'send' && !(how === 'resend' && answer.refused))
    return unknown(answer.reason)
  // Another refund could have that name too, and nothing would tell them apart.
  const isUnnamed =
    attempt.kind === 'refund' &&
    'reference' in answer &&
    answer.reference !== null &&
    answer.reference === paymentReference
  if (isUnnamed && answer.kind === 'declined') return { outcome: { ...answer, reference: null }, alarm: null }
  if (isUnnamed)
    return unknown(
      `the provider gave the refund the reference of its payment, ${answer.reference}`,
      'reference_reused',
    )
  if (answer.kind === 'succeeded' && attempt.kind !== 'cancel') {
    const { amount, currency } = answer
    if (amount !== attempt.amount || currency !== attempt.currency)
      return unknown(
        `asked for ${attempt.amount} ${attempt.currency}, the provider says ${amount} ${currency}`,
        'amount_mismatch',
      )
  }
  return { outcome: answer, alarm: null }
}
