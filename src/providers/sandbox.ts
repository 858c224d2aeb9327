import { sandboxDecline } from '../domain/sandbox-tokens.ts'
import type { FinalOutcome, FollowUpCall, InProcessProvider } from '../ports/provider.ts'
import type { Create } from './fields.ts'

export { SANDBOX_TOKENS } from '../domain/sandbox-tokens.ts'

/** How long the sandbox holds an authorization, as card networks mostly do: seven days, in ms. */
const HOLD_MS = 7 * 24 * 3_600_000

/** A provider for trying things out: pure and in process, the payment method's token chooses the outcome. */
export function createSandbox(name: string): InProcessProvider {
  return {
    remote: false,
    name,
    kind: 'sandbox',
    mode: 'test',
    capabilities: {
      idempotencyWindowMs: Number.POSITIVE_INFINITY,
      lookup: 'none',
      void: true,
      partialCapture: true,
    },
    deadlineMs: 0,
    concurrency: Number.POSITIVE_INFINITY,
    authorize({ chargeId, paymentMethod, amount, currency, capture }, now): FinalOutcome {
      const decline = sandboxDecline(paymentMethod)
      if (decline) return { kind: 'declined', ...decline, reference: null }
      const expiresAt = capture ? null : now + HOLD_MS
      return { kind: 'succeeded', reference: `sandbox_${chargeId}`, amount, currency, expiresAt }
    },
    capture: done,
    cancel: done,
    refund: done,
  }
}

/** The sandbox stores nothing and carries out every call. MiniPay itself ensures that amounts are not exceeded. */
function done({ attemptId, amount, currency }: FollowUpCall): FinalOutcome {
  return { kind: 'succeeded', reference: `sandbox_${attemptId}`, amount, currency, expiresAt: null }
}

/** An instance of the kind `sandbox`. It moves no money, so it serves the test mode alone. */
export const create: Create = (name, fields) => {
  fields.oneOf('mode', ['test'], 'test')
  fields.end()
  return createSandbox(name)
}
