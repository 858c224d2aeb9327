/** The mistakes that newcomers make: each answer says what to change. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { ErrorAnswer } from '../kit/client.ts'
import { type TempDir, tempDir } from '../kit/folders.ts'
import { call } from '../kit/http.ts'
import { type RunningServer, runCli, startServer } from '../kit/server.ts'

let folder: TempDir
let server: RunningServer

before(async () => {
  folder = tempDir()
  server = await startServer(join(folder.path, 'a.db'))
})
after(async () => {
  await server.stop()
  folder.remove()
})

const CHARGE = { amount: 2500, currency: 'usd', customer: 'cus_1' }

async function told(path: string, body: unknown): Promise<ErrorAnswer> {
  const answer = await call<ErrorAnswer>(server.url, 'POST', path, body)
  assert.equal(answer.status, 400)
  return answer.body
}

test('a wrong value is named by its whole path, with what it must be', async () => {
  for (const [fields, param, sentence] of [
    [{ metadata: { order: 17 } }, 'metadata.order', 'The parameter metadata.order must be a string.'],
    [
      { amount: '2500' },
      'amount',
      'The parameter amount must be a whole number of minor units, such as 2500 for 25.00 usd.',
    ],
    [{ amount: 0 }, 'amount', 'The parameter amount must be at least 1.'],
    [{ customer: '' }, 'customer', 'The parameter customer must not be empty.'],
    [{ customer: 'c'.repeat(256) }, 'customer', 'The parameter customer must have at most 255 characters.'],
    [{ capture: 'yes' }, 'capture', 'The parameter capture must be true or false.'],
    [{ metadata: 'x' }, 'metadata', 'The parameter metadata must be an object.'],
  ] as const) {
    const body = await told('/api/v1/charges', { ...CHARGE, ...fields })
    assert.deepEqual([body.param, body.error], [param, sentence])
  }
})

test('a name that another API uses, or with a slip, is answered with the one that is meant', async () => {
  for (const [name, meant] of [
    ['source', 'payment_method'],
    ['card', 'payment_method'],
    ['paymentMethod', 'payment_method'],
    ['customer_id', 'customer'],
    ['ammount', 'amount'],
    ['metdata', 'metadata'],
    ['auto_capture', 'capture'],
  ] as const) {
    const body = await told('/api/v1/charges', { ...CHARGE, [name]: 'x' })
    assert.equal(body.error, `There is no parameter ${name}. Did you mean ${meant}?`)
    assert.equal(body.param, name)
  }
  const refund = await told('/api/v1/refunds', { transaction_id: 'txn_1', charge: 'txn_1' })
  assert.match(refund.error, /Did you mean transaction_id\?$/)
  assert.equal(
    (await told('/api/v1/charges', { ...CHARGE, colour: 'red' })).error,
    'There is no parameter colour. This route takes amount, currency, customer, payment_method, capture, description, metadata.',
  )
})

test('several mistakes are listed at once, missing fields first', async () => {
  const body = await told('/api/v1/charges', { currency: 7, customer: '', source: 'tok_visa' })
  assert.equal(body.code, 'parameter_missing')
  assert.match(body.error, /^The parameter amount is missing\. \(3 more in problems\.\)$/)
  assert.deepEqual(
    body.problems?.map(({ path }) => path),
    ['amount', 'source', 'currency', 'customer'],
  )
})

test('of ten thousand unknown names one is reported, quickly', async () => {
  const many = Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`n${i}`, 1]))
  const body = await told('/api/v1/charges', { ...CHARGE, ...many })
  assert.equal(body.code, 'parameter_unknown')
  assert.equal(body.problems, undefined)
})

test('JSON that is not well-formed is answered with its place, and nothing of it', async () => {
  for (const [text, place] of [
    [
      '{"amount": 2500,\n "currency": usd}',
      'see line 2, column 14, where a name or a string has no double quotes',
    ],
    ["{'amount': 1}", 'see line 1, column 2, where a name or a string needs double quotes'],
    ['{"amount": 1,}', 'see line 1, column 14, with a comma before the end'],
    ['{"amount": 1', 'it ends too early'],
    ['', 'it ends too early'],
  ] as const) {
    const { body } = await call<ErrorAnswer>(server.url, 'POST', '/api/v1/charges', text, {
      'content-type': 'application/json',
    })
    assert.equal(body.error, `The body is not valid JSON: ${place}.`, text)
  }
})

test('a flag, a variable and a command with a slip are answered with the one that is meant', async () => {
  for (const [args, env, meant] of [
    [['serve', '--prot', '1'], {}, '--port'],
    [['serve', '--data-base', 'x'], {}, '--database'],
    [['srve'], {}, 'serve'],
    [['verfiy'], {}, 'verify'],
    [['serve'], { MINIPAY_DATABSE: 'x' }, 'MINIPAY_DATABASE'],
  ] as const) {
    const { code, stderr } = await runCli([...args], env)
    assert.equal(code, 2)
    assert.ok(stderr.includes(`Did you mean ${meant}?`), stderr)
  }
})
