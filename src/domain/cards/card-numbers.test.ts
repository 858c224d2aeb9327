import assert from 'node:assert/strict'
import { test } from 'node:test'
import { card, digits, grouped, random, withGs1, withLuhn } from '../../../test/card-samples.ts'
import { cutCardNumbers, holdsCardNumber } from './card-numbers.ts'
import { isMobile, isProduct, isTime } from './harmless-numbers.ts'

const draw = random(14)
/** Sixteen digits that begin like a Visa card. */
const CARD = card(random(1), '4', 16)

/** The networks' first digits and lengths: https://en.wikipedia.org/wiki/Payment_card_number, and the networks' pages. */
const NETWORKS: readonly (readonly [
  network: string,
  prefixes: readonly string[],
  lengths: readonly number[],
])[] = [
  ['Visa', ['4'], [16, 19]],
  ['Mastercard', ['51', '52', '53', '54', '55', '2221', '2399', '2500', '2720'], [16]],
  ['American Express', ['34', '37'], [15]],
  ['Diners Club', ['300', '305', '36', '38', '39'], [14, 16, 19]],
  ['Discover', ['6011', '644', '649', '65'], [16, 17, 18, 19]],
  ['JCB', ['3528', '3540', '3589'], [16, 17, 18, 19]],
  ['UnionPay', ['62', '81'], [16, 17, 18, 19]],
  [
    'Maestro',
    ['5018', '5020', '5038', '5893', '6304', '6759', '6761', '6763'],
    [12, 13, 14, 15, 16, 17, 18, 19],
  ],
  ['Mir', ['2200', '2204'], [16, 17, 18, 19]],
  ['RuPay', ['60', '65', '81', '82', '508', '353', '356'], [16]],
  ['Elo', ['401178', '438935', '504175', '506699', '509000', '627780', '636368', '650031', '655000'], [16]],
  ['Hipercard', ['606282'], [16]],
  ['Hiper', ['637095', '637568', '637612'], [16]],
  ['Troy', ['9792', '65'], [16]],
  ['Verve', ['506099', '507865', '650002'], [16, 18, 19]],
  ['UATP', ['1001', '1220', '1354'], [15]],
  ['Dankort', ['5019', '4571'], [16]],
  ['Bancontact', ['6703'], [16, 17]],
  ['InterPayment', ['636'], [16, 17, 18, 19]],
  ['Uzcard and Humo', ['8600', '9860'], [16]],
  ['Belkart', ['9112'], [16]],
  ['Elkart', ['9417'], [16]],
  ['ArCa', ['9051'], [16]],
  ['Prostir', ['9804'], [16]],
  ['DinaCard', ['9891'], [16]],
]

for (const [network, prefixes, lengths] of NETWORKS)
  test(`every number of ${network} is found: alone, in text, and glued to letters`, () => {
    for (const prefix of prefixes)
      for (const length of lengths)
        for (let i = 0; i < 20; i++) {
          const number = card(draw, prefix, length)
          // These can mean something else: a time of day, goods.
          if (isTime(number) || isProduct(number)) continue
          for (const text of [
            number,
            `my card is ${number}, thanks`,
            `txn_${number}`,
            `pan${number}exp`,
            `order-${number}`,
            `%B${number}^DOE/JANE^2512101000`,
            `;${number}=25121011000012300000?`,
            `;01${number}==1724724000000000003030046020200099010=?`,
            `${number}D25121011000012300000`,
            `${number}d25121011000012300000F`,
            `deadbeef${number}`,
            `${number}cafebabe`,
          ])
            assert.equal(holdsCardNumber(text), true, text)
        }
  })

test("Visa's old numbers of 13 digits are found, unless they are an EAN or a mobile number", () => {
  assert.equal(holdsCardNumber('4222222222222'), true)
  for (let i = 0; i < 500; i++) {
    const number = card(draw, '4', 13)
    const honest = withGs1(number.slice(0, 12)) === number || isMobile(number)
    assert.equal(holdsCardNumber(number), !honest, number)
  }
})

test('one wrong digit fails the check digit, so it is not a card number', () => {
  for (let place = 0; place < CARD.length; place++) {
    const digit = (Number(CARD[place]) + 1) % 10
    const text = CARD.slice(0, place) + digit + CARD.slice(place + 1)
    assert.equal(holdsCardNumber(text), false, `place ${place}`)
  }
})

test("digits that no issuer's numbers begin with are not a card number, at any length", () => {
  for (const prefix of [
    '0',
    '15',
    '17',
    '20',
    '2199',
    '2721',
    '29',
    '31',
    '33',
    '59',
    '61',
    '66',
    '7',
    '83',
    '93',
    '99',
  ])
    for (let length = 11; length <= 20; length++)
      assert.equal(holdsCardNumber(card(draw, prefix, length)), false, `${prefix}, ${length} digits`)
})

test("an issuer's first digits at a length that is not its own are not a card number", () => {
  for (const [prefix, lengths] of [
    ['4', [12, 14, 15, 17, 18, 20]],
    ['51', [12, 13, 14, 15, 17, 18, 19]],
    ['37', [12, 13, 14, 16, 17, 18, 19]],
    ['3528', [12, 13, 14, 15]],
    ['62', [12, 13, 14, 15, 20]],
  ] as const)
    for (const length of lengths)
      for (let i = 0; i < 20; i++) {
        const number = card(draw, prefix, length)
        assert.equal(holdsCardNumber(number), false, number)
      }
})

/** Characters that people and programs write between the groups of a number. */
const SEPARATORS = [
  ...[
    ' ',
    '  ',
    '\t',
    '\n',
    '\r\n',
    '\u00a0',
    '\u1680',
    '\u2002',
    '\u2009',
    '\u200a',
    '\u202f',
    '\u205f',
    '\u3000',
  ],
  ...[
    '-',
    ' - ',
    '--',
    '\u2010',
    '\u2011',
    '\u2012',
    '\u2013',
    '\u2014',
    '\u2015',
    '\u2212',
    '\uff0d',
    '\u301c',
  ],
  ...[
    '.',
    '/',
    '_',
    '|',
    '\\',
    '*',
    '~',
    ':',
    ' / ',
    '\u00b7',
    '\u2022',
    '\uff0e',
    '\uff0f',
    '\uff3f',
    '\u2044',
  ],
  ...[
    '\u00ad',
    '\u200b',
    '\u200c',
    '\u200d',
    '\u2060',
    '\ufeff',
    '\u202d',
    '\u180e',
    '\u115f',
    '\u3164',
    '\u0301',
  ],
  ...[',', ', ', ';', '+', '='],
]

test('separators of every kind between groups of four do not hide a card number', () => {
  for (const separator of SEPARATORS)
    for (const number of [CARD, card(draw, '55', 16), card(draw, '62', 19)])
      assert.equal(holdsCardNumber(grouped(number, 4, separator)), true, JSON.stringify(separator))
})

test('spaces, dashes, dots, slashes, underscores and invisible characters hide no card number in groups of any size', () => {
  for (const separator of SEPARATORS.slice(0, -5))
    for (let size = 1; size <= 8; size++)
      assert.equal(
        holdsCardNumber(grouped(CARD, size, separator)),
        true,
        `${JSON.stringify(separator)} ${size}`,
      )
})

test('the groups of American Express and Diners do not hide a number, with any characters between them', () => {
  for (const separator of SEPARATORS) {
    const amex = card(draw, '37', 15)
    const diners = card(draw, '36', 14)
    for (const number of [amex, diners]) {
      const text = [number.slice(0, 4), number.slice(4, 10), number.slice(10)].join(separator)
      assert.equal(holdsCardNumber(text), true, JSON.stringify(text))
    }
  }
})

test('spaces and dashes may change within a number, and other digits may be beside it', () => {
  const [a, b, c, d] = grouped(CARD, 4, ' ').split(' ')
  for (const text of [
    `${a} ${b}-${c} ${d}`,
    `${a}  ${b}--${c} - ${d}`,
    `${a}.${b} ${c}-${d}`,
    `order 12 ${a} ${b} ${c} ${d}`,
    `order 12: ${a} ${b} ${c} ${d} exp 12/34`,
    `${a} ${b} ${c} ${d} 12/34 123`,
    `1234567890123 and then ${CARD}`,
    `+49 151 1234567 ${a} ${b} ${c} ${d}`,
    `"${CARD}"`,
    `(${CARD})`,
  ])
    assert.equal(holdsCardNumber(text), true, text)
})

/** How a space, a dash, a dot or a slash is written in a text of which a part was cut. */
function plainOf(between: string): string {
  if ('\u2013\u2212\u30fc'.includes(between)) return '-'
  if ('\u00b7\u2022\u30fb'.includes(between)) return '.'
  return '\u2044\u2215'.includes(between) ? '/' : ' '
}

test('any form of blank, dash, dot or slash between two numbers separates them', () => {
  for (const between of [
    ...['\u00a0', '\u2003', '\u2800', '\u115f', '\u3164'],
    ...['\u2013', '\u2212', '\u30fc', '\u00b7', '\u2022', '\u30fb', '\u2044', '\u2215'],
  ]) {
    assert.equal(holdsCardNumber(`12${between}${CARD}`), true, JSON.stringify(between))
    assert.equal(cutCardNumbers(`1${between}${CARD}`, '#'), `1${plainOf(between)}#`)
  }
})

test('digits of every script are digits', () => {
  // The zero of each script: Arabic, Persian, Devanagari, Bengali, Thai, Tibetan, full-width, Adlam, mathematical bold
  // …
  for (const zero of [
    0x660, 0x6f0, 0x966, 0x9e6, 0xe50, 0xf20, 0xff10, 0x1e950, 0x1d7ce, 0x1d7d8, 0x1d7f6, 0xa620,
  ]) {
    const text = [...CARD].map((digit) => String.fromCodePoint(zero + Number(digit))).join('')
    for (const written of [text, text.replace(/^(.{4,8})/u, '$1 ')])
      assert.equal(holdsCardNumber(written), true, zero.toString(16))
  }
  const superscripts = [
    '\u2070',
    '\u00b9',
    '\u00b2',
    '\u00b3',
    '\u2074',
    '\u2075',
    '\u2076',
    '\u2077',
    '\u2078',
    '\u2079',
  ]
  assert.equal(holdsCardNumber([...CARD].map((digit) => superscripts[Number(digit)]).join('')), true)
  assert.equal(holdsCardNumber([...CARD].map((digit) => `${digit}\ufe0f\u20e3`).join('')), true, 'keycaps')
  // Each from its zero to its nine: circled, white on black, in parentheses, with a point, Chinese.
  for (const row of [
    '⓪①②③④⑤⑥⑦⑧⑨',
    '⓿❶❷❸❹❺❻❼❽❾',
    '⓪➀➁➂➃➄➅➆➇➈',
    '🄌➊➋➌➍➎➏➐➑➒',
    '⓪⓵⓶⓷⓸⓹⓺⓻⓼⓽',
    '0⑴⑵⑶⑷⑸⑹⑺⑻⑼',
    '🄀⒈⒉⒊⒋⒌⒍⒎⒏⒐',
    '〇一二三四五六七八九',
    '零一二三四五六七八九',
  ])
    for (const size of [4, 16]) {
      const written = grouped(CARD, size, ' ').replace(/\d/g, (digit) => [...row][Number(digit)] ?? '')
      assert.equal(holdsCardNumber(written), true, written)
    }
})

test('a character that is more than one digit is none of them', () => {
  for (const [number, digit] of [
    ['4111111111111111', '1'],
    ['4000000000000002', '2'],
  ] as const) {
    assert.equal(holdsCardNumber(number), true)
    for (const other of ['\u246b', '\u00bd', '\u3252'])
      assert.equal(holdsCardNumber(number.replace(digit, other)), false, `${digit} ${other}`)
  }
})

test('a telephone number begins with a plus and has up to 15 digits; more are none', () => {
  for (let i = 0; i < 2_000; i++) {
    const number = `+${1 + draw(9)}${digits(draw, 9 + draw(6))}`
    for (const text of [
      number,
      grouped(number, 4, ' '),
      `(${number})`,
      `tel:${number}`,
      `${number.slice(0, 4)} (0) ${number.slice(4)}`,
    ])
      assert.equal(holdsCardNumber(text), false, text)
  }
  assert.equal(holdsCardNumber(`+${CARD}`), true)
  assert.equal(holdsCardNumber(`+${grouped(CARD, 4, ' ')}`), true)
})

test('a card number is cut out of a text and the rest is kept, however often it is there', () => {
  const amex = card(draw, '37', 15)
  assert.equal(cutCardNumbers(`a ${CARD}, b${amex}c`, '[cut]'), 'a [cut], b[cut]c')
  assert.equal(cutCardNumbers(`${grouped(CARD, 4, ' ')} ${grouped(CARD, 4, '-')}`, '#'), '# #')
  assert.equal(cutCardNumbers('2500 usd – 残高不足', '#'), '2500 usd – 残高不足')
  assert.equal(cutCardNumbers(`№ ㎏ … ä ½ ⑫ ㉒ ❿ ➉ ➓ ${CARD}`, '#'), '№ ㎏ … ä ½ ⑫ ㉒ ❿ ➉ ➓ #')
  assert.equal(holdsCardNumber(cutCardNumbers(`${CARD} `.repeat(50), '#')), false)
})

test('long text is searched once, not again from every digit', () => {
  // With a quadratic search each of these would take many times as long as this.
  const times = 50_000
  const texts = ['1 ', '4 ', '4,', '4\u200b', '+4 ', '1-a', '٤ ', '4', 'a1', 'DE89 ', '4. ', '残'].map(
    (part) => part.repeat(times),
  )
  for (const text of [...texts, `4${' '.repeat(times)}4`.repeat(2)]) {
    const started = process.cpuUsage()
    assert.equal(holdsCardNumber(`${text}x`), false, text.slice(0, 8))
    assert.ok(process.cpuUsage(started).user < 5_000_000, text.slice(0, 8))
  }
  assert.equal(holdsCardNumber(`${'7 '.repeat(times)}${grouped(CARD, 4, ' ')}`), true)
  assert.ok(cutCardNumbers(`${grouped(CARD, 4, ' ')} `.repeat(10_000), '#').length < 100_000)
})

test('the samples have the check digits that they should', () => {
  assert.equal(withLuhn('7992739871'), '79927398713')
  assert.equal(withGs1('400638133393'), '4006381333931')
})
