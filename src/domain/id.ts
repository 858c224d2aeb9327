import { holdsCardNumber } from './cards/card-numbers.ts'

/** The kind of object that an id names, by its prefix. */
export type IdPrefix =
  | 'txn'
  | 're'
  | 'evt'
  | 'dlv'
  | 'req'
  | 'att'
  | 'dp'
  | 'ntf'
  | 'alm'
  | 'key'
  | 'acct'
  | 'aud'
  | 'we'
  | 'rpl'
  | 'ses'

/** Crockford's base32 in lower case: digits sort before letters, so ids sort as their times do. */
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz'
const TIME_DIGITS = 10
const RANDOM_DIGITS = 16
const RANDOM_BITS = 80n
/** A card number has at least so many digits. */
const MANY_DIGITS = /\d{12}/

/** The last time that fits in 48 bits, in the year 10889. */
const MAX_TIME_MS = 2 ** 48 - 1

/** Ten base32 digits for a time in ms since 1970, in the manner of a ULID's first part; they hold 50 bits. */
export function encodeTime(timeMs: number): string {
  let digits = ''
  for (let rest = timeMs, i = 0; i < TIME_DIGITS; i++) {
    digits = ALPHABET[rest % 32] + digits
    rest = Math.floor(rest / 32)
  }
  return digits
}

/** Sixteen base32 digits for 80 bits. */
export function encodeBits(random: bigint): string {
  let digits = ''
  for (let rest = random, i = 0; i < RANDOM_DIGITS; i++) {
    digits = ALPHABET[Number(rest & 31n)] + digits
    rest >>= 5n
  }
  return digits
}

/** As `encodeBits`, of twenty hexadecimal digits: without a bigint, in a third of the time. */
export function encodeHex(hex: string): string {
  let digits = ''
  for (let i = 0; i < 20; i += 5) {
    const bits = Number.parseInt(hex.slice(i, i + 5), 16)
    for (let shift = 15; shift >= 0; shift -= 5) digits += ALPHABET[(bits >> shift) & 31]
  }
  return digits
}

/** The nearest time that an id can begin with: the first for a clock before 1970, the last for one after 48 bits. */
const inRange = (timeMs: number) => Math.min(Math.max(timeMs, 0), MAX_TIME_MS)

/**
 * Makes ids that sort in the order in which they were made: `<prefix>_` and a lower-case ULID
 * (https://github.com/ulid/spec), which is 48 bits of time and 80 random bits that count up within one millisecond.
 * When the clock is set back, ids count up in the last millisecond, with new random bits for each reading of the
 * clock. No id begins with a time before `floor()`. No id looks like a card number, because the API refuses those.
 * `random80` returns 80 random bits.
 */
export function idFactory(
  now: () => number,
  random80: () => bigint,
  floor: () => number = () => 0,
): (prefix: IdPrefix) => string {
  let lastMs = -1
  let readMs = Number.NaN
  let head = ''
  let tail = ''
  let counter = 0
  let mayLookLikeCard = false
  return function newId(prefix): string {
    const timeMs = now()
    const leastMs = Math.max(inRange(timeMs), floor())
    const isLater = leastMs > lastMs
    if (isLater || counter >= 0x7fff) {
      lastMs = isLater ? leastMs : lastMs + 1
      head = encodeTime(lastMs)
      counter = 0
    } else counter++
    if (counter === 0 || timeMs !== readMs) {
      // The last three digits count within the millisecond; the rest is random.
      tail = encodeBits(random80() & ((1n << RANDOM_BITS) - 1n)).slice(3)
      readMs = timeMs
      mayLookLikeCard = MANY_DIGITS.test(`${head}000${tail}`)
    }
    const a = ALPHABET[counter >> 10]
    const b = ALPHABET[(counter >> 5) & 31]
    const c = ALPHABET[counter & 31]
    const id = `${prefix}_${head}${a}${b}${c}${tail}`
    // One of some 75 million does.
    return mayLookLikeCard && holdsCardNumber(id) ? newId(prefix) : id
  }
}

/**
 * The id of an object that each object of another kind has at most one of: the digits of that object's id after another
 * prefix. A store finds one by the other without an index.
 */
export function twinId(prefix: IdPrefix, id: string): string {
  return `${prefix}${id.slice(id.indexOf('_'))}`
}

/** Whether both ids have the same digits. */
export function isTwin(a: string, b: string): boolean {
  return a.slice(a.indexOf('_')) === b.slice(b.indexOf('_'))
}

/**
 * The time that an id begins with, in ms since 1970: when it was made, or later if the clock was set back before. See
 * `madeAt`.
 */
export function idTime(id: string): number {
  const start = id.indexOf('_') + 1
  let timeMs = 0
  for (let i = start; i < start + TIME_DIGITS; i++) timeMs = timeMs * 32 + ALPHABET.indexOf(id.charAt(i))
  return timeMs
}

/** A clock that differs by more than this from the time that passed was set, in ms. */
export const STEP_MS = 5_000

/**
 * When the object of a new id was made, in ms since 1970; `now` is the clock's time right after. It is the id's own
 * time, unless the clock was set back: then ids keep their order, and times are those of the clock.
 */
export function madeAt(id: string, now: number): number {
  const time = idTime(id)
  return time - now > STEP_MS ? now : time
}

/** True for a well-formed id of that prefix, whether or not its object exists. */
export function isId(prefix: IdPrefix, value: string): boolean {
  return value.startsWith(`${prefix}_`) && /^[0-9a-hjkmnp-tv-z]{26}$/.test(value.slice(prefix.length + 1))
}

/** The smallest possible id of that prefix at a time: every id made at or after it sorts after this. */
export function idFloor(prefix: IdPrefix, timeMs: number): string {
  return `${prefix}_${encodeTime(inRange(timeMs))}${'0'.repeat(RANDOM_DIGITS)}`
}
