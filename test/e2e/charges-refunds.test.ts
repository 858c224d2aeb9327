import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import {
  all,
  type Charge,
  type Client,
  client,
  type DeclineAnswer,
  type ErrorAnswer,
  eventsAfter,
  type LedgerEntry,
  type Page,
  type Refund,
} from '../kit/client.ts'
import { type TempDir, tempDir } from '../kit/folders.ts'
import { type RunningServer, startServer } from '../kit/server.ts'

let dir: TempDir
let server: RunningServer
let api: Client

before(async () => {
  dir = tempDir()
  server = await startServer(`${dir.path}/minipay.db`)
  api = client(server.url)
})
after(async () => {
  await server?.stop()
  dir?.remove()
})

/** A customer of one test alone, so that its lists hold nothing of the others. */
const newCustomer = () => `cus_${randomUUID()}`
const ids = (page: { body: Page<{ id: string }> }) => page.body.data.map(({ id }) => id)
const retrieve = async (id: string) => (await api.get<Charge>(`/api/v1/charges/${id}`)).body
const entriesOf = async (id: string) =>
  (await api.get<Page<LedgerEntry>>(`/api/v1/ledger/entries?transaction_id=${id}`)).body.data
const tryRefund = (id: string, fields: object = {}) =>
  api.post<Refund & ErrorAnswer>('/api/v1/refunds', { transaction_id: id, ...fields })

describe('retrieving', () => {
  test('a charge is retrieved just as it was answered', async () => {
    const charge = await api.charge({ description: 'Two teas', metadata: { order: '7', empty: '' } })
    assert.deepEqual(await retrieve(charge.id), charge)
  })

  test('a refund is retrieved by its refund_id just as it was answered', async () => {
    const { id } = await api.charge()
    const refund = await api.refund(id, { amount: 500, reason: 'duplicate', metadata: { ticket: '9' } })
    const { body } = await api.get<Refund>(`/api/v1/refunds/${refund.refund_id}`)
    assert.deepEqual(body, refund)
  })

  test('an id that names nothing is answered 404 with a code for its kind', async () => {
    const { id } = await api.charge()
    for (const [path, code] of [
      ['/api/v1/charges/txn_01kasw5v8g000ne3r5yx2tb4qd', 'transaction_not_found'],
      ['/api/v1/charges/nonsense', 'transaction_not_found'],
      ['/api/v1/refunds/re_01kasw5v8g000ne3r5yx2tb4qd', 'refund_not_found'],
      [`/api/v1/refunds/${id}`, 'refund_not_found'],
    ] as const) {
      const { status, body } = await api.get<ErrorAnswer>(path)
      assert.deepEqual([status, body.code, body.param], [404, code, 'id'], path)
    }
  })
})

describe('listing charges', () => {
  const customer = newCustomer()
  const newest: Charge[] = []
  const list = (query: string) => api.get<Page<Charge>>(`/api/v1/charges?customer=${customer}&${query}`)

  before(async () => {
    for (let i = 0; i < 5; i++) newest.unshift(await api.charge({ customer, amount: 100 + i }))
  })

  test('the newest come first, and starting_after continues with older ones', async () => {
    const first = await list('limit=2')
    assert.deepEqual([first.body.data, first.body.has_more], [newest.slice(0, 2), true])
    const second = await list(`limit=2&starting_after=${newest[1]?.id}`)
    assert.deepEqual([second.body.data, second.body.has_more], [newest.slice(2, 4), true])
    const third = await list(`limit=2&starting_after=${newest[3]?.id}`)
    assert.deepEqual([third.body.data, third.body.has_more], [newest.slice(4), false])
    const none = await list(`starting_after=${newest[4]?.id}`)
    assert.deepEqual([none.body.data, none.body.has_more], [[], false])
  })

  test('ending_before goes back to the next newer ones, newest first too', async () => {
    const back = await list(`limit=2&ending_before=${newest[3]?.id}`)
    assert.deepEqual([back.body.data, back.body.has_more], [newest.slice(1, 3), true])
    const front = await list(`limit=2&ending_before=${newest[1]?.id}`)
    assert.deepEqual([front.body.data, front.body.has_more], [newest.slice(0, 1), false])
  })

  test('has_more is false for a page that ends exactly with the list', async () => {
    assert.equal((await list('limit=5')).body.has_more, false)
    assert.equal((await list('limit=4')).body.has_more, true)
  })

  test('a page is 20 by default and at most 100', async () => {
    const many = newCustomer()
    await Promise.all(Array.from({ length: 101 }, () => api.charge({ customer: many })))
    const size = async (query: string) =>
      (await api.get<Page<Charge>>(`/api/v1/charges?customer=${many}${query}`)).body.data.length
    assert.deepEqual([await size(''), await size('&limit=1'), await size('&limit=100')], [20, 1, 100])
    for (const limit of ['0', '101', '-1', '1.5', 'ten', '']) {
      const { status, body } = await api.get<ErrorAnswer>(`/api/v1/charges?limit=${limit}`)
      assert.deepEqual([status, body.code, body.param], [400, 'parameter_invalid', 'limit'], limit)
    }
  })

  test('paging while charges are made shows each older charge once', async () => {
    const busy = newCustomer()
    const made = await Promise.all(Array.from({ length: 120 }, () => api.charge({ customer: busy })))
    const more = Promise.all(Array.from({ length: 50 }, () => api.charge({ customer: busy })))
    const seen = (await all<Charge>(api, `/api/v1/charges?customer=${busy}`)).map(({ id }) => id)
    await more
    assert.equal(new Set(seen).size, seen.length)
    for (const { id } of made) assert.ok(seen.includes(id), id)
    assert.deepEqual(seen, seen.toSorted().toReversed())
  })

  test('filters for customer, status and currency hold together', async () => {
    const mixed = newCustomer()
    const usd = await api.charge({ customer: mixed })
    const eur = await api.charge({ customer: mixed, currency: 'EUR' })
    const refunded = await api.charge({ customer: mixed })
    await api.refund(refunded.id)
    const partly = await api.charge({ customer: mixed, currency: 'eur' })
    await api.refund(partly.id, { amount: 1 })
    const declined = await api.post<DeclineAnswer>('/api/v1/charges', {
      ...{ amount: 5, currency: 'usd', customer: mixed },
      payment_method: 'tok_chargeDeclined',
    })
    const found = async (query: string) => ids(await api.get(`/api/v1/charges?customer=${mixed}${query}`))
    assert.deepEqual(await found('&status=succeeded'), [eur.id, usd.id])
    assert.deepEqual(await found('&status=failed'), [declined.body.charge.id])
    assert.deepEqual(await found('&status=refunded'), [refunded.id])
    assert.deepEqual(await found('&status=partially_refunded'), [partly.id])
    assert.deepEqual(await found('&currency=EUR'), [partly.id, eur.id])
    assert.deepEqual(await found('&currency=eur&status=succeeded'), [eur.id])
    assert.deepEqual(await found('&currency=jpy'), [])
    assert.deepEqual(ids(await api.get(`/api/v1/charges?customer=${newCustomer()}`)), [])
  })

  test('created_gte and created_lte include their time, created_gt and created_lt do not', async () => {
    for (const charge of newest) {
      const found = async (name: string) =>
        ids(await list(`${name}=${charge.created_at}`)).includes(charge.id)
      assert.deepEqual(
        [await found('created_gte'), await found('created_lte'), await found('created_gt')],
        [true, true, false],
        charge.id,
      )
      assert.equal(await found('created_lt'), false)
    }
    const [first, last] = [newest[4] as Charge, newest[0] as Charge]
    const between = await list(`created_gte=${first.created_at}&created_lte=${last.created_at}`)
    assert.deepEqual(between.body.data, newest)
    const offset = first.created_at.replace('Z', '%2B00:00')
    assert.deepEqual((await list(`created_gte=${offset}`)).body.data, newest)
  })

  test('a time that is not RFC 3339 is refused by name', async () => {
    for (const time of ['yesterday', '2026-11-23', '1764000000', '2026-13-01T00:00:00Z', '']) {
      const { status, body } = await api.get<ErrorAnswer>(`/api/v1/charges?created_gte=${time}`)
      assert.deepEqual([status, body.code, body.param], [400, 'parameter_invalid', 'created_gte'], time)
    }
  })
})

describe('listing refunds', () => {
  test('refunds are paged by refund_id, newest first, and filtered by transaction, status and currency', async () => {
    const customer = newCustomer()
    const charge = await api.charge({ customer, amount: 100 })
    const other = await api.charge({ customer, amount: 50, currency: 'eur' })
    const refunds = [
      await api.refund(charge.id, { amount: 10 }),
      await api.refund(other.id),
      await api.refund(charge.id, { amount: 20 }),
      await api.refund(charge.id),
    ].toReversed()
    const list = async (query: string) => {
      const { body } = await api.get<Page<Refund>>(`/api/v1/refunds?customer=${customer}${query}`)
      return body.data
    }
    assert.deepEqual(await list(''), refunds)
    assert.deepEqual(await list(`&limit=1&starting_after=${refunds[0]?.refund_id}`), [refunds[1]])
    assert.deepEqual(await list(`&limit=1&ending_before=${refunds[2]?.refund_id}`), [refunds[1]])
    assert.deepEqual(await list(`&transaction_id=${other.id}`), [refunds[2]])
    assert.deepEqual(await list('&status=refunded&currency=usd'), [refunds[0]])
    assert.deepEqual(await list('&status=partially_refunded'), [refunds[1], refunds[3]])
    const at = refunds[2]?.refunded_at
    assert.ok((await list(`&created_gte=${at}&created_lte=${at}`)).some((r) => r.id === other.id))
  })
})

describe('refunds', () => {
  test('partial refunds add up: the transaction is partially refunded until nothing is left, then refunded', async () => {
    const { id } = await api.charge({ amount: 1000 })
    const first = await api.refund(id, { amount: 300 })
    assert.deepEqual([first.id, first.amount, first.status], [id, 300, 'partially_refunded'])
    const half = await retrieve(id)
    assert.deepEqual([half.status, half.amount_refunded, half.amount], ['partially_refunded', 300, 1000])
    const second = await api.refund(id)
    assert.deepEqual([second.amount, second.status], [700, 'refunded'])
    assert.notEqual(second.refund_id, first.refund_id)
    const whole = await retrieve(id)
    assert.deepEqual([whole.status, whole.amount_refunded], ['refunded', 1000])
  })

  test('a refund larger than the remainder is rejected and moves nothing', async () => {
    const { id } = await api.charge({ amount: 1000 })
    await api.refund(id, { amount: 600 })
    const before = [await retrieve(id), await eventsAfter(api)]
    const { status, body } = await tryRefund(id, { amount: 401 })
    assert.deepEqual([status, body.code, body.param], [409, 'refund_exceeds_remaining', 'amount'])
    assert.deepEqual([await retrieve(id), await eventsAfter(api)], before)
    assert.equal((await api.refund(id, { amount: 400 })).status, 'refunded')
  })

  test('of 20 full refunds at once exactly one succeeds', async () => {
    const { id } = await api.charge({ amount: 1000 })
    const answers = await Promise.all(Array.from({ length: 20 }, () => tryRefund(id)))
    assert.equal(answers.filter(({ status }) => status === 200).length, 1)
    for (const { status, body } of answers)
      if (status !== 200) assert.deepEqual([status, body.code], [409, 'already_refunded'])
    assert.equal((await retrieve(id)).amount_refunded, 1000)
    assert.equal((await all<Refund>(api, `/api/v1/refunds?transaction_id=${id}`)).length, 1)
  })

  test('partial refunds at once never sum to more than the charge', async () => {
    const { id } = await api.charge({ amount: 1000 })
    const answers = await Promise.all(Array.from({ length: 25 }, () => tryRefund(id, { amount: 70 })))
    const done = answers.filter(({ status }) => status === 200)
    assert.equal(done.length, 14)
    for (const { status, body } of answers)
      if (status !== 200) assert.deepEqual([status, body.code], [409, 'refund_exceeds_remaining'])
    assert.equal((await retrieve(id)).amount_refunded, 14 * 70)
    const rows = await all<Refund>(api, `/api/v1/refunds?transaction_id=${id}`, (r) => r.refund_id)
    assert.deepEqual(rows.map((r) => r.refund_id).sort(), done.map(({ body }) => body.refund_id).sort())
  })

  test('a charge and each refund post two entries that sum to zero', async () => {
    const charge = await api.charge({ amount: 1000 })
    const refund = await api.refund(charge.id, { amount: 250 })
    for (const [id, held] of [
      [charge.id, 1000],
      [refund.refund_id, -250],
    ] as const)
      assert.deepEqual(
        Object.fromEntries((await entriesOf(id)).map(({ account, amount }) => [account, amount])),
        { 'provider:sandbox': held, merchant: -held },
      )
  })

  test('a charge that failed cannot be refunded', async () => {
    const declined = await api.post<DeclineAnswer>('/api/v1/charges', {
      ...{ amount: 500, currency: 'usd', customer: newCustomer() },
      payment_method: 'tok_chargeDeclined',
    })
    const { status, body } = await tryRefund(declined.body.charge.id)
    assert.deepEqual([status, body.code], [409, 'charge_not_refundable'])
  })
})

describe('free text and metadata', () => {
  const key = (length: number) => 'k'.repeat(length)
  const pairs = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, 'v']))
  const atTheLimit = {
    description: 'é'.repeat(1000),
    metadata: { [key(40)]: 'v'.repeat(500), ...pairs(49) },
  }
  const overTheLimit: [string, object][] = [
    ['description', { description: 'd'.repeat(1001) }],
    ['description', { description: 7 }],
    ['metadata', { metadata: { [key(41)]: 'v' } }],
    ['metadata', { metadata: { '': 'v' } }],
    ['metadata', { metadata: { k: 'v'.repeat(501) } }],
    ['metadata', { metadata: { k: 7 } }],
    ['metadata', { metadata: { k: { nested: 'v' } } }],
    ['metadata', { metadata: pairs(51) }],
    ['metadata', { metadata: ['v'] }],
    ['metadata', { metadata: 'v' }],
  ]

  test('description and metadata of a charge are kept up to their limits and refused past them', async () => {
    const charge = await api.charge(atTheLimit)
    assert.deepEqual(await retrieve(charge.id), { ...charge, ...atTheLimit })
    for (const [param, fields] of overTheLimit) {
      const body = { amount: 1, currency: 'usd', customer: 'cus_1', ...fields }
      const answer = await api.post<ErrorAnswer>('/api/v1/charges', body)
      assert.equal(answer.status, 400, JSON.stringify(fields).slice(0, 80))
      assert.equal(answer.body.param?.split('.')[0], param, JSON.stringify(answer.body))
    }
  })

  test('reason, description and metadata of a refund are kept up to their limits and refused past them', async () => {
    const { id } = await api.charge({ metadata: { of: 'the charge' } })
    const fields = { amount: 1, reason: 'r'.repeat(255), ...atTheLimit }
    const refund = await api.refund(id, fields)
    assert.deepEqual(refund, { ...refund, ...fields })
    assert.deepEqual((await retrieve(id)).metadata, { of: 'the charge' })
    const reasons: [string, object][] = ['', 'r'.repeat(256), 7].map((reason) => ['reason', { reason }])
    for (const [param, wrong] of [...overTheLimit, ...reasons]) {
      const { status, body } = await tryRefund(id, { amount: 1, ...wrong })
      assert.equal(status, 400, JSON.stringify(wrong).slice(0, 80))
      assert.equal(body.param?.split('.')[0], param, JSON.stringify(body))
    }
    assert.equal((await retrieve(id)).amount_refunded, 1)
  })

  test('names that JavaScript objects inherit are plain metadata', async () => {
    const metadata = { constructor: 'a', toString: 'b', hasOwnProperty: 'c', valueOf: 'd' }
    const charge = await api.charge({ metadata })
    assert.deepEqual((await retrieve(charge.id)).metadata, metadata)
  })
})

describe('events', () => {
  test('every change is one event, numbered without gaps, with the objects as they became', async () => {
    const seen = (await eventsAfter(api)).at(-1)?.sequence ?? 0
    const charge = await api.charge({ amount: 900 })
    const refund = await api.refund(charge.id, { amount: 400 })
    const afterRefund = await retrieve(charge.id)
    const declined = await api.post<DeclineAnswer>('/api/v1/charges', {
      ...{ amount: 500, currency: 'usd', customer: newCustomer() },
      payment_method: 'tok_chargeDeclined',
    })
    const events = await eventsAfter(api, seen)
    assert.deepEqual(
      events.map(({ sequence, type, data }) => ({ sequence, type, data })),
      [
        { sequence: seen + 1, type: 'payment.succeeded', data: charge },
        { sequence: seen + 2, type: 'payment.refunded', data: { ...afterRefund, refund } },
        { sequence: seen + 3, type: 'payment.failed', data: declined.body.charge },
      ],
    )
  })

  test('changes made at once are numbered without gaps, each once, and the list can be followed', async () => {
    const seen = (await eventsAfter(api)).at(-1)?.sequence ?? 0
    const charges = await Promise.all(Array.from({ length: 150 }, () => api.charge()))
    const events = await eventsAfter(api, seen)
    assert.deepEqual(
      events.map(({ sequence }) => sequence),
      charges.map((_, i) => seen + 1 + i),
    )
    assert.deepEqual(events.map(({ data }) => data.id).sort(), charges.map(({ id }) => id).sort())
    const tail = await eventsAfter(api, seen + 149)
    assert.deepEqual(tail, events.slice(-1))
  })

  test('events are filtered by type', async () => {
    const { body } = await api.get<Page<{ type: string }>>('/api/v1/events?type=payment.failed&limit=100')
    assert.ok(body.data.length > 0)
    assert.deepEqual([...new Set(body.data.map(({ type }) => type))], ['payment.failed'])
  })
})
