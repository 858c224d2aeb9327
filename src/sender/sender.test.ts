import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { type TestContext, test } from 'node:test'
import { atEnd } from '../../test/kit/folders.ts'
import * as receivers from '../../test/kit/receivers.ts'
import { onLoopback } from '../../test/kit/sockets.ts'
import { until } from '../../test/kit/until.ts'
import { createEgress } from '../net/egress.ts'
import { nodeRuntime } from '../runtime/node.ts'
import { createWebhookClients } from '../workers/webhooks/client.ts'
import { FORMAT, type SenderData } from './messages.ts'
import { createSender } from './sender.ts'

const MESSAGE = { headers: { 'x-own': 'café' }, body: '{"id":"evt_1 é"}' }
const DATA: SenderData = { format: FORMAT, allowed: [], local: true, ports: null, connections: 4 }

/** `passTime` calls what waits for a time. `boot`: another file of the thread. */
function sender(t: TestContext, data: Partial<SenderData> = {}, boot?: URL) {
  const logged: string[] = []
  const timers = new Set<() => void>()
  const after = (_ms: number, action: () => void) => {
    timers.add(action)
    return { cancel: () => void timers.delete(action) }
  }
  const fallback = createWebhookClients({
    ...{ operator: createEgress(), policy: { allowed: createEgress(), local: true, ports: null } },
    ...{ connections: 4, runtime: nodeRuntime },
  })
  atEnd(t, fallback.destroy)
  const log = { info() {}, warn() {}, error: (_: object, text: string) => void logged.push(text) }
  const runtime = { nextTurn: nodeRuntime.nextTurn, after }
  const own = createSender({ data: { ...DATA, ...data }, fallback, log, runtime, ...(boot && { boot }) })
  return {
    logged,
    passTime() {
      for (const action of [...timers]) action()
    },
    of: (url: string, id = 'we_1') => {
      const made = own.of({ id, url })
      atEnd(t, made.destroy)
      return made
    },
  }
}

const endsOf = (t: TestContext) => ({ add: (step: () => unknown) => atEnd(t, step as () => Promise<void>) })

test('a message is sent from another thread, and its response comes back whole', async (t) => {
  const seen: unknown[] = []
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    seen.push(request.headers['x-own'], Buffer.concat(chunks).toString())
    response.writeHead(503, { 'retry-after': '7' }).end('later')
  })
  const { url, close } = await onLoopback(server)
  atEnd(t, close)
  const client = sender(t).of(url)
  assert.equal(client.host, new URL(url).host)
  const later = { kind: 'response', status: 503, retryAfter: '7', answer: 'later' }
  assert.deepEqual(await client.send(MESSAGE), later)
  assert.deepEqual(await client.send({ ...MESSAGE, body: Buffer.from(MESSAGE.body) }), later)
  assert.deepEqual(seen, ['café', MESSAGE.body, 'café', MESSAGE.body])
  assert.deepEqual(await client.send({ ...MESSAGE, headers: { host: 'other.example' } }), {
    ...{ kind: 'no_answer', error: 'a header of the message is not allowed' },
  })
})

test('the rules of targets hold in that thread', async (t) => {
  const receiver = await receivers.healthy(endsOf(t))
  const refused = await sender(t, { local: false }).of(receiver.url).send(MESSAGE)
  assert.match(refused.kind === 'no_answer' ? refused.error : '', /^not sent: /)
  const onAnotherPort = await sender(t, { ports: [443], local: false, allowed: ['127.0.0.1'] })
    .of(receiver.url)
    .send(MESSAGE)
  assert.equal(onAnotherPort.kind, 'no_answer')
  assert.equal(receiver.count(), 0)
})

test('a closed client cuts what is in flight, and sends no more', async (t) => {
  const receiver = await receivers.answering(endsOf(t), () => {})
  const client = sender(t).of(receiver.url)
  const attempt = client.send(MESSAGE)
  await until('a request', () => receiver.count() === 1)
  await client.destroy()
  assert.equal((await attempt).kind, 'no_answer')
  assert.deepEqual(await client.send(MESSAGE), { kind: 'no_answer', error: 'the client is closed' })
})

/** It responds to the first message for itself, and then hangs. */
const HANGING = `
  import { parentPort } from 'node:worker_threads'
  let responded = false
  parentPort.on('message', (tasks) => {
    const at = tasks.indexOf('send')
    if (at < 0) return
    for (; responded; );
    responded = true
    parentPort.postMessage([tasks[at + 2], 200])
  })
  parentPort.postMessage([])`

test('a thread that hangs is ended when a client is closed, with what was in flight', async (t) => {
  const { of, logged, passTime } = sender(
    t,
    {},
    new URL(`data:text/javascript,${encodeURIComponent(HANGING)}`),
  )
  const client = of('http://127.0.0.1:1/')
  const other = of('http://127.0.0.1:1/', 'we_2')
  assert.deepEqual(await client.send(MESSAGE), { kind: 'response', status: 200 })
  const attempts = [client.send(MESSAGE), other.send(MESSAGE)]
  const closed = client.destroy()
  passTime()
  await closed
  const lost = { kind: 'no_answer', error: 'the thread that sends webhooks ended' }
  assert.deepEqual(await Promise.all(attempts), [lost, lost])
  await other.destroy()
  assert.deepEqual(logged, ['The thread that sends webhooks hangs. MiniPay ends it.'])
})

test('without the thread, as when its files are of another version, this one sends', async (t) => {
  const receiver = await receivers.healthy(endsOf(t))
  const { of, logged } = sender(t, { format: FORMAT + 1 })
  const client = of(receiver.url)
  const attempts = await Promise.all([client.send(MESSAGE), client.send(MESSAGE)])
  assert.deepEqual(
    [...attempts, await client.send(MESSAGE)].map(({ kind }) => kind),
    ['response', 'response', 'response'],
  )
  assert.equal(receiver.count(), 3)
  assert.deepEqual(logged, ['The thread that sends webhooks ended. MiniPay sends them without it.'])
})

test('if the thread fails, what is in flight ends without a response, and another thread sends the next', async (t) => {
  let isSilent = true
  const receiver = await receivers.answering(endsOf(t), (_request, response) => {
    if (!isSilent) response.end()
  })
  const { of, logged } = sender(t)
  const client = of(receiver.url)
  const attempt = client.send(MESSAGE)
  await until('a request', () => receiver.count() === 1)
  isSilent = false
  // The thread expects lines, and this is a number.
  const broken = client.send({ headers: '', body: 1 as unknown as string })
  const lost = { kind: 'no_answer', error: 'the thread that sends webhooks ended' }
  assert.deepEqual(await Promise.all([attempt, broken]), [lost, lost])
  assert.deepEqual(await client.send(MESSAGE), { kind: 'response', status: 200 })
  assert.deepEqual(logged, ['The thread that sends webhooks ended. MiniPay starts another one.'])
})
