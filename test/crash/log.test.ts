/** A log that cannot be written: the process charges on, and stops in time. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { openSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { folderOf } from '../kit/folders.ts'
import { call } from '../kit/http.ts'
import { CLI } from '../kit/server.ts'
import { freePort } from '../kit/sockets.ts'
import { until } from '../kit/until.ts'

/** A server whose standard output is this; it answers when this resolves. */
async function serveTo(
  t: TestContext,
  stdout: 'pipe' | number,
): Promise<{ url: string; child: ChildProcess }> {
  const port = await freePort()
  const child = spawn(process.execPath, [CLI, 'serve'], {
    env: {
      PATH: process.env['PATH'] ?? '',
      PORT: String(port),
      MINIPAY_DATABASE: join(folderOf(t), 'log.db'),
      WEBHOOK_TARGET: '',
      MINIPAY_LOG_LEVEL: 'debug',
    },
    stdio: ['ignore', stdout, 'ignore'],
  })
  t.after(() => void child.kill('SIGKILL'))
  const url = `http://127.0.0.1:${port}`
  await until('it listens', () =>
    fetch(`${url}/health`).then(
      ({ ok }) => ok,
      () => false,
    ),
  )
  return { url, child }
}

const CHARGE = { amount: 100, currency: 'usd', customer: 'cus_1' }

async function dropped(url: string): Promise<number> {
  const { body } = await call<string>(url, 'GET', '/metrics', undefined, { accept: 'text/plain' })
  return Number(/^minipay_log_lines_dropped_total (\d+)$/m.exec(body)?.[1])
}

async function chargesAndStops({ url, child }: { url: string; child: ChildProcess }): Promise<void> {
  assert.equal((await call(url, 'POST', '/api/v1/charges', CHARGE)).status, 201)
  const exited = once(child, 'exit')
  child.kill('SIGTERM')
  assert.deepEqual(await exited, [0, null])
}

test('on a full disk lines are dropped and counted', { skip: process.platform !== 'linux' }, async (t) => {
  const server = await serveTo(t, openSync('/dev/full', 'w'))
  assert.ok((await dropped(server.url)) > 0)
  await chargesAndStops(server)
})

test('a collector that has stalled keeps neither charges nor the stop', async (t) => {
  const server = await serveTo(t, 'pipe')
  // Nothing reads the pipe. Each request is a line, so that it is full after some thousands.
  await until('lines are dropped', async () => {
    await Promise.all(Array.from({ length: 500 }, () => call(server.url, 'GET', `/api/v1/charges?limit=1`)))
    return (await dropped(server.url)) > 0
  })
  await chargesAndStops(server)
})

test('a collector that has gone keeps neither charges nor the stop', async (t) => {
  const server = await serveTo(t, 'pipe')
  server.child.stdout?.destroy()
  await until('lines are dropped', async () => {
    await call(server.url, 'GET', '/api/v1/charges')
    return (await dropped(server.url)) > 0
  })
  await chargesAndStops(server)
})
