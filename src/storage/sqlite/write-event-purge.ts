/** The retention of events: see chain/purge. */
import { idFloor } from '../../domain/id.ts'
import type { Scope } from '../../domain/scope.ts'
import type { EventPurge, PurgedEvents } from '../../ports/store-retention.ts'
import { purgeEntry, purgeStep } from '../chain/purge.ts'
import { purgedOf } from '../chain/purged.ts'
import { ID_MARGIN_MS, purgeBounds, SQLITE_TEXT } from '../purge.ts'
import type { Row } from '../verify/aggregate.ts'
import type { Connection } from './connection.ts'
import type { Definition } from './definition.ts'
import { EVENT_DATA } from './long-texts.ts'
import { live } from './rows.ts'
import { appendAudit } from './write-audit.ts'

type Own = readonly [account: number, live: number]
type Ends = { readonly events: number; readonly transfers: number; readonly audit: number }

const endsOf = (row: Row | undefined): Ends => ({
  events: Number(row?.['events_to'] ?? 0),
  transfers: Number(row?.['transfers_to'] ?? 0),
  audit: Number(row?.['audit_to'] ?? 0),
})

/** The rows of links, between the ends of the first and the last. */
function rowReads(db: Connection) {
  const events = db.prepare<unknown[], Row>(
    `SELECT e.seq, e.id, e.type, e.created_at, ${EVENT_DATA} AS data FROM events e
     WHERE e.account_id = ? AND e.live = ? AND e.seq > ? AND e.seq <= ? ORDER BY e.seq`,
  )
  const transfers = db.prepare<unknown[], Row>(
    `SELECT t.seq, t.transaction_id, t.amount, t.created_at, d.code AS debit, c.code AS credit, d.currency
     FROM ledger_accounts d
     JOIN ledger_transfers t ON t.debit_account_id = d.id
     JOIN ledger_accounts c ON c.id = t.credit_account_id
     WHERE d.account_id = ? AND d.live = ? AND t.seq > ? AND t.seq <= ? ORDER BY t.seq`,
  )
  const audit = db.prepare<unknown[], Row>(
    'SELECT * FROM audit_log WHERE account_id = ? AND live = ? AND seq > ? AND seq <= ? ORDER BY seq',
  )
  return (own: Own, from: Ends, to: Ends) => ({
    events: events.all(...own, from.events, to.events),
    transfers: transfers.all(...own, from.transfers, to.transfers),
    audit: audit.all(...own, from.audit, to.audit),
  })
}

const ENDED = ['delivered', 'failed'] as const

/**
 * Deletes events, their texts and their deliveries, which are delivered, or failed at a deleted endpoint; returns the
 * numbers of the deliveries.
 */
function deletions(db: Connection) {
  const texts = db
    .prepare<unknown[], number>(
      `SELECT rest_id FROM events
       WHERE account_id = ? AND live = ? AND seq > ? AND seq <= ? AND rest_id IS NOT NULL`,
    )
    .pluck()
  const events = db.prepare('DELETE FROM events WHERE account_id = ? AND live = ? AND seq > ? AND seq <= ?')
  const text = db.prepare('DELETE FROM long_texts WHERE id = ?')
  const deliveries = db.prepare(
    `DELETE FROM webhook_deliveries
     WHERE account_id = ? AND live = ? AND id < ? AND event_seq <= ? AND state = ?`,
  )
  return (own: Own, from: number, to: number, until: number) => {
    const apart = texts.all(...own, from, to)
    events.run(...own, from, to)
    for (const id of apart) text.run(id)
    const before = idFloor('dlv', until + ID_MARGIN_MS)
    return ENDED.map((state) => ({ state, count: deliveries.run(...own, before, to, state).changes }))
  }
}

export const purgeWrites = {
  purgeEvents(db, cache) {
    const append = appendAudit(db, cache)
    const find = db.prepare<unknown[], Row>('SELECT * FROM event_purges WHERE account_id = ? AND live = ?')
    const links = db.prepare<unknown[], Row>(
      'SELECT * FROM chain_links WHERE account_id = ? AND live = ? AND number >= ? ORDER BY number LIMIT ?',
    )
    const bounds = db.prepare<unknown[], { last: number; before: number | null }>(purgeBounds(SQLITE_TEXT))
    const save = db.prepare(
      `INSERT INTO event_purges (account_id, live, events_to, links_to, digest, until, logged)
       VALUES (?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (account_id, live) DO UPDATE SET events_to = excluded.events_to, links_to = excluded.links_to,
         digest = excluded.digest, until = excluded.until, logged = excluded.logged`,
    )
    const rowsOf = rowReads(db)
    const remove = deletions(db)
    return (scope: Scope, { before, limit, entry }: EventPurge): PurgedEvents => {
      const own = [scope.accountId, live(scope)] as const
      const state = purgedOf(find.get(...own))
      const read = links.all(...own, state.linksTo, limit + 1)
      const bound = bounds.get({ 1: own[0], 2: own[1] })
      const first = state.linksTo === 0 ? undefined : read[0]
      const step = purgeStep(
        state,
        { links: read, ...rowsOf(own, endsOf(first), endsOf(read.at(-1))) },
        { before: Math.min(before, bound?.before ?? before), last: bound?.last ?? 0 },
      )
      const { next, events, problem } = step
      if (problem !== undefined) return { deleted: 0, done: true, problem }
      const done = next.linksTo === state.linksTo || next.linksTo < Number(read.at(-1)?.['number'])
      if (done && events.length === 0 && state.logged) return { deleted: 0, done }
      if (events.length > 0) {
        for (const gone of remove(own, state.eventsTo, next.eventsTo, next.until))
          if (gone.count > 0) cache.count(...own, `deliveries_${gone.state}`, '', -gone.count)
      }
      const { eventsTo, linksTo, digest, until } = next
      save.run(...own, eventsTo, linksTo, digest, until, done ? 1 : 0)
      if (done) append(purgeEntry(scope, entry, next))
      return { deleted: events.length, done }
    }
  },
} satisfies Record<string, Definition>
