/** What an id names, by its prefix. */
export type IdPrefix = 'txn' | 're' | 'evt' | 'dlv' | 'req' | 'att' | 'dp' | 'ntf' | 'alm'

/** Crockford's base32 in lower case: digits sort before letters, so ids sort as their times do. */
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz'
const TIME_DIGITS = 10
const RANDOM_DIGITS = 16
const RANDOM_BITS = 80n

/** Ten base32 digits for a time in ms since 1970, in the manner of a ULID's first part. */
export function encodeTime(timeMs: number): string {
  let digits = ''
  for (let rest = timeMs, i = 0; i < TIME_DIGITS; i++) {
    digits = ALPHABET[rest % 32] + digits
    rest = Math.floor(rest / 32)
  }
  return digits
}

function encodeRandom(random: bigint): string {
  let digits = ''
  for (let rest = random, i = 0; i < RANDOM_DIGITS; i++) {
    digits = ALPHABET[Number(rest & 31n)] + digits
    rest >>= 5n
  }
  return digits
}

/**
 * Makes ids that sort in the order they were made: `<prefix>_` and a lower-case ULID
 * (https://github.com/ulid/spec): 48 bits of time, then 80 random bits that count up within one
 * millisecond. A clock that steps back does not make a smaller id. `random80` gives 80 random bits.
 */
export function idFactory(now: () => number, random80: () => bigint): (prefix: IdPrefix) => string {
  let lastMs = 0
  let head = ''
  let tail = ''
  let counter = 0
  return (prefix) => {
    const timeMs = now()
    if (timeMs > lastMs || counter >= 0x7fff) {
      lastMs = timeMs > lastMs ? timeMs : lastMs + 1
      head = encodeTime(lastMs)
      // The last three digits count within the millisecond; the rest is random.
      tail = encodeRandom(random80() & ((1n << RANDOM_BITS) - 1n)).slice(3)
      counter = 0
    } else counter++
    const a = ALPHABET[counter >> 10]
    const b = ALPHABET[(counter >> 5) & 31]
    const c = ALPHABET[counter & 31]
    return `${prefix}_${head}${a}${b}${c}${tail}`
  }
}

/** When an id was made, in ms since 1970: the creation time of what it names, so that lists by time go by id. */
export function idTime(id: string): number {
  const start = id.indexOf('_') + 1
  let timeMs = 0
  for (let i = start; i < start + TIME_DIGITS; i++) timeMs = timeMs * 32 + ALPHABET.indexOf(id.charAt(i))
  return timeMs
}

/** True for a well-formed id of that prefix; whether it exists is another question. */
export function isId(prefix: IdPrefix, value: string): boolean {
  return value.startsWith(`${prefix}_`) && /^[0-9a-hjkmnp-tv-z]{26}$/.test(value.slice(prefix.length + 1))
}

/** The smallest possible id of that prefix at a time: every id made at or after it sorts after this. */
export function idFloor(prefix: IdPrefix, timeMs: number): string {
  return `${prefix}_${encodeTime(timeMs)}${'0'.repeat(RANDOM_DIGITS)}`
}
