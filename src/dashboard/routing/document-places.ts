/** JSON that a person types: where its first mistake is, and where the parts are that the API's problems name. */

/** A place in a text: lines and columns count from 1, `offset` from 0, in UTF-16 code units. */
export type Place = { readonly offset: number; readonly line: number; readonly column: number }
export type Mistake = { readonly message: string; readonly place: Place }
export type TypedDocument = {
  readonly value: unknown
  /** The place of a part such as `rules[1].when`, or of the nearest part around it; with an offset, within its string. */
  readonly placeOf: (path: string, offset?: number) => Place
}

const DEEPEST = 200

export function readDocument(text: string): TypedDocument | Mistake {
  const scanner = new Scanner(text)
  try {
    scanner.whole()
    return {
      value: JSON.parse(text),
      placeOf: (path, offset) => placeIn(text, scanner.offsetOf(path, offset)),
    }
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    return { message: error.message, place: placeIn(text, Math.min(scanner.at, text.length)) }
  }
}

export function placeIn(text: string, offset: number): Place {
  const before = text.slice(0, offset)
  const line = before.split('\n').length
  return { offset, line, column: offset - before.lastIndexOf('\n') }
}

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y
/** All but controls, the quote and the backslash; or an escape. */
const STRING = /"(?:[ !#-[\]-\uffff]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y
const WORD = /true|false|null/y
const SPACE = /[ \t\r\n]*/y

class Scanner {
  at = 0
  private readonly text: string
  private readonly offsets = new Map<string, number>()
  private depth = 0

  constructor(text: string) {
    this.text = text
  }

  whole(): void {
    this.value('')
    this.space()
    if (this.at < this.text.length) throw new SyntaxError('The document ends before this.')
  }

  /** Where a part begins; the nearest part around one that is missing. */
  offsetOf(path: string, within?: number): number {
    for (let known = path; ; known = known.replace(/(\.\w+|\[\d+\]|^\w+)$/, '')) {
      const start = this.offsets.get(known)
      if (start !== undefined)
        return known === path && within !== undefined ? this.inString(start, within) : start
      if (known === '' || !/(\.\w+|\[\d+\]|^\w+)$/.test(known)) return this.offsets.get('') ?? 0
    }
  }

  /** The offset of a character of the string that begins at `start`: an escape is one character. */
  private inString(start: number, index: number): number {
    let at = start + 1
    for (let i = 0; i < index && at < this.text.length; i++)
      at += this.text[at] !== '\\' ? 1 : this.text[at + 1] === 'u' ? 6 : 2
    return at
  }

  private value(path: string): void {
    this.space()
    this.offsets.set(path, this.at)
    const next = this.text[this.at]
    if (next === '{') this.within(() => this.members(path))
    else if (next === '[') this.within(() => this.items(path))
    else if (!this.take(STRING) && !this.take(NUMBER) && !this.take(WORD))
      throw new SyntaxError(
        next === undefined ? 'The document ends here: something is missing.' : this.mistakeAt(next),
      )
  }

  private mistakeAt(next: string): string {
    if (next === '"') return 'This text has no end, or a character in it that JSON does not allow.'
    if (next === "'") return 'JSON needs " in place of \'.'
    return 'A value is expected here: {, [, a text in ", a number, true, false or null.'
  }

  private members(path: string): void {
    if (this.ends('}')) return
    do {
      this.space()
      const start = this.at
      if (!this.take(STRING)) throw new SyntaxError('A name in " is expected here.')
      const name = JSON.parse(this.text.slice(start, this.at)) as string
      this.expect(':', 'A : is expected here.')
      this.value(path === '' ? name : `${path}.${name}`)
    } while (this.continues('}'))
  }

  private items(path: string): void {
    if (this.ends(']')) return
    let index = 0
    do this.value(`${path}[${index++}]`)
    while (this.continues(']'))
  }

  private within(read: () => void): void {
    if (++this.depth > DEEPEST) throw new SyntaxError('The document is nested too deeply.')
    this.at++
    read()
    this.depth--
  }

  private ends(end: string): boolean {
    this.space()
    if (this.text[this.at] !== end) return false
    this.at++
    return true
  }

  private continues(end: string): boolean {
    if (this.ends(end)) return false
    this.expect(',', `A , or ${end} is expected here.`)
    return true
  }

  private expect(mark: string, message: string): void {
    this.space()
    if (this.text[this.at] !== mark) throw new SyntaxError(message)
    this.at++
  }

  private space(): void {
    this.take(SPACE)
  }

  private take(pattern: RegExp): boolean {
    pattern.lastIndex = this.at
    if (!pattern.test(this.text)) return false
    this.at = pattern.lastIndex
    return true
  }
}
