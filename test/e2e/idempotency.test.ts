import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { request as httpRequest } from 'node:http'
import { after, before, describe, test } from 'node:test'
import Database from 'better-sqlite3'
import {
  type Charge,
  type Client,
  client,
  type DeclineAnswer,
  type ErrorAnswer,
  eventsAfter,
  type Page,
  type Refund,
  stored,
} from '../kit/client.ts'
import { type TempDir, tempDir } from '../kit/folders.ts'
import type { Answer } from '../kit/http.ts'
import { type RunningServer, startServer } from '../kit/server.ts'

const CHARGE = { amount: 1200, currency: 'usd', customer: 'cus_1' }

let dir: TempDir
let server: RunningServer
let api: Client

before(async () => {
  dir = tempDir()
  server = await startServer(`${dir.path}/minipay.db`, { MINIPAY_IDEMPOTENCY_WAIT_MS: '50' })
  api = client(server.url)
})
after(async () => {
  await server?.stop()
  dir?.remove()
})

const replayed = (answer: Answer<unknown>) => answer.headers.get('idempotent-replayed')
const post = <T>(path: string, key: string, body: unknown) =>
  api.post<T & ErrorAnswer>(path, body, { 'idempotency-key': key })
const charge = (key: string, body: unknown = CHARGE) => post<Charge>('/api/v1/charges', key, body)

/** Fails when the action changed anything that is stored. */
async function changesNothing<T>(action: () => Promise<T>): Promise<T> {
  const was = await stored(api)
  const result = await action()
  assert.deepEqual(await stored(api), was)
  return result
}

describe('the same request again', () => {
  test('a charge is answered 201, then 200 with the same object and Idempotent-Replayed', async () => {
    const key = randomUUID()
    const first = await charge(key)
    assert.deepEqual([first.status, replayed(first)], [201, null])
    assert.equal(first.body.idempotency_key, key)
    const again = await changesNothing(() => charge(key))
    assert.deepEqual([again.status, replayed(again), again.body], [200, 'true', first.body])
  })

  test('a refund is done once, and replayed as it was, even after more was refunded', async () => {
    const { id } = await api.charge({ amount: 1000 })
    const key = randomUUID()
    const first = await post<Refund>('/api/v1/refunds', key, { transaction_id: id, amount: 400 })
    assert.deepEqual([first.status, replayed(first)], [200, null])
    await api.refund(id)
    const again = await changesNothing(() =>
      post<Refund>('/api/v1/refunds', key, { transaction_id: id, amount: 400 }),
    )
    assert.deepEqual([again.status, replayed(again), again.body], [200, 'true', first.body])
  })

  test('a full refund that is repeated is replayed, not refused as already refunded', async () => {
    const { id } = await api.charge()
    const key = randomUUID()
    const first = await post<Refund>('/api/v1/refunds', key, { transaction_id: id })
    const again = await post<Refund>('/api/v1/refunds', key, { transaction_id: id })
    assert.deepEqual([again.status, replayed(again), again.body], [200, 'true', first.body])
  })

  test('a charge is replayed as it was first returned, regardless of later refunds', async () => {
    const key = randomUUID()
    const first = await charge(key)
    await api.refund(first.body.id)
    assert.deepEqual((await charge(key)).body, first.body)
  })

  test('a charge without a key gets one of its own, so two of them are two charges', async () => {
    const [one, two] = [await api.charge(), await api.charge()]
    assert.notEqual(one.idempotency_key, two.idempotency_key)
    assert.match(one.idempotency_key, /^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/)
    assert.notEqual(one.id, two.id)
  })

  test('200 requests at once with one key make one charge, and all get it', async () => {
    const key = randomUUID()
    const customer = `cus_${key}`
    const seen = (await eventsAfter(api)).length
    const send = async (): Promise<Answer<Charge>> => {
      const answer = await charge(key, { ...CHARGE, customer })
      return answer.status === 409 ? send() : answer
    }
    const answers = await Promise.all(Array.from({ length: 200 }, send))
    assert.equal(answers.filter(({ status }) => status === 201).length, 1)
    assert.equal(answers.filter((a) => a.status === 200 && replayed(a) === 'true').length, 199)
    assert.equal(new Set(answers.map(({ body }) => body.id)).size, 1)
    const { body } = await api.get<Page<Charge>>(`/api/v1/charges?customer=${customer}`)
    assert.equal(body.data.length, 1)
    assert.equal((await eventsAfter(api)).length, seen + 1)
  })

  test('the key is remembered across a restart', async () => {
    const file = `${dir.path}/restart.db`
    const first = await startServer(file)
    const key = { 'idempotency-key': randomUUID() }
    const answer = await client(first.url).post<Charge>('/api/v1/charges', CHARGE, key)
    await first.stop()
    const second = await startServer(file)
    const again = await client(second.url).post<Charge>('/api/v1/charges', CHARGE, key)
    await second.stop()
    assert.deepEqual([again.status, replayed(again), again.body], [200, 'true', answer.body])
  })
})

describe('the fingerprint', () => {
  test('key order, white space and escapes do not make another request', async () => {
    const key = randomUUID()
    const body = { ...CHARGE, metadata: { a: '1', b: 'é' } }
    const first = await charge(key, body)
    for (const text of [
      '{"metadata":{"b":"é","a":"1"},"customer":"cus_1","currency":"usd","amount":1200}',
      ' {\n"amount" : 1200 ,\t"currency":"usd","customer":"cus_1","metadata":{"a":"1","b":"\\u00e9"}}\r\n',
    ]) {
      const again = await charge(key, text)
      assert.deepEqual([again.status, replayed(again), again.body], [200, 'true', first.body], text)
    }
  })

  test('another body returns 422 and has no effect, for any difference', async () => {
    const key = randomUUID()
    const first = await charge(key)
    for (const difference of [
      { amount: 1201 },
      { currency: 'eur' },
      { currency: 'USD' },
      { customer: 'cus_2' },
      { description: 'x' },
      { metadata: {} },
      { payment_method: 'tok_chargeDeclined' },
    ]) {
      const answer = await changesNothing(() => charge(key, { ...CHARGE, ...difference }))
      assert.deepEqual([answer.status, answer.body.code], [422, 'idempotency_key_reused'])
    }
    assert.deepEqual((await charge(key)).body, first.body)
  })

  test('another body in a currency that was never used leaves no ledger account of it', async () => {
    const key = randomUUID()
    await charge(key)
    const { status } = await changesNothing(() => charge(key, { ...CHARGE, currency: 'isk' }))
    assert.equal(status, 422)
  })

  test('another route is answered 422 and has no effect', async () => {
    const key = randomUUID()
    const { body } = await charge(key)
    const refund = await changesNothing(() =>
      post<Refund>('/api/v1/refunds', key, { transaction_id: body.id }),
    )
    assert.deepEqual([refund.status, refund.body.code], [422, 'idempotency_key_reused'])
    const used = await post<Refund>('/api/v1/refunds', randomUUID(), { transaction_id: body.id })
    const back = await changesNothing(() => charge(used.body.idempotency_key))
    assert.deepEqual([back.status, back.body.code], [422, 'idempotency_key_reused'])
  })

  test('a refund that could not be done now is 422 too when its key was used for something else', async () => {
    const { id } = await api.charge()
    const done = await api.refund(id, { amount: 2500 })
    const answer = await changesNothing(() =>
      post<Refund>('/api/v1/refunds', done.idempotency_key, { transaction_id: id, amount: 1 }),
    )
    assert.deepEqual([answer.status, answer.body.code], [422, 'idempotency_key_reused'])
  })

  test('of different bodies at once under one key one is done, and the others are answered 422', async () => {
    const key = randomUUID()
    const customer = `cus_${key}`
    const send = async (amount: number): Promise<number> => {
      const { status } = await charge(key, { ...CHARGE, amount, customer })
      return status === 409 ? send(amount) : status
    }
    const statuses = await Promise.all(Array.from({ length: 20 }, (_, i) => send(i + 1)))
    assert.deepEqual(statuses.toSorted(), [201, ...Array<number>(19).fill(422)])
    const { body } = await api.get<Page<Charge>>(`/api/v1/charges?customer=${customer}`)
    assert.equal(body.data.length, 1)
  })
})

describe('what is stored under a key', () => {
  test('a decline is stored under its key: the provider is not called again', async () => {
    const key = randomUUID()
    const body = { ...CHARGE, payment_method: 'tok_chargeDeclined' }
    const first = await post<DeclineAnswer>('/api/v1/charges', key, body)
    const again = await changesNothing(() => post<DeclineAnswer>('/api/v1/charges', key, body))
    assert.deepEqual([first.status, again.status, replayed(again)], [402, 402, 'true'])
    assert.deepEqual(again.body.charge, first.body.charge)
  })

  test('a validation error is not stored under its key: the corrected request is done', async () => {
    const key = randomUUID()
    for (const wrong of [{ ...CHARGE, amount: 0 }, { ...CHARGE, currency: 'zzz' }, {}, '{'])
      assert.equal((await charge(key, wrong)).status, 400)
    assert.equal((await charge(key)).status, 201)
  })

  test('a refund that was refused is not stored under its key: it is done once it can be', async () => {
    const { id } = await api.charge({ amount: 1000 })
    const key = randomUUID()
    const tooMuch = await post('/api/v1/refunds', key, { transaction_id: id, amount: 1001 })
    assert.equal(tooMuch.status, 409)
    const missing = { transaction_id: 'txn_01kasw5v8g000ne3r5yx2tb4qd' }
    assert.equal((await post('/api/v1/refunds', key, missing)).status, 404)
    assert.equal((await post('/api/v1/refunds', key, { transaction_id: id, amount: 1000 })).status, 200)
  })
})

describe('the header', () => {
  const INVALID = [400, 'idempotency_key_invalid', 'Idempotency-Key']

  test('a key is 1 to 255 visible ASCII characters', async () => {
    for (const key of ['k', '~', '!#$%&()*+,-./:;<=>?@[]^_`{|}', 'x'.repeat(255)]) {
      const first = await charge(key)
      assert.deepEqual([first.status, first.body.idempotency_key], [201, key])
    }
    for (const key of ['', 'x'.repeat(256), 'two words', 'tab\there', 'clé']) {
      const { status, body } = await changesNothing(() => charge(key))
      assert.deepEqual([status, body.code, body.param], INVALID, key)
    }
  })

  test('a header that is sent twice is refused, even with the same key', async () => {
    for (const keys of [
      ['one', 'two'],
      ['one', 'one'],
    ]) {
      const { status, body } = await changesNothing(() => sendWithKeys(keys))
      assert.deepEqual([status, body.code, body.param], [400, 'header_repeated', 'idempotency-key'])
    }
  })

  async function sendWithKeys(keys: string[]): Promise<{ status: number | undefined; body: ErrorAnswer }> {
    const { promise, resolve, reject } = Promise.withResolvers<{
      status: number | undefined
      body: ErrorAnswer
    }>()
    const request = httpRequest(`${server.url}/api/v1/charges`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': keys },
    })
    request.on('error', reject)
    request.on('response', async (response) => {
      const chunks = await response.toArray()
      resolve({ status: response.statusCode, body: JSON.parse(Buffer.concat(chunks).toString()) })
    })
    request.end(JSON.stringify(CHARGE))
    return promise
  }
})

describe('a request whose twin is still running', () => {
  /** Runs `during` while another process, this one, holds the database's write lock: no commit can end. */
  async function whileLocked<T>(during: () => Promise<T>): Promise<T> {
    const db = new Database(server.database)
    db.exec('BEGIN IMMEDIATE')
    try {
      return await during()
    } finally {
      db.exec('ROLLBACK')
      db.close()
    }
  }

  test('a request waits for its twin, is answered 409 with Retry-After, and gets the charge once the first is done', async () => {
    const key = randomUUID()
    const send = () => charge(key)
    const [running, late] = await whileLocked(async () => {
      const both = [send(), send()]
      // Which of the two came first is the network's choice: the one that is answered now came second.
      const done = await Promise.race(both.map(async (sent, i) => ({ answer: await sent, i })))
      return [both[1 - done.i] as Promise<Answer<Charge & ErrorAnswer>>, done.answer] as const
    })
    assert.deepEqual([late.status, late.body.code], [409, 'idempotency_key_in_progress'])
    assert.equal(late.headers.get('retry-after'), '1')
    const first = await running
    assert.deepEqual([first.status, replayed(first)], [201, null])
    const again = await send()
    assert.deepEqual([again.status, replayed(again), again.body], [200, 'true', first.body])
  })

  test('a request is answered with the charge when its twin ends while it waits', async () => {
    const patient = await startServer(`${dir.path}/patient.db`, { MINIPAY_IDEMPOTENCY_WAIT_MS: '60000' })
    const send = () =>
      client(patient.url).post<Charge>('/api/v1/charges', CHARGE, { 'idempotency-key': 'patient' })
    const db = new Database(patient.database)
    db.exec('BEGIN IMMEDIATE')
    const both = [send(), send(), send()]
    // A read is answered while the lock is held, and gives the three time to arrive; none of them can end.
    await client(patient.url).get('/api/v1/charges')
    db.exec('ROLLBACK')
    db.close()
    const answers = await Promise.all(both)
    await patient.stop()
    assert.deepEqual(answers.map(({ status }) => status).toSorted(), [200, 200, 201])
    assert.equal(new Set(answers.map(({ body }) => body.id)).size, 1)
  })
})
