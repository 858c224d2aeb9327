/** Without a free descriptor, MiniPay responds on open connections, and no request fails as an internal error. */
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { atEnd, folderOf } from '../kit/folders.ts'
import type { RunningServer } from '../kit/server.ts'
import { serve } from '../kit/server.ts'
import { until } from '../kit/until.ts'

const noPrlimit =
  spawnSync('prlimit', ['--version']).status === 0 ? undefined : 'prlimit (util-linux) is not installed'

/** Sends over one connection that stays open. */
function connection(t: TestContext, server: RunningServer) {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  atEnd(t, () => agent.destroy())
  return (method: string, path: string, body?: string, accept = '*/*') =>
    new Promise<{ status: number; text: string }>((resolve, reject) => {
      const headers = { accept, ...(body !== undefined && { 'content-type': 'application/json' }) }
      const sent = request(server.url + path, { method, agent, headers }, (response) => {
        let text = ''
        response.on('data', (chunk) => (text += chunk))
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text }))
      })
      sent.once('error', reject)
      sent.end(body)
    })
}

/** From here on the process can open nothing more. */
function useUpDescriptors({ process: { pid } }: RunningServer): void {
  const used = readdirSync(`/proc/${pid}/fd`).map(Number)
  // Free numbers below the highest stay free: it may have them.
  const limit = Math.min(
    ...Array.from({ length: used.length + 1 }, (_, i) => i).filter((i) => !used.includes(i)),
  )
  execFileSync('prlimit', ['--pid', String(pid), `--nofile=${limit}:`])
}

test('without a free descriptor every first request is answered as ever', { skip: noPrlimit }, async (t) => {
  const server = await serve(t, join(folderOf(t), 'shop.db'), { MINIPAY_LOG_LEVEL: 'debug' })
  // Some answers close their connection, and there will be no new ones.
  const connections = Array.from({ length: 12 }, () => connection(t, server))
  for (const send of connections) assert.equal((await send('GET', '/health')).status, 200)
  const send: (typeof connections)[0] = (...what) => (connections.pop() ?? assert.fail())(...what)
  await until('everything is loaded', () => server.output().includes('Every module is loaded.'))
  useUpDescriptors(server)

  const charge = '{"amount":100,"currency":"usd","customer":"cus_1"}'
  const made = await send('POST', '/api/v1/charges', charge)
  assert.equal(made.status, 201, made.text)
  const { id } = JSON.parse(made.text)
  const answers = [
    ['POST', '/api/v1/charges', '{"amount":1.5}', 400],
    ['POST', '/api/v1/charges', '{"amount":', 400],
    ['POST', '/api/v1/refunds', `{"transaction_id":"${id}"}`, 200],
    ['GET', '/metrics', undefined, 200, 'text/plain'],
    ['GET', '/metrics', undefined, 200, 'application/json'],
    ['GET', '/ready', undefined, 200],
    ['GET', '/docs', undefined, 200],
    ['GET', '/openapi.json', undefined, 200],
    [
      'POST',
      '/api/v1/routing/simulate',
      '{"rules":{"rules":[{"when":"amount > 5","use":["sandbox"]}]}}',
      undefined,
    ],
  ] as const
  for (const [method, path, body, status, accept] of answers) {
    const answer = await send(method, path, body, accept)
    if (status === undefined) assert.ok(answer.status < 500, answer.text)
    else assert.equal(answer.status, status, `${method} ${path}: ${answer.text.slice(0, 300)}`)
  }
})
