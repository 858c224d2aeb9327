import { isUtf8 } from 'node:buffer'
import { createRequire } from 'node:module'
import { holdsCardNumber } from '../domain/card-numbers.ts'
import { type Rejection, reject } from '../domain/error.ts'
import { hasManyDigits } from '../domain/plain-digits.ts'

/** Deeper than any body we know; a bound for everything that walks one. */
const MAX_DEPTH = 32

/**
 * What may make a body more than plain JSON of plain integers: an escape (a NUL or a lone surrogate can only come as
 * one, and a digit may), a `__proto__`, a number with a fraction or an exponent, digits enough for a card number. A body
 * without any of these, nearly all of them, needs no second look.
 */
function isSuspicious(text: string): boolean {
  return /\\|__proto__|\d[.eE]/.test(text) || hasManyDigits(text)
}

/**
 * A name that ends in a backslash: an even number of them before its closing quote. V8 14.6 keeps such names in a way
 * that gives them, later, to other names with an escape in the same place: `{"p":1,"\\":2}` makes `\` of the `"` in
 * `{"p":1,"\"":2}`, for as long as the process lives. So they are refused before they are parsed.
 */
const NAME_ENDS_IN_BACKSLASH = /(?<!\\)(?:\\\\)+"\s*:/

/**
 * Parses a request body: UTF-8 JSON whose numbers are integers written in plain digits, without NULs, lone
 * surrogates, `__proto__` keys, names that end in a backslash, and strings or names that look like a card number. The value,
 * or the reason against it, which never repeats a value.
 */
export function parseJsonBody(bytes: Buffer): { value: unknown } | Rejection {
  if (!isUtf8(bytes)) return reject('invalid_json', 'The body is not valid UTF-8.')
  const text = bytes.toString()
  if (NAME_ENDS_IN_BACKSLASH.test(text))
    return reject('invalid_json', 'A name in the body ends in a backslash.')
  try {
    const value: unknown = JSON.parse(text)
    // Only text that is JSON is measured: on unclosed strings the measuring would take quadratic time.
    if (!namesAreUnique(text, value)) return reject('invalid_json', 'An object of the body has a name twice.')
    if (!isSuspicious(text)) return { value }
    if (depth(text) > MAX_DEPTH)
      return reject('invalid_json', `The body is nested deeper than ${MAX_DEPTH} levels.`)
    return inspect(text)
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    return reject('invalid_json', `The body is not valid JSON${placeOf(text)}.`)
  }
}

/** Where a text stops being JSON: lines and columns count from 1. What stands there is not repeated. */
function placeOf(text: string): string {
  const { parse } = createRequire(import.meta.url)('jsonc-parser') as typeof import('jsonc-parser')
  const errors: import('jsonc-parser').ParseError[] = []
  try {
    parse(text, errors, { disallowComments: true, allowTrailingComma: false })
  } catch (error) {
    // It walks a nest by recursion, and a body may be one of a hundred thousand levels.
    if (!(error instanceof RangeError)) throw error
  }
  const offset = errors[0]?.offset
  if (offset === undefined) return ''
  if (text.slice(offset).trim() === '') return ': it ends too early'
  const before = text.slice(0, offset).split('\n')
  return `: see line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}`
}

const STRINGS = /"(?:[^"\\]|\\.)*"(\s*:)?/gs

/** I-JSON (RFC 7493, section 2.3): of two members with one name another parser may read the other one. */
function namesAreUnique(text: string, value: unknown): boolean {
  let named = 0
  STRINGS.lastIndex = 0
  for (let match = STRINGS.exec(text); match; match = STRINGS.exec(text)) if (match[1] !== undefined) named++
  let kept = 0
  const open = [value]
  for (let part = open.pop(); part !== undefined; part = open.pop()) {
    if (typeof part !== 'object' || part === null) continue
    const inner = Object.values(part)
    if (!Array.isArray(part)) kept += inner.length
    for (const item of inner) if (typeof item === 'object' && item !== null) open.push(item)
  }
  return named === kept
}

/** How deep a JSON text nests, by its brackets outside strings. */
function depth(text: string): number {
  let level = 0
  let deepest = 0
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|[[\]{}]/gs)) {
    if (token === '[' || token === '{') deepest = Math.max(deepest, ++level)
    else if (token === ']' || token === '}') level--
  }
  return deepest
}

/** A number that was not written in plain digits. */
const UNPLAIN = Symbol('unplain')

function inspect(text: string): { value: unknown } | Rejection {
  // The reviver sees each number as it was written, which JSON.parse alone forgets: 1e3 and 1000.0 are 1000.
  const value: unknown = JSON.parse(text, (_key: string, part: unknown, context?: { source?: string }) =>
    typeof part === 'number' && !/^-?\d+$/.test(context?.source ?? '') ? UNPLAIN : part,
  )
  return problem(value, '', '') ?? { value }
}

/** The first problem in a value: `path` is where it is, such as `metadata.order` or `items[0].name`, and `name` its last part. */
function problem(value: unknown, path: string, name: string): Rejection | undefined {
  if (value === UNPLAIN) {
    const code = name === 'amount' ? 'amount_invalid' : 'parameter_invalid'
    return reject(code, 'Numbers must be integers in plain digits: no fraction, no exponent.', paramOf(path))
  }
  if (typeof value === 'string') return problemOfText(value, path)
  if (typeof value !== 'object' || value === null) return undefined
  for (const [key, part] of Object.entries(value)) {
    const inside = Array.isArray(value) ? `${path}[${key}]` : path === '' ? key : `${path}.${key}`
    const found = (Array.isArray(value) ? undefined : problemOfName(key)) ?? problem(part, inside, key)
    if (found) return found
  }
  return undefined
}

function problemOfName(name: string): Rejection | undefined {
  if (holdsCardNumber(name)) return cardRefused(undefined)
  if (!name.isWellFormed() || name.includes('\0'))
    return reject('parameter_unknown', 'A key holds a NUL or a lone surrogate.')
  if (name === '__proto__')
    return reject('parameter_unknown', 'There is no parameter __proto__.', '__proto__')
  return undefined
}

function problemOfText(text: string, path: string): Rejection | undefined {
  if (!text.isWellFormed() || text.includes('\0'))
    return reject('parameter_invalid', 'A string holds a NUL or a lone surrogate.', paramOf(path))
  return holdsCardNumber(text) ? cardRefused(paramOf(path)) : undefined
}

/** A path to answer: none for the whole body, nor when its names together look like a card number. */
function paramOf(path: string): string | undefined {
  return path === '' || holdsCardNumber(path) ? undefined : path
}

export function cardRefused(param: string | undefined): Rejection {
  return reject(
    'card_number_refused',
    'A value looks like a card number. Send a token of your provider, never a card number.',
    param,
  )
}
