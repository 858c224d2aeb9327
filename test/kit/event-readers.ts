/** Readers that follow the events of some nodes while connections and nodes break. */
import assert from 'node:assert/strict'
import { setTimeout } from 'node:timers/promises'
import { client, type Event, eventsAfter, type Page } from './client.ts'
import type { Draw } from './draws.ts'
import { follow } from './event-stream.ts'
import { call } from './http.ts'
import type { ClusterNode } from './nodes.ts'
import { until } from './until.ts'

export type Reader = {
  /** What it has read, in its order: only its last sequence decides what it reads next. */
  readonly seen: Event[]
  /** Resolves when it has ended its work. */
  stop(): Promise<void>
}

/** Reads by streams that it cuts at random, or by polls that wait, each time at a random node. */
export function startReader(kind: 'stream' | 'poll', nodes: readonly ClusterNode[], draw: Draw): Reader {
  const seen: Event[] = []
  let isOver = false
  const last = () => String(seen.at(-1)?.sequence ?? 0)
  async function read({ url }: ClusterNode): Promise<void> {
    if (kind === 'poll') {
      const path = `/api/v1/events?after=${last()}&limit=${draw.between(1, 50)}&wait=${draw.between(0, 1)}`
      const { status, body } = await call<Page<Event>>(url, 'GET', path)
      if (status === 200) seen.push(...body.data)
      return
    }
    const follower = await follow(url, { seen, headers: { 'last-event-id': last() } })
    await Promise.race([follower.ended, setTimeout(draw.between(10, 400))])
    await follower.cut()
  }
  const running = (async () => {
    while (!isOver) {
      const up = nodes.filter((node) => node.isUp())
      // A node that is killed breaks the connection, or takes none.
      if (up.length > 0) await read(draw.of(up)).catch(() => {})
      await setTimeout(draw.between(0, 10))
    }
  })()
  return {
    seen,
    async stop() {
      isOver = true
      await running
    },
  }
}

/** Charges until `isOver`, each at a random node that is up. */
export async function charging(
  nodes: readonly ClusterNode[],
  draw: Draw,
  isOver: () => boolean,
): Promise<void> {
  while (!isOver()) {
    const up = nodes.filter((node) => node.isUp())
    if (up.length > 0) {
      const order = { amount: 100, currency: 'usd', customer: 'cus_1' }
      await call(draw.of(up).url, 'POST', '/api/v1/charges', order).catch(() => {})
    }
    await setTimeout(draw.between(0, 15))
  }
}

/** Fails unless each reader soon has exactly the events of the log, in its order. */
export async function assertComplete(readers: readonly Reader[], { url }: ClusterNode): Promise<Event[]> {
  const log = await eventsAfter(client(url))
  const behind = () => readers.filter(({ seen }) => seen.length < log.length)
  await until('every reader is at the end', () => behind().length === 0)
  await Promise.all(readers.map((reader) => reader.stop()))
  for (const { seen } of readers)
    assert.deepEqual(
      seen.map(({ sequence, id }) => [sequence, id]),
      log.map(({ sequence, id }) => [sequence, id]),
    )
  return log
}
