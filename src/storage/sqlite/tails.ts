/** The indexes that the writer writes behind, together: see docs/internals/sqlite.md. */
import type { Connection } from './connection.ts'
import { type CustomerIndex, customerIndex } from './customer-index.ts'
import { type CustomerMemory, customerMemory } from './customer-log.ts'
import { FOLD_AT } from './folding.ts'
import { type KeyIndex, keyIndex } from './key-index.ts'
import { type KeyMemory, keyMemory } from './key-table.ts'

/** The memory of the newest entries, which the writer's thread and the reader's share. */
export type Tails = { readonly keys: KeyMemory; readonly customers: CustomerMemory }

export function tailMemory(foldAt: number = FOLD_AT): Tails {
  return { keys: keyMemory(foldAt), customers: customerMemory(foldAt) }
}

/** The writer calls `flush` before each commit, `committed` after it, and `reset` after a rollback. */
export type Behind = {
  readonly keys: KeyIndex
  readonly customers: CustomerIndex
  flush(): void
  committed(): void
  reset(): void
}

/** Reads the rows that the indexes may lack into the memory. */
export function writtenBehind(db: Connection, tails: Tails): Behind {
  const keys = keyIndex(db, tails.keys)
  const customers = customerIndex(db, tails.customers)
  return {
    keys,
    customers,
    flush() {
      keys.flush()
      customers.flush()
    },
    committed() {
      keys.committed()
      customers.committed()
    },
    reset() {
      keys.reset()
      customers.reset()
    },
  }
}
