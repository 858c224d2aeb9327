import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { type TestContext, test } from 'node:test'
import { Webhook } from 'standardwebhooks'
import { chargeCommit } from '../../test/kit/commits.ts'
import { atEnd } from '../../test/kit/folders.ts'
import * as receivers from '../../test/kit/receivers.ts'
import { onLoopback } from '../../test/kit/sockets.ts'
import { until } from '../../test/kit/until.ts'
import { webhookBody } from '../api/webhooks/body.ts'
import { encodeFacts } from '../domain/snapshot.ts'
import { createEgress } from '../net/egress.ts'
import type { StoredEvent } from '../ports/store.ts'
import { nodeRuntime } from '../runtime/node.ts'
import { createWebhookClients } from '../workers/webhooks/client.ts'
import { createMaker, Draft, type Stamp } from '../workers/webhooks/message.ts'
import { FORMAT, type SenderData } from './messages.ts'
import { createSender } from './sender.ts'

const { charge } = chargeCommit({ scope: { accountId: 1, mode: 'test' } })
const EVENT: StoredEvent = {
  ...{ sequence: 7, id: 'evt_01kasw5v8g001ne3r5yx2tb4qd', type: 'payment.succeeded', epoch: 'ep_1' },
  ...{ createdAt: 1_800_000_000_000, data: encodeFacts({ charge: { ...charge, description: 'é' } }) },
}
const SECRET = Buffer.alloc(32, 7)
const STAMP: Stamp = {
  ...{ version: 1, format: 'minipay', mode: 'test', headers: { 'x-own': 'café' } },
  signers: [{ key: SECRET, text: Buffer.from(`whsec_${SECRET.toString('base64')}`), until: null }],
}
const make = createMaker(webhookBody)

/** The message of the event to an endpoint with this stamp. */
function draft(stamp: Partial<Stamp> = {}, event: Partial<StoredEvent> = {}): Draft {
  const parts = { stamp: { ...STAMP, ...stamp }, event: { ...EVENT, ...event }, delivery: 'dlv_1' }
  return new Draft({ ...parts, at: Date.now() }, make)
}
const MESSAGE = draft()
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

test('a message is made and sent in another thread, and its response comes back whole', async (t) => {
  const seen: Record<string, string>[] = []
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    seen.push({ ...(request.headers as Record<string, string>), body: Buffer.concat(chunks).toString() })
    response.writeHead(503, { 'retry-after': '7' }).end('later')
  })
  const { url, close } = await onLoopback(server)
  atEnd(t, close)
  const { of } = sender(t)
  const client = of(url)
  assert.equal(client.host, new URL(url).host)
  const later = { kind: 'response', status: 503, retryAfter: '7', answer: 'later' }
  assert.deepEqual(await client.send(MESSAGE), later)
  // Of another endpoint, in another format.
  assert.deepEqual(await of(url, 'we_2').send(draft({ format: 'stripe' })), later)
  assert.deepEqual(await client.send(draft({ headers: { 'x-own': 'new' }, signers: [] })), later)
  const [first = {}, second = {}, third = {}] = seen
  assert.equal(first['body'], webhookBody('minipay', EVENT, 'test'))
  assert.equal(first['x-own'], 'café')
  const verifier = new Webhook(SECRET.toString('base64'))
  assert.ok(verifier.verify(first['body'] ?? '', first))
  assert.equal(second['body'], webhookBody('stripe', EVENT, 'test'))
  assert.match(second['stripe-signature'] ?? '', /^t=\d+,v1=[0-9a-f]{64}$/)
  assert.deepEqual([third['x-own'], third['webhook-signature']], ['new', undefined])
  assert.deepEqual(await client.send(draft({ headers: { host: 'other.example' } })), {
    ...{ kind: 'no_answer', error: 'a header of the message is not allowed' },
  })
})

test('an event that cannot be rendered is not sent, in either thread', async (t) => {
  const receiver = await receivers.healthy(endsOf(t))
  const broken = draft({}, { data: '{' })
  for (const data of [DATA, { ...DATA, format: FORMAT + 1 }]) {
    const { of, logged } = sender(t, data)
    const attempt = await of(receiver.url).send(broken)
    assert.match(attempt.kind === 'no_answer' ? attempt.error : '', /^The body cannot be rendered: /)
    assert.equal(attempt.kind === 'no_answer' && attempt.unsent, true)
    assert.equal(logged.at(-1), 'The body of a webhook cannot be rendered.')
  }
  assert.equal(receiver.count(), 0)
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
  // The thread expects a stamp with signers.
  const broken = client.send(draft({ signers: null as unknown as Stamp['signers'] }))
  const lost = { kind: 'no_answer', error: 'the thread that sends webhooks ended' }
  assert.deepEqual(await Promise.all([attempt, broken]), [lost, lost])
  assert.deepEqual(await client.send(MESSAGE), { kind: 'response', status: 200 })
  assert.deepEqual(logged, ['The thread that sends webhooks ended. MiniPay starts another one.'])
})
