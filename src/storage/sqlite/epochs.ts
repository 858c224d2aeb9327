/** Epochs of event numbers in an embedded database: when one begins, and how MiniPay recognizes a replaced file. */
import { randomBytes } from 'node:crypto'
import { type Epoch, type EpochCause, firstOfEpoch } from '../../domain/epoch.ts'
import type { Log } from '../../ports/log.ts'
import { epochEntry } from '../epoch-audit.ts'
import { EPOCH } from '../lists.ts'
import type { Connection } from './connection.ts'
import { filesAt, readMark, writeMark } from './mark.ts'
import { appendAlone } from './write-audit.ts'

/**
 * Interval of the marks. If a file that was put back lacks only events of the last interval, MiniPay does not recognize
 * it.
 */
const MARK_EVERY_MS = 1_000

/** The mark of a database that continues in another place. */
const MOVED = 'moved'

/** The last number of a scope, from its events and its newest epoch. */
const LAST = `max(
  coalesce((SELECT max(seq) FROM events WHERE account_id = a.id AND live = m.live), 0),
  (SELECT max(first_seq) FROM epochs) - 1)`

const SCOPES = `accounts a CROSS JOIN (SELECT 0 AS live UNION ALL SELECT 1) m`

/** Every epoch, oldest first. */
export function epochsIn(db: Connection): Epoch[] {
  return db.prepare(`SELECT ${EPOCH} FROM epochs ORDER BY first_seq`).all() as Epoch[]
}

/** Begins an epoch in a database that no server uses, with its audit entry. `lineage` is that of the next mark; null if there is none yet. */
export function beginEpoch(db: Connection, cause: EpochCause, now: number, lineage: string | null): Epoch {
  return db
    .transaction((): Epoch => {
      const last = db.prepare(`SELECT max(${LAST}) FROM ${SCOPES}`).pluck().get() as number
      const firstSequence = firstOfEpoch(now, last)
      const id = `ep_${randomBytes(8).toString('hex')}`
      db.prepare(`INSERT INTO epochs (first_seq, id, began_at, cause, lineage) VALUES (?, ?, ?, ?, ?)`).run(
        firstSequence,
        id,
        now,
        cause,
        lineage,
      )
      db.prepare(
        `INSERT INTO epoch_ends (first_seq, account_id, live, last_seq)
         SELECT ?, account, live, last FROM (
           SELECT a.id AS account, m.live AS live,
             (SELECT max(seq) FROM events WHERE account_id = a.id AND live = m.live) AS last
           FROM ${SCOPES})
         WHERE last IS NOT NULL`,
      ).run(firstSequence)
      const epoch = { id, firstSequence, beganAt: now, cause }
      appendAlone(db, epochEntry(epoch))
      return epoch
    })
    .immediate()
}

/** The sum of the last numbers of all scopes. */
function numbersGiven(db: Connection): bigint {
  return db.prepare(`SELECT coalesce(sum(${LAST}), 0) FROM ${SCOPES}`).safeIntegers().pluck().get() as bigint
}

/**
 * Before a server uses the database, compares it with the mark beside it, and begins an epoch if it is another database
 * or an older state than the mark records. Returns the lineage for later marks.
 */
export function recognize(db: Connection, file: string, now: number, log: Log): string {
  const former = lineageOf(db)
  const reason = reasonForEpoch(db, file)
  if (reason === undefined && former !== null) return former
  const lineage = randomBytes(8).toString('hex')
  if (reason === undefined)
    db.prepare(`UPDATE epochs SET lineage = ? WHERE first_seq = (SELECT max(first_seq) FROM epochs)`).run(
      lineage,
    )
  else {
    const { id } = beginEpoch(db, 'replaced', now, lineage)
    log.warn({ epoch: id, reason }, 'The database was replaced: a new epoch of event numbers begins.')
  }
  writeMark(file, { lineage, numbers: numbersGiven(db) }, true)
  return lineage
}

function lineageOf(db: Connection): string | null {
  return db.prepare(`SELECT lineage FROM epochs ORDER BY first_seq DESC LIMIT 1`).pluck().get() as
    | string
    | null
}

/** Why this database may lack numbers that were used before; undefined if it lacks none. */
export function reasonForEpoch(db: Connection, file: string): string | undefined {
  const lineage = lineageOf(db)
  const mark = readMark(file)
  if (mark && mark.numbers > numbersGiven(db)) return 'it lacks events that were stored here'
  if (mark?.lineage === MOVED) return 'it was copied to another database, which continues its numbers'
  if (lineage === null) return undefined
  if (!mark) return 'it was served elsewhere: its mark is not beside it'
  return mark.lineage === lineage ? undefined : 'it is not the one that was served here last'
}

/** Records that the database continues in another place. If a server uses it here again, a new epoch begins. */
export function markMoved(db: Connection, file: string): void {
  writeMark(file, { lineage: MOVED, numbers: numbersGiven(db) }, true)
}

/**
 * Updates the mark as numbers are issued; `stop` writes it a last time. `reader` sees only what is on the disk. The
 * files are those of this moment, even if others replace them later.
 */
export function startMarking(reader: Connection, file: string, lineage: string): { stop(): void } {
  const files = filesAt(file)
  let written = -1n
  function mark(): void {
    try {
      const numbers = numbersGiven(reader)
      if (numbers === written) return
      writeMark(file, { lineage, numbers, ...files }, false)
      written = numbers
    } catch {
      // A late mark detects less, but must not stop the work. The next write may succeed.
    }
  }
  mark()
  const timer = setInterval(mark, MARK_EVERY_MS)
  timer.unref()
  return {
    stop() {
      clearInterval(timer)
      mark()
    },
  }
}
