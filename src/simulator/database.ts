import { randomBytes } from 'node:crypto'
import { closeSync, openSync } from 'node:fs'
import Database from 'better-sqlite3'

export type Connection = Database.Database

/** "Bank" in SQLite's application id, so that MiniPay and the simulator never use each other's files. */
const APPLICATION_ID = 0x42616e6b

/**
 * `operations` has the requests, by the caller's reference: the simulator carries out each reference once. `payments`
 * has the state of the money. The constraints hold even if the code has a bug.
 */
const SCHEMA = `
CREATE TABLE payments (
  number          INTEGER PRIMARY KEY,
  id              TEXT NOT NULL UNIQUE,
  reference       TEXT NOT NULL UNIQUE,
  transaction_id  TEXT NOT NULL,
  amount          INTEGER NOT NULL CHECK (amount > 0),
  currency        TEXT NOT NULL,
  customer        TEXT NOT NULL,
  capture         INTEGER NOT NULL,
  status          TEXT NOT NULL CHECK (status IN
                    ('pending', 'requires_action', 'authorized', 'captured', 'canceled', 'expired', 'declined')),
  captured        INTEGER NOT NULL DEFAULT 0 CHECK (captured BETWEEN 0 AND amount),
  refunded        INTEGER NOT NULL DEFAULT 0 CHECK (refunded >= 0),
  refund_pending  INTEGER NOT NULL DEFAULT 0 CHECK (refund_pending >= 0),
  busy            TEXT,
  expires_at      INTEGER,
  CHECK (refunded + refund_pending <= captured),
  CHECK (captured = 0 OR status = 'captured')
) STRICT;
CREATE TABLE operations (
  reference       TEXT PRIMARY KEY,
  operation       TEXT NOT NULL,
  request         TEXT NOT NULL,
  status          TEXT NOT NULL CHECK (status IN ('done', 'pending', 'declined', 'closed')),
  id              TEXT UNIQUE,
  payment         TEXT,
  amount          INTEGER NOT NULL,
  currency        TEXT NOT NULL,
  decline_code    TEXT,
  message         TEXT,
  due_at          INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX operations_due ON operations (due_at) WHERE due_at IS NOT NULL;
CREATE TABLE disputes (
  id              TEXT PRIMARY KEY,
  payment         TEXT NOT NULL,
  amount          INTEGER NOT NULL,
  currency        TEXT NOT NULL,
  status          TEXT NOT NULL CHECK (status IN ('open', 'won', 'lost')),
  due_at          INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX disputes_payment ON disputes (payment);
CREATE TABLE notifications (
  id              TEXT PRIMARY KEY,
  about           TEXT NOT NULL,
  reference       TEXT NOT NULL,
  tries           INTEGER NOT NULL DEFAULT 0,
  due_at          INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX notifications_due ON notifications (due_at);
CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
`

/**
 * Opens the simulator's own file, and creates it if it does not exist. Throws a sentence for another program's file.
 */
export function openSimulatorDatabase(file: string): Connection {
  // Created here, so that only its owner can read it; SQLite gives the files beside it the same rights.
  closeSync(openSync(file, 'a', 0o600))
  const db = new Database(file)
  try {
    const id = db.pragma('application_id', { simple: true })
    const tables = db.prepare('SELECT count(*) FROM sqlite_master').pluck().get() as number
    if (tables > 0 && id !== APPLICATION_ID)
      throw new Error(`${file} is a SQLite database, but not of the simulator. Check --database.`)
    db.pragma('journal_mode = WAL')
    // A response stays true after a power cut.
    db.pragma('synchronous = FULL')
    if (tables === 0)
      db.transaction(() => {
        db.exec(SCHEMA)
        db.pragma(`application_id = ${APPLICATION_ID}`)
      })()
    else addDeadlines(db)
    return db
  } catch (error) {
    db.close()
    throw error
  }
}

/** Files of earlier versions have disputes without a deadline. */
function addDeadlines(db: Connection): void {
  const columns = db.pragma('table_info(disputes)') as { name: string }[]
  if (!columns.some(({ name }) => name === 'due_at'))
    db.exec('ALTER TABLE disputes ADD COLUMN due_at INTEGER')
}

/** The simulator's own reference. In hexadecimal of this length, no digits look like a card number. */
export function newId(prefix: 'pay' | 'cap' | 'can' | 'ref' | 'dp' | 'ntf'): string {
  return `${prefix}_${randomBytes(12).toString('hex')}`
}

export type Writer = {
  /** Runs the work in the next transaction; resolves after the disk sync that holds it. */
  run<T>(work: () => T): Promise<T>
}

type Job = { readonly work: () => void; readonly done: () => void; readonly failed: (error: unknown) => void }

/** After a group of this size, more work is surely coming: the next group waits a millisecond for it. */
const BUSY_GROUP = 4

/** One transaction, and one disk sync, for everything that arrived in one turn of the event loop, or a millisecond. */
export function groupedWriter(db: Connection): Writer {
  let jobs: Job[] = []
  let busy = false
  const all = db.transaction((group: readonly Job[]) => {
    for (const { work } of group) work()
  })
  function flush(): void {
    const group = jobs
    jobs = []
    busy = group.length >= BUSY_GROUP
    try {
      all.immediate(group)
    } catch (error) {
      for (const { failed } of group) failed(error)
      return
    }
    for (const { done } of group) done()
  }
  return {
    run<T>(work: () => T): Promise<T> {
      return new Promise<T>((resolve, reject) => {
        let result: T
        if (jobs.length === 0 && busy) setTimeout(flush, 1)
        else if (jobs.length === 0) setImmediate(flush)
        jobs.push({
          work: () => {
            result = work()
          },
          done: () => resolve(result),
          failed: reject,
        })
      })
    },
  }
}
