/** What the server says of itself to the people who run it. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { SystemView } from '../../src/api/system-schemas.ts'
import { client, until } from '../kit/client.ts'
import { tempDir } from '../kit/folders.ts'
import { startReceiver } from '../kit/receiver.ts'
import { serve } from '../kit/server.ts'

const dir = tempDir()
after(() => dir.remove())

test('the server shows its versions, its database and its webhooks, without a path or a secret', async (t) => {
  const receiver = await startReceiver((_webhook, response) => response.writeHead(400).end())
  t.after(() => receiver.close())
  const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
  const target = `${receiver.url}/a-secret-path`
  const { url, database } = await serve(t, `${dir.path}/minipay.db`, {
    ...{ WEBHOOK_TARGET: target, MINIPAY_WEBHOOK_SECRET: secret, MINIPAY_KEEP_ALIVE_MS: '61000' },
  })
  const api = client(url)
  await api.charge()
  const system = async () => (await api.get<SystemView>('/api/v1/system')).body
  const found = await until(system, ({ webhooks }) => webhooks.failed > 0)
  assert.deepEqual(found.webhooks, { waiting: 0, failed: 1 })
  assert.deepEqual([found.node_version, found.working, found.clock], [process.versions.node, true, null])
  assert.ok(found.database.bytes > 0 && found.memory_bytes > 0)
  assert.equal((found.settings as Record<string, unknown>)['keep_alive_ms'], 61_000)
  const text = JSON.stringify(found)
  for (const hidden of [secret, 'a-secret-path', database, dir.path])
    assert.ok(!text.includes(hidden), hidden)
})
