/** The meaning of an error for the request of a dialog, and for its Idempotency-Key. */
import type { ApiError } from '../api.ts'

/**
 * - `open`: MiniPay may have carried it out, or be doing so. The key stays.
 * - `decided`: MiniPay stored this outcome under the key, so only another key can have another outcome.
 * - `former`: a former request with other values has the key, and MiniPay did nothing now.
 * - `refused`: this request did nothing, and nothing is stored under the key.
 */
export type DialogOutcome = 'open' | 'decided' | 'former' | 'refused'

const DECIDED: ReadonlySet<string> = new Set(['card_declined', 'provider_declined', 'provider_unavailable'])
const OPEN: ReadonlySet<string> = new Set(['idempotency_key_in_progress', 'unknown'])

/**
 * A proxy can respond with any status after it passed the request on, so only MiniPay's own codes decide. `unknown` is
 * the code of a response without one. A `provider_unavailable` without a charge or refund stored nothing (docs/errors.md).
 */
export function outcomeOf({ status, code, body }: Pick<ApiError, 'status' | 'code' | 'body'>): DialogOutcome {
  if (code === 'idempotency_key_reused') return 'former'
  if (DECIDED.has(code)) return 'charge' in body || 'refund' in body ? 'decided' : 'refused'
  return status === 0 || status >= 500 || [408, 429].includes(status) || OPEN.has(code) ? 'open' : 'refused'
}

const ONCE = 'MiniPay may have done it. The button sends the same request again, and MiniPay does it once.'
const LOOK = 'MiniPay may have done it. Close this form, and see whether it did before you send it again.'
const FORMER =
  'An earlier request of this form had other values, and may have gone through. Now MiniPay did nothing. Close this form, and see what changed before you open it again.'

/** What the reader should know beside the error itself. `keyed`: the request has an Idempotency-Key. */
export function adviceOf(outcome: DialogOutcome, keyed: boolean): string | undefined {
  if (outcome === 'former') return FORMER
  return outcome === 'open' ? (keyed ? ONCE : LOOK) : undefined
}
