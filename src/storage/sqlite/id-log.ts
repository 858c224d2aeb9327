/**
 * The newest rows by a text of theirs, in memory that the two threads share: a log of ids, in which each entry names the
 * one before it with the same part of the hash of its text. The reader may meet a log that is being cleared: then it finds
 * too few ids, or wrong ones, and the index has those of the log.
 */
import { idTime, isId } from '../../domain/id.ts'
import { capacityOf, type Generation } from './folding.ts'

/** Bytes of an id: its length and its characters. */
const ID = 32

/** A limit of ids: an id `is` it if it sorts so beside it. */
export type IdBound = { readonly is: '<' | '<=' | '>' | '>='; readonly id: string }

/** The views of a log over its part of the memory. */
type Views = {
  /** One more than the last entry with these bits of the hash; 0 if there is none. */
  readonly heads: Int32Array
  /** For each entry, one more than the one before it with these bits. */
  readonly links: Int32Array
  readonly hashes: Float64Array
  /** The times in the ids; NaN in one that is none of ours. */
  readonly times: Float64Array
  readonly ids: Buffer
}

const headsOf = (foldAt: number): number => 2 ** Math.ceil(Math.log2(foldAt))
const bytesOf = (foldAt: number): number => 4 * headsOf(foldAt) + (4 + 8 + 8 + ID) * capacityOf(foldAt)

function viewsAt({ buffer, foldAt }: LogMemory, log: 0 | 1): Views {
  const [heads, entries] = [headsOf(foldAt), capacityOf(foldAt)]
  const hashesAt = log * bytesOf(foldAt)
  const timesAt = hashesAt + 8 * entries
  const headsAt = timesAt + 8 * entries
  const linksAt = headsAt + 4 * heads
  return {
    hashes: new Float64Array(buffer, hashesAt, entries),
    times: new Float64Array(buffer, timesAt, entries),
    heads: new Int32Array(buffer, headsAt, heads),
    links: new Int32Array(buffer, linksAt, entries),
    ids: Buffer.from(buffer, linksAt + 4 * entries, ID * entries),
  }
}

/** The shared memory of two logs: while one is folded into the index, the other takes new entries. */
export type LogMemory = { readonly buffer: SharedArrayBuffer; readonly foldAt: number }

/** Memory that no entry has touched takes no room. */
export function logMemory(foldAt: number): LogMemory {
  return { buffer: new SharedArrayBuffer(2 * bytesOf(foldAt)), foldAt }
}

/** A log as its writer sees it. */
export class IdLog implements Generation {
  readonly hashes: Float64Array
  count = 0
  /** The least and the greatest id since it was empty; ids that a rollback removed may be among them. */
  least = ''
  greatest = ''
  readonly #views: Views
  #shown = 0

  constructor(memory: LogMemory, log: 0 | 1) {
    this.#views = viewsAt(memory, log)
    this.hashes = this.#views.hashes
  }

  add(hash: number, id: string): void {
    // Impossible: a group folds more entries than it adds.
    if (this.count === this.hashes.length) throw new Error('The log of ids is full.')
    if (id.length >= ID) throw new Error(`The id ${id} is too long.`)
    if (this.count === 0 || id < this.least) this.least = id
    if (this.count === 0 || id > this.greatest) this.greatest = id
    const { ids, times } = this.#views
    times[this.count] = timeOf(id)
    ids[ID * this.count] = ids.write(id, ID * this.count + 1, 'latin1')
    this.hashes[this.count++] = hash
  }

  idAt(place: number): string {
    return idAt(this.#views, place)
  }

  removeLast(): void {
    this.count--
    if (this.#shown <= this.count) return
    this.#shown = this.count
    const { heads, links } = this.#views
    heads[(this.hashes[this.count] as number) & (heads.length - 1)] = links[this.count] as number
  }

  /** Lets readers find every entry. */
  show(): void {
    const { heads, links } = this.#views
    for (; this.#shown < this.count; this.#shown++) {
      const head = (this.hashes[this.#shown] as number) & (heads.length - 1)
      links[this.#shown] = heads[head] as number
      heads[head] = this.#shown + 1
    }
  }

  clear(): void {
    this.#views.heads.fill(0)
    this.count = 0
    this.#shown = 0
  }
}

function idAt({ ids }: Views, place: number): string {
  const at = ID * place
  return ids.toString('latin1', at + 1, at + 1 + (ids[at] as number))
}

/** The time in an id; NaN for another text. Of two ids, the one with the smaller time sorts first. */
function timeOf(id: string): number {
  return isId('txn', id) ? idTime(id) : Number.NaN
}

type Limit = IdBound & { readonly time: number }

/** Finds ids in both logs. */
export class IdLogReader {
  readonly #logs: readonly [Views, Views]

  constructor(memory: LogMemory) {
    this.#logs = [viewsAt(memory, 0), viewsAt(memory, 1)]
  }

  /**
   * The first ids with this hash within the bounds, in ascending or descending order. Reads every entry
   * with this hash: two full logs take some ten milliseconds.
   */
  find(hash: number, bounds: readonly IdBound[], ascending: boolean, limit: number): string[] {
    const limits = bounds.map((bound) => ({ ...bound, time: timeOf(bound.id) }))
    const [one, two] = this.#logs
    const found: number[] = []
    const entries: number[] = []
    // The log with the newer entries first: so entries come in descending order, but for a few.
    for (const log of (one.times[0] as number) > (two.times[0] as number) ? [0, 1] : [1, 0]) {
      const views = log === 0 ? one : two
      const { heads, links, hashes } = views
      // Each link leads to an earlier entry, so the walk ends also while the writer changes them.
      for (let next = heads[hash & (heads.length - 1)] as number; next > 0; next = links[next - 1] as number)
        if (hashes[next - 1] === hash && limits.every((bound) => isWithin(views, next - 1, bound)))
          if (ascending) entries.push(2 * (next - 1) + log)
          else this.#keep(found, 2 * (next - 1) + log, ascending, limit)
    }
    // From the other end: so nearly every entry comes after those that are kept, as in the other direction.
    for (const entry of entries.reverse()) this.#keep(found, entry, ascending, limit)
    return found.map((entry) => this.#idOf(entry))
  }

  /** All ids with this hash, in no order. */
  all(hash: number): string[] {
    const ids: string[] = []
    for (const views of this.#logs) {
      const { heads, links, hashes } = views
      for (let next = heads[hash & (heads.length - 1)] as number; next > 0; next = links[next - 1] as number)
        if (hashes[next - 1] === hash) ids.push(idAt(views, next - 1))
    }
    return ids
  }

  #idOf(entry: number): string {
    return idAt(this.#logs[entry % 2] as Views, entry >> 1)
  }

  /** Keeps the entry if it is among the first. */
  #keep(found: number[], entry: number, ascending: boolean, limit: number): void {
    const isBefore = (one: number, other: number) =>
      ascending ? this.#isAfter(other, one) : this.#isAfter(one, other)
    let at = found.length
    while (at > 0 && isBefore(entry, found[at - 1] as number)) at--
    if (at === limit) return
    found.splice(at, 0, entry)
    if (found.length > limit) found.pop()
  }

  #isAfter(entry: number, other: number): boolean {
    const [a, b] = [this.#logs[entry % 2] as Views, this.#logs[other % 2] as Views]
    const difference = (a.times[entry >> 1] as number) - (b.times[other >> 1] as number)
    return difference > 0 || (!(difference < 0) && this.#idOf(entry) > this.#idOf(other))
  }
}

function isWithin(views: Views, place: number, { is, id, time }: Limit): boolean {
  const difference = (views.times[place] as number) - time
  if (difference !== 0 && !Number.isNaN(difference)) return difference < 0 === (is === '<' || is === '<=')
  const own = idAt(views, place)
  if (own === id) return is.length === 2
  return own < id === (is === '<' || is === '<=')
}
