/** The index of idempotency keys, as the writer maintains it: see docs/internals/sqlite.md. */
import type { Connection } from './connection.ts'
import { capacityOf, type KeyMemory, type KeyTable, keyMemory, tablesIn } from './key-table.ts'
import { HASH_BITS, type HashKey, hashOf } from './keyed-hash.ts'

export type KeyIndex = ReturnType<typeof keyIndex>

/** Keys that a group folds for each key that it adds: a fold ends before the other table is half full. */
const PACE = 2
/** Sorting by the first bits of the hash puts neighbours of the index side by side. */
const SORTED_BITS = 35

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
class Generation {
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

  /** The places of its keys, in the order of the index. */
  sorted(): Int32Array {
    const bits = 53 - SORTED_BITS
    const [unit, many] = [2 ** (HASH_BITS - SORTED_BITS), 2 ** bits]
    const order = new Float64Array(this.count)
    for (let i = 0; i < this.count; i++) order[i] = Math.floor((this.hashes[i] as number) / unit) * many + i
    return Int32Array.from(order.sort(), (place) => place % many)
  }

  clear(): void {
    this.count = 0
    this.table.clear(0)
  }
}

type Fold = {
  readonly from: Generation
  readonly order: Int32Array
  /** Those before it are committed. */
  at: number
  /** Those before it are in the running transaction. */
  next: number
  /** Purged records up to this number leave the index; 0 if none do. */
  readonly sweepTo: number
}

/**
 * Finds keys, adds them, and folds them into the index. The writer calls `flush` before each commit, `committed` after
 * it, and `reset` after a rollback.
 */
export function keyIndex(db: Connection, memory: KeyMemory = keyMemory()) {
  const { isKey, inIndex, allInIndex, insert, moveMark, sweep, sweptMark } = statements(db)
  const state = indexState(db)
  const { foldAt } = memory
  const [first, second] = tablesIn(memory).map((table) => new Generation(table, capacityOf(foldAt))) as [
    Generation,
    Generation,
  ]
  let current = first
  let fold: Fold | undefined
  /** Keys that the running transaction added. */
  let added = 0

  const rows = db
    .prepare<[number], [number, number, number, string]>(
      'SELECT seq, account_id, live, key FROM idempotency_keys WHERE seq > ? ORDER BY seq',
    )
    .raw()
  for (const [seq, accountId, live, key] of rows.iterate(state.foldedTo))
    current.add(hashOf(state, accountId, live, key), seq)

  function startFold(): void {
    const from = current
    current = from === first ? second : first
    fold = { from, order: from.sorted(), at: 0, next: 0, sweepTo: sweepTo(db, foldAt) }
  }

  /** Puts the next keys of the fold into the index. */
  function step({ from, order, next, sweepTo }: Fold, count: number): number {
    const end = Math.min(order.length, next + count)
    const hashAt = (i: number) => from.hashes[order[i] as number] as number
    for (let i = next; i < end; i++) insert.run(hashAt(i), from.seqs[order[i] as number])
    const [after, to] = [
      next === 0 ? -1 : hashAt(next - 1),
      end === order.length ? 2 ** HASH_BITS : hashAt(end - 1),
    ]
    if (sweepTo > 0) sweep.run(after, to, sweepTo)
    if (end === order.length) {
      moveMark.run(from.seqs[order.length - 1])
      if (sweepTo > 0) sweptMark.run(sweepTo)
    }
    return end
  }

  return {
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
      current.add(hash, seq)
      added++
    },

    /** Folds some keys, as part of the running transaction. */
    flush(): void {
      if (fold && added > 0) fold.next = step(fold, PACE * added)
    },

    committed(): void {
      added = 0
      if (fold) {
        fold.at = fold.next
        if (fold.at === fold.order.length) {
          fold.from.clear()
          fold = undefined
        }
      }
      if (!fold && current.count >= foldAt) startFold()
    },

    reset(): void {
      for (; added > 0; added--) current.removeLast()
      if (fold) fold.next = fold.at
    },
  }
}

function statements(db: Connection) {
  const select = (text: string) => db.prepare<(string | number)[], number>(text).pluck()
  return {
    isKey: select('SELECT 1 FROM idempotency_keys WHERE seq = ? AND account_id = ? AND live = ? AND key = ?'),
    inIndex: select('SELECT 1 FROM key_index WHERE hash = ?'),
    allInIndex: select('SELECT seq FROM key_index WHERE hash = ? ORDER BY seq'),
    // A crash may have ended a fold: then some of its keys are in the index.
    insert: db.prepare('INSERT INTO key_index (hash, seq) VALUES (?, ?) ON CONFLICT DO NOTHING'),
    moveMark: db.prepare('UPDATE key_index_state SET folded_to = ? WHERE id = 1'),
    sweep: db.prepare(
      `DELETE FROM key_index WHERE hash > ? AND hash <= ? AND seq <= ?
         AND NOT EXISTS (SELECT 1 FROM idempotency_keys k WHERE k.seq = key_index.seq)`,
    ),
    sweptMark: db.prepare('UPDATE key_index_state SET swept_to = ? WHERE id = 1'),
  }
}

/**
 * The last record whose absence a fold sweeps out of the index; 0 if they are few: a sweep reads the whole index, so it
 * waits for an eighth of it.
 */
function sweepTo(db: Connection, least: number): number {
  const { foldedTo, purgedTo, sweptTo } = indexState(db)
  return purgedTo - sweptTo >= Math.max(least, (foldedTo - sweptTo) / 8) ? purgedTo : 0
}
