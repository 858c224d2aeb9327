/**
 * How the writer writes an index behind: new entries go into one generation in memory, while those of the other are
 * folded into the index, sorted, a few with each group. See docs/internals/sqlite.md.
 */
import { HASH_BITS } from './keyed-hash.ts'

/** Entries that a group folds for each that it adds: a fold ends before the other generation is half full. */
const PACE = 2
/** Sorting by the first bits of the hash puts neighbours of the index side by side. */
const SORTED_BITS = 34

/** Entries are folded when there are so many. Twice as many halve the pages that a fold changes for each. */
export const FOLD_AT = 131_072

/** The most entries of a generation: those after a crash in a fold, and those of a group. */
export const capacityOf = (foldAt: number): number => 2 * foldAt + 2_048

/** Some of the newest entries, in the order in which they came. */
export type Generation = {
  readonly count: number
  readonly hashes: Float64Array
  removeLast(): void
  clear(): void
}

/** What a fold does with its entries, as part of a transaction. */
export type FoldSteps<G extends Generation> = {
  /** Puts the entry at this place into the index, unless it is there. */
  insert(from: G, place: number): void
  /** Called after the inserts of a step, with the range of hashes that the index has passed. */
  passed?(after: number, to: number): void
  /** Moves the mark, after the last insert. */
  end(from: G): void
}

type Fold<G extends Generation> = {
  readonly from: G
  readonly order: Int32Array
  /** Absent before the first step. */
  steps: FoldSteps<G> | undefined
  /** Those before it are committed. */
  at: number
  /** Those before it are in the running transaction. */
  next: number
}

/**
 * The caller adds entries to `current()`, and calls `added` for each; before a commit `flush`, after it `committed`, and
 * `reset` after a rollback. `begin` is called before the first step of a fold, in its transaction: after a commit nothing
 * may fail, because the group would be run again.
 */
export function folding<G extends Generation>(
  [first, second]: readonly [G, G],
  foldAt: number,
  begin: () => FoldSteps<G>,
) {
  let current = first
  let fold: Fold<G> | undefined
  /** Entries that the running transaction added. */
  let added = 0

  function step(fold: Fold<G>, count: number): number {
    const { from, order, next } = fold
    fold.steps ??= begin()
    const { steps } = fold
    const end = Math.min(order.length, next + count)
    for (let i = next; i < end; i++) steps.insert(from, order[i] as number)
    const isLast = end === order.length
    const hashAt = (i: number) => from.hashes[order[i] as number] as number
    steps.passed?.(next === 0 ? -1 : hashAt(next - 1), isLast ? 2 ** HASH_BITS : hashAt(end - 1))
    if (isLast) steps.end(from)
    return end
  }

  function startIfFull(): void {
    if (fold || current.count < foldAt) return
    const from = current
    current = from === first ? second : first
    fold = { from, order: sorted(from), steps: undefined, at: 0, next: 0 }
  }

  return {
    current: (): G => current,
    added(): void {
      added++
    },
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
      startIfFull()
    },
    reset(): void {
      for (; added > 0; added--) current.removeLast()
      if (!fold) return
      fold.next = fold.at
      if (fold.at === 0) fold.steps = undefined
    },
  }
}

/** The places of its entries, in the order of the index. */
function sorted({ count, hashes }: Generation): Int32Array {
  const [unit, many] = [2 ** (HASH_BITS - SORTED_BITS), 2 ** (53 - SORTED_BITS)]
  const order = new Float64Array(count)
  for (let i = 0; i < count; i++) order[i] = Math.floor((hashes[i] as number) / unit) * many + i
  return Int32Array.from(order.sort(), (place) => place % many)
}
