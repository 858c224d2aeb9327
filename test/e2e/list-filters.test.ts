/** The filters of charges and refunds, as clients send them. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { type Charge, client, type Page, type Refund } from '../kit/client.ts'
import { tempDir } from '../kit/folders.ts'
import { type RunningServer, startServer } from '../kit/server.ts'

const dir = tempDir()
let server: RunningServer
const api = () => client(server.url)
before(async () => {
  server = await startServer(join(dir.path, 'minipay.db'))
})
after(async () => {
  await server?.stop()
  dir.remove()
})

const ids = async (query: string) =>
  (await api().get<Page<Charge>>(`/api/v1/charges?${query}`)).body.data.map(({ id }) => id)

test('charges are found by several statuses, provider, decline code and amount', async () => {
  const taken = await api().charge({ amount: 100 })
  const part = await api().charge({ amount: 200 })
  await api().refund(part.id, { amount: 50 })
  const { body } = await api().post<{ charge: Charge }>('/api/v1/charges', {
    ...{ amount: 300, currency: 'usd', customer: 'cus_1' },
    payment_method: 'tok_chargeDeclinedInsufficientFunds',
  })
  const declined = body.charge.id
  assert.deepEqual(await ids('status=failed,partially_refunded'), [declined, part.id])
  assert.deepEqual(await ids('status=succeeded,failed'), [declined, taken.id])
  assert.deepEqual(await ids('status=failed,failed'), [declined])
  assert.deepEqual(await ids('decline_code=insufficient_funds'), [declined])
  assert.deepEqual(await ids('provider=sandbox&amount_gte=200&amount_lte=200'), [part.id])
  assert.deepEqual(await ids('provider=bank_z'), [])
  const refunds = await api().get<Page<Refund>>(
    '/api/v1/refunds?status=partially_refunded,failed&amount_lte=50&amount_gte=50',
  )
  assert.equal(refunds.body.data.length, 1)
})

test('a filter that cannot be is refused, with its name', async () => {
  for (const [query, param] of [
    ['status=paid', 'status'],
    ['status=failed,', 'status'],
    ['status=', 'status'],
    ['amount_gte=12.5', 'amount_gte'],
    ['amount_lte=-1', 'amount_lte'],
    ['provider=', 'provider'],
    ['decline_code=', 'decline_code'],
  ] as const)
    for (const list of query.startsWith('provider') ? ['charges'] : ['charges', 'refunds']) {
      const { status, body } = await api().get<{ code: string; param: string }>(`/api/v1/${list}?${query}`)
      assert.deepEqual([status, body.code, body.param], [400, 'parameter_invalid', param], `${list} ${query}`)
    }
})
