/**
 * Seals rows from before the hash chains: each batch of a scope's rows gets a link in a transaction of its own, so an
 * interrupted upgrade continues after the last link.
 */
import type { Row } from '../verify/aggregate.ts'
import { entryOf, eventOf, transferOf } from './check.ts'
import { digestOf, type Ends, hashOf, type Link, NO_HASH } from './link.ts'

/** The most rows of each kind in one link. */
export const SEALED_ROWS = 2_000

export const NOTHING: Ends = { events: 0, transfers: 0, audit: 0 }

/** Rows after the last link, in the order of their numbers. */
export type Batch = { readonly [K in keyof Ends]: readonly Row[] }

/** The link over the next rows without a gap; undefined if there are none. */
export function sealingLink(
  scope: Pick<Link, 'accountId' | 'live'>,
  last: Pick<Link, 'number' | 'ends' | 'hash'> | undefined,
  batch: Batch,
): Link | undefined {
  const events = withoutGap(batch.events)
  const transfers = withoutGap(batch.transfers)
  const audit = withoutGap(batch.audit)
  const all = [...events, ...transfers, ...audit]
  if (all.length === 0) return undefined
  const before = last?.ends ?? NOTHING
  const ends = {
    events: endOf(events, before.events),
    transfers: endOf(transfers, before.transfers),
    audit: endOf(audit, before.audit),
  }
  const at = all.reduce((latest, row) => Math.max(latest, Number(row['created_at'])), 0)
  const link = { accountId: scope.accountId, live: scope.live, number: (last?.number ?? 0) + 1, ends, at }
  const rows = [...events.map(eventOf), ...transfers.map(transferOf), ...audit.map(entryOf)].join('')
  return { ...link, hash: hashOf(link, last?.hash ?? NO_HASH, digestOf(rows)) }
}

/** The rows up to the first gap: a new epoch of event numbers begins a new link. */
function withoutGap(rows: readonly Row[]): readonly Row[] {
  const gap = rows.findIndex((row, i) => i > 0 && Number(row['seq']) !== Number(rows[i - 1]?.['seq']) + 1)
  return gap < 0 ? rows : rows.slice(0, gap)
}

const endOf = (rows: readonly Row[], before: number) => Number(rows.at(-1)?.['seq'] ?? before)

/** The last link of a scope, from its row. */
export function lastLink(row: Row | undefined): Pick<Link, 'number' | 'ends' | 'hash'> | undefined {
  if (!row) return undefined
  const { number, events_to, transfers_to, audit_to, hash } = row
  const ends = { events: Number(events_to), transfers: Number(transfers_to), audit: Number(audit_to) }
  return { number: Number(number), ends, hash: String(hash) }
}
