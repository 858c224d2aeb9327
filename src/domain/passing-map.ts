/**
 * A map of objects that pass through it, such as those of requests in flight.
 *
 * V8 moves the entries of a map to another table now and then, and the former table refers to the new one. Once a collection
 * of the whole heap has moved a table among the old objects, each table keeps the next alive after its own end, and so all
 * that ever passed survives until the next such collection: collections of young objects took five times as long, and
 * promoted 4 MB each. So this map empties what its former tables still have.
 */
export class PassingMap<Key, Value> {
  readonly #holders = new Map<Key, { value: Value | undefined }>()

  get size(): number {
    return this.#holders.size
  }

  get(key: Key): Value | undefined {
    return this.#holders.get(key)?.value
  }

  set(key: Key, value: Value): void {
    this.delete(key)
    this.#holders.set(key, { value })
  }

  /** False if it has no such key. */
  delete(key: Key): boolean {
    const holder = this.#holders.get(key)
    if (!holder) return false
    holder.value = undefined
    return this.#holders.delete(key)
  }

  *values(): IterableIterator<Value> {
    for (const { value } of this.#holders.values()) yield value as Value
  }

  clear(): void {
    for (const key of [...this.#holders.keys()]) this.delete(key)
  }
}
