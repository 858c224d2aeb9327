/** A person closes an alarm with a reason, and may book the real amount with it. */
import { closedAlarm } from '../../domain/alarm.ts'
import { decide } from '../../domain/charge.ts'
import { type Rejection, reject } from '../../domain/error.ts'
import type { AmountMinor } from '../../domain/money.ts'
import { notFound } from '../../domain/not-found.ts'
import { type Audit, alarmClosed } from '../audit.ts'
import type { Context } from '../context.ts'
import { execute, type KeyedRequest, type Proposal, type Result } from '../execute.ts'
import { alarmClosedEnding } from '../payments/endings.ts'
import { bookByHand } from './book-by-hand.ts'

export type AlarmClosing = {
  /** The reason, in the person's words. */
  readonly reason: string
  /** The amount that really moved, in minor units of the charge's currency; undefined books nothing. */
  readonly amount: AmountMinor | undefined
}

const NOT_OPEN = reject('alarm_not_open', 'The alarm is already closed.', 'id')

/**
 * Closes an alarm. With an amount, it first books the amount in a commit of its own: after a crash in between, the
 * same request closes the alarm. Returns `done` with the alarm. Rejections: `alarm_not_found`; `alarm_not_open` if it
 * is closed already; those of `bookByHand`. Rejects with `StoreUnavailable`.
 */
export function closeAlarm(
  context: Context,
  request: KeyedRequest,
  id: string,
  { reason, amount }: AlarmClosing,
  audit: Audit,
): Promise<Result | Rejection> {
  const { scope } = request
  const { store } = context
  return execute(context, request, async (): Promise<Proposal | Rejection> => {
    const named = await store.alarm(scope, id)
    if (!named) return notFound('alarm', id)
    if (amount !== undefined && named.state === 'open') {
      // A used key returns its earlier result or is refused, and must book nothing.
      if (await store.idempotencyRecord(scope, request.key)) return NOT_OPEN
      const refusal = await bookByHand(context, request, named, amount, audit)
      if (refusal) return refusal
    }
    // Read the charge first: every change of its alarms increases its version.
    const charge = await store.charge(scope, named.chargeId)
    const alarm = await store.alarm(scope, id)
    if (!charge || !alarm) throw new Error(`the alarm ${id} has lost its charge`)
    if (alarm.state === 'closed') return NOT_OPEN
    const at = context.now()
    const after = closedAlarm(alarm, reason, at)
    return {
      decision: decide(charge, {}, { alarms: [after], event: 'alarm.closed' }),
      at,
      ending: alarmClosedEnding(after),
      audit: audit(alarmClosed(alarm, after)),
    }
  })
}
