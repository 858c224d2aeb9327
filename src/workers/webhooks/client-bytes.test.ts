import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { type TestContext, test } from 'node:test'
import { atEnd } from '../../../test/kit/folders.ts'
import * as receivers from '../../../test/kit/receivers.ts'
import { onLoopback } from '../../../test/kit/sockets.ts'
import { until } from '../../../test/kit/until.ts'
import { createEgress } from '../../net/egress.ts'
import { nodeRuntime } from '../../runtime/node.ts'
import { createWebhookClients } from './client.ts'

const MESSAGE = { headers: {}, body: '{"id":"evt_1"}' }

function client(t: TestContext, url: string) {
  const made = createWebhookClients({
    ...{ operator: createEgress(), policy: { allowed: createEgress(), local: true, ports: null } },
    ...{ connections: 4, runtime: nodeRuntime },
  })
  atEnd(t, made.destroy)
  return made.of({ id: 'we_1', url })
}

test('texts beyond ASCII arrive in a body as UTF-8, and in a header as Latin-1', async (t) => {
  const seen: unknown[] = []
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    seen.push(Buffer.concat(chunks).toString(), request.headers['x-own'])
    response.end()
  })
  const { url, close } = await onLoopback(server)
  atEnd(t, close)
  const made = client(t, url)
  for (const body of ['plain', 'é', '支払い 😀', Buffer.from('支払い')])
    for (const own of ['plain', 'caf\xe9']) {
      await made.send({ headers: { 'x-own': own }, body })
      assert.deepEqual(seen.splice(0), [String(body), own])
    }
})

test('answers that come in pieces at the same time are not mixed', async (t) => {
  const responses: { write(text: string): void; end(): void }[] = []
  const receiver = await receivers.answering(
    { add: (step) => atEnd(t, step) },
    (_request, response) => void responses.push(response),
  )
  const made = client(t, receiver.url)
  const attempts = ['a', 'b', 'c'].map(() => made.send(MESSAGE))
  await until('three requests', () => responses.length === 3)
  for (let round = 0; round < 5; round++) {
    for (const [i, response] of responses.entries()) response.write('abc'.charAt(i).repeat(10))
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  for (const response of responses) response.end()
  const answers = (await Promise.all(attempts)).map((attempt) =>
    attempt.kind === 'response' ? attempt.answer : attempt.error,
  )
  assert.deepEqual(
    answers.toSorted(),
    ['a', 'b', 'c'].map((text) => text.repeat(50)),
  )
})
