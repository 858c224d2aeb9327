/**
 * A bank in this process that behaves like one over the network: it takes time, some of its responses are lost, and it
 * can be looked up. It stores nothing, so a lookup after a restart is answered from the id of the attempt alone.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { Outcome } from '../domain/attempt.ts'
import { sandboxDecline } from '../domain/sandbox-tokens.ts'
import type { AuthorizeCall, FollowUpCall, LookupCall, RemoteProvider } from '../ports/provider.ts'
import type { CallSignal } from '../ports/runtime.ts'
import type { Create } from './fields.ts'

/** The payment method whose response is lost; a lookup shows the payment a while later. */
export const LOST_RESPONSE = 'tok_fault_hang'

const DAY_MS = 86_400_000
export const HOLD_MS = 7 * DAY_MS
/** In ms. */
const LATENCY_MS = 120
/** So long after it began, or after the start for those of an earlier process, a lost payment can be found, in ms. */
const FOUND_AFTER_MS = 60_000

export function createDemoBank(name: string, now: () => number): RemoteProvider {
  /** The clock cannot be read before the first call. */
  let startedAt: number | undefined
  const beganAt = (attemptId: string) => {
    startedAt ??= now()
    return lost.get(attemptId) ?? startedAt
  }
  const lost = new Map<string, number>()
  const answer = async (signal: CallSignal, outcome: () => Outcome): Promise<Outcome> => {
    const late = new AbortController()
    signal.addEventListener('abort', () => late.abort())
    const cut = await delay(LATENCY_MS, false, { signal: late.signal }).catch(() => true)
    return cut ? { kind: 'unknown', reason: 'no response' } : outcome()
  }
  return {
    ...{ remote: true, name, kind: 'demo', mode: 'test', deadlineMs: 10_000, concurrency: 32 },
    capabilities: { idempotencyWindowMs: DAY_MS, lookup: 'final', void: true, partialCapture: true },
    authorize: (call, signal) =>
      answer(signal, () => {
        if (call.paymentMethod !== LOST_RESPONSE) return authorized(call, now())
        lost.set(call.attemptId, now())
        return { kind: 'unknown', reason: 'the connection was cut before the response' }
      }),
    capture: (call, signal) => answer(signal, () => done(call)),
    cancel: (call, signal) => answer(signal, () => done(call)),
    refund: (call, signal) => answer(signal, () => done(call)),
    lookup: (call, signal) => answer(signal, () => lookedUp(call, now() - beganAt(call.attemptId), lost)),
    // It does not remember those that the demo opened.
    dispute: async () => ({ kind: 'unknown', reason: 'the bank responds 503 about disputes' }),
    notification: async () => null,
    close: async () => {},
  }
}

export function authorized(call: AuthorizeCall, now: number): Outcome {
  const decline = sandboxDecline(call.paymentMethod)
  if (decline) return { kind: 'declined', ...decline, reference: null }
  return { ...done(call), expiresAt: call.capture ? null : now + HOLD_MS }
}

export function done({
  attemptId,
  amount,
  currency,
}: Pick<FollowUpCall, 'attemptId' | 'amount' | 'currency'>) {
  return {
    kind: 'succeeded',
    reference: `demo_${attemptId.slice(4)}`,
    amount,
    currency,
    expiresAt: null,
  } as const
}

function lookedUp(call: LookupCall, ageMs: number, lost: ReadonlyMap<string, number>): Outcome {
  // Only the end of a hold makes MiniPay look up an authorization that it knows.
  if (call.kind === 'authorize' && call.providerReference !== null)
    return {
      ...{ kind: 'declined', declineCode: 'authorization_expired' },
      ...{ message: 'The authorization has expired.', reference: call.providerReference },
    }
  if (!lost.has(call.attemptId) && staysUnknown(call.attemptId))
    return { kind: 'unknown', reason: 'the bank responds 503 to lookups of this payment' }
  return ageMs < FOUND_AFTER_MS ? { kind: 'unknown', reason: 'the bank is still working on it' } : done(call)
}

/** Of the payments that an earlier process left open, a half stays unknown until a person resolves it. */
export function staysUnknown(attemptId: string): boolean {
  return attemptId.charCodeAt(attemptId.length - 1) % 2 === 0
}

/** An instance of the kind `demo`. It moves no money, so it serves the test mode alone. */
export const create: Create = (name, fields, { now }) => {
  fields.oneOf('mode', ['test'], 'test')
  fields.end()
  return createDemoBank(name, now)
}
