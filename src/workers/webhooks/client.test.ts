import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { type TestContext, test } from 'node:test'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import {
  AUTHORITY,
  EARLY,
  EXPIRED,
  OTHER_NAME,
  SELF_SIGNED,
  unverified,
  VALID,
} from '../../../test/kit/certificates.ts'
import { atEnd, type Ends } from '../../../test/kit/folders.ts'
import * as receivers from '../../../test/kit/receivers.ts'
import { freePort, onLoopback } from '../../../test/kit/sockets.ts'
import { until } from '../../../test/kit/until.ts'
import { createEgress } from '../../net/egress.ts'
import type { TargetPolicy } from '../../net/target-policy.ts'
import { manualRuntime } from '../../runtime/manual.ts'
import { nodeRuntime } from '../../runtime/node.ts'
import { BODY_MS, createWebhookClients, DEADLINE_MS, type WebhookClientsOptions } from './client.ts'

const MESSAGE = { headers: { 'content-type': 'application/json' }, body: '{"id":"evt_1"}' }
const LOCAL: TargetPolicy = { allowed: createEgress(), local: true, ports: null }
const KIB = 1024
/** What the sockets of both sides may hold of a response that is cut, on Linux. */
const SOCKET_BYTES = 8 * KIB * KIB

const endsOf = (t: TestContext): Ends => ({ add: (step) => atEnd(t, step) })

function clients(t: TestContext, options: Partial<WebhookClientsOptions> = {}) {
  const made = createWebhookClients({
    ...{ operator: createEgress(), policy: LOCAL, connections: 4, runtime: nodeRuntime },
    ...options,
  })
  atEnd(t, made.destroy)
  return made
}

/** Trusts the authority of the test's certificates until the test ends. */
function trust(t: TestContext): void {
  const trusted = getCACertificates('default')
  atEnd(t, () => setDefaultCACertificates(trusted))
  setDefaultCACertificates([...trusted, AUTHORITY])
}

/** A client of an endpoint that a caller registered. */
function client(t: TestContext, url: string, options: Partial<WebhookClientsOptions> = {}) {
  return clients(t, options).of({ id: 'we_1', url })
}

test('a message is posted as it is, to the path and query of the URL, and the answer is read', async (t) => {
  const seen: unknown[] = []
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    seen.push(request.method, request.url, request.headers['content-type'], request.headers['x-own'], body)
    response.writeHead(202).end('thank you')
  })
  const { url, close } = await onLoopback(server)
  atEnd(t, close)
  const made = client(t, `${url}/hook?from=minipay`)
  const attempt = await made.send({ ...MESSAGE, headers: { ...MESSAGE.headers, 'X-Own': 'yes' } })
  assert.deepEqual(attempt, { kind: 'response', status: 202, answer: 'thank you' })
  assert.deepEqual(seen, ['POST', '/hook?from=minipay', 'application/json', 'yes', MESSAGE.body])
  assert.equal(made.host, new URL(url).host)
})

test('every status is a response, with Retry-After if it has one; a redirect is not followed', async (t) => {
  const ends = endsOf(t)
  const elsewhere = await receivers.healthy(ends)
  for (const [status, headers] of [
    [410, {}],
    [429, { 'retry-after': '120' }],
    [500, {}],
    ...[301, 302, 303, 307, 308].map((status) => [status, { location: elsewhere.url }] as const),
    [302, { location: 'http://169.254.169.254/latest/meta-data' }],
  ] as const) {
    const receiver = await receivers.withStatus(ends, status, headers)
    const after = 'retry-after' in headers ? { retryAfter: headers['retry-after'] } : {}
    const attempt = await client(t, receiver.url).send(MESSAGE)
    assert.deepEqual(attempt, { kind: 'response', status, ...after, answer: `this is ${status}` })
  }
  assert.equal(elsewhere.count(), 0)
})

test('of an answer the first 500 characters are kept, without controls and card numbers', async (t) => {
  const ends = endsOf(t)
  const answerTo = async (body: string | Buffer, headers: Record<string, string> = {}) => {
    const receiver = await receivers.answering(
      ends,
      (_request, response) => void response.writeHead(200, headers).end(body),
    )
    const attempt = await client(t, receiver.url).send(MESSAGE)
    return attempt.kind === 'response' ? attempt.answer : assert.fail(attempt.error)
  }
  assert.equal(await answerTo(''), undefined)
  assert.equal(await answerTo('a'.repeat(10_000)), 'a'.repeat(500))
  assert.equal(await answerTo('é'.repeat(10_000)), 'é'.repeat(500))
  assert.equal(await answerTo('😀'.repeat(10_000)), '😀'.repeat(250))
  assert.equal(await answerTo(`a${'😀'.repeat(1_000)}`), `a${'😀'.repeat(249)}`)
  assert.equal(await answerTo('line 1\n\tline 2'), 'line 1\n\tline 2')
  assert.equal(await answerTo('a\0b\u001b[31mc\r\u202ed\u2028e'), 'a�b�[31mc��d�e')
  assert.equal(await answerTo(Buffer.from([0xff, 0xfe, 0x41])), '��A')
  assert.equal(await answerTo('card 4242424242424242 declined'), 'card [card number] declined')
  assert.equal(await answerTo('x', { 'content-encoding': 'br' }), '[compressed]')
})

/** The attempt at a receiver that never ends, and how long it took at the injected clock. */
async function untilDeadline(t: TestContext, receiver: receivers.Misbehaving) {
  const runtime = manualRuntime()
  let ended: number | undefined
  const sent = client(t, receiver.url, { runtime })
    .send(MESSAGE)
    .finally(() => (ended = runtime.monotonic()))
  await until('the receiver', () => receiver.count() > 0)
  await runtime.advance(DEADLINE_MS - 1)
  assert.equal(ended, undefined)
  await runtime.advance(2)
  return { attempt: await sent, took: ended }
}

test('a receiver that never responds has ten seconds, and then loses its connection', async (t) => {
  assert.equal(DEADLINE_MS, 10_000)
  const ends = endsOf(t)
  for (const receiver of [
    await receivers.hanging(ends),
    await receivers.silent(ends),
    await receivers.slow(ends, 60_000),
    await receivers.drippingHeaders(ends, 5),
  ]) {
    const { attempt, took } = await untilDeadline(t, receiver)
    assert.deepEqual(attempt, { kind: 'no_answer', error: 'no response within 10 s' })
    assert.ok(took !== undefined && took <= DEADLINE_MS + 1)
    await receiver.quiet()
  }
})

test('a TLS handshake that never ends has the same deadline', async (t) => {
  const { url, count, quiet } = await receivers.silent(endsOf(t))
  const runtime = manualRuntime()
  const sent = client(t, url.replace('http:', 'https:'), { runtime }).send(MESSAGE)
  await until('the receiver', () => count() > 0)
  await runtime.advance(DEADLINE_MS + 1)
  assert.deepEqual(await sent, { kind: 'no_answer', error: 'no connection within 10 s' })
  await quiet()
})

test('a body that never ends counts after half a second, with what came of it', async (t) => {
  const receiver = await receivers.drippingBody(endsOf(t), 5)
  const runtime = manualRuntime()
  const sent = client(t, receiver.url, { runtime }).send(MESSAGE)
  // The deadline of the attempt, the one of its body, and the minute after which connections are closed.
  await until('the body', () => runtime.pending === 3 && receiver.sent() > 100)
  await runtime.advance(BODY_MS + 1)
  const attempt = await sent
  assert.ok(attempt.kind === 'response' && attempt.status === 200)
  assert.match(attempt.answer ?? '', /^b+$/)
  await receiver.quiet()
})

test('a body of 10 GB is cut after 16 KiB', async (t) => {
  const receiver = await receivers.endlessBody(endsOf(t))
  const attempt = await client(t, receiver.url).send(MESSAGE)
  assert.deepEqual(attempt, { kind: 'response', status: 200, answer: 'x'.repeat(500), cut: true })
  await receiver.quiet()
  assert.ok(receiver.sent() < SOCKET_BYTES, `${receiver.sent()}`)
})

test('a gzip bomb is not decompressed', async (t) => {
  const receiver = await receivers.gzipBomb(endsOf(t))
  const before = process.memoryUsage.rss()
  const attempt = await client(t, receiver.url).send(MESSAGE)
  assert.deepEqual(attempt, { kind: 'response', status: 200, answer: '[compressed]', cut: true })
  assert.ok(process.memoryUsage.rss() - before < 64 * KIB * KIB)
})

test('status lines, headers, interim responses and chunks without end are cut at once', async (t) => {
  const ends = endsOf(t)
  const failed = (error: string) => ({ kind: 'no_answer', error })
  const runtime = manualRuntime()
  for (const [receiver, attempt] of [
    [await receivers.endlessStatusLine(ends), failed('the response is too long')],
    [await receivers.endlessHeaders(ends), failed('the headers of the response are too long')],
    [await receivers.endlessInterim(ends), failed('the receiver sent only interim responses')],
    [await receivers.endlessChunkExtension(ends), { kind: 'response', status: 200, cut: true }],
  ] as const) {
    // At this clock no time passes: the size ends them.
    assert.deepEqual(await client(t, receiver.url, { runtime }).send(MESSAGE), attempt)
    await receiver.quiet()
    assert.ok(receiver.sent() < SOCKET_BYTES, `${receiver.sent()}`)
  }
})

test('interim responses before the own one are left out, in whole or in pieces, on each attempt of a connection', async (t) => {
  const ends = endsOf(t)
  for (const lines of [
    ['100 Continue'],
    ['103 Early Hints'],
    ['102 Processing', '100 Continue', '103 Early Hints'],
  ])
    for (const size of [1, 7, 1_000]) {
      const receiver = await receivers.interim(ends, lines, size)
      const made = client(t, receiver.url, { connections: 1 })
      for (let i = 0; i < 3; i++)
        assert.deepEqual(
          await made.send(MESSAGE),
          { kind: 'response', status: 200, answer: 'ok' },
          lines.join(),
        )
      assert.equal(receiver.opened(), 1)
    }
})

test('a response that switches protocols, which MiniPay did not request, fails the attempt', async (t) => {
  const receiver = await receivers.interim(
    endsOf(t),
    ['101 Switching Protocols\r\nupgrade: echo\r\nconnection: upgrade'],
    1_000,
  )
  assert.equal((await client(t, receiver.url).send(MESSAGE)).kind, 'no_answer')
})

test('the size of a response is counted anew for each attempt of a connection, also over TLS', async (t) => {
  const ends = endsOf(t)
  trust(t)
  const body = 'x'.repeat(15 * KIB)
  for (const receiver of [
    await receivers.answering(ends, (_request, response) => void response.end(body)),
    await receivers.secure(ends, VALID, body),
  ]) {
    const made = client(t, receiver.url, { connections: 1 })
    for (let i = 0; i < 30; i++) assert.equal((await made.send(MESSAGE)).kind, 'response')
    assert.equal(receiver.opened(), 1)
  }
})

test('a failure to connect or to speak HTTP is described in words', async (t) => {
  const ends = endsOf(t)
  const closed = 'the receiver closed the connection without a response'
  for (const [url, error] of [
    [`http://127.0.0.1:${await freePort()}/`, 'connection refused'],
    [`http://localhost:${await freePort()}/`, 'connection refused'],
    [(await receivers.resetting(ends)).url, closed],
    [(await receivers.halfOpen(ends)).url, closed],
    [(await receivers.notHttp(ends)).url, 'the response is not HTTP'],
    [(await receivers.http2(ends, { isSecure: false })).url, 'the response is not HTTP'],
    [(await receivers.http2(ends, { isSecure: true })).url, 'TLS: the receiver does not speak HTTP/1.1'],
    [
      (await receivers.healthy(ends)).url.replace('http:', 'https:'),
      'TLS: the receiver does not speak TLS on this port',
    ],
    [(await receivers.secure(ends)).url.replace('https:', 'http:'), closed],
  ] as const)
    assert.deepEqual(await client(t, url).send(MESSAGE), { kind: 'no_answer', error }, url)
})

test('a certificate is always verified, and the error says why it was refused', async (t) => {
  const ends = endsOf(t)
  const { url } = await receivers.secure(ends)
  const unknown = {
    kind: 'no_answer',
    error: 'TLS: the certificate is from an unknown authority, or an intermediate certificate is missing',
  }
  assert.deepEqual(await client(t, url).send(MESSAGE), unknown)
  trust(t)
  const made = client(t, url)
  // The later connections resume the session of the first one.
  for (const sent of [made.send(MESSAGE), made.send(MESSAGE), made.send(MESSAGE)])
    assert.deepEqual(await sent, { kind: 'response', status: 200, answer: 'secure' })
  for (const [certificate, error] of [
    [EXPIRED, 'TLS: the certificate expired on 2021-05-01'],
    [EARLY, 'TLS: the certificate is not valid before 2100-01-01'],
    [OTHER_NAME, 'TLS: the certificate is for another name'],
    [SELF_SIGNED, 'TLS: the certificate is self-signed'],
  ] as const) {
    const wrong = await receivers.secure(ends, certificate)
    assert.deepEqual(await client(t, wrong.url).send(MESSAGE), { kind: 'no_answer', error })
    const named = wrong.url.replace('127.0.0.1', 'localhost')
    assert.deepEqual(await client(t, named).send(MESSAGE), { kind: 'no_answer', error })
    assert.equal(wrong.count(), 0)
  }
})

test('the variable of Node.js that switches verification off changes nothing', async (t) => {
  unverified(t)
  const wrong = await receivers.secure(endsOf(t), SELF_SIGNED)
  const error = 'TLS: the certificate is self-signed'
  assert.deepEqual(await client(t, wrong.url).send(MESSAGE), { kind: 'no_answer', error })
  assert.equal(wrong.count(), 0)
})

test('a connection serves many attempts, one after another', async (t) => {
  const receiver = await receivers.healthy(endsOf(t))
  const made = client(t, receiver.url)
  for (let i = 0; i < 10; i++) await made.send(MESSAGE)
  // An attempt that begins at the end of another one finds its connection still busy.
  assert.ok(receiver.open() <= 2)
  await Promise.all(Array.from({ length: 20 }, () => made.send(MESSAGE)))
  assert.equal(receiver.count(), 30)
  assert.ok(receiver.open() <= 4)
})

test('a connection is closed after 500 attempts, so that a receiver can move', async (t) => {
  const receiver = await receivers.healthy(endsOf(t))
  const made = client(t, receiver.url, { connections: 1 })
  for (let i = 0; i < 499; i++) await made.send(MESSAGE)
  assert.equal(receiver.opened(), 1)
  for (let i = 0; i < 3; i++) assert.equal((await made.send(MESSAGE)).kind, 'response')
  assert.equal(receiver.opened(), 2)
})

test('a destroyed client cuts its own attempts only, and sends no more', async (t) => {
  const ends = endsOf(t)
  const receiver = await receivers.hanging(ends)
  const all = clients(t)
  const [first, second] = ['we_1', 'we_2'].map((id) => all.of({ id, url: receiver.url }))
  assert.ok(first && second)
  const cut = first.send(MESSAGE)
  let others: unknown
  void second.send(MESSAGE).then((attempt) => (others = attempt))
  await until('the receiver', () => receiver.count() === 2)
  await first.destroy()
  assert.deepEqual(await cut, { kind: 'no_answer', error: 'the client is closed' })
  assert.deepEqual(await first.send(MESSAGE), { kind: 'no_answer', error: 'the client is closed' })
  await until('the receiver', () => receiver.open() === 1)
  assert.equal(others, undefined)
  await all.destroy()
  await until('the receiver', () => others !== undefined)
  assert.deepEqual(await all.of({ id: 'we_3', url: receiver.url }).send(MESSAGE), {
    kind: 'no_answer',
    error: 'the client is closed',
  })
  assert.equal(receiver.count(), 2)
})

test('connections are closed after a minute without an attempt, and opened again for the next one', async (t) => {
  const receiver = await receivers.healthy(endsOf(t))
  const runtime = manualRuntime()
  const made = client(t, receiver.url, { runtime })
  await made.send(MESSAGE)
  await runtime.advance(59_000)
  assert.equal(receiver.open(), 1)
  await runtime.advance(61_000)
  await receiver.quiet()
  assert.equal((await made.send(MESSAGE)).kind, 'response')
})

test('beyond the most endpoints, the one that was idle longest loses its connections, and none with an attempt', async (t) => {
  const ends = endsOf(t)
  const hanging = await receivers.hanging(ends)
  const healthy = await Promise.all([1, 2, 3].map(() => receivers.healthy(ends)))
  const all = clients(t, { mostOpen: 3 })
  const busy = all.of({ id: 'we_0', url: hanging.url }).send(MESSAGE)
  await until('the receiver', () => hanging.count() === 1)
  const made = healthy.map(({ url }, index) => all.of({ id: `we_${index + 1}`, url }))
  for (const one of made) await one.send(MESSAGE)
  await healthy[0]?.quiet()
  assert.deepEqual([hanging.open(), ...healthy.map(({ open }) => open())], [1, 0, 1, 1])
  for (const one of made) assert.equal((await one.send(MESSAGE)).kind, 'response')
  await all.destroy()
  assert.equal((await busy).kind, 'no_answer')
})

test('an attempt that ends leaves no timer behind', async (t) => {
  const receiver = await receivers.healthy(endsOf(t))
  const runtime = manualRuntime()
  const all = clients(t, { runtime })
  const made = all.of({ id: 'we_1', url: receiver.url })
  await Promise.all(Array.from({ length: 50 }, () => made.send(MESSAGE)))
  // One for all deadlines, one for those of bodies, one for idle connections.
  assert.ok(runtime.pending <= 3, `${runtime.pending}`)
  await all.destroy()
  assert.equal(runtime.pending, 0)
})

test('a message with a header that HTTP does not allow is not sent', async (t) => {
  const receiver = await receivers.healthy(endsOf(t))
  const made = client(t, receiver.url)
  const attempt = await made.send({ ...MESSAGE, headers: { 'x-own': 'a\r\nhost: elsewhere' } })
  assert.equal(attempt.kind, 'no_answer')
  assert.equal(receiver.count(), 0)
})
