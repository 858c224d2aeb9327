import { lastLink, NOTHING, SEALED_ROWS, sealingLink } from '../chain/seal.ts'
import type { Row } from '../verify/aggregate.ts'
import type { Connection } from './connection.ts'
import { EVENT_DATA } from './long-texts.ts'
import { defineUnpacked } from './packed-texts.ts'

/** Gives every row from before the hash chains its link, unless that is done: see chain/seal. */
export function sealOnce(db: Connection): void {
  if (db.prepare('SELECT sealed_at FROM chain_seal').pluck().get() !== null) return
  sealRows(db)
  db.exec(`UPDATE chain_seal SET sealed_at = CAST(unixepoch('subsec') * 1000 AS INTEGER)`)
}

/** Gives every row without a link its link. No server may be using the database. */
export function sealRows(db: Connection): void {
  const scopes = db
    .prepare<[], { accountId: number; live: number }>(
      `SELECT a.id AS accountId, m.live FROM accounts a CROSS JOIN (SELECT 0 AS live UNION ALL SELECT 1) m`,
    )
    .all()
  const seal = sealing(db)
  for (const { accountId, live } of scopes) while (seal(accountId, live));
}

/** Returns a function that adds one link, and returns false if every row of the scope has one. */
function sealing(db: Connection): (accountId: number, live: number) => boolean {
  defineUnpacked(db)
  const findLast = db.prepare<[number, number], Row>(
    `SELECT number, events_to, transfers_to, audit_to, hash FROM chain_links
     WHERE account_id = ? AND live = ? ORDER BY number DESC LIMIT 1`,
  )
  const events = db.prepare<[number, number, number], Row>(
    `SELECT e.seq, e.id, e.type, e.created_at, ${EVENT_DATA} AS data FROM events e
     WHERE e.account_id = ? AND e.live = ? AND e.seq > ? ORDER BY e.seq LIMIT ${SEALED_ROWS}`,
  )
  const transfers = db.prepare<[number, number, number, number], Row>(
    `SELECT t.seq, t.transaction_id, t.amount, t.created_at, d.code AS debit, c.code AS credit, d.currency
     FROM ledger_accounts d
     JOIN ledger_transfers t ON t.debit_account_id = d.id
     JOIN ledger_accounts c ON c.id = t.credit_account_id
     WHERE d.account_id = ? AND d.live = ? AND t.seq > ? AND t.seq <= ? ORDER BY t.seq`,
  )
  const audit = db.prepare<[number, number, number], Row>(
    `SELECT * FROM audit_log WHERE account_id = ? AND live = ? AND seq > ? ORDER BY seq LIMIT ${SEALED_ROWS}`,
  )
  const insert = db.prepare(
    `INSERT INTO chain_links (account_id, live, number, events_to, transfers_to, audit_to, hash, at)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
  )
  const sealNext = db.transaction((accountId: number, live: number): boolean => {
    const last = lastLink(findLast.get(accountId, live))
    const after = last?.ends ?? NOTHING
    const link = sealingLink({ accountId, live }, last, {
      events: events.all(accountId, live, after.events),
      transfers: transfers.all(accountId, live, after.transfers, after.transfers + SEALED_ROWS),
      audit: audit.all(accountId, live, after.audit),
    })
    if (!link) return false
    const { number, ends, hash, at } = link
    insert.run(accountId, live, number, ends.events, ends.transfers, ends.audit, hash, at)
    return true
  })
  return (accountId, live) => sealNext.immediate(accountId, live)
}
