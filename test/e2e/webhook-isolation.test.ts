/** Receivers that misbehave, beside a healthy one: real endpoints, over a started server. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import type { WebhookEndpointView } from '../../src/api/minipay/webhook-endpoint-schemas.ts'
import type { Client } from '../kit/client.ts'
import type { Ends } from '../kit/folders.ts'
import * as receivers from '../kit/receivers.ts'
import { until } from '../kit/until.ts'
import { ENDPOINTS, endsOf, register, servedForWebhooks, zoo } from '../kit/zoo.ts'

const CHARGES = 60
const MEBIBYTE = 1024 * 1024

/** The resident memory of a process in bytes; 0 where it cannot be read. */
function memoryOf(pid: number | undefined): number {
  try {
    const [, kilobytes = '0'] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
    return Number(kilobytes) * 1024
  } catch {
    return 0
  }
}

/** A healthy receiver, and the times of charges and deliveries while it gets them. */
async function measured(ends: Ends) {
  const arrived = new Map<string, number>()
  const receiver = await receivers.receiving(ends, (body) => {
    arrived.set((JSON.parse(body) as { data: { id: string } }).data.id, performance.now())
  })
  return {
    url: receiver.url,
    /** Makes charges one after another; the median of their times, and the longest until a delivery, in ms. */
    async round(api: Client): Promise<{ charge: number; delivery: number }> {
      const times: number[] = []
      const ended = new Map<string, number>()
      for (let i = 0; i < CHARGES; i++) {
        const begun = performance.now()
        const { id } = await api.charge()
        ended.set(id, performance.now())
        times.push(performance.now() - begun)
      }
      await until('every delivery', () => [...ended.keys()].every((id) => arrived.has(id)))
      const delays = [...ended].map(([id, at]) => (arrived.get(id) ?? Number.NaN) - at)
      return { charge: times.toSorted((a, b) => a - b)[CHARGES >> 1] ?? 0, delivery: Math.max(...delays) }
    },
  }
}

test('receivers that misbehave change nothing for a healthy endpoint, nor for charges, nor for the memory', async (t) => {
  const ends = endsOf(t)
  const { server, api } = await servedForWebhooks(t)
  const healthy = await measured(ends)
  await register(api, healthy.url)
  await healthy.round(api)
  const alone = await healthy.round(api)
  const before = memoryOf(server.process.pid)
  const strange = new Map<string, string>()
  for (const [name, [url]] of Object.entries(await zoo(ends))) strange.set(name, await register(api, url))
  const beside = [await healthy.round(api), await healthy.round(api), await healthy.round(api)]
  const charge = Math.min(...beside.map((round) => round.charge))
  const delivery = Math.min(...beside.map((round) => round.delivery))
  const grown = memoryOf(server.process.pid) - before
  t.diagnostic(JSON.stringify({ alone, beside, grown }))
  // Generous, because this machine also runs the receivers; an attempt that holds up others costs ten seconds.
  assert.ok(charge < 3 * alone.charge + 20)
  assert.ok(delivery < 2 * alone.delivery + 500)
  assert.ok(grown < 128 * MEBIBYTE)

  // Each of them was sent events meanwhile, and only the one that is gone is disabled.
  const gone = strange.get('is gone')
  for (const [name, id] of strange) {
    await until(`an attempt at the one that ${name}`, async () => {
      const { body } = await api.get<WebhookEndpointView>(`${ENDPOINTS}/${id}`)
      assert.ok(id === gone || body.status === 'enabled', name)
      return id === gone ? body.disabled_reason === 'gone' : body.failing_since !== null || body.backlog === 0
    })
  }
})
