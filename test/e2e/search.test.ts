/** Search: exact matches, in the caller's scope and by its permissions. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import type { SearchResultView } from '../../src/api/minipay/search-schemas.ts'
import { type Charge, client, type Event, eventsAfter, type Page } from '../kit/client.ts'
import { folderOf } from '../kit/folders.ts'
import { call } from '../kit/http.ts'
import { bearer, inDatabase } from '../kit/keys.ts'
import { serve } from '../kit/server.ts'

type Results = Page<SearchResultView>

test('a search finds each kind of object by its id, and charges by all that they have', async (t) => {
  const server = await serve(t, join(folderOf(t), 'minipay.db'))
  const api = client(server.url)
  const find = async (q: string) => (await api.get<Results>(`/api/v1/search?q=${encodeURIComponent(q)}`)).body
  const found = async (q: string) => (await find(q)).data.map(({ kind, id, matched }) => [kind, id, matched])
  const charge = await api.charge({ customer: 'cus 7 & co', amount: 1961, currency: 'gbp' }, 'order-48377')
  const refund = await api.refund(charge.id, { amount: 5 }, 'refund-1')
  const [attempt] = await api.attempts(charge.id)
  const events = await eventsAfter(api)
  assert.deepEqual(await found(charge.id), [['charge', charge.id, 'id']])
  assert.deepEqual(await found(` ${charge.id} `), [['charge', charge.id, 'id']])
  assert.deepEqual(await found(refund.refund_id), [['refund', refund.refund_id, 'id']])
  assert.deepEqual(await found(attempt?.id ?? ''), [['attempt', attempt?.id, 'id']])
  assert.deepEqual(await found(events[0]?.id ?? ''), [['event', events[0]?.id, 'id']])
  assert.deepEqual(await found('cus 7 & co'), [['charge', charge.id, 'customer']])
  assert.deepEqual(await found('order-48377'), [['charge', charge.id, 'idempotency_key']])
  assert.deepEqual(await found('refund-1'), [['refund', refund.refund_id, 'idempotency_key']])
  assert.deepEqual(await found(charge.provider_reference ?? ''), [
    ['charge', charge.id, 'provider_reference'],
  ])
  assert.deepEqual(await found((events[0] as Event).request_id ?? ''), [
    ['event', events[0]?.id, 'request_id'],
  ])
  const [result] = (await find(refund.refund_id)).data
  assert.deepEqual([result?.transaction_id, result?.amount, result?.currency], [charge.id, 5, 'gbp'])
  for (const nothing of [
    'cus',
    charge.id.slice(0, -1),
    charge.id.toUpperCase(),
    'txn_1',
    '%',
    "' OR 1=1",
    'req_1',
    '_',
  ])
    assert.deepEqual(await found(nothing), [], nothing)
  for (let i = 0; i < 11; i++) await api.charge({ customer: 'cus_many' })
  const many = await find('cus_many')
  assert.deepEqual([many.data.length, many.has_more], [10, true])
  const refused = await api.get<{ code: string }>('/api/v1/search')
  assert.deepEqual([refused.status, refused.body.code], [400, 'parameter_missing'])
})

test('a key finds only what it may read, in its own account and mode', async (t) => {
  const file = join(folderOf(t), 'minipay.db')
  const [one, hooks, other] = await inDatabase(file, async ({ key, account }) => {
    const { publicId } = await account('another')
    const keys = [
      await key(),
      await key({ permissions: ['webhooks:read'] }),
      await key({ account: publicId }),
    ]
    return keys.map(({ secret }) => secret)
  })
  const server = await serve(t, file)
  const find = async (key: string | undefined, q: string) => {
    const { status, body } = await call<Results>(
      ...[server.url, 'GET', `/api/v1/search?q=${q}`, undefined, bearer(key ?? '')],
    )
    assert.equal(status, 200)
    return body.data.map(({ kind }) => kind)
  }
  const { body: charge } = await call<Charge>(
    ...[server.url, 'POST', '/api/v1/charges', { amount: 100, currency: 'usd', customer: 'cus_1' }],
    { ...bearer(one ?? ''), 'idempotency-key': 'order-1' },
  )
  for (const q of [charge.id, 'cus_1', 'order-1', charge.provider_reference ?? '']) {
    assert.deepEqual(await find(one, q), ['charge'])
    assert.deepEqual(await find(hooks, q), [])
    assert.deepEqual(await find(other, q), [])
  }
})
