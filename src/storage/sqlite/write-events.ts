import { eventText } from '../chain/link.ts'
import type { Connection } from './connection.ts'
import type { LedgerCache } from './ledger-cache.ts'
import type { Apart } from './long-texts.ts'
import type { TextWrites } from './write-texts.ts'

export type NewEvent = readonly [id: string, type: string, data: string]

/** Stores an event under the next number of its scope, and adds it to the chain; `details` are in its data. */
export function eventWrites(db: Connection, cache: LedgerCache, texts: TextWrites) {
  const insertEvent = db.prepare(
    `INSERT INTO events (account_id, live, seq, id, type, created_at, data, details_id, rest_id)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  )

  return (
    account: number,
    live: number,
    [id, type, data]: NewEvent,
    at: number,
    details: Apart | undefined,
  ): void => {
    const sequence = ++cache.numbers(account, live).event
    insertEvent.run(account, live, sequence, id, type, at, ...texts.event(data, details))
    cache.chain.add(account, live, 'events', eventText(id, type, at, data), at)
  }
}
