/** Commits as the use cases make them, with a test clock: one millisecond a commit. */
import test from 'node:test'
import { fingerprint } from '../../src/app/context.ts'
import { chargeEnding, type Ending, endingOf, storedEnding } from '../../src/app/payments/endings.ts'
import {
  type Attempt,
  type AttemptKind,
  type KnownOutcome,
  newAttempt,
  type Outcome,
  type Resolver,
} from '../../src/domain/attempt.ts'
import type { Charge, ChargeCommand, Decision, Refund } from '../../src/domain/charge.ts'
import { eventIdOf } from '../../src/domain/event-id.ts'
import { idFactory, twinId } from '../../src/domain/id.ts'
import { canonicalRequest, type FoundRecord, type StoredEnding } from '../../src/domain/idempotency.ts'
import {
  beginCharge,
  beginFollowUp,
  concludeCharge,
  decideCharge,
  joinDecisions,
} from '../../src/domain/lifecycle.ts'
import { beginRefund, concludeRefund, refundableAmount } from '../../src/domain/refund.ts'
import { encodeFacts, snapshotOf } from '../../src/domain/snapshot.ts'
import type { Commit, Scope, Store } from '../../src/ports/store.ts'

/** A store on an empty database with two accounts. */
export type OpenStore = {
  readonly store: Store
  readonly accounts: readonly [number, number]
  /** Closes the store and removes its database. */
  discard(): Promise<void>
}
export type Open = () => Promise<OpenStore>

/** Three scopes that must not see each other: two modes of one account, and another account. */
export type Scopes = { readonly live: Scope; readonly test: Scope; readonly other: Scope }

/** A rule of the port, as a test with its own store. */
export function rule(open: Open, name: string, body: (store: Store, scopes: Scopes) => Promise<void>): void {
  test(name, async () => {
    const { store, accounts, discard } = await open()
    const [accountId, otherId] = accounts
    try {
      await body(store, {
        live: { accountId, mode: 'live' },
        test: { accountId, mode: 'test' },
        other: { accountId: otherId, mode: 'live' },
      })
    } finally {
      await discard()
    }
  })
}

export const START = Date.UTC(2027, 0, 1)
let clock = START

/** The next millisecond. */
export function tick(): number {
  return ++clock
}
export const newId = idFactory(
  () => clock,
  () => 0n,
)

type Options = { scope: Scope; key?: string; at?: number }
/** The details of a request apart from its command. */
type Details = Partial<Pick<Charge, 'description' | 'metadata'>>

/** Options of a charge apart from its scope; a `declined` one failed. */
export type ChargeOptions = Options &
  Details & {
    amount?: number
    currency?: string
    customer?: string
    declined?: boolean
  }

/** A commit of a request, with an event. */
export type RequestCommit = Commit & {
  readonly key: NonNullable<Commit['key']>
  readonly event: NonNullable<Commit['event']>
}

function command(options: ChargeOptions, order: string, capture = true): ChargeCommand {
  return {
    amount: options.amount ?? 1_000,
    currency: options.currency ?? 'usd',
    customer: options.customer ?? 'cus_1',
    capture,
    paymentMethod: 'tok_visa',
    description: options.description === undefined ? 'a test' : options.description,
    metadata: options.metadata ?? { order },
  }
}

type RefundOptions = Options & Details & { amount?: number }

/** A charge that was decided in one step. */
export function chargeCommit(options: ChargeOptions): RequestCommit {
  const at = options.at ?? tick()
  const id = newId('txn')
  const key = options.key ?? `key-of-${id}`
  const asked = command(options, id)
  const outcome = options.declined ? NO : succeeded(asked, `ref_${id}`)
  return requestOf(
    decideCharge(asked, 'sandbox', outcome, { id, now: at, idempotencyKey: key }),
    options,
    key,
    at,
  )
}

/** A refund that was decided in one step on `charge` as it was read. */
export function refundCommit(charge: Charge, options: RefundOptions): RequestCommit {
  const { begun, attempt, key, at } = refundBegun(charge, options)
  const outcome = succeeded(attempt, `ref_${attempt.id}`)
  const ended = concludeRefund(begun.charge, begun.refund as Refund, attempt, outcome, 'answer', at)
  return requestOf(joinDecisions(begun, ended), options, key, at)
}

function refundBegun(charge: Charge, options: RefundOptions) {
  const at = options.at ?? tick()
  const id = newId('re')
  const key = options.key ?? `key-of-${id}`
  const amount = options.amount ?? refundableAmount(charge)
  const { description = null, metadata = { note: id } } = options
  const asked = { amount, reason: 'requested_by_customer', description, metadata }
  const attempt = attemptOf('refund', charge, { at, key, refundId: id, amount, provider: charge.provider })
  const begun = beginRefund(charge, asked, amount, attempt, { id, now: at, idempotencyKey: key })
  return { begun, attempt, key, at }
}

export const NO: Outcome & { kind: 'declined' } = {
  kind: 'declined',
  declineCode: 'insufficient_funds',
  message: 'No.',
  reference: null,
}

/** The provider did exactly the requested call. */
export function succeeded(
  { amount, currency }: { amount: number; currency: string },
  reference: string,
): Outcome & { kind: 'succeeded' } {
  return { kind: 'succeeded', reference, amount, currency, expiresAt: null }
}

/** How an attempt is sent: to `bank_a`, under a lease of one second, unless given. */
export type Sending = { provider?: string; leaseUntil?: number; token?: string }

function attemptOf(
  kind: AttemptKind,
  about: { id: string; currency: string },
  sending: Sending & { at: number; key: string; amount: number; refundId?: string; id?: string },
): Attempt {
  const { at, key, amount, refundId = null, provider = 'bank_a' } = sending
  return newAttempt({
    id: sending.id ?? newId('att'),
    chargeId: about.id,
    refundId,
    kind,
    provider,
    amount,
    currency: about.currency,
    route: kind === 'authorize' ? ROUTE : null,
    idempotencyKey: key,
    now: at,
    leaseUntil: sending.leaseUntil ?? at + 1_000,
    token: sending.token ?? 'of the sender',
  })
}

const ROUTE = {
  ruleSetVersion: null,
  rule: 'default',
  next: ['bank_b'],
  skipped: [{ provider: 'bank_c', reason: 'not configured' }],
  failoverOn: ['processing_error'],
}

/** A step without an event, and the attempt that it begins. */
export type Begun = { readonly commit: Commit; readonly charge: Charge; readonly attempt: Attempt }

function begunOf(decision: Decision, options: Options, key: string, at: number): Begun {
  const commit = commitOf(decision, options, key, at)
  return { commit, charge: decision.charge, attempt: decision.attempts[0] as Attempt }
}

/** A charge before the call to its provider. */
export function beginCommit(options: ChargeOptions & Sending & { capture?: boolean }): Begun {
  const at = options.at ?? tick()
  const id = newId('txn')
  const key = options.key ?? `key-of-${id}`
  const asked = command(options, id, options.capture)
  const attempt = attemptOf(
    'authorize',
    { id, ...asked },
    { ...options, at, key, amount: asked.amount, id: twinId('att', id) },
  )
  const made = { id, now: at, idempotencyKey: key }
  return begunOf(beginCharge(asked, attempt.provider, attempt, made), options, key, at)
}

/** A capture or a cancel before the call to its provider. */
export function followUpCommit(
  kind: 'capture' | 'cancel',
  charge: Charge,
  options: Options & Sending & { amount?: number },
): Begun {
  const at = options.at ?? tick()
  const { provider } = charge
  const amount = options.amount ?? charge.amount
  const key = options.key ?? `key-of-${kind}-${charge.version}-${charge.id}`
  const attempt = attemptOf(kind, charge, { ...options, at, key, amount, provider })
  return begunOf(beginFollowUp(charge, attempt), options, key, at)
}

/** A refund before the call to its provider. */
export function beginRefundCommit(
  charge: Charge,
  options: RefundOptions,
): Begun & { readonly refund: Refund } {
  const { begun, key, at } = refundBegun(charge, options)
  return { ...begunOf(begun, options, key, at), refund: begun.refund as Refund }
}

/**
 * How an outcome changes a charge and its attempt; `ended` changes the ending of the key that began it, which is the
 * real one unless given.
 */
export function endCommit(
  { charge, attempt, refund }: { charge: Charge; attempt: Attempt; refund?: Refund },
  outcome: KnownOutcome,
  options: Options & { ended?: Commit['ended']; by?: Resolver },
): Commit {
  const { at = tick(), by = 'lookup' } = options
  const decision = refund
    ? concludeRefund(charge, refund, attempt, outcome, by, at)
    : concludeCharge(charge, attempt, outcome, by, at)
  const ended = { key: attempt.idempotencyKey, ending: endingIn(decision) }
  return { ...commitOf(decision, options, null, at), ended: options.ended ?? ended }
}

/** A decision as a commit. `key` is null for a step without a request. */
export function commitOf(decision: Decision, { scope }: Options, key: string | null, at: number): Commit {
  const { event, previous: _, ...rest } = decision
  const data = encodeFacts(snapshotOf(decision))
  return {
    ...rest,
    scope,
    at,
    key:
      key === null
        ? null
        : { key, fingerprint: fingerprintOf(decision), surface: 'minipay', ending: endingIn(decision) },
    ended: null,
    lease: null,
    event: event && { id: eventIdOf(decision, at, newId), type: event, data },
  }
}

/** The ending of the request that led to a decision. */
function endingIn(decision: Decision): StoredEnding {
  const {
    charge,
    refund,
    attempts: [attempt],
    event,
  } = decision
  const ending: Ending = attempt ? endingOf(charge, refund, attempt) : chargeEnding(charge)
  return storedEnding(ending, event && snapshotOf(decision))
}

/** The record of a commit's key. */
export function recordOf({ key, event }: Commit): FoundRecord {
  if (!key) throw new Error('the commit has no key')
  const { fingerprint, surface, ending } = key
  return { fingerprint, surface, ending, event: event?.data ?? null }
}

/** The complete content of the request. */
function fingerprintOf({ charge, refund, attempts: [attempt] }: Decision): string {
  if (refund) {
    const { chargeId: transaction_id, amount, reason, metadata } = refund
    return fingerprint(canonicalRequest('POST /api/v1/refunds', { transaction_id, amount, reason, metadata }))
  }
  const { id, amount, currency, customer, capture, paymentMethod, description, metadata } = charge
  if (attempt && attempt.kind !== 'authorize')
    return canonicalRequest(
      `POST /api/v1/charges/${id}/${attempt.kind}`,
      attempt.kind === 'capture' ? { amount: attempt.amount } : {},
    )
  const body = { amount, currency, customer, capture, payment_method: paymentMethod, description, metadata }
  return fingerprint(canonicalRequest('POST /api/v1/charges', body))
}

function requestOf(decision: Decision, options: Options, key: string, at: number): RequestCommit {
  return commitOf(decision, options, key, at) as RequestCommit
}

/** Commits one charge that must succeed, and returns it. */
export async function charged(store: Store, options: ChargeOptions): Promise<Charge> {
  const commit = chargeCommit(options)
  await committed(store, commit)
  return commit.charge
}

/**
 * Commits a charge that bank_a captured or, with `capture` false, holds; its authorization has the reference
 * `pay_<id>`.
 */
export async function taken(
  store: Store,
  options: ChargeOptions & Sending & { capture?: boolean },
): Promise<{ charge: Charge; attempt: Attempt }> {
  const begun = beginCommit(options)
  await committed(store, begun.commit)
  const ended = endCommit(begun, succeeded(begun.attempt, `pay_${begun.charge.id}`), { scope: options.scope })
  await committed(store, ended)
  return { charge: ended.charge, attempt: ended.attempts[0] as Attempt }
}

/** Commits one refund that must succeed, and returns it with the charge after it. */
export async function refunded(
  store: Store,
  charge: Charge,
  options: Options & { amount?: number },
): Promise<{ charge: Charge; refund: Refund }> {
  const commit = refundCommit(charge, options)
  await committed(store, commit)
  return { charge: commit.charge, refund: commit.refund as Refund }
}

export async function committed(store: Store, commit: Commit): Promise<void> {
  const result = await store.commit(commit)
  if (result.kind !== 'committed') throw new Error(`not committed: ${JSON.stringify(result)}`)
}

/** Every read of a scope, to compare before and after a step that must change nothing. */
export async function everything(store: Store, scope: Scope) {
  return {
    charges: await store.charges(scope, { limit: 100 }),
    refunds: await store.refunds(scope, { limit: 100 }),
    events: await store.events(scope, { after: 0, limit: 100 }),
    entries: await store.ledgerEntries(scope, { limit: 100 }),
    accounts: await store.ledgerAccounts(scope),
    totals: await store.currencyTotals(scope),
    endpoints: await store.webhookEndpoints(scope, { limit: 100 }),
    deliveries: await store.webhookDeliveries(scope, { limit: 100 }),
    deliveryTotals: await store.webhookDeliveryTotals(),
    attempts: await store.attempts(scope, { limit: 100 }),
    attemptTotals: await store.attemptTotals(clock),
    disputes: await store.disputes(scope, { limit: 100 }),
    alarms: await store.alarms(scope, { limit: 100 }),
    alarmTotals: await store.alarmTotals(),
    ruleSet: await store.ruleSet(scope),
  }
}
