/** Readers of the events of one server miss nothing and see nothing twice, through every break. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { drawsFrom } from '../kit/draws.ts'
import { assertComplete, charging, startReader } from '../kit/event-readers.ts'
import { atEnd, folderOf } from '../kit/folders.ts'
import { startNode } from '../kit/nodes.ts'
import { runCli } from '../kit/server.ts'
import { until } from '../kit/until.ts'

const SEED = 7

test(`readers that are cut, while the server is killed and an epoch begins, have the log exactly (seed ${SEED})`, async (t) => {
  const database = join(folderOf(t), 'minipay.db')
  const draw = drawsFrom(SEED)
  const node = await startNode(database)
  atEnd(t, node.kill)
  const kinds = ['stream', 'stream', 'stream', 'poll', 'poll', 'poll'] as const
  const readers = kinds.map((kind, i) => startReader(kind, [node], drawsFrom(SEED + i + 1)))
  let isOver = false
  const writers = [1, 2, 3, 4].map((i) => charging([node], drawsFrom(SEED * 100 + i), () => isOver))
  /** Resolves when the first reader has read some more. */
  const eventsMore = async () => {
    const before = readers[0]?.seen.length ?? 0
    await until('some events came', () => (readers[0]?.seen.length ?? 0) >= before + 10)
  }
  for (let kills = 0; kills < 3; kills++) {
    await eventsMore()
    await setTimeout(draw.between(0, 300))
    await node.kill()
    if (kills === 1) assert.equal((await runCli(['epoch', 'begin', '--database', database])).code, 0)
    await node.start()
  }
  await eventsMore()
  isOver = true
  await Promise.all(writers)
  const log = await assertComplete(readers, node)
  assert.ok(log.length >= 40, `${log.length} events`)
  assert.equal(new Set(log.map(({ epoch }) => epoch)).size, 2)
})
