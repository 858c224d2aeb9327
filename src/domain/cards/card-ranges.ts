/**
 * The first digits of every issuer's cards, and the lengths of their numbers. Sources: ISO/IEC 7812; the networks' own
 * pages (Visa, Mastercard 2-series, American Express, Discover's and Diners' ranges, JCB, UnionPay, Mir, RuPay, Troy,
 * Verve, Elo); the table of https://en.wikipedia.org/wiki/Payment_card_number; the ranges of the packages
 * credit-card-type and card-validator. If the sources differ, the table has the lengths of all.
 */
const RANGES: readonly (readonly [from: string, to: string, lengths: readonly number[]])[] = [
  // Visa, with Electron, Dankort, Elo and others that share its 4. No 18: those are many people's identity numbers.
  ['4', '4', [13, 16, 19]],
  ['51', '55', [16]], // Mastercard
  ['2221', '2720', [16]],
  ['34', '34', [15]], // American Express
  ['37', '37', [15]],
  ['300', '305', [14, 16, 17, 18, 19]], // Diners Club; of 15 digits are the IMEIs of satellite telephones
  ['3095', '3095', [14, 16, 17, 18, 19]],
  ['36', '36', [14, 15, 16, 17, 18, 19]],
  ['38', '39', [14, 16, 17, 18, 19]],
  ['6011', '6011', [16, 17, 18, 19]], // Discover
  ['644', '649', [16, 17, 18, 19]],
  ['65', '65', [16, 17, 18, 19]], // Discover, RuPay, Troy, Elo, Verve
  ['3528', '3589', [16, 17, 18, 19]], // JCB, LankaPay, RuPay
  ['2131', '2131', [15]], // JCB's old ones. Not 1800: so do seconds since 1970 begin, in 2027
  ['62', '62', [16, 17, 18, 19]], // UnionPay
  ['81', '81', [16, 17, 18, 19]], // UnionPay, RuPay
  ['82', '82', [16]], // RuPay
  ['353', '353', [16]],
  ['60', '60', [16]], // RuPay, Hipercard, Cabal
  ['5018', '5018', [12, 13, 14, 15, 16, 17, 18, 19]], // Maestro
  ['5020', '5020', [12, 13, 14, 15, 16, 17, 18, 19]],
  ['5038', '5038', [12, 13, 14, 15, 16, 17, 18, 19]],
  ['5893', '5893', [12, 13, 14, 15, 16, 17, 18, 19]],
  ['6304', '6304', [12, 13, 14, 15, 16, 17, 18, 19]],
  ['6759', '6759', [12, 13, 14, 15, 16, 17, 18, 19]],
  ['6761', '6763', [12, 13, 14, 15, 16, 17, 18, 19]],
  ['676770', '676774', [12, 13, 14, 15, 16, 17, 18, 19]],
  ['50', '50', [16, 17, 18, 19]], // Maestro, Verve, Elo, RuPay, Dankort, Meeza
  ['56', '58', [16, 17, 18, 19]], // Maestro, Naranja, Uzcard
  ['67', '67', [16, 17, 18, 19]], // Maestro, Bancontact, girocard
  ['633', '633', [16, 18, 19]], // Switch, Solo
  ['636', '636', [16, 17, 18, 19]], // InterPayment, Elo
  ['637', '639', [16, 17, 18, 19]], // InstaPayment, Hiper, Maestro
  ['604001', '604200', [16, 17, 18, 19]], // UkrCard
  ['2200', '2204', [16, 17, 18, 19]], // Mir
  ['2205', '2205', [16]], // BORICA
  ['286900', '286900', [16]], // Carnet
  ['9792', '9792', [16]], // Troy
  ['9704', '9704', [16, 19]], // Napas
  ['8600', '8600', [16]], // Uzcard
  ['9860', '9860', [16]], // Humo
  ['968201', '968211', [16]], // mada
  ['1946', '1946', [16, 18, 19]], // GPN
  ['9051', '9051', [16]], // ArCa
  ['9112', '9112', [16]], // Belkart
  ['9417', '9417', [16]], // Elkart
  ['9804', '9804', [16]], // Prostir
  ['9891', '9891', [16]], // DinaCard
  // UATP: a 1 and the number of an airline, which is not 000. Of 1000… are Facebook's people. From 145 to 199 are times in seconds since 1970, from 2015 to 2033, with something behind them.
  ['1001', '1449', [15]],
]

export const MIN_CARD_DIGITS = 12
export const MAX_CARD_DIGITS = 19

type Range = { readonly from: number; readonly to: number; readonly lengths: number }

/** By first digit: the six digits, and bit n for the length n. */
const BY_FIRST: readonly (readonly Range[])[] = Array.from({ length: 10 }, (_, first) =>
  RANGES.filter(([from]) => from[0] === String(first)).map(([from, to, lengths]) => ({
    from: Number(from.padEnd(6, '0')),
    to: Number(to.padEnd(6, '9')),
    lengths: lengths.reduce((bits, length) => bits | (1 << length), 0),
  })),
)

/** The lengths of cards that begin with the six digits at `at`, bit n for n digits; 0 if no issuer uses them. */
export function cardLengths(digits: Uint8Array, at: number): number {
  let six = 0
  for (let i = at; i < at + 6; i++) six = six * 10 + (digits[i] ?? 0)
  let lengths = 0
  for (const range of BY_FIRST[digits[at] ?? 0] ?? [])
    if (six >= range.from && six <= range.to) lengths |= range.lengths
  return lengths
}
