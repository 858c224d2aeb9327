/** The provider `http` at a scripted processor: the requests that it sends, and the meaning of each response. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import { after, before, beforeEach, test } from 'node:test'
import { Webhook } from 'standardwebhooks'
import type { AuthorizeCall, FollowUpCall, LookupCall, RemoteProvider } from '../../../src/ports/provider.ts'
import { isSigned, secretKey } from '../../../src/signing.ts'
import { newSecret } from '../../kit/simulator.ts'
import { type Listening, onLoopback } from '../../kit/sockets.ts'
import { httpProvider } from './bank-peer.ts'
import { patience } from './calls.ts'

type Script = { status: number; body: unknown; headers?: Record<string, string> }
type Heard = {
  path: string | undefined
  headers: IncomingHttpHeaders
  text: string
  body: Record<string, unknown>
}

const SECRET = newSecret()
const heard: Heard[] = []
let script: Script = { status: 200, body: {} }
let processor: Listening
let base = ''
let provider: RemoteProvider

const server = createServer(async (request, response) => {
  let text = ''
  for await (const chunk of request) text += chunk
  heard.push({ path: request.url, headers: request.headers, text, body: JSON.parse(text) })
  const body = typeof script.body === 'string' ? script.body : JSON.stringify(script.body)
  response.writeHead(script.status, script.headers).end(body)
})

before(async () => {
  processor = await onLoopback(server)
  base = `${processor.url}/v1/pay/`
  provider = httpProvider(base, SECRET)
})
after(async () => {
  await provider.close()
  await processor.close()
})
beforeEach(() => {
  heard.length = 0
})

const AUTHORIZE: AuthorizeCall = {
  attemptId: 'att_1',
  chargeId: 'txn_1',
  amount: 2_500,
  currency: 'usd',
  customer: 'cus_1',
  paymentMethod: 'tok_visa',
  description: 'Täst',
  metadata: { order: '7' },
  capture: true,
}
const FOLLOW_UP: FollowUpCall = {
  attemptId: 'att_2',
  chargeId: 'txn_1',
  paymentReference: 'pay_1',
  amount: 900,
  currency: 'usd',
}
const LOOKUP: LookupCall = {
  attemptId: 'att_1',
  chargeId: 'txn_1',
  kind: 'authorize',
  providerReference: null,
  paymentReference: null,
  amount: 2_500,
  currency: 'usd',
}
const DONE = { status: 'succeeded', reference: 'pay_1', amount: 2_500, currency: 'usd' }
const authorize = () => provider.authorize(AUTHORIZE, patience())

test('each of the five calls is a signed POST with the fields that the protocol names', async () => {
  script = { status: 200, body: DONE }
  await authorize()
  await provider.capture(FOLLOW_UP, patience())
  await provider.cancel(FOLLOW_UP, patience())
  await provider.refund(FOLLOW_UP, patience())
  await provider.lookup(LOOKUP, patience())
  await provider.dispute('dp_1', patience())
  const followUp = {
    reference: 'att_2',
    transaction_id: 'txn_1',
    payment: 'pay_1',
    amount: 900,
    currency: 'usd',
  }
  assert.deepEqual(
    heard.map(({ path, body }) => [path, body]),
    [
      [
        '/v1/pay/authorize',
        {
          operation: 'authorize',
          reference: 'att_1',
          transaction_id: 'txn_1',
          amount: 2_500,
          currency: 'usd',
          customer: 'cus_1',
          payment_method: 'tok_visa',
          capture: true,
          description: 'Täst',
          metadata: { order: '7' },
        },
      ],
      ['/v1/pay/capture', { operation: 'capture', ...followUp }],
      ['/v1/pay/cancel', { operation: 'cancel', ...followUp }],
      ['/v1/pay/refund', { operation: 'refund', ...followUp }],
      ['/v1/pay/lookup', { operation: 'lookup', reference: 'att_1' }],
      ['/v1/pay/lookup', { operation: 'lookup', dispute: 'dp_1' }],
    ],
  )
  const ids = heard.map(({ headers }) => headers['webhook-id'])
  assert.deepEqual(ids, ['att_1', 'att_2', 'att_2', 'att_2', 'att_1', 'dp_1'])
  const library = new Webhook(SECRET)
  for (const { headers, text } of heard) {
    assert.equal(headers['content-type'], 'application/json')
    assert.deepEqual(library.verify(text, headers as Record<string, string>), JSON.parse(text))
    assert.ok(!`${JSON.stringify(headers)}${text}`.includes(SECRET.slice('whsec_'.length)))
  }
})

test('success counts with a reference, an amount and a currency, whose code is one in either case', async () => {
  script = {
    status: 200,
    body: { ...DONE, amount: 1, currency: 'EUR', expires_at: '2026-12-01T00:00:00Z', more: 1 },
  }
  assert.deepEqual(await authorize(), {
    kind: 'succeeded',
    reference: 'pay_1',
    amount: 1,
    currency: 'eur',
    expiresAt: Date.UTC(2026, 11, 1),
  })
  for (const field of ['reference', 'amount', 'currency']) {
    script = { status: 200, body: { ...DONE, [field]: undefined } }
    assert.equal((await authorize()).kind, 'unknown', `without ${field}`)
  }
})

const CLIENT_ERRORS = [
  400, 401, 402, 403, 404, 405, 406, 408, 409, 410, 413, 415, 418, 422, 425, 429, 451, 499,
]

test('an authorization lapses at a time of RFC 3339, which is UTC without an offset', async () => {
  for (const [text, time] of [
    ['2026-12-01T00:00:00', Date.UTC(2026, 11, 1)],
    ['2026-12-01t01:00:00+01:00', Date.UTC(2026, 11, 1)],
    ['2026-12-01T00:00:00.5z', Date.UTC(2026, 11, 1) + 500],
  ] as const) {
    script = { status: 200, body: { ...DONE, expires_at: text } }
    const outcome = await authorize()
    assert.equal(outcome.kind === 'succeeded' && outcome.expiresAt, time, text)
  }
})

test('the currency of a dispute is one in either case', async () => {
  const dispute = { status: 'open', dispute: 'dp_1', payment: 'pay_1', amount: 5, currency: 'UsD' }
  script = { status: 200, body: dispute }
  const answer = await provider.dispute('dp_1', patience())
  assert.equal(answer.kind === 'dispute' && answer.currency, 'usd')
})

const OTHER_FORMS: readonly unknown[] = [
  '',
  'null',
  '[]',
  '"succeeded"',
  '{"status":"succeeded"',
  '<html></html>',
  {},
  { status: 'SUCCEEDED' },
  { status: 'refused', code: 'no', message: 'with status 200' },
  { status: 'not_found' },
  { ...DONE, amount: '2500' },
  { ...DONE, amount: 25.5 },
  { ...DONE, amount: -2_500 },
  { ...DONE, amount: 2 ** 53 },
  { ...DONE, currency: '' },
  { ...DONE, currency: 840 },
  { ...DONE, reference: '' },
  { ...DONE, reference: 'two words' },
  { ...DONE, reference: 'x'.repeat(256) },
  { ...DONE, reference: SECRET },
  { ...DONE, expires_at: 'tomorrow' },
  { ...DONE, expires_at: '2026-02-30T00:00:00Z' },
  { ...DONE, expires_at: 1_800_000_000 },
  { status: 'declined' },
  { status: 'declined', decline_code: 7 },
  { status: 'pending', redirect_url: 'javascript:alert(1)' },
  { status: 'pending', redirect_url: `https://bank.example/?key=${SECRET}` },
]

test('an answer of any other form is unknown, with status 200 and with all others that may follow a deed', async () => {
  for (const body of OTHER_FORMS) {
    script = { status: 200, body }
    const outcome = await authorize()
    assert.equal(outcome.kind, 'unknown', JSON.stringify(body))
    assert.ok(!JSON.stringify(outcome).includes(SECRET))
  }
  const followUps = ['capture', 'cancel', 'refund'] as const
  for (const status of [201, 202, 204, 300, ...CLIENT_ERRORS, 500, 502, 503, 504]) {
    script = { status, body: status === 204 ? '' : DONE }
    assert.equal((await authorize()).kind, 'unknown', String(status))
    for (const what of followUps)
      assert.equal((await provider[what](FOLLOW_UP, patience())).kind, 'unknown', `${what} ${status}`)
  }
})

test('a bare 4xx, or one in another form than a refusal, is not the word of the processor: it is unknown', async () => {
  const others = [
    '',
    '<html>Forbidden</html>',
    '{',
    { error: 'no' },
    { message: 'Forbidden' },
    { code: 'no' },
  ]
  for (const status of CLIENT_ERRORS)
    for (const body of [
      ...others,
      { status: 'refused' },
      { status: 'refused', code: 7 },
      { status, code: 'no' },
    ]) {
      script = { status, body }
      assert.equal((await authorize()).kind, 'unknown', `${status} ${JSON.stringify(body)}`)
    }
})

test('a redirect is not followed: what was done before it is unknown', async () => {
  for (const status of [301, 302, 303, 307, 308]) {
    heard.length = 0
    script = { status, body: '', headers: { location: `${base}elsewhere` } }
    assert.equal((await authorize()).kind, 'unknown', String(status))
    assert.equal(heard.length, 1)
  }
})

test('a refusal in words is surely not done with a status of 400 to 499, and unknown with any other', async () => {
  const body = { status: 'refused', code: 'reference_closed', message: 'It was looked up.' }
  for (const status of CLIENT_ERRORS) {
    script = { status, body }
    assert.equal((await authorize()).kind, 'not_sent', String(status))
  }
  for (const status of [200, 201, 300, 302, 500, 503]) {
    script = { status, body }
    assert.equal((await authorize()).kind, 'unknown', String(status))
  }
})

test('a refusal is about the reference unless its status says that the request was turned away at the door', async () => {
  const atTheDoor: readonly number[] = [401, 403, 404, 405, 413, 415, 429]
  for (const status of CLIENT_ERRORS) {
    script = { status, body: { status: 'refused', code: 'a_code', message: 'No.' } }
    const outcome = await authorize()
    const looked = outcome.kind === 'not_sent' && outcome.refused === true
    assert.equal(looked, !atTheDoor.includes(status), String(status))
  }
})

test('that a reference was used for another call leaves unknown what became of it', async () => {
  script = { status: 409, body: { status: 'refused', code: 'reference_reused', message: 'Used before.' } }
  const outcome = await authorize()
  assert.ok(
    outcome.kind === 'unknown' && outcome.reason.includes('reference_reused'),
    JSON.stringify(outcome),
  )
})

test('a decline code that is a word is passed on, and any other becomes generic_decline with its words', async () => {
  script = { status: 200, body: { status: 'declined', decline_code: 'martian_card', message: 'No.' } }
  assert.deepEqual(await authorize(), {
    kind: 'declined',
    declineCode: 'martian_card',
    message: 'No.',
    reference: null,
  })
  script = { status: 200, body: { status: 'declined', decline_code: 'Do Not Honour!', message: 'No.' } }
  const odd = await authorize()
  assert.ok(odd.kind === 'declined' && odd.declineCode === 'generic_decline')
  assert.equal(odd.message, 'Do Not Honour!: No.')
  script = { status: 200, body: { status: 'declined', decline_code: 'x'.repeat(65) } }
  const long = await authorize()
  assert.equal(long.kind === 'declined' && long.declineCode, 'generic_decline')
})

test('pending says where the customer has to go, when that is an address', async () => {
  script = {
    status: 200,
    body: { status: 'pending', reference: 'pay_1', redirect_url: 'https://bank.example/3ds' },
  }
  assert.deepEqual(await authorize(), {
    kind: 'pending',
    reference: 'pay_1',
    redirectUrl: 'https://bank.example/3ds',
  })
  script = { status: 200, body: { status: 'pending' } }
  assert.deepEqual(await authorize(), { kind: 'pending', reference: null, redirectUrl: null })
})

test('a lookup that is turned away, refused or not understood says nothing of the call', async () => {
  const refused = { status: 'refused', code: 'x', message: '' }
  for (const answer of [
    ...[400, 401, 404, 429, 500].map((status) => ({ status, body: refused })),
    { status: 404, body: '' },
  ]) {
    script = answer
    assert.equal((await provider.lookup(LOOKUP, patience())).kind, 'unknown', String(answer.status))
    assert.equal((await provider.dispute('dp_1', patience())).kind, 'unknown', String(answer.status))
  }
})

test('"not found" counts with status 200 alone', async () => {
  script = { status: 200, body: { status: 'not_found' } }
  assert.deepEqual(await provider.lookup(LOOKUP, patience()), { kind: 'not_found' })
  script = { status: 404, body: { status: 'not_found' } }
  assert.equal((await provider.lookup(LOOKUP, patience())).kind, 'unknown')
})

test('words of the processor are scrubbed of our secret and of card numbers, and cut', async () => {
  const message = `Bearer ${SECRET} for 4242 4242 4242 4242\nand ${'more '.repeat(100)}`
  const answers: Script[] = [
    { status: 200, body: { status: 'declined', decline_code: 'no', message } },
    { status: 200, body: { status: 'declined', decline_code: message } },
    { status: 422, body: { status: 'refused', code: message, message } },
  ]
  for (script of answers) {
    const text = JSON.stringify(await authorize())
    assert.ok(!text.includes(SECRET.slice('whsec_'.length)) && !/4242/.test(text), text)
    assert.ok(text.length < 350)
  }
})

test('a notification is believed only whole: with an id, something it is about, and a reference', async () => {
  const library = new Webhook(SECRET)
  const verify = (body: string) =>
    provider.notification(Buffer.from(body), {
      'webhook-id': 'ntf_1',
      'webhook-timestamp': String(Math.floor(Date.now() / 1000)),
      'webhook-signature': library.sign('ntf_1', new Date(), body),
    })
  const whole = { id: 'ntf_1', about: 'refund', reference: 'ref_1' }
  assert.deepEqual(await verify(JSON.stringify(whole)), {
    id: 'ntf_1',
    subject: { about: 'refund', reference: 'ref_1' },
  })
  assert.deepEqual(await verify(JSON.stringify({ ...whole, about: 'weather' })), {
    id: 'ntf_1',
    subject: { about: 'nothing' },
  })
  for (const broken of [
    '',
    '{',
    '[]',
    '{}',
    '{"id":"ntf_1","about":"refund"}',
    '{"about":"refund","reference":"r"}',
  ])
    assert.equal(await verify(broken), null, broken)
  // A request of MiniPay that is sent back to MiniPay has a signature with the same key.
  script = { status: 200, body: DONE }
  await authorize()
  const [own] = heard
  assert.ok(own)
  assert.equal(await provider.notification(Buffer.from(own.text), own.headers), null)
})

test('the signed example of the protocol’s page is signed with the secret that stands there', () => {
  const page = readFileSync(new URL('../../../docs/provider-protocol.md', import.meta.url), 'utf8')
  const secret = /secret `(whsec_[^`]+)`/.exec(page)?.[1] ?? ''
  const [, head = '', body = ''] = /```http\nPOST \/capture\n([^`]+)\n\n(\{.*\})\n```/.exec(page) ?? []
  const headers = Object.fromEntries(head.split('\n').map((line) => line.split(': ')))
  const at = Number(headers['webhook-timestamp']) * 1000
  const key = secretKey(secret)
  assert.ok(key && isSigned(key, headers, Buffer.from(body), at))
  assert.equal(JSON.parse(body).operation, 'capture')
})
