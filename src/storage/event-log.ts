/** What the reads of events on both engines share. */
import { type EventQuery, MOST_DISORDER_MS } from '../ports/store.ts'

/** The id of the object of an event, its first field: a charge, or a webhook endpoint. The index has this expression. */
export const OBJECT_OF_EVENT = `CASE substr(data, 1, 12) WHEN '{"endpoint":' THEN substr(data, 20, 29) ELSE substr(data, 18, 30) END`

/** Types by which a partial index finds events; nearly all others are successes, which are read from the log itself. */
export function isRare(types: EventQuery['types']): boolean {
  return types !== undefined && types.length > 0 && !types.includes('payment.succeeded')
}

/**
 * The range of times by which to seek in the log: events are in the order of their times, but for commits that waited,
 * and for a clock that was set back by `setBackMs`.
 */
export function seekRange(
  { createdFrom, createdUntil }: EventQuery,
  setBackMs: number,
): { readonly from: number | undefined; readonly until: number | undefined } {
  const slackMs = MOST_DISORDER_MS + setBackMs
  return {
    from: createdFrom === undefined ? undefined : createdFrom - slackMs,
    until: createdUntil === undefined ? undefined : createdUntil + slackMs,
  }
}
