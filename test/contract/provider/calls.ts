/** Shared parts of the provider contract: calls with new ids, and the lookups that find an outcome. */
import assert from 'node:assert/strict'
import { after, before } from 'node:test'
import { type AttemptKind, type Outcome, recoveryStep } from '../../../src/domain/attempt.ts'
import { idFactory } from '../../../src/domain/id.ts'
import type {
  AuthorizeCall,
  FollowUpCall,
  LookupCall,
  LookupOutcome,
  RemoteProvider,
} from '../../../src/ports/provider.ts'
import type { Open, Opened, Peer, PeerPayment } from './contract.ts'

let counted = BigInt(process.pid) << 40n
const newId = idFactory(Date.now, () => counted++)

/** The amount of a payment, if a test does not choose one. */
export const AMOUNT = 2_500

/** A signal without an abort: these calls end by themselves. */
export const patience = (): AbortSignal => new AbortController().signal

/** Opens provider and peer before the tests of a `describe`, and closes them after. */
export function opened(open: Open): { readonly at: Opened } {
  let value: Opened | undefined
  before(async () => {
    value = await open()
  })
  after(() => value?.close())
  return {
    get at() {
      assert.ok(value, 'the provider was not opened')
      return value
    },
  }
}

export function authorizeCall(peer: Peer, changes: Partial<AuthorizeCall> = {}): AuthorizeCall {
  return {
    attemptId: newId('att'),
    chargeId: newId('txn'),
    amount: AMOUNT,
    currency: 'usd',
    customer: 'cus_contract',
    paymentMethod: peer.tokens.succeeds,
    description: 'A contract test',
    metadata: { order: '1001' },
    capture: true,
    ...changes,
  }
}

/** A capture, cancel or refund of a payment. */
export function followUp(
  paid: AuthorizeCall,
  paymentReference: string,
  amount: number = paid.amount,
): FollowUpCall {
  const { chargeId, currency } = paid
  return { attemptId: newId('att'), chargeId, paymentReference, amount, currency }
}

/** The arguments of a lookup of a call. */
export function lookupCall(
  kind: AttemptKind,
  call: AuthorizeCall | FollowUpCall,
  providerReference: string | null = null,
): LookupCall {
  const { attemptId, chargeId, amount, currency } = call
  const paymentReference = 'paymentReference' in call ? call.paymentReference : providerReference
  return { attemptId, chargeId, kind, providerReference, paymentReference, amount, currency }
}

export function succeeded(outcome: LookupOutcome): Extract<Outcome, { kind: 'succeeded' }> {
  if (outcome.kind !== 'succeeded') assert.fail(`expected success, not ${JSON.stringify(outcome)}`)
  return outcome
}

export function pending(outcome: LookupOutcome): Extract<Outcome, { kind: 'pending' }> {
  if (outcome.kind !== 'pending') assert.fail(`expected a wait, not ${JSON.stringify(outcome)}`)
  return outcome
}

export function declined(outcome: LookupOutcome): Extract<Outcome, { kind: 'declined' }> {
  if (outcome.kind !== 'declined') assert.fail(`expected a decline, not ${JSON.stringify(outcome)}`)
  return outcome
}

/** Authorizes a payment that succeeds, and returns its call with the peer's reference. */
export async function pay(
  { provider, peer }: Opened,
  changes: Partial<AuthorizeCall> = {},
): Promise<{ readonly call: AuthorizeCall; readonly reference: string }> {
  const call = authorizeCall(peer, changes)
  return { call, reference: succeeded(await provider.authorize(call, patience())).reference }
}

/** The payments that the peer made for an attempt. */
export async function madeFor(peer: Peer, { attemptId }: AuthorizeCall): Promise<readonly PeerPayment[]> {
  return (await peer.payments()).filter((payment) => payment.attemptId === attemptId)
}

/** The one payment that the peer made for an attempt. */
export async function thePayment(peer: Peer, call: AuthorizeCall): Promise<PeerPayment> {
  const made = await madeFor(peer, call)
  assert.equal(made.length, 1, `${made.length} payments were made`)
  return made[0] as PeerPayment
}

/** A call that can be sent, resent and looked up, and whether the peer did it. */
export type Sending = {
  readonly send: (signal: AbortSignal) => Promise<Outcome>
  readonly lookup: LookupCall
  readonly done: () => Promise<boolean>
}

/** A call of that kind that is ready to be sent, on a payment that was made for it. */
export async function prepare(at: Opened, kind: AttemptKind): Promise<Sending> {
  const { provider, peer } = at
  if (kind === 'authorize') {
    const call = authorizeCall(peer)
    return {
      send: (signal) => provider.authorize(call, signal),
      lookup: lookupCall(kind, call),
      async done() {
        const made = await madeFor(peer, call)
        assert.ok(made.length <= 1, 'the customer was charged twice')
        return made.some(({ captured }) => captured === AMOUNT)
      },
    }
  }
  const paid = await pay(at, { capture: kind === 'refund' })
  const call = followUp(paid.call, paid.reference)
  return {
    send: (signal) => provider[kind](call, signal),
    lookup: lookupCall(kind, call),
    async done() {
      const { captured, refunded, canceled } = await thePayment(peer, paid.call)
      const amount = kind === 'capture' ? captured : kind === 'refund' ? refunded : canceled ? AMOUNT : 0
      assert.ok(amount === 0 || amount === AMOUNT, `${kind} was done to ${amount}`)
      return amount === AMOUNT
    },
  }
}

/** Finds the outcome of an unknown call, as recovery does. */
export async function truth(provider: RemoteProvider, sending: Sending): Promise<LookupOutcome> {
  const now = Date.now()
  const { kind } = sending.lookup
  for (let lookups = 0; ; lookups++) {
    const left = { kind, state: 'unknown', startedAt: now, providerReference: null, lookups } as const
    const step = recoveryStep(provider.capabilities, left, now)
    if (step === 'wait') assert.fail('nothing can tell what became of it')
    if (step === 'resend') return sending.send(patience())
    const found = await provider.lookup(sending.lookup, patience())
    // If "not found" may change, a resend comes next.
    if (found.kind !== 'not_found' || provider.capabilities.lookup === 'final') return found
  }
}
