/** What operators see of webhook endpoints. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import test from 'node:test'
import { client } from '../kit/client.ts'
import { folderOf } from '../kit/folders.ts'
import { charge } from '../kit/http.ts'
import { serve } from '../kit/server.ts'
import { until } from '../kit/until.ts'
import { makeEndpoint } from '../kit/webhook-endpoints.ts'

test('the metrics show the backlog of an endpoint that is down, how late it is, and its open breaker', async (t) => {
  const { url } = await serve(t, join(folderOf(t), 'metrics.db'))
  const { id } = await makeEndpoint(client(url), { url: 'http://127.0.0.1:1/webhook' })
  for (let i = 0; i < 60; i++) await charge(url, `key-${i}`)
  const value = async (name: string) => {
    const response = await fetch(`${url}/metrics`, { headers: { accept: 'text/plain' } })
    const line = (await response.text()).split('\n').find((text) => text.startsWith(`${name} `))
    return Number(line?.slice(name.length + 1))
  }
  await until('the breaker opens', async () => (await value('minipay_webhook_breakers_open')) === 1)
  assert.equal(await value('minipay_webhook_endpoints_held'), 1)
  const waiting = (state: string) =>
    value(`minipay_webhook_waiting{mode="test",endpoint="${id}",state="${state}"}`)
  await until('each event waits', async () => (await waiting('backlog')) + (await waiting('pending')) === 60)
  assert.ok((await waiting('backlog')) > 10)
  assert.ok((await value('minipay_webhook_lag_seconds')) > 0)
})
