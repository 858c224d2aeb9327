import { isUtf8 } from 'node:buffer'
import { createRequire } from 'node:module'
import { cardRefused, holdsCardNumber } from '../domain/cards/card-numbers.ts'
import { hasManyDigits } from '../domain/cards/plain-digits.ts'
import { type Refusal, refuse } from './errors.ts'
import { NO_WORDS, type ParameterWords } from './faults.ts'

/** Deeper than every valid body; bounds all code that walks one. */
const MAX_DEPTH = 32
/** More values than every valid body: the largest rule set has some 9,500. More would take long to walk. */
const MAX_VALUES = 12_000
/**
 * With more values than this, MiniPay refuses a number that is not plain without its path, because finding the path
 * takes long.
 */
const MAX_TRACED = 2_000
/**
 * Longer than every string that a schema accepts, in UTF-16 code units. MiniPay does not search it for a card, which
 * would take long, because the schema refuses it anyway.
 */
export const MAX_SEARCHED = 2_000

/**
 * Signs that the texts of a body need a closer look: an escape (a NUL or a lone surrogate can only be written as one,
 * and a digit may be), a `__proto__`, enough digits for a card number. Nearly every body has none of these.
 */
function isSuspicious(text: string): boolean {
  return /\\|__proto__/.test(text) || hasManyDigits(text)
}

/**
 * Parses a request body: UTF-8 JSON whose numbers are integers written in plain digits, without NULs, lone
 * surrogates, `__proto__` keys, names that contain a backslash, and strings or names that look like a card number. The value,
 * or the reason against it, which never repeats a value.
 */
export function parseJsonBody(bytes: Buffer, words: ParameterWords = NO_WORDS): { value: unknown } | Refusal {
  if (!isUtf8(bytes)) return refuse('invalid_json', 'The body is not valid UTF-8.')
  const outline = outlineOf(bytes)
  const { names, commas, deepest } = outline
  if (outline.nameHasBackslash) return refuse('invalid_json', 'A name in the body contains a backslash.')
  if (commas >= MAX_VALUES) return refuse('invalid_json', `The body has more than ${MAX_VALUES} values.`)
  const text = bytes.toString()
  try {
    const value: unknown = JSON.parse(text)
    if (!namesAreUnique(names, value))
      return refuse('invalid_json', 'An object in the body has the same name twice.')
    if (!outline.hasUnplainNumbers && !isSuspicious(text)) return { value }
    if (deepest > MAX_DEPTH)
      return refuse('invalid_json', `The body is nested deeper than ${MAX_DEPTH} levels.`)
    if (outline.hasUnplainNumbers && commas > MAX_TRACED) return refuse('parameter_invalid', UNPLAIN_REFUSED)
    return problem(outline.hasUnplainNumbers ? markUnplain(text) : value, '', '', words) ?? { value }
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    return refuse('invalid_json', `The body is not valid JSON${placeOf(text)}.`)
  }
}

type Outline = {
  /** Colons outside strings: as many as there are members of objects. */
  readonly names: number
  /** Commas outside strings. */
  readonly commas: number
  readonly deepest: number
  /** A number has a fraction or an exponent. */
  readonly hasUnplainNumbers: boolean
  /**
   * A name contains a backslash. V8 14.6 remembers the names of objects, and gives a remembered name to a later one that has
   * an escape and, as written, begins with the remembered one: once a process has parsed `{"p":1,"\\\"":2}`, it reads
   * the name `"x` in `{"p":1,"\"x":2}` as `\"` (nodejs/node issue 63785). What is written with an escape begins with a
   * name only if that name contains a backslash, so MiniPay refuses these before it parses them.
   */
  readonly nameHasBackslash: boolean
}

const [QUOTE, BACKSLASH, COLON, COMMA, DOT, LETTER_U] = [0x22, 0x5c, 0x3a, 0x2c, 0x2e, 0x75]

/** The outline of JSON text, in one pass over its bytes; of text that is not JSON, up to where it stops being it. */
function outlineOf(bytes: Buffer): Outline {
  let [names, commas, level, deepest] = [0, 0, 0, 0]
  let [hasUnplainNumbers, nameHasBackslash] = [false, false]
  /** The current or the last string contains a backslash. */
  let hasBackslash = false
  let inString = false
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]
    if (inString) {
      if (byte === BACKSLASH) hasBackslash = isBackslash(bytes, ++i) || hasBackslash
      else if (byte === QUOTE) inString = false
    } else if (byte === QUOTE) {
      inString = true
      hasBackslash = false
    } else if (byte === COLON) {
      names++
      nameHasBackslash ||= hasBackslash
    } else if (byte === COMMA) commas++
    else if (byte === 0x5b || byte === 0x7b) deepest = Math.max(deepest, ++level)
    else if (byte === 0x5d || byte === 0x7d) level--
    else if (byte === DOT || ((byte === 0x65 || byte === 0x45) && isDigit(bytes[i - 1])))
      hasUnplainNumbers = true
  }
  return { names, commas, deepest, hasUnplainNumbers, nameHasBackslash }
}

/** Whether the escape whose second character is at `at` is one of a backslash. */
function isBackslash(bytes: Buffer, at: number): boolean {
  if (bytes[at] !== LETTER_U) return bytes[at] === BACKSLASH
  return bytes.toString('latin1', at + 1, at + 5).toLowerCase() === '005c'
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x30 && byte <= 0x39
}

/** I-JSON (RFC 7493, section 2.3): of two members with one name another parser may read the other one. */
function namesAreUnique(names: number, value: unknown): boolean {
  if (names === 0) return true
  let kept = 0
  const open = [value]
  for (let part = open.pop(); part !== undefined; part = open.pop()) {
    if (typeof part !== 'object' || part === null) continue
    const inner = Object.values(part)
    if (!Array.isArray(part)) kept += inner.length
    for (const item of inner) if (typeof item === 'object' && item !== null) open.push(item)
  }
  return names === kept
}

/**
 * The position at which a text stops being JSON: lines and columns count from 1. The message does not repeat the
 * text.
 */
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
  return `: see line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}${causeAt(text, offset)}`
}

/** The usual causes, as the end of a sentence. */
function causeAt(text: string, offset: number): string {
  const char = text[offset] as string
  const before = text
    .slice(Math.max(0, offset - 100), offset)
    .trimEnd()
    .at(-1)
  if (char === "'" || char === '\u201c') return ', where a name or a string needs double quotes'
  if (before === ',' && (char === '}' || char === ']')) return ', with a comma before the end'
  if (char === '/' || char === '#') return ', where a comment would begin, which JSON has not'
  if (/[A-Za-z_$]/.test(char)) return ', where a name or a string has no double quotes'
  return ''
}

/** A number that was not written in plain digits. */
const UNPLAIN = Symbol('unplain')
const UNPLAIN_REFUSED = 'Numbers must be integers in plain digits: no fraction, no exponent.'

/** The value with a mark in the place of each number that is not in plain digits. */
function markUnplain(text: string): unknown {
  // The reviver sees each number as it was written, which JSON.parse alone forgets: 1e3 and 1000.0 are 1000.
  return JSON.parse(text, (_key: string, part: unknown, context?: { source?: string }) =>
    typeof part === 'number' && !/^-?\d+$/.test(context?.source ?? '') ? UNPLAIN : part,
  )
}

/**
 * The first problem in a value: `path` is its place, such as `metadata.order` or `items[0].name`, and `name` the last
 * part of it.
 */
function problem(value: unknown, path: string, name: string, words: ParameterWords): Refusal | undefined {
  if (value === UNPLAIN) {
    const own = Object.hasOwn(words.unplain, name) ? words.unplain[name] : undefined
    const param = paramOf(path)
    return own ? own(UNPLAIN_REFUSED, param) : refuse('parameter_invalid', UNPLAIN_REFUSED, param)
  }
  if (typeof value === 'string') return problemOfText(value, path)
  if (typeof value !== 'object' || value === null) return undefined
  for (const [key, part] of Object.entries(value)) {
    const inside = Array.isArray(value) ? `${path}[${key}]` : path === '' ? key : `${path}.${key}`
    const found = (Array.isArray(value) ? undefined : problemOfName(key)) ?? problem(part, inside, key, words)
    if (found) return found
  }
  return undefined
}

function problemOfName(name: string): Refusal | undefined {
  if (looksLikeCard(name)) return cardRefusal(undefined)
  if (!name.isWellFormed() || name.includes('\0'))
    return refuse('parameter_unknown', 'A name contains a NUL or a lone surrogate.')
  if (name === '__proto__')
    return refuse('parameter_unknown', 'There is no parameter __proto__.', '__proto__')
  return undefined
}

function problemOfText(text: string, path: string): Refusal | undefined {
  if (!text.isWellFormed() || text.includes('\0'))
    return refuse('parameter_invalid', 'A string contains a NUL or a lone surrogate.', paramOf(path))
  return looksLikeCard(text) ? cardRefusal(paramOf(path)) : undefined
}

function looksLikeCard(text: string): boolean {
  return text.length <= MAX_SEARCHED && holdsCardNumber(text)
}

/**
 * The path for a message: none for the whole body, for a very long path, or if its names together look like a card
 * number.
 */
function paramOf(path: string): string | undefined {
  return path === '' || path.length > MAX_SEARCHED || holdsCardNumber(path) ? undefined : path
}

export function cardRefusal(param: string | undefined): Refusal {
  return refuse('card_number_refused', cardRefused(param).message, param)
}
