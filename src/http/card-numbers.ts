/**
 * Card numbers (ISO/IEC 7812: 13 to 19 digits whose last is Luhn's check digit), with spaces and dashes aside.
 * Digits that are glued to letters, or by a dash to a word, are part of an identifier: a UUID's hex digits
 * would otherwise pass for a card once in a few thousand.
 */
const RUN = /(?<![0-9A-Za-z_]-?)\d(?:[ -]*\d){12,}(?!-?[0-9A-Za-z_])/g

/** Thirteen digits in a row, whatever stands around them: what nearly no text has is looked for first. */
const DIGITS = /\d(?:[ -]*\d){12}/

/** True when the text holds something that looks like a card number. */
export function holdsCardNumber(text: string): boolean {
  if (!DIGITS.test(text)) return false
  for (const [run] of text.matchAll(RUN)) if (runHoldsCard(run.split(/[ -]+/))) return true
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
