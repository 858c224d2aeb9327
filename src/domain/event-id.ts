import type { Decision } from './charge.ts'
import { type IdPrefix, idTime, twinId } from './id.ts'

/** The most by which the time in the id of an event differs from that of the event, in ms. */
const MOST_MS = 30_000

/**
 * The id for a decision's event. The first event of a charge has the digits of the charge's id, unless that is older: so a
 * store finds most events by their charge, and the other way round, without an index. A charge has its first event when it
 * is made, or when the call ends with which it began; each version of a charge is stored once.
 */
export function eventIdOf(
  { charge, previous }: Pick<Decision, 'charge' | 'previous'>,
  at: number,
  newId: (prefix: IdPrefix) => string,
): string {
  const isFirst = charge.version === 1 || (charge.version === 2 && previous.status === 'processing')
  return isFirst && Math.abs(at - idTime(charge.id)) <= MOST_MS ? twinId('evt', charge.id) : newId('evt')
}
