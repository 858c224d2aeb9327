import assert from 'node:assert/strict'
import { createServer, get, type IncomingMessage } from 'node:http'
import { test } from 'node:test'
import type { FastifyReply } from 'fastify'
import { logOf } from '../../../test/kit/event-log.ts'
import { onLoopback } from '../../../test/kit/sockets.ts'
import { openEventStream } from '../../http/event-stream.ts'
import { KEYLESS_SCOPE as scope } from '../../ports/store.ts'
import { manualRuntime } from '../../runtime/manual.ts'
import { sendEvents } from './event-stream.ts'

type Pace = NonNullable<Parameters<typeof sendEvents>[2]['pace']>

/** A stream over a log, with a time of its own. */
function started({ mayRead = (): boolean => true, pace }: { mayRead?: () => boolean; pace?: Pace } = {}) {
  const runtime = manualRuntime()
  const log = logOf(runtime)
  const sent: string[] = []
  const stopping = new AbortController()
  let isOver = false
  const stream = {
    async send(text: string) {
      sent.push(text)
      return true
    },
  }
  const filter = { types: ['payment.refunded'] as const }
  const about = { scope, filter, after: 0, signal: stopping.signal, ...(pace && { pace }) }
  void sendEvents(log.context, stream, { ...about, mayRead: async () => mayRead() }).then(() => {
    isOver = true
  })
  return { runtime, log, sent, stop: () => stopping.abort(), isOver: () => isOver }
}

for (const pace of [undefined, { everyMs: 500, newest: 5 }])
  test(`a silent stream ${pace ? 'with a pace ' : ''}sends a comment every 15 s, with the last sequence that the filter passed over`, async () => {
    const { runtime, log, sent, stop, isOver } = started(pace && { pace })
    await runtime.advance(14_000)
    assert.deepEqual(sent, ['retry: 2000\nid: 0\n\n'])
    await runtime.advance(2_000)
    assert.deepEqual(sent.slice(1), [': ping\n\n'])
    log.add('payment.succeeded')
    log.add('payment.succeeded')
    await runtime.advance(16_000)
    assert.deepEqual(sent.slice(2), [': ping\nid: 2\n\n'])
    log.add('payment.refunded')
    await runtime.advance(100)
    assert.match(sent[3] ?? '', /^id: 3\ndata: \{"sequence":3,[^\n]*\}\n\n$/)
    await runtime.advance(16_000)
    assert.deepEqual(sent.slice(4), [': ping\n\n'])
    stop()
    await runtime.advance(100)
    assert.equal(isOver(), true)
  })

for (const pace of [undefined, { everyMs: 60_000, newest: 1 }])
  test(`a stream ${pace ? 'with a pace ' : ''}is over within seconds after its caller may no longer read`, async () => {
    let mayRead = true
    const { runtime, log, isOver } = started({ mayRead: () => mayRead, ...(pace && { pace }) })
    for (let i = 0; i < 3; i++) log.add('payment.refunded')
    await runtime.advance(10_000)
    assert.equal(isOver(), false)
    mayRead = false
    await runtime.advance(4_000)
    assert.equal(isOver(), true)
    log.add('payment.refunded')
    await runtime.advance(2_000)
  })

test('a paced stream sends the newest events, and says before them which it skipped', async () => {
  const { runtime, log, sent, stop } = started({ pace: { everyMs: 500, newest: 2 } })
  await runtime.advance(100)
  for (let i = 0; i < 10; i++) log.add(i % 2 === 0 ? 'payment.refunded' : 'payment.succeeded')
  await runtime.advance(100)
  const [, text = ''] = sent
  assert.match(
    text,
    /^event: skipped\nid: 6\ndata: \{"skipped":6,"after":0,"before":7\}\n\nid: 7\ndata: .*\n\nid: 9\ndata: .*\n\n$/,
  )
  assert.equal(sent.length, 2)
  stop()
  await runtime.advance(100)
})

test('a client that reads nothing is cut off, after few bytes in memory', async () => {
  const { promise: opened, resolve } = Promise.withResolvers<{ bytes: number; open: boolean }>()
  const server = createServer(async (_, raw) => {
    const reply = { raw, hijack() {}, getHeaders: () => ({}) } as unknown as FastifyReply
    const stream = openEventStream(reply, () => {}, 300)
    let bytes = 0
    while (await stream.send('x'.repeat(64 * 1024))) bytes += 64 * 1024
    resolve({ bytes: raw.writableLength, open: !raw.destroyed })
    assert.ok(bytes < 64 * 1024 * 1024)
  })
  const { url, close } = await onLoopback(server)
  const request = get(url)
  const response = await new Promise<IncomingMessage>((found) => request.once('response', found))
  response.pause()
  response.on('error', () => {})
  const { bytes, open } = await opened
  assert.equal(open, false)
  assert.ok(bytes <= 256 * 1024, `${bytes} bytes`)
  request.destroy()
  await close()
})

test('a client that is gone ends its stream', async () => {
  const { promise: closed, resolve } = Promise.withResolvers<boolean>()
  const server = createServer(async (_, raw) => {
    const reply = { raw, hijack() {}, getHeaders: () => ({}) } as unknown as FastifyReply
    const { promise: gone, resolve: leave } = Promise.withResolvers<void>()
    const stream = openEventStream(reply, leave)
    await stream.send(': hello\n\n')
    await gone
    resolve(await stream.send(': still there?\n\n'))
  })
  const { url, close } = await onLoopback(server)
  const request = get(url, (response) => response.once('data', () => request.destroy()))
  request.on('error', () => {})
  assert.equal(await closed, false)
  await close()
})
