/** Readers of events at three nodes of one database: each has the events of all, and soon. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { client, type Event, type Page } from '../kit/client.ts'
import { drawsFrom } from '../kit/draws.ts'
import { assertComplete, charging, startReader } from '../kit/event-readers.ts'
import { follow } from '../kit/event-stream.ts'
import { startStopwatch } from '../kit/stopwatch.ts'
import { until } from '../kit/until.ts'
import { ownServer, threeNodes } from './nodes.ts'

const SEED = 11
const server = ownServer()

test(`readers that change nodes, while nodes are killed, have the log exactly (seed ${SEED})`, async (t) => {
  const nodes = await threeNodes(t, await server().createDatabase())
  const draw = drawsFrom(SEED)
  const kinds = ['stream', 'stream', 'stream', 'poll', 'poll'] as const
  const readers = kinds.map((kind, i) => startReader(kind, nodes, drawsFrom(SEED + i + 1)))
  let isOver = false
  const writers = [1, 2, 3, 4].map((i) => charging(nodes, drawsFrom(SEED * 100 + i), () => isOver))
  for (let kills = 0; kills < 3; kills++) {
    const before = readers[0]?.seen.length ?? 0
    await until('some events came', () => (readers[0]?.seen.length ?? 0) >= before + 15)
    const node = draw.of(nodes)
    await node.kill()
    await node.start()
  }
  isOver = true
  await Promise.all(writers)
  const log = await assertComplete(readers, nodes[0])
  assert.ok(log.length >= 45, `${log.length} events`)
})

test('an event that one node stores reaches those who wait at another at once', async (t) => {
  const [one, other] = await threeNodes(t, await server().createDatabase())
  await client(one.url).charge()
  const followers = await Promise.all(
    ['', '?pace=1000&newest=10'].map((query) => follow(other.url, { query })),
  )
  const took: number[] = []
  for (let i = 1; i <= 5; i++) {
    const waiting = client(other.url).get<Page<Event>>(`/api/v1/events?after=${i}&wait=30`)
    await setTimeout(50)
    const watch = startStopwatch()
    const { id } = await client(one.url).charge()
    const { body } = await waiting
    await until('the streams have it', () => followers.every(({ seen }) => seen.length === i))
    took.push(watch.ms())
    watch.stop()
    for (const event of [body.data[0], ...followers.map(({ seen }) => seen.at(-1))])
      assert.equal(event?.data.id, id)
  }
  await Promise.all(followers.map(({ cut }) => cut()))
  // Without a message between the nodes, each would take up to a second.
  const median = took.sort((a, b) => a - b)[2] ?? 0
  t.diagnostic(`median ${Math.round(median)} ms`)
  assert.ok(median < 400, `${took.map(Math.round)} ms`)
})
