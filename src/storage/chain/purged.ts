/**
 * What stays of the links whose events were deleted. Such a link no longer matches its rows, so a row of `event_purges`
 * has a digest over the links and the rest of their rows:
 *
 *     digest = SHA-256(digest before, link, SHA-256(transfers and audit entries))
 *
 * The audit entry of the purge has the same digest. A later link of the chain covers that entry.
 */
import { hash } from 'node:crypto'
import type { Row } from '../verify/aggregate.ts'
import type { Link } from './link.ts'

/** The state of a scope: a row of `event_purges`. */
export type Purged = {
  /** The last deleted event, and the last link without its events. */
  readonly eventsTo: number
  readonly linksTo: number
  readonly digest: string
  /** The latest time of a deleted event, in ms since 1970. */
  readonly until: number
  /** Whether the newest audit entry has this digest. */
  readonly logged: boolean
}

export const NOTHING_PURGED: Purged = { eventsTo: 0, linksTo: 0, digest: '', until: 0, logged: true }

export function purgedOf(row: Row | undefined): Purged {
  if (!row) return NOTHING_PURGED
  const { events_to, links_to, digest, until, logged } = row
  return {
    ...{ eventsTo: Number(events_to), linksTo: Number(links_to), digest: String(digest) },
    ...{ until: Number(until), logged: Number(logged) === 1 },
  }
}

/** `rest` is the digest of the link's transfers and audit entries. */
export function restDigest(before: string, { number, ends, at, hash: own }: Link, rest: string): string {
  const link = `${number} ${ends.events} ${ends.transfers} ${ends.audit} ${at} ${own}`
  return hash('sha256', `${before}\n${link}\n${rest}`, 'base64url')
}
