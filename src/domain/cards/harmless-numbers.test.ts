/** How often an ordinary number looks like a card number: random samples of each kind, and a limit for each. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { card, digits, grouped, iban, ibanOf, random, withGs1, withLuhn } from '../../../test/card-samples.ts'
import { idFactory } from '../id.ts'
import { holdsCardNumber } from './card-numbers.ts'

const SAMPLES = 5_000
const draw = random(41)

/** A time from 2017 to 2030, in ms since 1970. */
const time = () => 1_483_228_800_000 + draw(14 * 365) * 86_400_000 + draw(86_400_000)
const stamp = (ms: number) => new Date(ms).toISOString().replace(/\D/g, '')
const hex = (name: string) => createHash(name).update(digits(draw, 20)).digest('hex')
const newId = idFactory(time, () => BigInt(`0x${hex('sha1').slice(0, 20)}`))

function uuid(version: number): string {
  const word = hex('md5')
  const variant = '89ab'[draw(4)]
  return `${word.slice(0, 8)}-${word.slice(8, 12)}-${version}${word.slice(13, 16)}-${variant}${word.slice(17, 20)}-${word.slice(20)}`
}

function dayFirst(): string {
  const text = stamp(time())
  return text.slice(6, 8) + text.slice(4, 6) + text.slice(0, 4) + text.slice(8, 14)
}

/** Identity numbers of Chongqing, Gansu and Jiangxi, which begin like cards. */
function chinesePerson(): string {
  for (;;) {
    const body = `${['50', '62', '36'][draw(3)]}${digits(draw, 4)}19${stamp(time()).slice(2, 8)}${digits(draw, 3)}`
    let sum = 0
    for (let i = 0; i < 17; i++) sum += Number(body[i]) * (2 ** (17 - i) % 11)
    const check = (12 - (sum % 11)) % 11
    if (check < 10) return `${body}${check}`
  }
}

/** The share of each kind that may be rejected. For 5,000 samples, zero means fewer than one in 5,000. */
const KINDS: Readonly<Record<string, readonly [bound: number, make: () => string]>> = {
  'Date.now()': [0, () => String(time())],
  'seconds since 1970 and a counter of five': [0, () => Math.floor(time() / 1000) + digits(draw, 5)],
  'ms since 1970 and a counter of three': [0, () => time() + digits(draw, 3)],
  'microseconds since 1970': [0, () => time() + digits(draw, 3)],
  'nanoseconds since 1970': [0, () => time() + digits(draw, 6)],
  yyyymmddhhmmss: [0, () => stamp(time()).slice(0, 14)],
  yyyymmddhhmmssnnn: [0, () => stamp(time())],
  'yyyymmddhhmmss and a counter of four': [0, () => stamp(time()).slice(0, 14) + digits(draw, 4)],
  'yymmddhhmmss and a counter of four': [
    0,
    () => `2${draw(10)}${stamp(time()).slice(4, 14)}${digits(draw, 4)}`,
  ],
  ddmmyyyyhhmmss: [0, dayFirst],
  'ddmmyyhhmmss and a counter of four': [0, () => dayFirst().replace(/^(.{4})20/, '$1') + digits(draw, 4)],
  'yymmddhhmmss of 2030 and 2031, and a counter of four': [
    0,
    () => `3${draw(2)}${stamp(time()).slice(4, 14)}${digits(draw, 4)}`,
  ],
  'ticks of .NET': [0, () => `${(BigInt(time()) + 62_135_596_800_000n) * 10_000n + BigInt(draw(10_000))}`],
  'yyyymmdd-hhmmss-nnnn': [0, () => stamp(time()).replace(/^(.{8})(.{6}).*/, '$1-$2-') + digits(draw, 4)],
  'dates and times in words': [0, () => new Date(time()).toISOString().replace(/[TZ]/g, ' ')],
  'order id of time, glued': [0, () => `order${time()}`],
  'order numbers of Amazon': [0, () => `${digits(draw, 3)}-${digits(draw, 7)}-${digits(draw, 7)}`],
  'EAN-13': [0, () => withGs1(digits(draw, 12))],
  'EAN-13 of Germany': [0, () => withGs1(`4${digits(draw, 11)}`)],
  'EAN-13 of the United Kingdom': [0, () => withGs1(`50${digits(draw, 10)}`)],
  'EAN-8': [0, () => withGs1(digits(draw, 7))],
  'UPC-A': [0, () => withGs1(digits(draw, 11))],
  'GTIN-14': [0.01, () => withGs1(digits(draw, 13))],
  'ISBN-13': [0, () => withGs1(`978${digits(draw, 9)}`)],
  IMEI: [0, () => withLuhn(['35', '86', '01', '99'][draw(4)] + digits(draw, 12))],
  'IMEI of a satellite telephone': [0, () => withLuhn(`30021${digits(draw, 9)}`)],
  'IMEI in groups': [
    0,
    () => withLuhn(`35${digits(draw, 12)}`).replace(/(..)(.{6})(.{6})(.)/, '$1-$2-$3-$4'),
  ],
  'telephone numbers': [0, () => `+${1 + draw(9)}${digits(draw, 7 + draw(8))}`],
  'telephone numbers in groups': [
    0,
    () => `+${1 + draw(99)} ${digits(draw, 3)} ${digits(draw, 4)} ${digits(draw, 4)}`,
  ],
  'mobile numbers of Germany without a plus': [0, () => `491${5 + draw(3)}${digits(draw, 9)}`],
  'mobile numbers of Austria without a plus': [0, () => `43${66 + draw(4)}${digits(draw, 9)}`.slice(0, 13)],
  'people of Facebook': [0, () => `1000${digits(draw, 11)}`],
  'visitors of Google Analytics': [0, () => `${1 + draw(9)}${digits(draw, 8)}.${Math.floor(time() / 1000)}`],
  SIRET: [0, () => withLuhn(`${withLuhn(`3${digits(draw, 7)}`)}000${digits(draw, 1)}`)],
  'people of China': [0, () => chinesePerson()],
  'amounts with cents': [0.001, () => `${1 + draw(9)}${digits(draw, 10 + draw(2))}.${digits(draw, 2)}`],
  'amounts of tens of trillions, with points': [
    0,
    () => `Rp${1 + draw(9)}${draw(10)}.${grouped(digits(draw, 12), 3, '.')},00`,
  ],
  'amounts with points': [0, () => grouped(digits(draw, 12), 3, '.').replace(/^/, `Rp ${1 + draw(9)}.`)],
  'amounts with commas and cents': [
    0,
    () => `${1 + draw(9)},${grouped(digits(draw, 9), 3, ',')}.${digits(draw, 2)}`,
  ],
  'prices in a list': [
    0.01,
    () => Array.from({ length: 6 }, () => `${draw(100)}.${digits(draw, 2)}`).join(' '),
  ],
  'UUID 4': [0, () => uuid(4)],
  'UUID 7': [
    0,
    () =>
      `${time()
        .toString(16)
        .padStart(12, '0')
        .replace(/(.{8})/, '$1-')}${uuid(7).slice(13)}`,
  ],
  'UUID without dashes': [0, () => uuid(4).replaceAll('-', '')],
  MD5: [0, () => hex('md5')],
  'SHA-1': [0, () => hex('sha1')],
  'SHA-256': [0, () => hex('sha256')],
  'hexadecimal of 16': [0.001, () => hex('md5').slice(0, 16)],
  'our own ids': [0, () => newId('txn')],
  IBAN: [0, () => iban(draw)],
  'IBAN in groups': [0, () => grouped(iban(draw), 4, ' ')],
  'UPS parcels': [
    0.001,
    () => `1Z${'ABCDEFGHJK'[draw(10)]}${digits(draw, 2)}${'ABCDEFGHJK'[draw(10)]}${digits(draw, 12)}`,
  ],
  'USPS parcels': [0, () => withGs1(`9${1 + draw(5)}${digits(draw, 19)}`)],
  'USPS parcels in groups': [0, () => grouped(withGs1(`9${1 + draw(5)}${digits(draw, 19)}`), 4, ' ')],
  'FedEx parcels of 12 digits': [0.002, () => digits(draw, 12)],
  'FedEx parcels of 15 digits': [0.012, () => digits(draw, 15)],
  'DHL parcels': [0, () => digits(draw, 10)],
  'DPD parcels': [0.01, () => digits(draw, 14)],
  'parcels of the post': [0, () => `R${'ABCX'[draw(4)]}${digits(draw, 9)}CN`],
  'random numbers of 16 digits, which may be cards': [0.045, () => digits(draw, 16)],
}

for (const [kind, [bound, make]] of Object.entries(KINDS))
  test(`${kind}: ${bound === 0 ? 'none' : `at most ${bound * 100}%`} of ${SAMPLES} are taken for a card number`, () => {
    const found: string[] = []
    for (let i = 0; i < SAMPLES; i++) {
      const text = make()
      if (holdsCardNumber(text)) found.push(text)
    }
    assert.ok(found.length <= bound * SAMPLES, `${found.length}, such as ${found.slice(0, 5)}`)
  })

test('an account that has the digits of a card is hidden by its IBAN, of the right length and country alone', () => {
  const number = card(random(1), '4', 16)
  // From each line of the table: https://www.swift.com/standards/data-standards/iban-international-bank-account-number
  for (const [country, length] of [
    ['AD', 24],
    ['FR', 27],
    ['GB', 22],
    ['ME', 22],
    ['SV', 28],
    ['TL', 23],
    ['YE', 30],
  ] as const) {
    const of = (size: number) => grouped(ibanOf(country, number.padEnd(size - 4, '0')), 4, ' ')
    assert.equal(holdsCardNumber(of(length)), false, of(length))
    assert.equal(holdsCardNumber(of(length).toLowerCase()), false, of(length))
    for (const wrong of [
      of(length + 4),
      of(length).replace(country, 'ZZ'),
      of(length).replace(/.(?= )/, (digit) => String((Number(digit) + 1) % 10)),
      of(length).replace(/$/, 'A'),
    ])
      assert.equal(holdsCardNumber(wrong), true, wrong)
  }
})

test('a UUID, or a hexadecimal word of 24 and more, hides the digits of a card; a longer or a shorter one does not', () => {
  const id = '41111111-1111-1111-a1aa-1aaaaaaaaaa1'
  const word = '4111111111111111a1aaa1aa'
  for (const text of [id, id.toUpperCase(), `(${id})`, `x${id}x`, word, word.toUpperCase(), `${word}0`])
    assert.equal(holdsCardNumber(text), false, text)
  for (const text of [`f${id}`, `${id}0`, id.slice(0, -1), id.replace('-a1aa', '-a1a'), word.slice(0, -1)])
    assert.equal(holdsCardNumber(text), true, text)
  for (const text of ['41111111-1111-1111-0000-000000000000', '41111111-1111-1111-aaaa-aaaaaaaaaaaa'])
    assert.equal(holdsCardNumber(text), true, text)
})

test('a random UUID is none, however few letters it has: it is what most idempotency keys are', () => {
  for (const key of [
    '46403157-8944-4411-be31-237567252713',
    '84917641-8771-4cd3-8556-740484312805',
    'decb6700-5812-4611-9806-42436b37624a',
    '53971393-5081-4671-8002-27757fe161df',
    '8c560418-6932-4672-9940-98028130395d',
  ]) {
    assert.equal(holdsCardNumber(key), false, key)
    assert.equal(holdsCardNumber(key.toUpperCase()), false, key)
  }
})
