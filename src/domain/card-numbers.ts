/**
 * Card numbers (ISO/IEC 7812: 13 to 19 digits whose last is Luhn's check digit), with spaces and dashes of
 * any kind aside, in full-width digits too. Digits that are glued to letters, or by a dash to a word, are mostly
 * part of an identifier: in UUIDs they would pass for a card once in a few thousand.
 */
const RUN = /(?<![0-9A-Za-z_]-?)\d(?:[\s\u2010-\u2015\u2212-]*\d){12,}(?!-?[0-9A-Za-z_])/g

/** Glued digits count when they begin and end like the numbers of the large networks, in one piece … */
const GLUED = /(?<!\d)(?:3[47]\d{13}|(?:2[2-7]|35|4\d|5[1-5]|6[045])\d{14})(?!\d)/g
/** … and do not stand in a long hexadecimal word, such as a hash. */
const HEX_WORD = /[0-9A-Fa-f]{24,}/g

/** Thirteen digits in a row, whatever stands around them: what nearly no text has is looked for first. */
const DIGITS = /\d(?:[\s\u2010-\u2015\u2212-]*\d){12}/

/** True when the text holds something that looks like a card number. */
export function holdsCardNumber(text: string): boolean {
  const plain = /[\uff10-\uff19]/.test(text) ? text.normalize('NFKC') : text
  if (!DIGITS.test(plain)) return false
  for (const [run] of plain.matchAll(RUN)) if (runHoldsCard(run.split(/\D+/))) return true
  for (const [digits] of plain.replace(HEX_WORD, '').matchAll(GLUED)) if (passesLuhn(digits)) return true
  return false
}

/** A run may hold a card beside other digits, as in "order 12 4000 …": every sequence of whole groups counts. */
function runHoldsCard(groups: string[]): boolean {
  for (let from = 0; from < groups.length; from++) {
    let digits = ''
    for (let to = from; to < groups.length; to++) {
      digits += groups[to]
      if (digits.length > 19) break
      if (digits.length >= 13 && passesLuhn(digits)) return true
    }
  }
  return false
}

function passesLuhn(digits: string): boolean {
  let sum = 0
  for (let i = 0; i < digits.length; i++) {
    const digit = Number(digits[digits.length - 1 - i])
    const doubled = i % 2 === 1 ? digit * 2 : digit
    sum += doubled > 9 ? doubled - 9 : doubled
  }
  return sum % 10 === 0
}
