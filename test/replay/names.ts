/** What a server made by itself, under names that two servers share. */

/** Ids of ours, of the bank's, and keys that the server made. */
const IDS =
  /\b(?:sandbox_)?(?:(?:txn|re|evt|dlv|att|dp|ntf|alm|aud|key|acct|we|rpl)_[0-9a-hjkmnp-tv-z]{26}|(?:pay|cap|can|ref|dp)_[0-9a-f]{24}|[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12})\b/g
const SANDBOX = 'sandbox_'
/** The keys and texts of requests that a race makes interchangeable. */
const ALIKE = /\b(alike-\d+)-\d+\b/g
const EITHER = /\beither-\d+-[ab]\b/g

type Range = { readonly race: string; readonly after: number; readonly last: number }

/** Names in the order in which things are first seen; of what a race made, by the race. */
export class Names {
  readonly #names = new Map<string, string>()
  readonly #counts = new Map<string, number>()
  readonly #ranges: Record<'event' | 'entry', Range[]> = { event: [], entry: [] }

  /** The first name that something was given stays. */
  give(id: string, name: string): void {
    if (!this.#names.has(id)) this.#names.set(id, name)
  }

  /** Gives all that a text speaks of and that has no name yet one of this race. */
  giveAll(text: string, race: string, detail: string): void {
    for (const [found] of text.matchAll(IDS)) {
      const id = bare(found)
      this.give(id, `${kindOf(id)} ${race}${detail}`)
    }
  }

  /** The text with names in place of ids. */
  in(text: string): string {
    return text
      .replace(IDS, (found) => {
        const id = bare(found)
        const name = `<${this.#names.get(id) ?? this.#next(id)}>`
        return id === found ? name : `${SANDBOX}${name}`
      })
      .replace(ALIKE, '$1')
      .replace(EITHER, (found) => this.#names.get(found) ?? found)
  }

  /** The race that made it; undefined for what was made by itself. */
  raceOf(id: string): string | undefined {
    return /^\w+ (race \d+)/.exec(this.#names.get(id) ?? '')?.[1]
  }

  /** What was numbered from `after`, exclusive, to `last` is of a race. */
  giveRange(of: 'event' | 'entry', race: string, after: number, last: number): void {
    if (last > after) this.#ranges[of].push({ race, after, last })
  }

  raceAt(of: 'event' | 'entry', sequence: number): string | undefined {
    return this.#rangeAt(of, sequence)?.race
  }

  /** The number itself, or the last one before the race that it is of. */
  outsideRaces(of: 'event' | 'entry', sequence: number): number {
    const range = this.#rangeAt(of, sequence)
    return range ? this.outsideRaces(of, range.after) : sequence
  }

  #rangeAt(of: 'event' | 'entry', sequence: number): Range | undefined {
    return this.#ranges[of].findLast(({ after, last }) => sequence > after && sequence <= last)
  }

  #next(id: string): string {
    const kind = kindOf(id)
    const count = (this.#counts.get(kind) ?? 0) + 1
    this.#counts.set(kind, count)
    this.#names.set(id, `${kind} ${count}`)
    return `${kind} ${count}`
  }
}

function bare(found: string): string {
  return found.startsWith(SANDBOX) ? found.slice(SANDBOX.length) : found
}

function kindOf(id: string): string {
  return id.includes('_') ? id.slice(0, id.indexOf('_')) : 'key'
}
