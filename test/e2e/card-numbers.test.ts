import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { card, grouped, iban, random, withGs1, withLuhn } from '../card-samples.ts'
import type { ErrorAnswer } from '../kit/client.ts'
import { startStopwatch } from '../kit/stopwatch.ts'
import { assertRefused, type Refuser, startRefuser } from './refusal.ts'

/** As an issuer makes them: the first digits, then Luhn's check digit. No account is behind any of them. */
const CARD = withLuhn('424242424242424')
const draw = random(7)
const CHARGES = '/api/v1/charges'
const REFUNDS = '/api/v1/refunds'
const VALID = { amount: 2500, currency: 'usd', customer: 'cus_1' }

let refuses: Refuser

before(async () => {
  refuses = await startRefuser()
})
after(() => refuses?.stop())

describe('a card number', () => {
  const spellings = [
    CARD,
    ...[' ', '-', '  ', ' - ', '.', '/', '_', '\u00a0', '\u2013', '\u200b', '\u00ad', '\u2060'].map(
      (separator) => grouped(CARD, 4, separator),
    ),
    grouped(CARD, 1, '.'),
    `my card is ${CARD}, thanks`,
    `order 12: ${grouped(CARD, 4, ' ')} exp 12/34`,
    `pan${CARD}`,
    `%B${CARD}^DOE/JANE^25121010000`,
    `;${CARD}=25121010000?`,
    [...CARD].map((digit) => String.fromCodePoint(0x660 + Number(digit))).join(''),
    [...CARD].map((digit) => String.fromCodePoint(0xff10 + Number(digit))).join(''),
  ]
  const REFUSED = [400, 'card_number_refused'] as const

  test('a card number is refused in every string of a body, and the field is named', async () => {
    for (const text of spellings)
      for (const name of ['customer', 'description', 'payment_method', 'currency'])
        await refuses.body({ ...VALID, [name]: text }, [...REFUSED, name])
    for (const text of spellings)
      for (const name of ['transaction_id', 'reason', 'description'])
        await refuses.body({ transaction_id: 'txn_1', [name]: text }, [...REFUSED, name], REFUNDS)
  })

  test('a card number is refused in metadata, in nested values and in keys; the whole path is named, and no key is repeated', async () => {
    for (const text of spellings) {
      await refuses.body({ ...VALID, metadata: { note: text } }, [...REFUSED, 'metadata.note'])
      await refuses.body({ ...VALID, source: { number: text } }, [...REFUSED, 'source.number'])
      await refuses.body({ ...VALID, metadata: { a: [{ b: text }] } }, [...REFUSED, 'metadata.a[0].b'])
      await refuses.body({ ...VALID, metadata: { [text]: 'v' } }, REFUSED)
      await refuses.body({ ...VALID, [text]: 'v' }, REFUSED)
    }
  })

  test('a card number is refused behind escapes', async () => {
    const hidden = [...CARD].map((digit) => `\\u003${digit}`).join('')
    await refuses.body(`{"amount":1,"currency":"usd","customer":"${hidden}"}`, [...REFUSED, 'customer'])
  })

  test('a card number is refused in what a person says of an attempt or an alarm, and in routing rules', async () => {
    for (const text of spellings) {
      const resolve = { outcome: 'succeeded', note: text }
      await refuses.body(resolve, [...REFUSED, 'note'], '/api/v1/attempts/att_1/resolve')
      await refuses.body(
        { ...resolve, note: 'n', provider_reference: text },
        [...REFUSED, 'provider_reference'],
        '/api/v1/attempts/att_1/resolve',
      )
      await refuses.body({ reason: text }, [...REFUSED, 'reason'], '/api/v1/alarms/alm_1/close')
      const rules = {
        rules: [{ name: text, when: 'true', providers: ['sandbox'] }],
        default: { providers: ['sandbox'] },
      }
      await refuses.body({ rules }, [...REFUSED, 'rules.rules[0].name'], '/api/v1/routing/simulate')
    }
  })

  test("a card number is refused whichever network's it is", async () => {
    for (const [prefix, length] of [
      ['55', 16],
      ['2221', 16],
      ['34', 15],
      ['6011', 19],
      ['36', 14],
      ['3528', 16],
      ['62', 17],
      ['6759', 12],
      ['2204', 16],
      ['508', 16],
      ['6062', 16],
      ['9792', 16],
      ['1354', 15],
    ] as const) {
      const number = card(draw, prefix, length)
      await refuses.body({ ...VALID, metadata: { note: number } }, [...REFUSED, 'metadata.note'])
      await refuses.body({ ...VALID, metadata: { note: `x${number}y` } }, [...REFUSED, 'metadata.note'])
    }
  })

  test('a card number is refused as an Idempotency-Key', async () => {
    for (const key of [
      CARD,
      grouped(CARD, 4, '-'),
      grouped(CARD, 4, '.'),
      grouped(CARD, 2, '_'),
      `card:${CARD}`,
      `key${CARD}`,
    ])
      assertRefused(
        await refuses.api.post<ErrorAnswer>(CHARGES, VALID, { 'idempotency-key': key }),
        [...REFUSED, 'Idempotency-Key'],
        key,
      )
  })

  test('a card number is refused in a path and in a query, however it is encoded', async () => {
    const escaped = [...CARD].map((digit) => `%3${digit}`).join('')
    const encoded = [CARD, escaped, ...spellings.map((text) => encodeURIComponent(text))]
    for (const text of [...encoded, `${CARD}%ZZ`, `${grouped(CARD, 4, '+')}`])
      for (const path of [`${CHARGES}?customer=${text}`, `${CHARGES}?${text}=1`, `/health?x=${text}`])
        await refuses.path(path, REFUSED)
    for (const text of encoded) await refuses.path(`${CHARGES}/${text}`, REFUSED)
    await refuses.path(`/${CARD}`, REFUSED)
  })
})

test('after all of it nothing was stored, the log has no card number, and the server charges', () =>
  refuses.assertUnharmed())

test('a body of a quarter of a megabyte of single digits is answered at once', async () => {
  const watch = startStopwatch()
  await refuses.body({ ...VALID, description: '1 '.repeat(125_000) }, [
    400,
    'parameter_invalid',
    'description',
  ])
  assert.ok(watch.ms() < 2_000)
  watch.stop()
})

describe('an honest number is taken', () => {
  const honest = {
    'an order id of the time': () => String(1_764_166_553_000 + draw(1_000_000_000)),
    'an order id of the date': () => `20261126${String(100_000_000 + draw(99_999_999))}`,
    'an EAN': () => withGs1(`40063813${1000 + draw(9_000)}`),
    'an IMEI': () => withLuhn(`35${10_000_000 + draw(90_000_000)}${1000 + draw(9_000)}`),
    'a telephone number': () => `+4915${1 + draw(9)}${10_000_000 + draw(90_000_000)}`,
    'a UUID': () => randomUUID(),
    'an IBAN': () => grouped(iban(draw), 4, ' '),
  }
  for (const [kind, make] of Object.entries(honest))
    test(`an honest number is taken in metadata, as a customer, in a description and as a key: ${kind}`, async () => {
      for (let i = 0; i < 50; i++) {
        const text = make()
        const fields = { customer: text, description: `no. ${text}`, metadata: { order: text } }
        await refuses.api.charge(fields, text.replaceAll(' ', '-'))
      }
    })

  test('an amount of many rupiah is taken, whatever its digits are', async () => {
    for (const amount of [4_500_000_000_005, Number(CARD), Number(card(draw, '5', 16))])
      await refuses.api.charge({ amount, currency: 'idr' })
  })
})
