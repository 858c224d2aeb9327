import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startLoad, startStandIn } from './processes.ts'

const TIME_MS = 20

test('in the open loop a slow server is charged with the wait of every request that was due', async () => {
  const server = await startStandIn({ p50: TIME_MS, p99: TIME_MS })
  const load = startLoad()
  try {
    const { ports } = server
    const job = { ports, connections: 1, warmup: 0, scenario: { kind: 'authorize' } } as const
    const closed = await load.run({ ...job, seconds: 0.2 })
    const open = await load.run({ ...job, seconds: 0.1, rate: 500 })
    assert.deepEqual([closed.errors, open.errors, open.requests], [0, 0, 50])
    assert.ok(closed.requests <= 11, `${closed.requests} requests`)
    // The request that is due after i / 500 s is sent after the i before it: the 25th waits for at least 24 of them.
    assert.ok(open.p50 >= 24 * (TIME_MS - 1) - 50, `p50 ${open.p50} ms`)
    assert.ok(open.p99 >= 49 * (TIME_MS - 1) - 100, `p99 ${open.p99} ms`)
  } finally {
    await Promise.all([load.stop(), server.stop()])
  }
})
