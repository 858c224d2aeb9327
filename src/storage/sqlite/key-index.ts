/** The index of idempotency keys, as the writer maintains it: see docs/internals/sqlite.md. */
import type { Connection } from './connection.ts'
import { capacityOf, type FoldSteps, folding, type Generation } from './folding.ts'
import { type KeyMemory, type KeyTable, tablesIn } from './key-table.ts'
import { type HashKey, hashOf } from './keyed-hash.ts'

export type KeyIndex = ReturnType<typeof keyIndex>

export type IndexState = HashKey & {
  readonly foldedTo: number
  readonly purgedTo: number
  readonly sweptTo: number
}

export function indexState(db: Connection): IndexState {
  return db
    .prepare<[], IndexState>(
      `SELECT low, high, folded_to AS foldedTo, purged_to AS purgedTo, swept_to AS sweptTo
       FROM key_index_state WHERE id = 1`,
    )
    .get() as IndexState
}

/** Some of the newest keys, in the order of their rows. */
class KeyGeneration implements Generation {
  readonly table: KeyTable
  readonly hashes: Float64Array
  readonly seqs: Float64Array
  count = 0

  constructor(table: KeyTable, capacity: number) {
    this.table = table
    this.hashes = new Float64Array(capacity)
    this.seqs = new Float64Array(capacity)
  }

  add(hash: number, seq: number): void {
    // Impossible: a group folds more keys than it adds.
    if (this.count === this.hashes.length) throw new Error('The table of idempotency keys is full.')
    if (this.count === 0) this.table.clear(seq)
    this.table.add(hash, seq)
    this.hashes[this.count] = hash
    this.seqs[this.count++] = seq
  }

  removeLast(): void {
    this.count--
    this.table.removeLast(this.hashes[this.count] as number, this.seqs[this.count] as number)
  }

  clear(): void {
    this.count = 0
    this.table.clear(0)
  }
}

/** Finds keys, and adds them. */
export function keyIndex(db: Connection, memory: KeyMemory) {
  const { isKey, inIndex, allInIndex } = statements(db)
  const state = indexState(db)
  const { foldAt } = memory
  const [one, two] = tablesIn(memory)
  const [first, second] = [
    new KeyGeneration(one, capacityOf(foldAt)),
    new KeyGeneration(two, capacityOf(foldAt)),
  ]
  const fold = folding([first, second], foldAt, foldSteps(db, foldAt))
  const rows = db
    .prepare<[number], [number, number, number, string]>(
      'SELECT seq, account_id, live, key FROM idempotency_keys WHERE seq > ? ORDER BY seq',
    )
    .raw()
  for (const [seq, accountId, live, key] of rows.iterate(state.foldedTo))
    first.add(hashOf(state, accountId, live, key), seq)

  return {
    ...fold,
    hash: (accountId: number, live: number, key: string): number => hashOf(state, accountId, live, key),

    /** The number of the row of the key with this hash; undefined if the key does not exist. */
    find(hash: number, accountId: number, live: number, key: string): number | undefined {
      const isIts = (seq: number) => isKey.get(seq, accountId, live, key) !== undefined
      for (const { table } of [first, second]) {
        const found = table.find(hash)
        if (found.length > 0) {
          const seq = found.find(isIts)
          if (seq !== undefined) return seq
        }
      }
      return inIndex.get(hash) === undefined ? undefined : allInIndex.all(hash).find(isIts)
    },

    /** A new key, whose row was inserted with this number. */
    add(hash: number, seq: number): void {
      fold.current().add(hash, seq)
      fold.added()
    },
  }
}

function statements(db: Connection) {
  const select = (text: string) => db.prepare<(string | number)[], number>(text).pluck()
  return {
    isKey: select('SELECT 1 FROM idempotency_keys WHERE seq = ? AND account_id = ? AND live = ? AND key = ?'),
    inIndex: select('SELECT 1 FROM key_index WHERE hash = ?'),
    allInIndex: select('SELECT seq FROM key_index WHERE hash = ? ORDER BY seq'),
  }
}

function foldSteps(db: Connection, foldAt: number): () => FoldSteps<KeyGeneration> {
  // A crash may have ended a fold: then some of its keys are in the index.
  const insert = db.prepare('INSERT INTO key_index (hash, seq) VALUES (?, ?) ON CONFLICT DO NOTHING')
  const moveMark = db.prepare('UPDATE key_index_state SET folded_to = ? WHERE id = 1')
  const sweep = db.prepare(
    `DELETE FROM key_index WHERE hash > ? AND hash <= ? AND seq <= ?
       AND NOT EXISTS (SELECT 1 FROM idempotency_keys k WHERE k.seq = key_index.seq)`,
  )
  const moveSweptMark = db.prepare('UPDATE key_index_state SET swept_to = ? WHERE id = 1')
  return () => {
    const sweepTo = lastSwept(db, foldAt)
    return {
      insert: ({ hashes, seqs }, place) => void insert.run(hashes[place], seqs[place]),
      ...(sweepTo > 0 && { passed: (after, to) => void sweep.run(after, to, sweepTo) }),
      end({ seqs, count }) {
        moveMark.run(seqs[count - 1])
        if (sweepTo > 0) moveSweptMark.run(sweepTo)
      },
    }
  }
}

/**
 * The last record whose absence a fold sweeps out of the index; 0 if they are few: a sweep reads the whole index, so it
 * waits for an eighth of it.
 */
function lastSwept(db: Connection, least: number): number {
  const { foldedTo, purgedTo, sweptTo } = indexState(db)
  return purgedTo - sweptTo >= Math.max(least, (foldedTo - sweptTo) / 8) ? purgedTo : 0
}
