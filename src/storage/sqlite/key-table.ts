/**
 * Hash tables of the newest idempotency keys, in memory that the two threads share. The writer adds keys, and the
 * reader looks them up. An entry is a hint: it has a part of a key's hash, and the number of the row that may have that
 * key. So a reader may see a half-written entry, or one of a row that was rolled back: the row decides.
 */
import { capacityOf } from './folding.ts'

/** Bytes of an entry: the hash's lower 32 bits, and the row's number as a distance from the table's base. */
const ENTRY = 8
const NONE: readonly number[] = []

/** Open addressing, linear probing. Its user leaves a quarter of the slots free. */
export class KeyTable {
  readonly #tags: Int32Array
  /** One more than the distance from the base; 0 in a free slot. */
  readonly #distances: Int32Array
  readonly #base: Float64Array
  readonly #mask: number

  constructor(buffer: SharedArrayBuffer, offset: number, slots: number) {
    this.#mask = slots - 1
    this.#base = new Float64Array(buffer, offset, 1)
    this.#tags = new Int32Array(buffer, offset + 8, slots)
    this.#distances = new Int32Array(buffer, offset + 8 + 4 * slots, slots)
  }

  /** The bytes of a table; `slots` is a power of two. */
  static bytes(slots: number): number {
    return 8 + ENTRY * slots
  }

  /** The numbers of the rows that may have a key with this hash, oldest first. */
  find(hash: number): readonly number[] {
    const tag = hash | 0
    let found: number[] | undefined
    for (let slot = tag & this.#mask; ; slot = (slot + 1) & this.#mask) {
      const distance = this.#distances[slot] as number
      if (distance === 0) return found ?? NONE
      if (this.#tags[slot] !== tag) continue
      found ??= []
      found.push((this.#base[0] as number) + distance - 1)
    }
  }

  add(hash: number, seq: number): void {
    let slot = hash & this.#mask
    while (this.#distances[slot] !== 0) slot = (slot + 1) & this.#mask
    this.#tags[slot] = hash | 0
    this.#distances[slot] = seq - (this.#base[0] as number) + 1
  }

  /** Removes the entry that was added last, and not removed since: it is in no other entry's way. */
  removeLast(hash: number, seq: number): void {
    const distance = seq - (this.#base[0] as number) + 1
    let slot = hash & this.#mask
    while (this.#distances[slot] !== distance) slot = (slot + 1) & this.#mask
    this.#distances[slot] = 0
  }

  /** Removes all entries; those that come have numbers from `base`. */
  clear(base: number): void {
    this.#distances.fill(0)
    this.#base[0] = base
  }
}

/** The shared memory of two tables: while the keys of one are folded into the index, the other takes the new ones. */
export type KeyMemory = { readonly buffer: SharedArrayBuffer; readonly foldAt: number }

/** Memory that no key has touched takes no room. */
export function keyMemory(foldAt: number): KeyMemory {
  return { buffer: new SharedArrayBuffer(2 * KeyTable.bytes(slotsOf(foldAt))), foldAt }
}

export function tablesIn({ buffer, foldAt }: KeyMemory): readonly [KeyTable, KeyTable] {
  const slots = slotsOf(foldAt)
  return [new KeyTable(buffer, 0, slots), new KeyTable(buffer, KeyTable.bytes(slots), slots)]
}

const slotsOf = (foldAt: number): number => 2 ** Math.ceil(Math.log2((capacityOf(foldAt) * 4) / 3))
