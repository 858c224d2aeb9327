/** Characters that stand for others: digits of every script, spaces and dashes of every kind, and what is not seen. */

/** Letters by their class, but blank: the Hangul fillers. */
const BLANKS = '\\u115f\\u1160\\u3164\\uffa0'
const INVISIBLE = /^[\p{Cf}\p{M}]$/u
const SPACE = new RegExp(`^[\\p{Z}\\p{Cc}\\u2800${BLANKS}]$`, 'u')
const DASH = /^[\p{Pd}\u02d7\u2043\u207b\u208b\u2212\u30fc\uff70]$/u
const DOT = /^[\u00b7\u2022\u2024\u2027\u2219\u22c5\u3002\u30fb\uff61\uff65]$/
const SLASH = /^[\u2044\u2215\u29f8]$/
const NUMERAL = /^\p{N}$/u
const DECIMAL = /^\p{Nd}$/u

/**
 * Twelve digits and more of any script with no letter between them: what nearly no text has. Where there are none there
 * is no card number, and nothing else has to be looked at.
 */
export const MANY_DIGITS = new RegExp(`\\p{N}(?:(?:[^\\p{L}\\p{N}]|[${BLANKS}])*\\p{N}){11}`, 'u')

const known = new Map<string, string>()

/**
 * The text in plain digits, spaces, dashes, dots and slashes, without what is not seen between them. Letters stay as they are.
 */
export function plainDigits(text: string): string {
  return text.replace(/[^\0-\x7f]/gu, (char) => {
    const cached = known.get(char)
    if (cached !== undefined) return cached
    const plain = plainChar(char)
    // Only what is replaced is kept: some thousand characters at most.
    if (plain !== char) known.set(char, plain)
    return plain
  })
}

function plainChar(char: string): string {
  if (INVISIBLE.test(char)) return ''
  if (SPACE.test(char)) return ' '
  if (DASH.test(char)) return '-'
  if (DOT.test(char)) return '.'
  if (SLASH.test(char)) return '/'
  if (DECIMAL.test(char)) return String(decimalValue(char))
  const compatible = char.normalize('NFKC')
  if (NUMERAL.test(char)) return /^\d$/.test(compatible) ? compatible : char
  return /^[!-~]$/.test(compatible) ? compatible : char
}

/** Unicode has the decimal digits of a script in a row from 0 to 9, and where rows touch they are whole. */
function decimalValue(char: string): number {
  const code = char.codePointAt(0) ?? 0
  let first = code
  while (DECIMAL.test(String.fromCodePoint(first - 1))) first--
  return (code - first) % 10
}
