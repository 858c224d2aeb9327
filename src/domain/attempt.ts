import type { AlarmKind } from './alarm.ts'
import { type AmountMinor, moneyText } from './money.ts'

/** The operations of a provider call. */
export const ATTEMPT_KINDS = ['authorize', 'capture', 'cancel', 'refund'] as const
export type AttemptKind = (typeof ATTEMPT_KINDS)[number]

/** The states of an attempt, and what each means. The first three are open: MiniPay works on them until they end. */
export const ATTEMPT_STATES = {
  sending: 'it is committed, and MiniPay is calling the provider',
  pending: 'the provider accepted it and reports the outcome later',
  unknown: 'it may have moved money; MiniPay looks it up until the outcome is known',
  succeeded: 'the provider did it',
  declined: 'the provider declined it',
  not_sent: 'the provider definitely did not do it: it never received the call, or refused to process any',
} as const
export type AttemptState = keyof typeof ATTEMPT_STATES

/** The outcome of one provider call. A closed set: if you add a kind, decide in the domain what may follow it. */
export type Outcome =
  /**
   * The money moved, or is held: exactly this amount. `reference` is the provider's own id. `expiresAt` (ms since
   * 1970) is when an authorization expires; null if it was captured, or never expires.
   */
  | {
      readonly kind: 'succeeded'
      readonly reference: string
      readonly amount: AmountMinor
      readonly currency: string
      readonly expiresAt: number | null
    }
  /** The provider refused. `declineCode` is one of MiniPay's (domain/decline), or the provider's own, unchanged. */
  | {
      readonly kind: 'declined'
      readonly declineCode: string
      readonly message: string
      readonly reference: string | null
    }
  /** Accepted; the result comes later. With `redirectUrl` the customer must go there first. */
  | { readonly kind: 'pending'; readonly reference: string | null; readonly redirectUrl: string | null }
  /**
   * Definitely not done, so MiniPay may fail over. `refused`: the provider checked the call and will not carry it out,
   * now or later. This does not count against its health, and it also holds for an earlier send of the same call. A
   * call that was rejected before the provider read it has no `refused`.
   */
  | { readonly kind: 'not_sent'; readonly reason: string; readonly refused?: true }
  /** The call may have been done. MiniPay must not fail over until the outcome is known. */
  | { readonly kind: 'unknown'; readonly reason: string }

/** How the provider of an attempt was chosen, and which providers would be next. Stored with the attempt. */
export type Route = {
  /** The version of the rule set; null when none is stored. */
  readonly ruleSetVersion: number | null
  /** The name of the rule that matched, or `default`. */
  readonly rule: string
  /** Providers to fail over to, in order. */
  readonly next: readonly string[]
  /** Providers that were skipped before this one, each with the reason. */
  readonly skipped: readonly { readonly provider: string; readonly reason: string }[]
  /** Decline codes after which MiniPay fails over. */
  readonly failoverOn: readonly string[]
  /** Rules that could not be evaluated, each as a sentence; absent when all could. */
  readonly notes?: readonly string[]
  /** The earlier attempt, which definitely never reached this provider, so that MiniPay calls it once more. */
  readonly again?: string
}

const EMPTY_ROUTE = { ruleSetVersion: null, next: [], skipped: [], failoverOn: [] }

/** The JSON of a route without its empty parts: those of most routes are all empty. */
export function encodeRoute({
  ruleSetVersion,
  rule,
  next,
  skipped,
  failoverOn,
  notes,
  again,
}: Route): string {
  return JSON.stringify({
    ruleSetVersion: ruleSetVersion ?? undefined,
    rule,
    next: filled(next),
    skipped: filled(skipped),
    failoverOn: filled(failoverOn),
    notes: notes && filled(notes),
    again,
  })
}

const filled = <T>(list: readonly T[]): readonly T[] | undefined => (list.length > 0 ? list : undefined)

/** The route in a text that `encodeRoute` made, or in JSON with its empty parts. Throws a `SyntaxError` for invalid JSON. */
export function decodeRoute(text: string): Route {
  return { ...EMPTY_ROUTE, ...(JSON.parse(text) as Route) }
}

/** The source of an attempt's outcome. */
export const RESOLVERS = ['answer', 'lookup', 'resend', 'notification', 'hand', 'expiry'] as const
export type Resolver = (typeof RESOLVERS)[number]

/** One call to one provider. Its id is our reference at the provider, and its idempotency key there. */
export type Attempt = {
  readonly id: string
  readonly chargeId: string
  /** Of a refund. */
  readonly refundId: string | null
  readonly kind: AttemptKind
  readonly provider: string
  readonly state: AttemptState
  readonly amount: AmountMinor
  readonly currency: string
  /**
   * Set for an authorization. Null for other kinds, which go to the provider that has the money, unless it is called
   * once more.
   */
  readonly route: Route | null
  readonly providerReference: string | null
  readonly declineCode: string | null
  /** In words: why it is or was unknown, the decline's message, or why it was not sent. Scrubbed of secrets. */
  readonly reason: string | null
  readonly resolvedBy: Resolver | null
  /** The key of the request that began it. The outcome of the attempt decides the response of that key. */
  readonly idempotencyKey: string
  /** ms since 1970, like all times here. */
  readonly startedAt: number
  readonly endedAt: number | null
  /** The number of lookups. */
  readonly lookups: number
  readonly unknownSince: number | null
  /** When a worker must look at it; null if no worker must. While it is being sent: the end of the sender's lease. */
  readonly dueAt: number | null
  /** The token of the current lease. */
  readonly token: string | null
}

export function isOpen({ state }: Pick<Attempt, 'state'>): boolean {
  return state === 'sending' || state === 'pending' || state === 'unknown'
}

/** The reason why it did not succeed. It follows the reason why the outcome was unknown, such as a time-out. */
function reasonOf({ reason }: Attempt, outcome: KnownOutcome): string | null {
  const message =
    outcome.kind === 'declined' ? outcome.message : outcome.kind === 'not_sent' ? outcome.reason : null
  return reason === null || reason === message ? message : [reason, message].filter(Boolean).join('; ')
}

/** The capabilities of a provider, as far as MiniPay needs them. */
export type Capabilities = {
  /**
   * How long after the first call the provider carries out a repeated key only once, in ms; 0 if it may carry it out
   * again.
   */
  readonly idempotencyWindowMs: number
  /**
   * Whether a lookup can find a call by our reference. `eventual`: "not found" may change. `final`: "not found" is
   * conclusive, because the provider refuses that reference from then on.
   */
  readonly lookup: 'none' | 'eventual' | 'final'
  /** An authorization can be released before it expires. */
  readonly void: boolean
  /** Less than what was authorized can be captured. */
  readonly partialCapture: boolean
}

/** MiniPay does not send an authorization again later than this after the request, in ms. */
const RESEND_AUTHORIZE_MS = 600_000

/**
 * The next step to resolve an open attempt: a lookup, or the same call again, which an idempotent provider carries out
 * once. If both help, they alternate, the lookup first, so that one that keeps failing does not delay the other.
 * `wait` if neither is safe: then only a notification or a person can give the outcome.
 */
export function recoveryStep(
  { idempotencyWindowMs, lookup }: Capabilities,
  attempt: Pick<Attempt, 'kind' | 'state' | 'startedAt' | 'providerReference' | 'lookups'>,
  now: number,
): 'lookup' | 'resend' | 'wait' {
  if (lookup === 'final') return 'lookup'
  const windowMs =
    attempt.kind === 'authorize' ? Math.min(idempotencyWindowMs, RESEND_AUTHORIZE_MS) : idempotencyWindowMs
  // A resend gives no new information about a call that the provider has already accepted.
  const resendable = attempt.state !== 'pending' && isWithin(attempt.startedAt, windowMs, now)
  if (lookup === 'none') return resendable ? 'resend' : 'wait'
  const known = attempt.providerReference !== null
  return resendable && !known && attempt.lookups % 2 === 1 ? 'resend' : 'lookup'
}

/** True from a time on, for that long; false before it, as after a clock was set back. */
export function isWithin(since: number, ms: number, now: number): boolean {
  return now >= since && now - since < ms
}

const FIRST_LOOKUP_MS = 500
const MAX_UNKNOWN_MS = 30_000
const MAX_PENDING_MS = 600_000

/**
 * The wait until the next lookup of an open attempt that had so many lookups before. It doubles, up to half a minute, or up to ten minutes while the
 * attempt is pending.
 */
export function nextLookupMs(state: AttemptState, lookups: number): number {
  const most = state === 'pending' ? MAX_PENDING_MS : MAX_UNKNOWN_MS
  return Math.min(FIRST_LOOKUP_MS * 2 ** Math.min(lookups, 20), most)
}

/**
 * Whether the outcome of an attempt may still change at its provider, so that a lagging lookup matters: a refund fails
 * later or is paid after all, a held authorization expires, or a call that was definitely not done turns out to be
 * done.
 */
export function mayChange(
  { kind, state }: Pick<Attempt, 'kind' | 'state'>,
  charge: { readonly status: string },
): boolean {
  if (isOpen({ state })) return false
  if (kind === 'refund' || state === 'not_sent') return true
  return kind === 'authorize' && state === 'succeeded' && charge.status === 'authorized'
}

/**
 * Times of the later lookups for a notification whose lookup shows nothing new: 10 s, 1 min, 10 min and 1 h after the
 * one before, in ms.
 */
const QUIET_LOOKUPS_MS = [10_000, 70_000, 670_000, 4_270_000] as const

/** The time of the next lookup for such a notification, in ms since 1970; null after the last one. */
export function nextQuietLookup(receivedAt: number, now: number): number | null {
  return QUIET_LOOKUPS_MS.map((ms) => receivedAt + ms).find((at) => at > now) ?? null
}

/** The subject of a new attempt; `leaseUntil` and `token` are the sender's. */
export type NewAttempt = Pick<
  Attempt,
  'id' | 'chargeId' | 'refundId' | 'kind' | 'provider' | 'amount' | 'currency' | 'route' | 'idempotencyKey'
> & { readonly now: number; readonly leaseUntil: number; readonly token: string }

/** An attempt that is about to be sent. No other worker takes it over before its lease ends. */
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

/** An outcome that changes the attempt; `unknown` only postpones it. */
export type KnownOutcome = Exclude<Outcome, { kind: 'unknown' }>

/**
 * The attempt after its provider reported an outcome. A pending attempt stays open, and MiniPay looks it up again. An
 * authorization that expires is looked up at that time. A succeeded attempt has the amount that was moved; only a
 * person can set one that differs from the request.
 */
export function applyOutcome(attempt: Attempt, outcome: KnownOutcome, by: Resolver, now: number): Attempt {
  const pending = outcome.kind === 'pending'
  const lookups = attempt.lookups + (by === 'answer' ? 0 : 1)
  const reference = outcome.kind === 'not_sent' ? null : outcome.reference
  return {
    ...attempt,
    state: outcome.kind,
    amount: outcome.kind === 'succeeded' && attempt.kind !== 'cancel' ? outcome.amount : attempt.amount,
    providerReference: reference ?? attempt.providerReference,
    declineCode: outcome.kind === 'declined' ? outcome.declineCode : null,
    reason: reasonOf(attempt, outcome),
    resolvedBy: pending ? null : by,
    endedAt: pending ? null : now,
    lookups,
    unknownSince: null,
    dueAt: pending
      ? now + nextLookupMs('pending', lookups)
      : outcome.kind === 'succeeded' && attempt.kind === 'authorize'
        ? outcome.expiresAt
        : null,
    token: null,
  }
}

/** How long after a call "not found" counts, in ms: later, the provider may have deleted the call. */
const NOT_FOUND_MS = 23 * 3_600_000

/**
 * Classifies a response. MiniPay never books another amount or currency than requested: the attempt stays unknown,
 * with an alarm. A lookup or a resend that was not sent gives no information about the original call. If the provider
 * checked a resend and refuses it, it did not carry out the call, and never will. "Not found" counts for a recent
 * call, as far as the provider promises; for a call that the provider had accepted, it is a contradiction.
 */
export function classifyOutcome(
  attempt: Pick<Attempt, 'kind' | 'amount' | 'currency' | 'providerReference' | 'startedAt'>,
  capabilities: Pick<Capabilities, 'lookup'>,
  how: 'send' | 'resend' | 'lookup',
  response: Outcome | { readonly kind: 'not_found' },
  now: number,
  paymentReference: string | null = null,
): { readonly outcome: Outcome; readonly alarm: AlarmKind | null } {
  const unknown = (reason: string, alarm: AlarmKind | null = null) =>
    ({ outcome: { kind: 'unknown', reason }, alarm }) as const
  if (response.kind === 'not_found' && attempt.providerReference !== null)
    return unknown('the provider had accepted it, but does not find it now', 'contradiction')
  if (response.kind === 'not_found')
    return capabilities.lookup === 'final' && isWithin(attempt.startedAt, NOT_FOUND_MS, now)
      ? { outcome: { kind: 'not_sent', reason: 'the provider never got the call' }, alarm: null }
      : unknown('the provider does not find it yet')
  if (response.kind === 'not_sent' && how !== 'send' && !(how === 'resend' && response.refused))
    return unknown(response.reason)
  // Another refund could have the same reference, and MiniPay could not distinguish them.
  const isUnnamed =
    attempt.kind === 'refund' &&
    'reference' in response &&
    response.reference !== null &&
    response.reference === paymentReference
  if (isUnnamed && response.kind === 'declined')
    return { outcome: { ...response, reference: null }, alarm: null }
  if (isUnnamed)
    return unknown(
      `the provider gave the refund the reference of its payment, ${response.reference}`,
      'reference_reused',
    )
  if (response.kind === 'succeeded' && attempt.kind !== 'cancel') {
    const { amount, currency } = response
    if (amount !== attempt.amount || currency !== attempt.currency)
      return unknown(
        `requested ${moneyText(attempt.amount, attempt.currency)}, the provider reports ${moneyText(amount, currency)}`,
        'amount_mismatch',
      )
  }
  return { outcome: response, alarm: null }
}
