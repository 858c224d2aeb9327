/**
 * Characters that stand for others: digits of every script, spaces and dashes of every kind, and invisible characters.
 */

/** Letters by their class, but they look blank: the Hangul fillers. */
const BLANKS = '\\u115f\\u1160\\u3164\\uffa0'
/** Each of these tests one character. */
const INVISIBLE = /[\p{Cf}\p{M}]/u
const SPACE = new RegExp(`[\\p{Z}\\p{Cc}\\u2800${BLANKS}]`, 'u')
const DASH = /[\p{Pd}\u02d7\u2043\u207b\u208b\u2212\u30fc\uff70]/u
const DOT = /[\u00b7\u2022\u2024\u2027\u2219\u22c5\u3002\u30fb\uff61\uff65]/
const SLASH = /[\u2044\u2215\u29f8]/
/** Enclosed digits that have no decimal form: the position of each set's one. */
const ENCLOSED_ONES = [0x2776, 0x2780, 0x278a, 0x24f5]
const ENCLOSED_ZEROS = '\u24ff\u{1f10b}\u{1f10c}'
/** Letters by their class, but digits if many are together. */
const HAN = '零一二三四五六七八九'
const NUMERAL = /\p{N}/u
const DECIMAL = /\p{Nd}/u

/**
 * Twelve or more digits of any script without a letter between them. A text without these contains no card number, and
 * nearly no text has them, so nothing else is examined.
 */
const MANY_DIGITS = new RegExp(`[\\p{N}${HAN}](?:(?:[^\\p{L}\\p{N}]|[${BLANKS}])*[\\p{N}${HAN}]){11}`, 'u')
const MANY = 12

/**
 * Whether a text has that many digits. ASCII, as nearly all texts are, is only counted, in a fifth of the pattern's
 * time.
 */
export function hasManyDigits(text: string): boolean {
  let digits = 0
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code > 0x7f) return MANY_DIGITS.test(text)
    if (code >= 48 && code <= 57) {
      if (++digits === MANY) return true
    } else if ((code >= 97 && code <= 122) || (code >= 65 && code <= 90)) digits = 0
  }
  return false
}

const cache = new Map<string, string>()

/**
 * The text in plain digits, spaces, dashes, dots and slashes, without invisible characters between them. Letters stay
 * as they are.
 */
export function plainDigits(text: string): string {
  return text.replace(/[^\0-\x7f]/gu, (char) => {
    const cached = cache.get(char)
    if (cached !== undefined) return cached
    const plain = plainChar(char)
    // Caches only replaced characters: some thousand at most.
    if (plain !== char) cache.set(char, plain)
    return plain
  })
}

function plainChar(char: string): string {
  if (INVISIBLE.test(char)) return ''
  if (SPACE.test(char)) return ' '
  if (DASH.test(char)) return '-'
  if (DOT.test(char)) return '.'
  if (SLASH.test(char)) return '/'
  if (HAN.includes(char)) return String(HAN.indexOf(char))
  if (DECIMAL.test(char)) return String(decimalValue(char))
  const compatible = char.normalize('NFKC')
  if (NUMERAL.test(char)) return /^\(?(\d)[.,)]?$/.exec(compatible)?.[1] ?? enclosedValue(char) ?? char
  return /^[!-~]$/.test(compatible) ? compatible : char
}

function enclosedValue(char: string): string | undefined {
  if (char === '〇' || ENCLOSED_ZEROS.includes(char)) return '0'
  const code = char.codePointAt(0) ?? 0
  const one = ENCLOSED_ONES.find((first) => first <= code && code < first + 9)
  return one === undefined ? undefined : String(code - one + 1)
}

/** In Unicode the decimal digits of a script are consecutive from 0 to 9; adjacent rows of digits are complete. */
function decimalValue(char: string): number {
  const code = char.codePointAt(0) ?? 0
  let first = code
  while (DECIMAL.test(String.fromCodePoint(first - 1))) first--
  return (code - first) % 10
}
