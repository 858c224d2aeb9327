import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { assertSound } from '../kit/audit.ts'
import { all, type Charge, type Client, client, eventsAfter, type Refund, until } from '../kit/client.ts'
import { type TempDir, tempDir } from '../kit/folders.ts'
import { type Receiver, startReceiver } from '../kit/receiver.ts'
import { type RunningServer, startServer } from '../kit/server.ts'

let folder: TempDir
let receiver: Receiver
let server: RunningServer
let api: Client

const start = () => startServer(join(folder.path, 'a.db'), { WEBHOOK_TARGET: receiver.url })

before(async () => {
  folder = tempDir()
  receiver = await startReceiver()
  server = await start()
  api = client(server.url)
})
after(async () => {
  await server?.stop()
  await receiver?.close()
  folder?.remove()
})

type Details = { readonly description?: string; readonly metadata?: Readonly<Record<string, string>> }
const pairs = (count: number, value: string) =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`${i}`.padStart(40, 'k'), value]))
/** Everything that JSON escapes, and the words of the store itself. */
const ODD = '","metadata":{},"details":1,"é\\ 💶\u2028\n\t\u0001'
const DETAILS: Readonly<Record<string, Details>> = {
  'at their limits': { description: 'd'.repeat(1_000), metadata: pairs(50, 'v'.repeat(500)) },
  'at their limits, of three bytes a character': {
    description: '€'.repeat(1_000),
    metadata: pairs(50, '€'.repeat(500)),
  },
  'of a thousand bytes': { metadata: pairs(2, 'v'.repeat(450)) },
  'of odd characters': {
    description: ODD.repeat(20),
    metadata: { details: '1', [ODD.replace('\\', '')]: ODD.repeat(12) },
  },
  'of which only the description is long': { description: 'd'.repeat(1_000), metadata: {} },
}

type Told = { readonly id: string; readonly metadata: object; readonly type: string }

for (const [what, details] of Object.entries(DETAILS))
  test(`description and metadata ${what} come back everywhere as they were sent`, async () => {
    const { description = null, metadata = {} } = details
    const same = (shown: Pick<Charge, 'description' | 'metadata'> | undefined) =>
      assert.deepEqual([shown?.description, shown?.metadata], [description, metadata])
    const key = `key of ${what}`.replaceAll(' ', '-')
    const charge = await api.charge(details, key)
    same(charge)
    const declined = { ...details, amount: 900, currency: 'usd', customer: 'cus_1' }
    const token = { payment_method: 'tok_decline_insufficient_funds' }
    const refused = await api.post<{ charge: Charge }>('/api/v1/charges', { ...declined, ...token })
    assert.equal(refused.status, 402)
    same(refused.body.charge)
    const held = await api.charge({ ...details, capture: false })
    same(await api.capture(held.id))
    const refund = await api.refund(charge.id, { amount: 100, ...details }, `${key}-refund`)
    same(refund)

    const look = async () => {
      for (const { id } of [charge, held, refused.body.charge])
        same((await api.get<Charge>(`/api/v1/charges/${id}`)).body)
      same((await api.get<Refund>(`/api/v1/refunds/${refund.refund_id}`)).body)
      const listed = (await all<Charge>(api, '/api/v1/charges')).filter(({ id }) => id === charge.id)
      assert.equal(listed.length, 1)
      same(listed[0])
      const again = (await api.post(
        '/api/v1/charges',
        { amount: 2500, currency: 'usd', customer: 'cus_42', ...details },
        {
          'idempotency-key': key,
        },
      )) as { status: number; body: Charge }
      assert.deepEqual([again.status, again.body], [200, charge])
      const refundAgain = await api.post(
        '/api/v1/refunds',
        { transaction_id: charge.id, amount: 100, ...details },
        {
          'idempotency-key': `${key}-refund`,
        },
      )
      assert.deepEqual(refundAgain.body, refund)
      const events = (await eventsAfter(api)).filter(
        ({ data }) => data.id === charge.id || data.id === held.id,
      )
      assert.deepEqual(
        events.map(({ type }) => type),
        ['payment.succeeded', 'payment.authorized', 'payment.succeeded', 'payment.refunded'],
      )
      for (const { data } of events) same(data)
      same(events.at(-1)?.data.refund)
    }
    await look()
    await server.stop()
    server = await start()
    api = client(server.url)
    await look()

    const told = () =>
      receiver.received.map(({ body }) => JSON.parse(body) as Told).filter(({ id }) => id === charge.id)
    await until(
      async () => told().length,
      (count) => count >= 2,
    )
    for (const webhook of told()) assert.deepEqual(webhook.metadata, metadata)
    await assertSound(join(folder.path, 'a.db'))
  })
