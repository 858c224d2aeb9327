/** The indexes that the writer writes behind, together: see docs/internals/sqlite.md. */
import type { Connection } from './connection.ts'
import { type CustomerIndex, customerIndex } from './customer-index.ts'
import { FOLD_AT } from './folding.ts'
import { type LogMemory, logMemory } from './id-log.ts'
import { type KeyIndex, keyIndex } from './key-index.ts'
import { type KeyMemory, keyMemory } from './key-table.ts'
import { type ReferenceIndex, referenceIndex } from './reference-index.ts'

/** The memory of the newest entries, which the writer's thread and the reader's share. */
export type Tails = {
  readonly keys: KeyMemory
  readonly customers: LogMemory
  readonly references: LogMemory
}

export function tailMemory(foldAt: number = FOLD_AT): Tails {
  return { keys: keyMemory(foldAt), customers: logMemory(foldAt), references: logMemory(foldAt) }
}

/** The writer calls `flush` before each commit, `committed` after it, and `reset` after a rollback. */
export type Behind = {
  readonly keys: KeyIndex
  readonly customers: CustomerIndex
  readonly references: ReferenceIndex
  flush(): void
  committed(): void
  reset(): void
}

/** Reads the rows that the indexes may lack into the memory. */
export function writtenBehind(db: Connection, tails: Tails): Behind {
  const keys = keyIndex(db, tails.keys)
  const customers = customerIndex(db, tails.customers)
  const references = referenceIndex(db, tails.references)
  const all = [keys, customers, references]
  return {
    keys,
    customers,
    references,
    flush() {
      for (const index of all) index.flush()
    },
    committed() {
      for (const index of all) index.committed()
    },
    reset() {
      for (const index of all) index.reset()
    },
  }
}
