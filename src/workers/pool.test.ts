import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import { createBackground } from '../app/background.ts'
import type { Log } from '../ports/log.ts'
import { nodeRuntime } from '../runtime/node.ts'
import { startPool } from './pool.ts'

const HOUR_MS = 3_600_000

/** A pool of two places over a queue; the test ends each piece of work. */
function heldPool(t: TestContext, due: string[]) {
  const warnings: object[] = []
  const log: Log = { info() {}, error() {}, warn: (fields) => warnings.push(fields) }
  const ends = new Map<string, { done: () => void; fail: (error: Error) => void }>()
  const waiting = new Map<string, () => void>()
  const limits: number[] = []
  const background = createBackground()
  const loop = startPool<string>({
    name: 'test',
    intervalMs: HOUR_MS,
    concurrency: 2,
    log,
    runtime: nodeRuntime,
    background,
    async claim(limit) {
      limits.push(limit)
      return due.splice(0, limit)
    },
    handle(work) {
      const { promise, resolve, reject } = Promise.withResolvers<void>()
      ends.set(work, { done: resolve, fail: reject })
      waiting.get(work)?.()
      return promise
    },
  })
  t.after(async () => {
    await loop.stop()
    for (const { done } of ends.values()) done()
    await background.ended()
  })
  return {
    warnings,
    limits,
    background,
    ends,
    /** Resolves when that piece of work has begun. */
    begun: (work: string) =>
      ends.has(work) ? Promise.resolve() : new Promise<void>((resolve) => waiting.set(work, resolve)),
  }
}

test('as much is claimed as there are places, and a place that is free takes the next at once', async (t) => {
  const pool = heldPool(t, ['a', 'b', 'c', 'd'])
  await pool.begun('b')
  assert.deepEqual(pool.limits, [2])
  assert.equal(pool.ends.has('c'), false)
  pool.ends.get('b')?.done()
  await pool.begun('c')
  assert.equal(pool.ends.has('d'), false)
  assert.equal(pool.background.size(), 2)
})

test('work that fails frees its place and is left to its lease', async (t) => {
  const pool = heldPool(t, ['a', 'b', 'c'])
  await pool.begun('b')
  pool.ends.get('a')?.fail(new Error('no'))
  await pool.begun('c')
  assert.equal(pool.warnings.length, 1)
})
