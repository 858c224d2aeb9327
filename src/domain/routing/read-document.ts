/** Readers of the parts of a routing document. Each reports a problem with its place, and returns a part without it. */

/** A position in a condition: lines and columns count from 1, `offset` from 0, in UTF-16 code units. */
export type Position = { readonly line: number; readonly column: number; readonly offset: number }

/** One problem and its place. `path` is such as `rules[1].when`; `position` is the place within a condition. */
export type Problem = {
  readonly path: string
  readonly position: Position | null
  readonly message: string
}

export type Report = (path: string, message: string, position?: Position) => void

export function readText(value: unknown, path: string, most: number, say: Report): string | undefined {
  if (value === undefined) say(path, 'This is missing.')
  else if (typeof value !== 'string' || value.trim() === '' || value.length > most)
    say(path, `This must be a string of 1 to ${most} characters.`)
  else return value
  return undefined
}

export function readArray(
  value: unknown,
  path: string,
  least: number,
  most: number,
  say: Report,
): readonly unknown[] {
  if (Array.isArray(value) && value.length >= least && value.length <= most) return value
  say(path, `This must be a list of ${least} to ${most}.`)
  return []
}

export function readObject(
  value: unknown,
  path: string,
  known: readonly string[],
  say: Report,
): Record<string, unknown> | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    say(path, `This must be an object with ${known.join(', ')}.`)
    return undefined
  }
  const strange = Object.keys(value).find((key) => !known.includes(key))
  if (strange !== undefined) {
    // The name comes from the client: the message repeats it only if it is plain.
    const at = /^\w{1,64}$/.test(strange) ? [path, strange].filter(Boolean).join('.') : path
    say(at, `There is no such field here; there are ${known.join(', ')}.`)
  }
  return { ...value }
}
