/** SIGKILL while webhooks fly, many times: each endpoint gets every event, few twice, and none out of its order. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { WINDOW } from '../../src/workers/webhooks/work.ts'
import { readLists } from '../kit/books.ts'
import { client } from '../kit/client.ts'
import { drawsFrom } from '../kit/draws.ts'
import { atEnd, folderOf } from '../kit/folders.ts'
import { type ReceivedWebhook, startReceiver } from '../kit/receiver.ts'
import { serve } from '../kit/server.ts'
import { until } from '../kit/until.ts'
import { deliveriesNow, endpointNow, makeEndpoint } from '../kit/webhook-endpoints.ts'
import { newNotebook, repeatUnanswered, useUntilKilled } from './notebook.ts'

const KILLS = Number(process.env['TEST_KILLS'] ?? 4)
const CONNECTIONS = 16
/** The kill comes at a random time, up to this long after the first response, in ms. */
const MAX_LOAD_MS = 700
/** Seconds between attempts: none fails for good. */
const DELAYS = [1, 1, 1, 1, 1, 1, 1, 1]
/** An attempt that a kill cut is not counted, so the receiver may see one more for each. */
const MOST_ATTEMPTS = DELAYS.length + 1

type Heard = { readonly accepted: string[]; readonly attempts: Map<string, number> }

/** A receiver that takes up to `ms`, and fails some events. */
async function receiverOf(t: TestContext, seed: number, ms: number, failing: number) {
  const draw = drawsFrom(seed)
  const heard: Heard = { accepted: [], attempts: new Map() }
  const receiver = await startReceiver(async ({ headers }: ReceivedWebhook, response) => {
    receiver.received.length = 0
    const id = String(headers['webhook-id'])
    heard.attempts.set(id, (heard.attempts.get(id) ?? 0) + 1)
    const fails = draw.chance(failing)
    await setTimeout(draw.between(0, ms))
    if (!fails) heard.accepted.push(id)
    response.writeHead(fails ? 503 : 200).end()
  })
  atEnd(t, receiver.close)
  return { url: receiver.url, heard }
}

test('SIGKILL while webhooks fly: every endpoint gets every event, and a kill repeats no more than the window', async (t) => {
  const database = join(folderOf(t), 'webhooks.db')
  const receivers = {
    quick: await receiverOf(t, 1, 2, 0),
    slow: await receiverOf(t, 2, 150, 0.05),
    ordered: await receiverOf(t, 3, 10, 0.1),
  }
  const notebook = newNotebook()
  let server = await serve(t, database)
  const ids = new Map<string, string>()
  for (const [name, { url }] of Object.entries(receivers)) {
    const described = { url, ordered: name === 'ordered', retry_delays_seconds: DELAYS }
    ids.set(name, (await makeEndpoint(client(server.url), described)).id)
  }
  for (let kill = 0; kill < KILLS; kill++) {
    const { promise: firstAnswer, resolve } = Promise.withResolvers<void>()
    const clients = Promise.all(
      Array.from({ length: CONNECTIONS }, () => useUntilKilled(server.url, notebook, resolve)),
    )
    await Promise.race([firstAnswer, clients])
    await setTimeout(Math.random() * MAX_LOAD_MS)
    await server.kill()
    await clients
    server = await serve(t, database)
    await repeatUnanswered(server.url, notebook)
  }

  const api = client(server.url)
  const rest = async () => {
    const endpoints = await Promise.all([...ids.values()].map((id) => endpointNow(api, id)))
    return endpoints.every(({ backlog, pending }) => backlog === 0 && pending === 0)
  }
  await until('no webhook waits', rest)
  const { events } = await readLists(server.url, 'events')
  for (const [name, { heard }] of Object.entries(receivers)) {
    const told = new Set(heard.accepted)
    for (const { id, sequence } of events) assert.ok(told.has(id), `${name} got event ${sequence}`)
    assert.equal(told.size, events.length, 'and nothing else')
    const again = heard.accepted.length - told.size
    t.diagnostic(`${name}: ${told.size} events, ${again} of them again after ${KILLS} kills`)
    assert.ok(again <= KILLS * WINDOW, `${again} again`)
    for (const [id, attempts] of heard.attempts)
      assert.ok(attempts <= MOST_ATTEMPTS + KILLS, `${attempts} attempts of ${id}`)
    for (const { status, attempts } of await deliveriesNow(api, `&endpoint=${ids.get(name)}`)) {
      assert.equal(status, 'delivered')
      assert.ok(attempts <= MOST_ATTEMPTS, `${attempts} attempts`)
    }
  }
  assertOrdered(receivers.ordered.heard.accepted, events)
  assert.equal(await server.stop(), 0)
})

/** The first time that an event came is after the first time of each earlier event of its charge. */
function assertOrdered(
  accepted: readonly string[],
  events: readonly {
    readonly id: string
    readonly sequence: number
    readonly data: { readonly id?: string }
  }[],
): void {
  const byId = new Map(events.map((event) => [event.id, event]))
  const last = new Map<string, number>()
  for (const id of new Set(accepted)) {
    const { sequence, data } = byId.get(id)!
    const object = String(data.id)
    assert.ok((last.get(object) ?? 0) < sequence, `event ${sequence} of ${object} came after a later one`)
    last.set(object, sequence)
  }
}
