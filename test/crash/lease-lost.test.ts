/** A process that was paused for too long has lost its leases: its own results must not count. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import Database from 'better-sqlite3'
import type { Charge } from '../kit/client.ts'
import { atEnd, folderOf } from '../kit/folders.ts'
import { call, charge } from '../kit/http.ts'
import { serve } from '../kit/server.ts'
import { onLoopback } from '../kit/sockets.ts'

/** A processor that rejects every call, after `first` on the first one; counts its calls. */
async function busyProcessor(t: TestContext, first: () => void = () => {}) {
  let calls = 0
  const server = createServer((request, response) => {
    request.resume()
    if (calls++ === 0) first()
    response.writeHead(429).end('{"status":"refused","code":"rate_limited","message":"Too many."}')
  })
  const { url, close } = await onLoopback(server)
  atEnd(t, close)
  return { url, calls: () => calls }
}

test('"not sent" counts only under the lease: without it there is no failover', async (t) => {
  const folder = folderOf(t)
  const file = join(folder, 'minipay.db')
  const takeOver = () => {
    const other = new Database(file)
    other
      .prepare("UPDATE attempts SET token = 'of another', due_at = ? WHERE state = 'sending'")
      .run(Date.now() + 3_600_000)
    other.close()
  }
  const one = await busyProcessor(t, takeOver)
  const two = await busyProcessor(t)
  const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`
  const providers = join(folder, 'providers.json')
  const of = (url: string) => ({ kind: 'http', mode: 'test', url, secret })
  writeFileSync(providers, JSON.stringify({ one: of(one.url), two: of(two.url) }))
  const settings = { MINIPAY_PROVIDERS: providers, MINIPAY_PROVIDER_WAIT_MS: '500' }
  const { url } = await serve(t, file, settings)
  await call(url, 'PUT', '/api/v1/routing', {
    document: { rules: [], default: { providers: ['one', 'two'] } },
  })

  const taken = await charge(url, 'taken-over')
  assert.equal(taken.status, 202, JSON.stringify(taken.body))
  assert.equal(taken.body.status, 'processing')
  assert.deepEqual([one.calls(), two.calls()], [1, 0])
  const path = `/api/v1/charges/${taken.body.id}`
  const story = await call<{ data: { provider: string; status: string }[] }>(url, 'GET', `${path}/attempts`)
  assert.deepEqual(
    story.body.data.map(({ provider, status }) => [provider, status]),
    [['one', 'sending']],
  )

  const held = await charge<Charge>(url, 'kept')
  assert.equal(held.status, 502, 'with its lease both are asked, and the charge fails')
  assert.deepEqual([one.calls(), two.calls()], [2, 1])
})
