/** The commonest mistakes of somebody who never saw the API: each answer, in one line, says what to change. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { Charge, ErrorAnswer, Refund } from '../kit/client.ts'
import { assertDocumented } from '../kit/documented.ts'
import { type TempDir, tempDir } from '../kit/folders.ts'
import { call } from '../kit/http.ts'
import { type RunningServer, startServer } from '../kit/server.ts'

let folder: TempDir
let server: RunningServer
/** A charge of 100, of which 30 were refunded; its refund; one that is held. */
const ids = { charge: '', refund: '', held: '' }

before(async () => {
  folder = tempDir()
  server = await startServer(join(folder.path, 'a.db'))
  const post = async <T>(path: string, body: object, headers = {}) =>
    (await call<T>(server.url, 'POST', path, body, headers)).body
  ids.charge = (await post<Charge>('/api/v1/charges', { ...CHARGE, amount: 100 }, USED_KEY)).id
  ids.refund = (await post<Refund>('/api/v1/refunds', { transaction_id: ids.charge, amount: 30 })).refund_id
  ids.held = (await post<Charge>('/api/v1/charges', { ...CHARGE, capture: false })).id
})
after(async () => {
  await server.stop()
  folder.remove()
})

const CHARGE = { amount: 2500, currency: 'usd', customer: 'cus_1' }
const USED_KEY = { 'idempotency-key': 'order-1' }
const JSON_TYPE = { 'content-type': 'application/json' }
const without = (name: keyof typeof CHARGE) => ({ ...CHARGE, [name]: undefined })

type Request = readonly [
  method: string,
  path: string,
  body?: unknown,
  headers?: Record<string, string> | undefined,
]
const post = (body: unknown, headers?: Record<string, string>, path = '/api/v1/charges'): Request => [
  'POST',
  path,
  body,
  headers,
]
const get = (path: string): Request => ['GET', path]
const json = (text: string) => post(text, JSON_TYPE)

/** What was sent, the code of the answer, and what its sentence says. */
const MISTAKES: readonly (readonly [name: string, request: () => Request, code: string, says: RegExp])[] = [
  [
    'the body as a form',
    () => post('amount=1', { 'content-type': 'application/x-www-form-urlencoded' }),
    'unsupported_media_type',
    /Content-Type: application\/json/,
  ],
  [
    'a body of another type',
    () => post('{}', { 'content-type': 'text/plain' }),
    'unsupported_media_type',
    /Content-Type: application\/json/,
  ],
  [
    'another character set',
    () => post('{}', { 'content-type': 'application/json; charset=latin1' }),
    'unsupported_media_type',
    /UTF-8/,
  ],
  [
    'no body',
    () => post(undefined),
    'parameter_invalid',
    /must be a JSON object, sent as Content-Type: application\/json/,
  ],
  ['a list of charges', () => post([CHARGE]), 'parameter_invalid', /must be a JSON object/],
  [
    'the amount as a decimal text',
    () => post({ ...CHARGE, amount: '10.00' }),
    'amount_invalid',
    /whole number of minor units, such as 2500 for 25\.00/,
  ],
  [
    'the amount with a fraction',
    () => json('{"amount":10.00,"currency":"usd","customer":"c"}'),
    'amount_invalid',
    /no fraction.*minor units, such as 2500 for 25\.00/,
  ],
  ['a negative amount', () => post({ ...CHARGE, amount: -5 }), 'amount_invalid', /amount must be at least 1/],
  [
    'an amount of nothing',
    () => post({ ...CHARGE, amount: 0 }),
    'amount_invalid',
    /amount must be at least 1/,
  ],
  ['no currency', () => post(without('currency')), 'parameter_missing', /parameter currency is missing/],
  [
    'a currency by its name',
    () => post({ ...CHARGE, currency: 'dollars' }),
    'currency_invalid',
    /ISO 4217 currency code with a minor unit, such as usd/,
  ],
  [
    'a currency by its sign',
    () => post({ ...CHARGE, currency: '$' }),
    'currency_invalid',
    /ISO 4217 currency code .*such as usd/,
  ],
  [
    'a currency by its number',
    () => post({ ...CHARGE, currency: 840 }),
    'currency_invalid',
    /ISO 4217 currency code .*such as usd/,
  ],
  [
    'a currency that there is not',
    () => post({ ...CHARGE, currency: 'btc' }),
    'currency_invalid',
    /ISO 4217 currency code .*such as usd/,
  ],
  [
    'a currency that was withdrawn',
    () => post({ ...CHARGE, currency: 'bgn' }),
    'currency_invalid',
    /withdrew this currency on/,
  ],
  [
    'the parameter of another product',
    () => post({ ...CHARGE, source: 'tok_visa' }),
    'parameter_unknown',
    /no parameter source\. Did you mean payment_method\?/,
  ],
  [
    'the key in the body',
    () => post({ ...CHARGE, idempotency_key: 'k' }),
    'parameter_unknown',
    /Send it as the header Idempotency-Key/,
  ],
  [
    'a parameter with a slip',
    () => post({ ...CHARGE, custmer: 'c' }),
    'parameter_unknown',
    /Did you mean customer\?/,
  ],
  [
    'a parameter that there is nowhere',
    () => post({ ...CHARGE, colour: 'red' }),
    'parameter_unknown',
    /This route takes amount, currency, customer/,
  ],
  [
    'a charge within a charge',
    () => post({ charge: CHARGE }),
    'parameter_missing',
    /amount is missing\. \(3 more in problems\.\)/,
  ],
  [
    'metadata of numbers',
    () => post({ ...CHARGE, metadata: { order: 17 } }),
    'parameter_invalid',
    /metadata\.order must be a string/,
  ],
  [
    'a boolean as a text',
    () => post({ ...CHARGE, capture: 'false' }),
    'parameter_invalid',
    /capture must be true or false/,
  ],
  [
    'single quotes',
    () => json("{'amount':1}"),
    'invalid_json',
    /line 1, column 2, where a name or a string needs double quotes/,
  ],
  [
    'no quotes',
    () => json('{amount:1}'),
    'invalid_json',
    /line 1, column 2, where a name or a string has no double quotes/,
  ],
  [
    'a comma at the end',
    () => json('{"amount":1,\n}'),
    'invalid_json',
    /line 2, column 1, with a comma before the end/,
  ],
  [
    'a comment',
    () => json('{"amount":1 // one\n}'),
    'invalid_json',
    /line 1, column 13, where a comment would begin/,
  ],
  ['half a body', () => json('{"amount":'), 'invalid_json', /ends too early/],
  [
    'a card number',
    () => post({ ...CHARGE, payment_method: '4242 4242 4242 4242' }),
    'card_number_refused',
    /Send a token of your provider/,
  ],
  [
    'a key that was used for another charge',
    () => post(CHARGE, { ...JSON_TYPE, ...USED_KEY }),
    'idempotency_key_reused',
    /Use a new key for a new request/,
  ],
  [
    'a key with a space',
    () => post(CHARGE, { ...JSON_TYPE, 'idempotency-key': 'order 1' }),
    'idempotency_key_invalid',
    /1 to 255 visible ASCII characters/,
  ],
  ['the singular', () => get('/api/v1/charge'), 'route_not_found', /Did you mean \/api\/v1\/charges\?/],
  ['no version', () => get('/charges'), 'route_not_found', /Did you mean \/api\/v1\/charges\?/],
  [
    'the singular, with an id',
    () => get(`/api/v1/charge/${ids.charge}`),
    'route_not_found',
    /Did you mean \/api\/v1\/charges\/:id\?/,
  ],
  [
    'a resource of another product',
    () => get('/v1/payment_intents'),
    'route_not_found',
    /Did you mean \/api\/v1\/charges\?/,
  ],
  [
    'a refund below its charge',
    () => post({}, JSON_TYPE, `/api/v1/charges/${ids.charge}/refund`),
    'route_not_found',
    /Did you mean \/api\/v1\/refunds\?/,
  ],
  ['a probe of Kubernetes', () => get('/healthz'), 'route_not_found', /Did you mean \/health\?/],
  [
    'a route that is like none',
    () => get('/wp-login.php'),
    'route_not_found',
    /no such route\. See \/docs\.$/,
  ],
  [
    'another method',
    () => ['DELETE', `/api/v1/charges/${ids.charge}`],
    'method_not_allowed',
    /supports GET, HEAD, OPTIONS/,
  ],
  [
    'a page by its number',
    () => get('/api/v1/charges?page=2'),
    'parameter_unknown',
    /Did you mean starting_after\?/,
  ],
  [
    'a filter of another name',
    () => get('/api/v1/charges?since=2026-01-01'),
    'parameter_unknown',
    /Did you mean created_gte\?/,
  ],
  [
    'an order',
    () => get('/api/v1/charges?sort=asc'),
    'parameter_unknown',
    /This route takes limit, starting_after/,
  ],
  [
    'a cursor of another list',
    () => get(`/api/v1/charges?starting_after=${ids.refund}`),
    'cursor_invalid',
    /id of an object of this list, which begins with txn_/,
  ],
  [
    'a day as a time',
    () => get('/api/v1/charges?created_gte=2026-11-23'),
    'parameter_invalid',
    /RFC 3339 time such as 2026-11-23T12:00:00Z/,
  ],
  [
    'a page that is too long',
    () => get('/api/v1/charges?limit=500'),
    'parameter_invalid',
    /limit must be at most 100/,
  ],
  [
    'a status that there is not',
    () => get('/api/v1/charges?status=paid'),
    'parameter_invalid',
    /must be one of .*succeeded/,
  ],
  [
    'the id of a refund for a charge',
    () => get(`/api/v1/charges/${ids.refund}`),
    'transaction_not_found',
    /The id of a transaction begins with txn_/,
  ],
  [
    'the id of a charge for a refund',
    () => get(`/api/v1/refunds/${ids.charge}`),
    'refund_not_found',
    /The id of a refund begins with re_/,
  ],
  [
    'an id that there is not',
    () => get('/api/v1/charges/txn_01kasw5v8g000ne3r5yx2tb4qd'),
    'transaction_not_found',
    /no such transaction\.$/,
  ],
  [
    'a refund of a charge by another name',
    () => post({ charge: ids.charge }, JSON_TYPE, '/api/v1/refunds'),
    'parameter_missing',
    /transaction_id is missing/,
  ],
  [
    'a refund of more than is left',
    () => post({ transaction_id: ids.charge, amount: 100 }, JSON_TYPE, '/api/v1/refunds'),
    'refund_exceeds_remaining',
    /Only 0\.70 USD of transaction txn_\w+ is left to refund/,
  ],
  [
    'a refund of what is only held',
    () => post({ transaction_id: ids.held }, JSON_TYPE, '/api/v1/refunds'),
    'charge_not_refundable',
    /is authorized; there is nothing to refund/,
  ],
  [
    'a capture of what was captured',
    () => post({}, JSON_TYPE, `/api/v1/charges/${ids.charge}/capture`),
    'charge_not_capturable',
    /only an authorized transaction can be captured/,
  ],
  [
    'a cancel of what was captured',
    () => post({}, JSON_TYPE, `/api/v1/charges/${ids.charge}/cancel`),
    'charge_not_cancelable',
    /only a transaction that is authorized/,
  ],
  [
    'a capture of more than is held',
    () => post({ amount: 9999 }, JSON_TYPE, `/api/v1/charges/${ids.held}/capture`),
    'capture_exceeds_authorized',
    /Only 25\.00 USD of transaction txn_\w+ is authorized/,
  ],
  [
    'rules without their document',
    () => ['PUT', '/api/v1/routing', { rules: [], default: {} }],
    'parameter_missing',
    /document is missing/,
  ],
]

describe('a mistake in a request', () => {
  for (const [name, request, code, says] of MISTAKES)
    test(`${name} is answered with what to change`, async () => {
      const [method, path, body, headers] = request()
      const answer = await call<ErrorAnswer>(server.url, method, path, body, headers)
      assertDocumented(method, path.split('?')[0] as string, answer)
      const { error } = answer.body
      assert.equal(answer.body.code, code, error)
      assert.match(error, says)
      assert.match(error, /^[A-Z][^\n]{10,400}\.?\??\)?$/, 'one line')
      assert.doesNotMatch(error, /4242/)
    })
})
