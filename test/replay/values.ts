/** Values that requests are made of, from plain to nasty. */
import { MAX_AMOUNT } from '../../src/domain/money.ts'
import type { Draw } from '../kit/draws.ts'
import { FLAKY, REFUSING } from './world.ts'

export const CURRENCIES = ['usd', 'eur', 'jpy', 'USD', 'bhd', 'clp'] as const
/** Whatever a text column, an array literal, a JSON parameter or a LIKE might stumble over. */
const PIECES = [
  'plain',
  '"quoted"',
  "it's",
  'back\\slash',
  '\\',
  '\\N',
  'NULL',
  'null',
  '{a,b}',
  '{}',
  ',',
  '$1',
  '%s%',
  '_',
  '; DROP TABLE charges; --',
  'line\nbreak\r\n',
  '\ttab',
  '\u0001\u001f\u007f\u0080',
  '\u2028\u2029',
  '🦄👩‍👩‍👧‍👦',
  'e\u0301 é',
  'שלום',
  '漢字',
  '\ufeff\u200b\ufffd',
  ' ',
  "E'\\x41'",
  '<b>&amp;</b>',
  '\u{10ffff}',
] as const
/** None contains a backslash: MiniPay refuses such names. */
const KEYS = [
  'order',
  'x y',
  '"',
  '\b',
  '10',
  '9',
  'constructor',
  'toString',
  'é',
  '🦄',
  '$1',
  'to_',
  '',
] as const

/** A text of up to `most` characters. */
export function textOf(draw: Draw, most: number): string {
  if (draw.chance(0.02)) return draw.of(['🦄', '\\', '"', 'é']).repeat(most)
  const pieces = Array.from({ length: draw.between(1, 6) }, () => draw.of(PIECES))
  return [...pieces.join('')].slice(0, most).join('')
}

export function customerOf(draw: Draw): string {
  if (draw.chance(0.04)) return REFUSING
  if (draw.chance(0.002)) return FLAKY
  if (draw.chance(0.3)) return `cus_${draw.between(1, 20)}`
  return draw.of(['cus "q"', "o'neil", 'back\\slash', '🦄', 'NULL', '{x}', ' ', 'é\u0301', '%', '漢字\n'])
}

export function amountOf(draw: Draw): number {
  if (draw.chance(0.01)) return MAX_AMOUNT - draw.between(0, 1)
  return draw.chance(0.1) ? draw.between(1, 3) : draw.between(100, 5_000_000_000)
}

export function metadataOf(draw: Draw): Record<string, string> {
  const count = draw.chance(0.03) ? 50 : draw.between(0, 4)
  const pairs = Array.from({ length: count }, (_, i) => [
    count === 50 ? `k${i}` : draw.of(KEYS) || 'k'.repeat(40),
    draw.chance(0.1) ? '' : textOf(draw, draw.chance(0.05) ? 500 : 60),
  ])
  return Object.fromEntries(pairs)
}

/** Bodies and headers that no charge can be made of; the JSON of a good body is given. */
export function spoilt(draw: Draw, body: Record<string, unknown>): string {
  const without = (name: string) => JSON.stringify({ ...body, [name]: undefined })
  const having = (fields: object) => JSON.stringify({ ...body, ...fields })
  const many = Object.fromEntries(Array.from({ length: 51 }, (_, i) => [`k${i}`, 'v']))
  return draw.of([
    () => '',
    () => 'null',
    () => '[]',
    () => '"text"',
    () => '{',
    () => `${JSON.stringify(body)} x`,
    () => JSON.stringify(body).replace('{', '{"amount":1,'),
    () => `${'['.repeat(40)}${']'.repeat(40)}`,
    () => without('amount'),
    () => without('currency'),
    () => without('customer'),
    () => having({ amount: 0 }),
    () => having({ amount: -1 }),
    () => having({ amount: 1.5 }),
    () => having({ amount: '100' }),
    () => having({ amount: null }),
    () => JSON.stringify(body).replace(/"amount":\d+/, '"amount":1e3'),
    () => JSON.stringify(body).replace(/"amount":\d+/, '"amount":9007199254740992'),
    () => JSON.stringify(body).replace(/"amount":\d+/, '"amount":9223372036854775808'),
    () => having({ currency: 'xxx' }),
    () => having({ currency: 'us' }),
    () => having({ currency: 'xau' }),
    () => having({ customer: '' }),
    () => having({ customer: 'c'.repeat(256) }),
    () => having({ customer: 7 }),
    () => having({ capture: 'yes' }),
    () => having({ payment_method: '' }),
    () => having({ payment_method: '4242424242424242' }),
    () => having({ description: 'd'.repeat(1001) }),
    () => having({ description: 'card 4242 4242 4242 4242' }),
    () => having({ metadata: many }),
    () => having({ metadata: { ['k'.repeat(41)]: 'v' } }),
    () => having({ metadata: { k: 'v'.repeat(501) } }),
    () => having({ metadata: { k: 1 } }),
    () => having({ metadata: { '': 'v' } }),
    () => having({ surprise: 1 }),
    () => JSON.stringify(body).replace('{', '{"description":"\\u0000",'),
    () => JSON.stringify(body).replace('{', '{"description":"\\ud800",'),
    () => JSON.stringify(body).replace('{', '{"metadata":{"a\\u0000":"v"},'),
    () => JSON.stringify(body).replace('{', '{"__proto__":{},'),
  ])()
}

/** Where an id is expected: what is none, or names nothing. */
export const STRANGE_IDS = [
  'txn_00000000000000000000000000',
  'txn_zzzzzzzzzzzzzzzzzzzzzzzzzz',
  're_00000000000000000000000000',
  'att_00000000000000000000000000',
  'dlv_00000000000000000000000000',
  'nothing',
  '%00',
  'txn_%00',
  'a%00b',
  "%27%20OR%20''='",
  '%22%5C',
  '%F0%9F%A6%84',
  '%EF%BF%BF',
  '%01',
  '%ED%A0%80',
  '%zz',
  '{}',
  'x'.repeat(2_000),
  '-1',
  '1e9',
] as const

/** Query parameters, most of them wrong. */
export const STRANGE_QUERIES = [
  'limit=0',
  'limit=101',
  'limit=-1',
  'limit=1.5',
  'limit=ten',
  'limit=',
  'limit=1&limit=2',
  'limit=9007199254740993',
  'after=-1',
  'after=9007199254740991',
  'after=9007199254740992',
  'before=0',
  'before=9007199254740991',
  'before=x',
  'starting_after=txn_00000000000000000000000000',
  'starting_after=re_00000000000000000000000000',
  'starting_after=%00',
  'ending_before=',
  'starting_after=a&ending_before=b',
  'status=succeeded',
  'status=nonsense',
  'status=%00',
  'customer=',
  'customer=%00',
  'customer=%27',
  'customer=%5C%22',
  'currency=USD',
  'currency=xxx',
  'currency=%E2%84%AAwd',
  'account=merchant',
  'account=%25',
  'account=',
  'transaction_id=',
  'transaction_id=%00',
  'transaction_id=nothing',
  'created_gte=2020-01-01T00:00:00Z',
  'created_gte=2999-01-01T00:00:00%2B01:00',
  'created_lt=2020-02-30T00:00:00Z',
  'created_lt=1969-12-31T23:59:59Z',
  'created_lte=9999-12-31T23:59:59Z',
  'created_gt=now',
  'type=payment.succeeded',
  'type=payment.refunded',
  'type=payment.failed',
  'type=nonsense',
  'surprise=1',
  'a%00=1',
  '%',
] as const
