/**
 * Finds card numbers: an issuer's first digits (see card-ranges), one of its lengths, and Luhn's check digit (ISO/IEC
 * 7812). The digits may be of any script, in groups, next to letters, and within other text, such as a magnetic
 * stripe's tracks. The time is proportional to the length of the text.
 */

import { type Rejection, reject } from '../error.ts'
import { cardLengths, MAX_CARD_DIGITS, MIN_CARD_DIGITS } from './card-ranges.ts'
import {
  isChinesePerson,
  isEndOfImei,
  isFraction,
  isMobile,
  isOrderNumber,
  isParcel,
  isProduct,
  isSiret,
  isThousands,
  isTime,
  isVisitor,
  withoutIdentifiers,
} from './harmless-numbers.ts'
import { hasManyDigits, plainDigits } from './plain-digits.ts'

const SPACES_AND_DASHES = /^[\s\p{Cc}-]+$/u
/** Between digits these count like a dash, if they are the same throughout. */
const MARK = /^\s*([./_\\|*~:])\s*$/
/** What `markIn` returns for each ASCII character alone. */
const MARKS = Array.from({ length: 128 }, (_, code) => searchMark(String.fromCharCode(code)))
/** Characters within a telephone number. */
const PHONE = /^[\s()./-]+$/
/** ITU-T E.164. */
const MAX_PHONE_DIGITS = 15
/** The group sizes that issuers print: between such groups any character may be. */
const PRINTED = /^(?:4,4,4,4(?:,[1-3])?|4,6,5|4,6,4|4,5,6|4,4,5|4,3,3,3|1(?:,1)+)$/

/** Whether the digits alone show a card number. */
const HONEST = [isTime, isProduct, isMobile, isSiret, isChinesePerson]

/** A place in a text: its first character, and the one after its last. */
type Span = { readonly start: number; readonly end: number }

/** True if the text contains a number that looks like a card number. */
export function holdsCardNumber(text: string): boolean {
  return hasManyDigits(text) && cardsIn(withoutLabels(plainDigits(text)), 1).length > 0
}

/** The format code before the number on a stripe's third track, which is not part of the number. */
const TRACK_3 = /;0\d(?=\d{12,19}=)/g

/** The text with letters in place of identifiers and of prefixes that touch a number; every position stays the same. */
function withoutLabels(plain: string): string {
  return withoutIdentifiers(plain.replace(TRACK_3, ';xx'))
}

/** The text with `replacement` in place of every card number; unchanged if it contains none. */
export function cutCardNumbers(text: string, replacement: string): string {
  if (!holdsCardNumber(text)) return text
  const plain = plainDigits(text)
  let clean = ''
  let copiedTo = 0
  for (const { start, end } of cardsIn(withoutLabels(plain), Number.POSITIVE_INFINITY)) {
    clean += plain.slice(copiedTo, start) + replacement
    copiedTo = end
  }
  return clean + plain.slice(copiedTo)
}

/** Groups of digits with anything but letters between them. Group g has the run's digits from `from[g]` to `from[g + 1]`. */
type Run = {
  readonly text: string
  readonly starts: readonly number[]
  readonly ends: readonly number[]
  readonly from: readonly number[]
  readonly digits: Uint8Array
  /** How many groups end at that digit or before it, where one ends there; otherwise 0. */
  readonly groupsTo: Uint32Array
}

/** The places of the card numbers, at most `limit` of them, none within another. */
function cardsIn(plain: string, limit: number): Span[] {
  const cards: Span[] = []
  let starts: number[] = []
  let ends: number[] = []
  let count = 0
  const endRun = () => {
    if (count >= MIN_CARD_DIGITS) cardsOfRun(runOf(plain, starts, ends, count), limit, cards)
    if (count === 0) return
    starts = []
    ends = []
    count = 0
  }
  for (let i = 0; i <= plain.length && cards.length < limit; i++) {
    const code = i < plain.length ? plain.charCodeAt(i) : 0
    if (code >= 48 && code <= 57) {
      if (starts.length === ends.length) starts.push(i)
      count++
      continue
    }
    if (starts.length > ends.length) ends.push(i)
    if (count > 0 && isLetter(plain, i, code)) endRun()
  }
  endRun()
  return cards
}

function isLetter(text: string, i: number, code: number): boolean {
  if (code < 128) return (code >= 65 && code <= 90) || (code >= 97 && code <= 122)
  return /[\p{L}\p{N}]/u.test(String.fromCodePoint(text.codePointAt(i) ?? 0))
}

function runOf(text: string, starts: readonly number[], ends: readonly number[], count: number): Run {
  const digits = new Uint8Array(count)
  const groupsTo = new Uint32Array(count + 1)
  const from = [0]
  let at = 0
  for (let g = 0; g < starts.length; g++) {
    for (let i = starts[g] as number; i < (ends[g] as number); i++) digits[at++] = text.charCodeAt(i) - 48
    from.push(at)
    groupsTo[at] = g + 1
  }
  return { text, starts, ends, from, digits, groupsTo }
}

/** A card number is a sequence of whole groups: "order 12 4000 …" holds one. */
function cardsOfRun(run: Run, limit: number, cards: Span[]): void {
  const { starts, ends, from, digits, groupsTo } = run
  if (isParcel(digits) && gapsOf(run, 0, starts.length).every((gap) => gap.trim() === '')) return
  const passes = luhn(digits)
  for (let g = 0; g < starts.length && cards.length < limit; g++) {
    const first = from[g] as number
    const lengths = cardLengths(digits, first)
    if (lengths === 0) continue
    for (let length = MIN_CARD_DIGITS; length <= MAX_CARD_DIGITS; length++) {
      const end = (lengths & (1 << length)) === 0 ? 0 : (groupsTo[first + length] ?? 0)
      if (end === 0 || !passes(first, first + length) || !isWritten(run, g, end)) continue
      cards.push({ start: starts[g] as number, end: ends[end - 1] as number })
      g = end - 1
      break
    }
  }
}

/** The characters between the groups. */
function gapsOf(run: Run, group: number, end: number): string[] {
  const gaps: string[] = []
  for (let g = group + 1; g < end; g++) gaps.push(gapBefore(run, g))
  return gaps
}

function gapBefore({ text, starts, ends }: Run, group: number): string {
  return text.slice(ends[group - 1], starts[group])
}

/** Whether a card's number is usually written in these groups, and no other number is. */
function isWritten(run: Run, group: number, end: number): boolean {
  // The gaps are compared first, which takes least.
  if (!areUsual(run, group, end)) return false
  const text = digitsOf(run, group, end)
  if (HONEST.some((is) => is(text)) || isPhone(run, group, end)) return false
  if (end - group === 1) return true
  const gaps = gapsOf(run, group, end)
  const sizes = sizesOf(run, group, end)
  if (isFraction(sizes, gaps) || isVisitor(text, sizes, gaps)) return false
  const withBefore = sizesOf(run, group - 1, end)
  return !(isThousands(text, sizes) || isOrderNumber(sizes, withBefore) || isEndOfImei(withBefore))
}

/**
 * Whether such gaps are within a card's number: spaces and dashes, or one mark throughout; or up to three characters of any
 * kind where issuers print a gap. A group alone has none.
 */
function areUsual(run: Run, group: number, end: number): boolean {
  if (end - group === 1) return true
  const mark = markBefore(run, group + 1)
  let g = group + 2
  while (g < end && markBefore(run, g) === mark) g++
  if (g === end && mark !== undefined) return true
  return isPrinted(run, group, end) && gapsOf(run, group, end).every((gap) => gap.trim().length <= 3)
}

/** The mark in the gap before a group; '' if there are only spaces and dashes, undefined if it has other characters. */
function markBefore(run: Run, group: number): string | undefined {
  const { text, starts, ends } = run
  const at = ends[group - 1] as number
  const code = text.charCodeAt(at)
  return starts[group] === at + 1 && code < 128 ? MARKS[code] : searchMark(gapBefore(run, group))
}

function searchMark(gap: string): string | undefined {
  return SPACES_AND_DASHES.test(gap) ? '' : MARK.exec(gap)?.[1]
}

function isPrinted(run: Run, group: number, end: number): boolean {
  const size = (run.from[group + 1] as number) - (run.from[group] as number)
  return (size === 4 || size === 1) && PRINTED.test(sizesOf(run, group, end))
}

function digitsOf({ text, starts, ends }: Run, group: number, end: number): string {
  let digits = ''
  for (let g = group; g < end; g++) digits += text.slice(starts[g], ends[g])
  return digits
}

/** The sizes of the groups, such as 4,4,4,4. */
function sizesOf({ from }: Run, group: number, end: number): string {
  const sizes: number[] = []
  for (let g = Math.max(group, 0); g < end; g++) sizes.push((from[g + 1] as number) - (from[g] as number))
  return sizes.join(',')
}

/** True within a telephone number: a plus that no digit precedes, and at most 15 digits up to the end. */
function isPhone(run: Run, group: number, end: number): boolean {
  const { text, starts, ends, from } = run
  for (let g = end - 1; g >= 0; g--) {
    const start = starts[g] as number
    // The zero of "+49 (0) 30" is dialled only within the country, so it does not count.
    const trunk = text.slice(start, ends[end - 1]).includes('(0)') ? 1 : 0
    if ((from[end] as number) - (from[g] as number) > MAX_PHONE_DIGITS + trunk) return false
    const gap = text.slice(g > 0 ? ends[g - 1] : 0, start)
    if (g <= group && text[start - 1] === '+') return g === 0 || gap !== '+'
    if (g === 0 || !PHONE.test(gap)) return false
  }
  return false
}

/** Luhn's check of any part of the digits at once: sums up to each place, for both ways of doubling. */
function luhn(digits: Uint8Array): (from: number, to: number) => boolean {
  const even = new Uint32Array(digits.length + 1)
  const odd = new Uint32Array(digits.length + 1)
  for (let i = 0; i < digits.length; i++) {
    const digit = digits[i] as number
    const doubled = digit > 4 ? digit * 2 - 9 : digit * 2
    even[i + 1] = (even[i] as number) + (i % 2 === 0 ? doubled : digit)
    odd[i + 1] = (odd[i] as number) + (i % 2 === 0 ? digit : doubled)
  }
  // Luhn does not double the last digit: if its position is odd, it doubles those at even positions.
  return (from, to) => {
    const sums = to % 2 === 0 ? even : odd
    return ((sums[to] as number) - (sums[from] as number)) % 10 === 0
  }
}

/** The rejection of a value that looks like a card number; `param` is where it is. */
export function cardRefused(param: string | undefined): Rejection {
  return reject(
    'card_number_refused',
    'A value looks like a card number. Send a token of your provider, never a card number.',
    param,
  )
}
