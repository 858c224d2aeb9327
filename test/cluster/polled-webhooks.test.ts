/** Webhooks of a node that no signal reaches, because its pooler refuses LISTEN. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { client } from '../kit/client.ts'
import { atEnd } from '../kit/folders.ts'
import { onDatabase } from '../kit/postgres.ts'
import { startPooler } from '../kit/postgres-pooler.ts'
import { startReceiver } from '../kit/receiver.ts'
import { serve } from '../kit/server.ts'
import { until } from '../kit/until.ts'
import { makeEndpoint } from '../kit/webhook-endpoints.ts'
import { ownServer } from './nodes.ts'
import { SECRETS } from './webhook-fleet.ts'

const server = ownServer()
/** The owner of each cursor. */
const owners = (database: string) =>
  onDatabase(database, async (db) => {
    const { rows } = await db.query<{ owner: string | null }>('SELECT owner FROM webhook_cursors')
    return rows.map(({ owner }) => owner)
  })

test('a node behind a pooler without LISTEN delivers the events and retries of others by its poll', async (t) => {
  const database = await server().createDatabase()
  const pooler = await startPooler(database, 'without LISTEN')
  atEnd(t, pooler.close)
  const receiver = await startReceiver((webhook, response) => {
    const first = receiver.received.filter(({ body }) => body === webhook.body).length === 1
    response.writeHead(first && refusing ? 400 : 200).end()
  })
  atEnd(t, receiver.close)
  let refusing = false
  const env = { ...SECRETS, WEBHOOK_TARGET: '' }
  const polled = await serve(t, pooler.url, env)
  const endpoint = await makeEndpoint(client(polled.url), { url: receiver.url, retry_delays_seconds: [] })
  await until('it holds the cursor', async () => (await owners(database)).every((owner) => owner !== null))
  const before = await owners(database)

  const other = client((await serve(t, database, env)).url)
  const charge = () => other.post('/api/v1/charges', { amount: 900, currency: 'usd', customer: 'cus_1' })
  await charge()
  await receiver.waitFor(1)
  refusing = true
  await charge()
  await receiver.waitFor(2)
  const failed = `/api/v1/webhook_deliveries?endpoint=${endpoint.id}&status=failed`
  const found = async () => (await other.get<{ data: { id: string }[] }>(failed)).body.data
  await until('it is stored', async () => {
    await pause(50)
    return (await found()).length === 1
  })
  const [delivery] = await found()
  await other.post(`/api/v1/webhook_deliveries/${delivery?.id}/retry`)
  await receiver.waitForRequests(3)
  assert.deepEqual(await owners(database), before, 'the same node sent all of them')
})
