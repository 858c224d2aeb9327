/** Long numbers that are not card numbers, although some have a card's first digits and check digit. */

/** The lengths of IBANs by country: https://www.swift.com/standards/data-standards/iban-international-bank-account-number. */
const IBAN_LENGTHS = new Map(
  [
    ...(
      'AD24AE23AL28AT20AZ28BA20BE16BG22BH22BI27BR29BY28CH21CR22CY28CZ24DE22DJ27DK18DO28EE20EG29ES24FI18FK18FO18FR27' +
      'GB22GE22GI23GL18GR27GT28HN28HR21HU28IE22IL23IQ23IS26IT27JO30KW30KZ20LB28LC32LI21LT20LU20LV21LY25MC27MD24ME22' +
      'MK19MN20MR27MT31MU30NI28NL18NO15OM23PK24PL28PS29PT25QA29RO24RS22RU33SA24SC31SD18SE24SI19SK24SM27SO23ST25SV28' +
      'TL23TN24TR26UA29VA22VG24XK20YE30'
    ).matchAll(/([A-Z]{2})(\d\d)/g),
  ].map(([, country = '', length]) => [country, Number(length)] as const),
)

/** Two letters, two digits, then up to 31 letters or digits in groups. */
const IBAN = /(?<![A-Za-z0-9])[A-Za-z]{2}\d\d(?:[ -]?[A-Za-z0-9]){11,31}/g
const UUID = /(?<![0-9a-f])[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}(?![0-9a-f])/gi
/** UUIDs of the versions that programs generate: RFC 9562's 4 and 7. */
const RANDOM_UUID = /^.{14}[47].{4}[89ab]/i
/** A whole word: without the first part the search would begin again at each of its characters. */
const HEX_WORD = /(?<![0-9a-f])[0-9a-f]{24,}/gi

/**
 * The text with letters in place of IBANs, UUIDs and long hexadecimal words, such as hashes; every position stays the
 * same.
 */
export function withoutIdentifiers(text: string): string {
  // Each of them has some letters.
  if (!/[A-Za-z]/.test(text)) return text
  const hidden = (word: string) => (isMixed(word.replaceAll('-', '')) ? letters(word.length) : word)
  const hiddenUuid = (uuid: string) =>
    RANDOM_UUID.test(uuid) && /[a-f]/i.test(uuid) ? letters(uuid.length) : hidden(uuid)
  return text.replace(UUID, hiddenUuid).replace(HEX_WORD, hidden).replace(IBAN, withoutIban)
}

/**
 * True if letters are among the digits in several places, as in all but one of a million hashes. A card number that
 * touches such letters, or the second track of a stripe with a D in the middle, has them in one or two places.
 */
function isMixed(word: string): boolean {
  return /\d[a-f]+\d+[a-f]+\d/i.test(word)
}

const letters = (count: number) => 'x'.repeat(count)

/** Keeps the text after an IBAN: it may be a card number. */
function withoutIban(text: string): string {
  const length = IBAN_LENGTHS.get(text.slice(0, 2).toUpperCase()) ?? 0
  let end = 0
  let iban = ''
  while (end < text.length && iban.length < length) {
    const char = text[end++] as string
    if (char !== ' ' && char !== '-') iban += char
  }
  // A further letter or digit after its last character would make it another number.
  const whole = iban.length === length && !/^[A-Za-z0-9]/.test(text.slice(end))
  return length > 0 && whole && isIban(iban) ? letters(end) + text.slice(end) : text
}

/** ISO 13616: letters are 10 to 35, the first four characters come last, and the whole leaves 1 when divided by 97. */
function isIban(iban: string): boolean {
  let rest = 0
  for (let i = 0; i < iban.length; i++) {
    const code = iban.charCodeAt((i + 4) % iban.length)
    // 48 is "0", 65 "A"; a small letter differs from its capital in one bit.
    rest = (code < 65 ? rest * 10 + code - 48 : rest * 100 + (code & ~32) - 55) % 97
  }
  return rest === 1
}

/** GS1's check digit, of an EAN and of the parcel numbers of USPS: weights 3 and 1 from the right. */
function passesGs1(digits: ArrayLike<number>): boolean {
  let sum = 0
  for (let i = 0; i < digits.length; i++) sum += (digits[digits.length - 1 - i] ?? 0) * (i % 2 === 1 ? 3 : 1)
  return sum % 10 === 0
}

/**
 * An EAN of 13 digits or a UPC of 12. Visa's old numbers of 13 digits, and Maestro's of 12 and 13, are no longer
 * issued; the goods of Germany, Japan and the United Kingdom begin with the same digits.
 */
export function isProduct(digits: string): boolean {
  return (digits.length === 13 || digits.length === 12) && passesGs1([...digits].map(Number))
}

/** A mobile number of Germany or Austria with the country's code and without a plus, as messengers write it. */
export function isMobile(digits: string): boolean {
  return /^(?:491[5-7]|436[5-9])\d{9}$/.test(digits)
}

/**
 * France's number of a place of business (SIRET): nine digits of the business, four of the place with few in use, and
 * check digits.
 */
export function isSiret(digits: string): boolean {
  return digits.length === 14 && digits.startsWith('00', 9) && passesLuhn(digits.slice(0, 9))
}

/**
 * China's identity number: a region, the day of birth, a counter, and a check digit other than X (ISO 7064, MOD 11-2).
 */
export function isChinesePerson(digits: string): boolean {
  if (!CHINESE_PERSON.test(digits)) return false
  let rest = 0
  for (const digit of digits.slice(0, 17)) rest = ((rest + Number(digit)) * 2) % 11
  return (rest + Number(digits[17])) % 11 === 1
}

function passesLuhn(digits: string): boolean {
  let sum = 0
  for (let i = 0; i < digits.length; i++) {
    const digit = Number(digits[digits.length - 1 - i])
    sum += i % 2 === 0 ? digit : digit > 4 ? digit * 2 - 9 : digit * 2
  }
  return sum % 10 === 0
}

/** A parcel number of USPS, which is printed in fours: 20 or 22 digits. */
export function isParcel(digits: Uint8Array): boolean {
  const first = digits[0]
  const begins =
    digits.length === 22 ? first === 9 : digits.length === 20 && (first === 0 || first === 7 || first === 9)
  return begins && passesGs1(digits)
}

/** An amount with thousands separators, up to 99 trillion. `sizes` are the sizes of its groups, such as 1,3,3,3,3. */
export function isThousands(digits: string, sizes: string): boolean {
  return digits.length <= 14 && /^[1-3](?:,3){3,4}$/.test(sizes)
}

/** A number with one or two digits after its point or comma: an amount, or a time with a fraction. */
export function isFraction(sizes: string, gaps: readonly string[]): boolean {
  return /^\d+,[12]$/.test(sizes) && (gaps[0] === '.' || gaps[0] === ',')
}

/** A visitor's id of Google Analytics: a random number and the seconds since 1970, with a point between. */
export function isVisitor(digits: string, sizes: string, gaps: readonly string[]): boolean {
  return sizes === '9,10' && gaps[0] === '.' && /^[12]/.test(digits.slice(9))
}

/** Amazon's order numbers, or their last two groups. `withBefore` also has the size of the group before them. */
export function isOrderNumber(sizes: string, withBefore: string): boolean {
  return sizes === '3,7,7' || (sizes === '7,7' && withBefore === '3,7,7')
}

/** The end of an IMEI in its groups, such as 35-676100-684106-5; `withBefore` as above. */
export function isEndOfImei(withBefore: string): boolean {
  return /^2,6,6(?:,1)?$/.test(withBefore)
}

const MONTH = '(?:0[1-9]|1[0-2])'
const DAY = '(?:0[1-9]|[12]\\d|3[01])'
const CLOCK = '(?:[01]\\d|2[0-3])[0-5]\\d[0-5]\\d'
/**
 * yymmddhhmmss up to 2031, ddmmyyhhmmss from day 20 on, and ddmmyyyyhhmmss, each with digits within the second. No card
 * begins with 20.
 */
const TIME = new RegExp(
  `^(?:(?:2\\d|3[01])${MONTH}${DAY}${CLOCK}\\d{0,4}|${DAY}${MONTH}20\\d\\d${CLOCK}\\d{0,4})$`,
)

const CHINESE_PERSON = new RegExp(`^[1-8]\\d{5}(?:19|20)\\d\\d${MONTH}${DAY}\\d{4}$`)

/** Ticks of .NET, 100 ns since the year 1, from 2015 to 2032: 18 digits, a length that no such card has. */
const TICKS = /^6(?:3[6-9]|40)\d{15}$/

/** True for digits of a day and a time of day, with a counter of up to four digits after it, and for ticks. */
export function isTime(digits: string): boolean {
  return TIME.test(digits) || TICKS.test(digits)
}
