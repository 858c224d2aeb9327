/** A hundred endpoints whose receivers never respond cost the server little memory, and hold up no other endpoint. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { client } from '../kit/client.ts'
import { atEnd, folderOf } from '../kit/folders.ts'
import { call } from '../kit/http.ts'
import { startReceiver } from '../kit/receiver.ts'
import { serve } from '../kit/server.ts'
import { makeEndpoint } from '../kit/webhook-endpoints.ts'

const SILENT = 100
const CHARGES = 1_000
/** The silent endpoints' events alone are 800 MB: each has a thousand of 8 KB. */
const MOST_MB = 80
const METADATA = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`key_${i}`, 'x'.repeat(400)]))

/** The memory of a server, in MB, after charges with these many silent endpoints and a quick one. */
async function residentMB(t: TestContext, silentEndpoints: number): Promise<number> {
  const silent = await startReceiver(() => {})
  atEnd(t, silent.close)
  const quick = await startReceiver()
  atEnd(t, quick.close)
  const server = await serve(t, join(folderOf(t), 'memory.db'))
  const api = client(server.url)
  for (let i = 0; i < silentEndpoints; i++) await makeEndpoint(api, { url: silent.url })
  await makeEndpoint(api, { url: quick.url })
  const charge = async (i: number) => {
    const body = { amount: 100, currency: 'usd', customer: 'cus_1', metadata: METADATA }
    const made = await call(server.url, 'POST', '/api/v1/charges', body, { 'idempotency-key': `key-${i}` })
    assert.equal(made.status, 201)
  }
  for (let i = 0; i < CHARGES; i += 10) await Promise.all(Array.from({ length: 10 }, (_, j) => charge(i + j)))
  await quick.waitFor(CHARGES)
  const resident = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${server.process.pid}/status`, 'utf8'))
  await server.kill()
  return Number(resident?.[1]) / 1_000
}

test('endpoints that never respond keep a small part of their backlog in memory, and hold up no other', async (t) => {
  if (process.platform !== 'linux') return t.skip('it reads /proc')
  const without = await residentMB(t, 0)
  const beside = await residentMB(t, SILENT)
  t.diagnostic(
    `${Math.round(without)} MB without, ${Math.round(beside)} MB beside ${SILENT} silent endpoints`,
  )
  assert.ok(beside - without < MOST_MB, `${beside} MB`)
})
