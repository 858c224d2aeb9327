/** A receiver of webhooks that keeps some waiting and drops others costs the server nothing. */
import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import { join } from 'node:path'
import { test } from 'node:test'
import { atEnd, folderOf } from '../kit/folders.ts'
import { startReceiver } from '../kit/receiver.ts'
import { serve } from '../kit/server.ts'
import { until } from '../kit/until.ts'

/** For a server that never answers. */
const signal = () => AbortSignal.timeout(20_000)

test('while webhooks fly that are not answered, and connections of others break, charges are made', async (t) => {
  const held: ServerResponse[] = []
  let isWell = false
  const receiver = await startReceiver((_webhook, response) => {
    if (isWell) response.end('ok')
    else held.push(response)
  })
  atEnd(t, receiver.close)
  const { url } = await serve(t, join(folderOf(t), 'shop.db'), { WEBHOOK_TARGET: receiver.url })
  let made = 0
  const charge = async () => {
    const response = await fetch(`${url}/api/v1/charges`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': `key-${made++}` },
      body: JSON.stringify({ amount: 100, currency: 'usd', customer: 'cus_1' }),
      signal: signal(),
    })
    assert.equal(response.status, 201)
  }
  for (let i = 0; i < 40; i++) await charge()
  await until('many fly', () => held.length >= 16)
  for (const response of held.splice(0, 8)) response.destroy()
  for (let i = 0; i < 20; i++) await charge()
  assert.equal((await fetch(`${url}/ready`, { signal: signal() })).status, 200)
  isWell = true
  for (const response of held.splice(0)) response.end('ok')
  await until('every webhook has come', () => {
    const told = new Set(receiver.received.map(({ headers }) => headers['x-webhook-delivery']))
    return told.size === made
  })
})
