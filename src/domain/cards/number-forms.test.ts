/** The forms of numbers that are not card numbers: the first and last of each, and their neighbours. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ibanOf } from '../../../test/card-samples.ts'
import {
  isChinesePerson,
  isEndOfImei,
  isFraction,
  isMobile,
  isOrderNumber,
  isParcel,
  isProduct,
  isSiret,
  isThousands,
  isTime,
  isVisitor,
  withoutIdentifiers,
} from './harmless-numbers.ts'

/** Separates the samples that have a form from the others. */
function holds(form: (text: string) => boolean, yes: readonly string[], no: readonly string[]): void {
  for (const text of yes) assert.equal(form(text), true, text)
  for (const text of no) assert.equal(form(text), false, text)
}

test('a hidden number keeps its length, and the text after it is kept', () => {
  const iban = ibanOf('DE', '370400440532013000')
  const grouped = iban.replace(/(.{4})(?=.)/g, '$1 ')
  for (const [text, hidden] of [
    [iban, 'x'.repeat(22)],
    [`(${iban})`, `(${'x'.repeat(22)})`],
    [iban.toLowerCase(), 'x'.repeat(22)],
    [grouped, 'x'.repeat(27)],
    [grouped.replaceAll(' ', '-'), 'x'.repeat(27)],
    [`${iban} 12 AB`, `${'x'.repeat(22)} 12 AB`],
    [`${iban}-4`, `${'x'.repeat(22)}-4`],
    [ibanOf('GB', 'ABCD12345678901234'), 'x'.repeat(22)],
    ['a1b2a1b2a1b2a1b2a1b2a1b2', 'x'.repeat(24)],
    ['A1B22AA1B2A1B2A1B2A1B2A1', 'x'.repeat(24)],
    ['00aa00aa00000000000000001', 'x'.repeat(25)],
    ['a1b2a1b2-a1b2-a1b2-a1b2-a1b2a1b2a1b2', 'x'.repeat(36)],
  ])
    assert.equal(withoutIdentifiers(text as string), hidden)
})

test('text that is not an IBAN, a UUID or a hexadecimal word of mixed letters stays unchanged', () => {
  const iban = ibanOf('DE', '370400440532013000')
  for (const text of [
    `X${iban}`,
    `9${iban}`,
    `${iban}A`,
    `${iban}9`,
    iban.slice(0, -1),
    iban.replace('DE', 'ZZ'),
    iban.replace(/.$/, '1'),
    iban.replaceAll(/(.{4})(?=.)/g, '$1  '),
    'ZZ82370400440532',
    'a1b2a1b2a1b2a1b2a1b2a1b',
    '000000000000000000000000',
    'aaaaaaaaaaaaaaaaaaaaaaaa',
    '0000000000000000aaaaaaaa',
    '0000000000000000aaaa0000',
  ])
    assert.equal(withoutIdentifiers(text), text)
})

test('a product has 12 or 13 digits and GS1’s check digit', () => {
  holds(
    isProduct,
    ['4006381333931', '036000291452', '9780306406157', '4902505524257'],
    ['4006381333932', '4006381333930', '036000291453', '96385074', '00012345600012', '400638133393', ''],
  )
})

test('a mobile number of Germany or Austria has 13 digits', () => {
  const rest = '123456789'
  holds(
    isMobile,
    ['4915', '4916', '4917', '4365', '4369'].map((begins) => begins + rest),
    [
      ...['4914', '4918', '4364', '4360', '4815', '4465'].map((begins) => begins + rest),
      ...[`4915${rest}0`, `04915${rest}`, '491512345678', '436512345678'],
    ],
  )
})

test('a place of business of France has 14 digits, the place with two zeros, and the business with its check digit', () => {
  holds(
    isSiret,
    ['73282932000074', '35600000000048', '73282932000075'],
    ['73282932100074', '73282932010074', '73282932001074'.slice(0, 13), '732829320000744', '73282932200074'],
  )
})

test('a person of China has a day of birth and a check digit', () => {
  const people = [
    '110101199003070134',
    '440524198001010013',
    '810000201512319990',
    '110105200002290013',
    '123456199911305556',
  ]
  holds(isChinesePerson, people, [
    ...people.map((text) => text.replace(/.$/, (digit) => String((Number(digit) + 1) % 10))),
    ...[
      '110101199013070138',
      '11010119900332013X',
      '110101189003070135',
      '010101199003070149',
      '910101199003070133',
    ],
    ...people.flatMap((text) => [`${text}0`, `1${text}`, text.slice(1)]),
  ])
})

test('a parcel of USPS has 22 digits from 9 on, or 20 from 0, 7 or 9 on, and GS1’s check digit', () => {
  const parcel = (begins: string, length: number) => {
    const digits = [...begins.padEnd(length - 1, '1')].map(Number)
    const sum = digits.reduceRight((all, digit, i) => all + digit * ((length - 1 - i) % 2 === 1 ? 3 : 1), 0)
    return [...digits, (10 - (sum % 10)) % 10].join('')
  }
  const form = (text: string) => isParcel(Uint8Array.from(text, Number))
  const good = [...['0', '7', '9'].map((begins) => parcel(begins, 20)), parcel('9', 22), parcel('94', 22)]
  holds(form, good, [
    ...[...'12345678'].map((begins) => parcel(begins, 22)),
    ...[...'1234568'].map((begins) => parcel(begins, 20)),
    ...['0', '9'].flatMap((begins) => [18, 19, 21, 23].map((length) => parcel(begins, length))),
    ...good.map((text) => text.replace(/.$/, (digit) => String((Number(digit) + 1) % 10))),
  ])
})

test('an amount has one to three digits and then three or four thousands, 14 digits at most', () => {
  const form = (sizes: string) =>
    isThousands('1'.repeat(sizes.split(',').reduce((sum, size) => sum + Number(size), 0)), sizes)
  holds(
    form,
    ['1,3,3,3', '3,3,3,3', '1,3,3,3,3', '2,3,3,3,3'],
    ['3,3,3,3,3', '1,3,3', '4,3,3,3', '1,3,3,3,3,3', '0,3,3,3', '11,3,3,3', '1,3,3,3,2', '1,3,3,3,33', '13'],
  )
})

test('a fraction has one or two digits behind its point or comma', () => {
  const form = (text: string) => {
    const [sizes = '', gap = ''] = text.split(' ')
    return isFraction(sizes, [gap])
  }
  holds(
    form,
    ['14,1 .', '14,2 ,', '1,2 .', '9,1 ,'],
    ['14,3 .', '14,12 .', '14,2,2 .', '2,14,2 .', '14 .', '14,2 -', '14,2 /', '14,2', ',2 .', 'a,2 .'],
  )
})

test('a visitor of a site is a random number and seconds since 1970, with a point between', () => {
  const seconds = (text: string) => `123456789${text}`
  assert.equal(isVisitor(seconds('1700000000'), '9,10', ['.']), true)
  assert.equal(isVisitor(seconds('2000000000'), '9,10', ['.']), true)
  assert.equal(isVisitor(seconds('1700000000'), '9,10', ['-']), false)
  assert.equal(isVisitor(seconds('3100000000'), '9,10', ['.']), false)
  assert.equal(isVisitor(seconds('0100000000'), '9,10', ['.']), false)
  assert.equal(isVisitor(seconds('1700000000'), '10,9', ['.']), false)
})

test('an order number of Amazon has groups of three, seven and seven digits, an IMEI two, six, six and one', () => {
  assert.equal(isOrderNumber('3,7,7', '3,7,7'), true)
  assert.equal(isOrderNumber('3,7,7', '4,3,7,7'), true)
  assert.equal(isOrderNumber('7,7', '3,7,7'), true)
  assert.equal(isOrderNumber('7,7', '7,7'), false)
  assert.equal(isOrderNumber('7,7', '4,7,7'), false)
  assert.equal(isOrderNumber('7', '3,7,7'), false)
  holds(isEndOfImei, ['2,6,6', '2,6,6,1'], ['2,6,6,2', '2,6,6,1,1', '12,6,6', '2,6,6,', '6,6,1', '2,6', ''])
})

test('a time is a day that there is and a time of day, with up to four digits behind it', () => {
  holds(
    isTime,
    [
      ...['261126235959', '2611262359591', '2611262359591234', '311231000000', '301001120000'],
      ...['26112026235959', '261120262359591234', '01012026000000', '31122099000000'],
    ],
    [
      ...['26112623595912345', '26112620262359591234', '261326235959', '260026235959', '261132235959'],
      ...['261100235959', '261126246060', '261126235960', '261126236059', '321131000000', '191126235959'],
      ...[
        '26111926235959',
        '00112026235959',
        '32112026235959',
        '26132026235959',
        '26112026243030',
        '1261126235959',
      ],
      ...['26112623595', ''],
    ],
  )
})

test('ticks of .NET have 18 digits, from 2015 to 2032', () => {
  const rest = '123456789012345'
  holds(
    isTime,
    ['636', '637', '638', '639', '640'].map((begins) => begins + rest),
    [
      ...['635', '641', '536', '600'].map((begins) => begins + rest),
      `636${rest}0`,
      `1636${rest}`,
      `636${rest.slice(1)}`,
    ],
  )
})
