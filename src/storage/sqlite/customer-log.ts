/**
 * The newest charges by customer, in memory that the two threads share: a log of ids, in which each entry names the
 * one before it with the same part of the hash of its customer. The writer shows entries after their commit. The reader
 * may meet a log that is being cleared: then it finds too few ids, or wrong ones, and the index has those of the log.
 */
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
  readonly ids: Buffer
}

const headsOf = (foldAt: number): number => 2 ** Math.ceil(Math.log2(foldAt))
const bytesOf = (foldAt: number): number => 4 * headsOf(foldAt) + (4 + 8 + ID) * capacityOf(foldAt)

function viewsAt({ buffer, foldAt }: CustomerMemory, log: 0 | 1): Views {
  const [heads, entries] = [headsOf(foldAt), capacityOf(foldAt)]
  const hashesAt = log * bytesOf(foldAt)
  const headsAt = hashesAt + 8 * entries
  const linksAt = headsAt + 4 * heads
  return {
    hashes: new Float64Array(buffer, hashesAt, entries),
    heads: new Int32Array(buffer, headsAt, heads),
    links: new Int32Array(buffer, linksAt, entries),
    ids: Buffer.from(buffer, linksAt + 4 * entries, ID * entries),
  }
}

/** The shared memory of two logs: while one is folded into the index, the other takes new charges. */
export type CustomerMemory = { readonly buffer: SharedArrayBuffer; readonly foldAt: number }

/** Memory that no charge has touched takes no room. */
export function customerMemory(foldAt: number): CustomerMemory {
  return { buffer: new SharedArrayBuffer(2 * bytesOf(foldAt)), foldAt }
}

/** A log as its writer sees it. */
export class CustomerLog implements Generation {
  readonly hashes: Float64Array
  count = 0
  /** The least and the greatest id since it was empty; ids that a rollback removed may be among them. */
  least = ''
  greatest = ''
  readonly #views: Views
  #shown = 0

  constructor(memory: CustomerMemory, log: 0 | 1) {
    this.#views = viewsAt(memory, log)
    this.hashes = this.#views.hashes
  }

  add(hash: number, id: string): void {
    // Impossible: a group folds more charges than it adds.
    if (this.count === this.hashes.length) throw new Error('The log of customers is full.')
    if (id.length >= ID) throw new Error(`The id ${id} is too long.`)
    if (this.count === 0 || id < this.least) this.least = id
    if (this.count === 0 || id > this.greatest) this.greatest = id
    const { ids } = this.#views
    ids[ID * this.count] = ids.write(id, ID * this.count + 1, 'latin1')
    this.hashes[this.count++] = hash
  }

  idAt(place: number): string {
    return idAt(this.#views, place)
  }

  removeLast(): void {
    this.count--
  }

  /** Shows the reader every entry, after their commit. */
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

/** Finds ids in both logs. */
export class CustomerReader {
  readonly #logs: readonly [Views, Views]

  constructor(memory: CustomerMemory) {
    this.#logs = [viewsAt(memory, 0), viewsAt(memory, 1)]
  }

  /** The first ids within the bounds of the customer with this hash, in ascending or descending order. */
  find(hash: number, bounds: readonly IdBound[], ascending: boolean, limit: number): string[] {
    const limits = bounds.map(({ is, id }) => ({ is, bytes: Buffer.from(id, 'latin1') }))
    const found: Found[] = []
    for (const views of this.#logs) {
      const { heads, links, hashes, ids } = views
      // Each link leads to an earlier entry, so the walk ends also while the writer changes them.
      for (
        let next = heads[hash & (heads.length - 1)] as number;
        next > 0;
        next = links[next - 1] as number
      ) {
        const place = next - 1
        if (hashes[place] !== hash) continue
        const at = ID * place
        const end = at + 1 + (ids[at] as number)
        if (limits.every(({ is, bytes }) => isWithin(ids.compare(bytes, 0, bytes.length, at + 1, end), is)))
          insertSorted(found, { views, place }, ascending, limit)
      }
    }
    return found.map(({ views, place }) => idAt(views, place))
  }
}

type Found = { readonly views: Views; readonly place: number }

const isWithin = (order: number, is: IdBound['is']): boolean =>
  order === 0 ? is.length === 2 : order < 0 === is.startsWith('<')

function compareIds(a: Found, b: Found): number {
  const [x, y] = [ID * a.place + 1, ID * b.place + 1]
  const [idsA, idsB] = [a.views.ids, b.views.ids]
  return idsA.compare(idsB, y, y + (idsB[y - 1] as number), x, x + (idsA[x - 1] as number))
}

/** Keeps the first `limit`. Entries come mostly newest first. */
function insertSorted(found: Found[], entry: Found, ascending: boolean, limit: number): void {
  const isBefore = (a: Found, b: Found) => compareIds(a, b) < 0 === ascending
  if (found.length === limit && !isBefore(entry, found[limit - 1] as Found)) return
  let [low, high] = [0, found.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (isBefore(entry, found[middle] as Found)) high = middle
    else low = middle + 1
  }
  found.splice(low, 0, entry)
  if (found.length > limit) found.pop()
}
