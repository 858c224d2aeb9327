/** Card numbers, made as issuers make them, and honest numbers of many kinds: random, and the same in every run. */

/** Random numbers from a seed (mulberry32): integers from 0 up to `below`. */
export function random(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * below)
  }
}

type Random = ReturnType<typeof random>

export const digits = (draw: Random, count: number): string =>
  Array.from({ length: count }, () => draw(10)).join('')

/** The number with the check digit that Luhn's rule (ISO/IEC 7812, annex B) wants behind it. */
export function withLuhn(body: string): string {
  let sum = 0
  for (const [i, char] of [...body].toReversed().entries()) {
    const digit = Number(char) * (i % 2 === 0 ? 2 : 1)
    sum += digit > 9 ? digit - 9 : digit
  }
  return body + ((10 - (sum % 10)) % 10)
}

/** The same with the check digit of GS1, for EANs and parcels. */
export function withGs1(body: string): string {
  const sum = [...body]
    .toReversed()
    .reduce((total, char, i) => total + Number(char) * (i % 2 === 0 ? 3 : 1), 0)
  return body + ((10 - (sum % 10)) % 10)
}

/** A card number that begins so and has so many digits. */
export function card(draw: Random, prefix: string, length: number): string {
  return withLuhn(prefix + digits(draw, length - prefix.length - 1))
}

/** A well-formed IBAN of German, British, Dutch, Norwegian or Maltese form. */
export function iban(draw: Random): string {
  const letter = () => String.fromCharCode(65 + draw(26))
  const forms: readonly (readonly [string, () => string])[] = [
    ['DE', () => digits(draw, 18)],
    ['GB', () => `${letter()}${letter()}${letter()}${letter()}${digits(draw, 14)}`],
    ['NL', () => `ABNA${digits(draw, 10)}`],
    ['NO', () => digits(draw, 11)],
    ['MT', () => `MALT${digits(draw, 23)}`],
  ]
  const [country, account] = forms[draw(forms.length)] as (typeof forms)[number]
  return ibanOf(country, account())
}

/** The IBAN of an account, with its check digits. */
export function ibanOf(country: string, account: string): string {
  const number = [...`${account}${country}00`].map((char) => Number.parseInt(char, 36)).join('')
  return `${country}${String(98n - (BigInt(number) % 97n)).padStart(2, '0')}${account}`
}

/** Groups of `size` characters with `separator` between them. */
export function grouped(text: string, size: number, separator: string): string {
  return text.match(new RegExp(`.{1,${size}}`, 'g'))?.join(separator) ?? text
}
