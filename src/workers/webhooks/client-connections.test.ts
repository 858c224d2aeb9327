import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { type TestContext, test } from 'node:test'
import { atEnd, type Ends } from '../../../test/kit/folders.ts'
import * as receivers from '../../../test/kit/receivers.ts'
import { onLoopback } from '../../../test/kit/sockets.ts'
import { createEgress } from '../../net/egress.ts'
import { manualRuntime } from '../../runtime/manual.ts'
import { nodeRuntime } from '../../runtime/node.ts'
import { createWebhookClients, type WebhookClientsOptions } from './client.ts'

const MESSAGE = { headers: { 'content-type': 'application/json' }, body: '{"id":"evt_1"}' }

const endsOf = (t: TestContext): Ends => ({ add: (step) => atEnd(t, step) })

function client(t: TestContext, url: string, options: Partial<WebhookClientsOptions> = {}) {
  const policy = { allowed: createEgress(), local: true, ports: null }
  const made = createWebhookClients({
    ...{ operator: createEgress(), policy, connections: 4, runtime: nodeRuntime },
    ...options,
  })
  atEnd(t, made.destroy)
  return made.of({ id: 'we_1', url })
}

test('a connection is not used any more when its receiver is about to close it', async (t) => {
  const receiver = await receivers.withStatus(endsOf(t), 200, { 'keep-alive': 'timeout=5' })
  const runtime = manualRuntime()
  const made = client(t, receiver.url, { runtime })
  await made.send(MESSAGE)
  await runtime.advance(3_900)
  await made.send(MESSAGE)
  assert.equal(receiver.opened(), 1)
  await runtime.advance(4_100)
  await made.send(MESSAGE)
  assert.equal(receiver.opened(), 2)
})

test('bytes behind a response, or before a request, belong to none, and close the connection', async (t) => {
  const whole = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'
  let opened = 0
  const server = createServer((socket) => {
    opened++
    socket.on('error', () => {})
    socket.on('data', () => socket.write(whole + whole.replace('200', '500')))
  })
  const { url, close } = await onLoopback(server)
  atEnd(t, close)
  const made = client(t, url, { connections: 1 })
  for (let i = 1; i <= 3; i++) {
    assert.deepEqual(await made.send(MESSAGE), { kind: 'response', status: 200, answer: 'ok' })
    assert.equal(opened, i)
  }
})

test('more messages than connections wait for one, and each is sent once', async (t) => {
  const receiver = await receivers.slow(endsOf(t), 20)
  const made = client(t, receiver.url, { connections: 2 })
  const attempts = await Promise.all(Array.from({ length: 9 }, () => made.send(MESSAGE)))
  assert.ok(attempts.every(({ kind }) => kind === 'response'))
  assert.deepEqual([receiver.count(), receiver.opened()], [9, 2])
})
