import type { KnownOutcome, Outcome } from '../../src/domain/attempt.ts'
import type { DisputeLookup, RemoteProvider } from '../../src/ports/provider.ts'

/** A provider that does every call as requested, unless the test sets the outcome of the next one. */
export type Scripted = RemoteProvider & {
  /** The outcome of the next call. */
  says(outcome: Outcome): void
  /** The results of lookups and of dispute lookups from now on. */
  finds(answer: KnownOutcome | null): void
  disputes(answer: Extract<DisputeLookup, { kind: 'dispute' }>): void
}

/** A live provider of this name; it holds money for seven days from `start`, in ms since 1970. */
export function scripted(name: string, start: number): Scripted {
  let next: Outcome | null = null
  let found: KnownOutcome | null = null
  const disputed = new Map<string, DisputeLookup>()
  async function answer(
    call: { attemptId: string; amount: number; currency: string },
    expiresAt: number | null,
  ) {
    const said = next ?? {
      kind: 'succeeded' as const,
      reference: `${name}_${call.attemptId}`,
      amount: call.amount,
      currency: call.currency,
      expiresAt,
    }
    next = null
    return said
  }
  return {
    remote: true,
    name,
    kind: 'http',
    mode: 'live',
    capabilities: { idempotencyWindowMs: 86_400_000, lookup: 'final', void: true, partialCapture: true },
    deadlineMs: 1_000,
    concurrency: 8,
    authorize: (call) => answer(call, call.capture ? null : start + 7 * 86_400_000),
    capture: (call) => answer(call, null),
    cancel: (call) => answer(call, null),
    refund: (call) => answer(call, null),
    lookup: async () => found ?? { kind: 'unknown', reason: 'it says nothing' },
    dispute: async (reference) => disputed.get(reference) ?? { kind: 'not_found' },
    notification: async () => null,
    close: async () => {},
    says(outcome) {
      next = outcome
    },
    finds(outcome) {
      found = outcome
    },
    disputes(report) {
      disputed.set(report.reference, report)
    },
  }
}
