/** Deletes the events of whole links: see chain/purged. */
import type { AuditEntry } from '../../domain/audit.ts'
import { canonicalJson } from '../../domain/idempotency.ts'
import type { Scope } from '../../domain/scope.ts'
import type { Row } from '../verify/aggregate.ts'
import { entryOf, eventOf, linkOf, transferOf } from './check.ts'
import { digestOf, hashOf, NO_HASH } from './link.ts'
import { type Purged, restDigest } from './purged.ts'

/** The rows of the links after the purged ones, each kind in the order of its numbers; the first link may be purged. */
export type PurgeRows = {
  readonly links: readonly Row[]
  readonly events: readonly Row[]
  readonly transfers: readonly Row[]
  readonly audit: readonly Row[]
}

export type Bounds = {
  /** Events created before are old. */
  readonly before: number
  /** The last event that may be deleted. */
  readonly last: number
}

/** The next state, and the events to delete; or why the links do not match their rows. */
export type PurgeStep = { readonly next: Purged; readonly events: readonly Row[]; readonly problem?: string }

/**
 * The state after as many links as may lose their events. Recomputes each link first: events that somebody changed are
 * kept as evidence.
 */
export function purgeStep(state: Purged, rows: PurgeRows, bounds: Bounds): PurgeStep {
  let former = rows.links.map(linkOf).find(({ number }) => number === state.linksTo)
  const waiting = { events: [...rows.events], transfers: [...rows.transfers], audit: [...rows.audit] }
  const taken: Row[] = []
  let next = state
  for (const link of rows.links.map(linkOf)) {
    if (link.number <= state.linksTo) continue
    const events = take(waiting.events, link.ends.events)
    if (link.ends.events > bounds.last || events.some((row) => Number(row['created_at']) >= bounds.before))
      break
    const transfers = take(waiting.transfers, link.ends.transfers).map(transferOf).join('')
    const audit = take(waiting.audit, link.ends.audit).map(entryOf).join('')
    const digest = digestOf(events.map(eventOf).join('') + transfers + audit)
    if (
      link.number !== (former?.number ?? 0) + 1 ||
      hashOf(link, former?.hash ?? NO_HASH, digest) !== link.hash
    )
      return { next: state, events: [], problem: `Link ${link.number} does not match its rows.` }
    taken.push(...events)
    next = {
      // A new epoch moves the last number without an event.
      eventsTo: events.length > 0 ? link.ends.events : next.eventsTo,
      linksTo: link.number,
      digest: restDigest(next.digest, link, digestOf(transfers + audit)),
      until: events.reduce((latest, row) => Math.max(latest, Number(row['created_at'])), next.until),
      logged: false,
    }
    former = link
  }
  return { next, events: taken }
}

/** Takes the rows up to a number from the front. */
function take(rows: Row[], end: number): Row[] {
  const rest = rows.findIndex((row) => Number(row['seq']) > end)
  return rows.splice(0, rest < 0 ? rows.length : rest)
}

/** The entry of a purge that is done. */
export function purgeEntry(
  scope: Scope,
  { id, at }: { readonly id: string; readonly at: number },
  to: Purged,
): AuditEntry {
  const { eventsTo, linksTo, digest } = to
  return {
    ...{ id, scope, at, actor: 'server', action: 'events.purged', object: null, before: null },
    ...{ after: canonicalJson({ last_sequence: eventsTo, last_link: linksTo, digest }) },
    ...{ address: null, requestId: null },
  }
}
