/** Adds a link to the hash chain of each scope in which a group stored rows: see chain/link. */
import { digestOf, hashOf, NO_HASH } from '../chain/link.ts'
import type { Connection } from './connection.ts'

export type Chain = ReturnType<typeof chainWrites>

type Last = { readonly number: number; readonly hash: string }
type Rows = {
  readonly accountId: number
  readonly live: number
  events: string
  transfers: string
  audit: string
  at: number
}
type Kind = 'events' | 'transfers' | 'audit'

/** The last numbers of a scope. */
type NumbersOf = (
  accountId: number,
  live: number,
) => { readonly event: number; readonly transfer: number; readonly audit: number }

export function chainWrites(db: Connection, numbersOf: NumbersOf) {
  const findLast = db.prepare<[number, number], Last>(
    `SELECT number, hash FROM chain_links WHERE account_id = ? AND live = ? ORDER BY number DESC LIMIT 1`,
  )
  const insert = db.prepare(
    `INSERT INTO chain_links (account_id, live, number, events_to, transfers_to, audit_to, hash, at)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
  )
  const lasts = new Map<number, Last>()
  /** Of one group: it is not cleared but replaced, as `ledgerCache` says. */
  let pending = new Map<number, Rows>()
  /** The rows of the last scope: those of the next one as a rule. */
  let current: Rows | undefined

  function rowsOf(accountId: number, live: number, at: number): Rows {
    const scope = accountId * 2 + live
    let rows = pending.get(scope)
    if (!rows) {
      rows = { accountId, live, events: '', transfers: '', audit: '', at }
      pending.set(scope, rows)
    }
    return rows
  }

  function clear(): void {
    pending = new Map()
    current = undefined
  }

  return {
    /** A row that the group stores, as chain/link writes it, in the order of its number. */
    add(accountId: number, live: number, kind: Kind, text: string, at: number): void {
      if (current?.accountId !== accountId || current.live !== live) current = rowsOf(accountId, live, at)
      current[kind] += text
      if (at > current.at) current.at = at
    },

    /** Stores a link for each scope with rows, as part of the group's transaction. */
    flush(): void {
      for (const [scope, { accountId, live, events, transfers, audit, at }] of pending) {
        const last = lasts.get(scope) ?? findLast.get(accountId, live) ?? { number: 0, hash: NO_HASH }
        const numbers = numbersOf(accountId, live)
        const number = last.number + 1
        const ends = { events: numbers.event, transfers: numbers.transfer, audit: numbers.audit }
        const link = { accountId, live, number, ends, at }
        const hash = hashOf(link, last.hash, digestOf(events + transfers + audit))
        insert.run(accountId, live, number, ends.events, ends.transfers, ends.audit, hash, at)
        lasts.set(scope, { number, hash })
      }
      clear()
    },

    /** Clears everything after a rollback. */
    reset(): void {
      lasts.clear()
      clear()
    },
  }
}
