/** What use cases write into the audit log. */
import type { Alarm } from '../domain/alarm.ts'
import type { Attempt } from '../domain/attempt.ts'
import type { AuditAction, AuditEntry } from '../domain/audit.ts'
import { canonicalJson } from '../domain/idempotency.ts'

/** What a person did. Absent or null: there is none. */
export type AuditedAction = {
  readonly action: AuditAction
  /** The id of the object. */
  readonly object?: string | null
  /** Canonical JSON of the object before and after, without secrets. */
  readonly before?: string | null
  readonly after?: string | null
}

/** Makes the entry of an action; the maker knows who acts, in which scope, and from where. */
export type Audit = (done: AuditedAction) => AuditEntry

/** A new outcome of an attempt. */
export function attemptResolved(before: Attempt, after: Attempt): AuditedAction {
  return {
    action: 'attempt.resolved',
    object: before.id,
    before: canonicalJson(attemptFacts(before)),
    after: canonicalJson(attemptFacts(after)),
  }
}

function attemptFacts({ state, amount, providerReference, reason, resolvedBy }: Attempt): object {
  return { status: state, amount, provider_reference: providerReference, reason, resolved_by: resolvedBy }
}

export function alarmClosed(before: Alarm, after: Alarm): AuditedAction {
  return {
    action: 'alarm.closed',
    object: before.id,
    before: canonicalJson(alarmFacts(before)),
    after: canonicalJson(alarmFacts(after)),
  }
}

/** The amount that a person books for an alarm, in minor units of the charge's currency. */
export function alarmBooked({ id }: Alarm, amount: number): AuditedAction {
  return { action: 'alarm.booked', object: id, after: canonicalJson({ amount }) }
}

function alarmFacts({ state, kind, reason }: Alarm): object {
  return { status: state, kind, reason }
}
