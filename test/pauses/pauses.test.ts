/**
 * No request holds up the others: the longest pause of the event loop under each endpoint at its limits. CPU time of the main
 * thread is measured, and the least of a few runs counts: what a busy machine adds is no fault of the endpoint.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { ENDPOINTS } from '../../src/api/endpoints.ts'
import { HOSTILE_BODIES } from './bodies.ts'
import { type Ask, type PausesWorld, startPausesWorld } from './world.ts'
import { casesOf, worstCases } from './worst-cases.ts'

/** On a machine that reads and writes `REFERENCE` in `REFERENCE_MS`; while it is slower, as much more. */
const LIMIT_MS = 50
const REFERENCE_MS = 16
const REFERENCE = JSON.stringify(
  Array.from({ length: 20_000 }, (_, i) => ({ id: `txn_${i}`, amount: i, nested: { list: [i] } })),
)
const RUNS = 6
/** Beside the endpoint table. */
const DOCUMENTS = ['GET /', 'GET /docs', 'GET /openapi.json']
const ALL = ENDPOINTS.map((endpoint) => [`${endpoint.method} ${endpoint.url}`, casesOf(endpoint)] as const)
const CASES = { ...Object.fromEntries(ALL), ...worstCases }

let world: PausesWorld
before(async () => {
  world = await startPausesWorld()
})
after(() => world?.close())

/** How many times as slow as that machine this one is now: a shared machine is not always as fast. */
function slowness(): number {
  const begun = process.threadCpuUsage()
  for (let i = 0; i < 5; i++) JSON.stringify(JSON.parse(REFERENCE))
  return Math.max(1, process.threadCpuUsage(begun).user / 1_000 / 5 / REFERENCE_MS)
}

/** Fails when each of a few runs has a longer pause. */
async function assertShort(what: string, run: () => Promise<unknown>): Promise<void> {
  const pauses: number[] = []
  for (let i = 0; i < RUNS; i++) {
    const before = slowness()
    pauses.push((await world.server.longestPause(run)) / Math.max(before, slowness()))
    if ((pauses.at(-1) as number) <= LIMIT_MS) return
  }
  assert.fail(`${what}: ${pauses.map(Math.round).join(', ')} ms`)
}

/** Sends a body in chunks of one byte; fails unless it is read to its end, and refused for what it says. */
async function sendInBytes(url: string, kib: number): Promise<void> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  await once(socket, 'connect')
  socket.write(
    'POST /api/v1/charges HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n',
  )
  socket.write('1\r\n \r\n'.repeat(kib * 1024))
  socket.write('7\r\n{"x":1}\r\n0\r\n\r\n')
  const [answer] = await once(socket, 'data')
  socket.destroy()
  assert.match(String(answer), /^HTTP\/1\.1 400 [\s\S]*The parameter amount is missing/)
}

const send = (ask: Ask) => world.send(ask)

describe('worst cases', () => {
  test('every endpoint has its own worst case, and there is no other', () => {
    assert.deepEqual(
      ALL.flatMap(([name, cases]) => (cases ? [] : [name])),
      [],
    )
    assert.deepEqual(Object.keys(CASES).sort(), [...ALL.map(([name]) => name), ...DOCUMENTS].sort())
  })

  for (const [route, cases = {}] of Object.entries(CASES))
    test(`${route} pauses the event loop for at most ${LIMIT_MS} ms`, async () => {
      for (const [name, make] of Object.entries(cases)) {
        const asked = make(world)
        const status = await send(asked)
        assert.ok(status < 500, `${route}, ${name}: ${status}`)
        await assertShort(`${route}, ${name}`, () => send(asked))
      }
    })
})

describe('a body of 256 KiB pauses the event loop for at most 50 ms', () => {
  for (const [name, body] of Object.entries(HOSTILE_BODIES))
    test(`a body of ${name} pauses the event loop for at most 50 ms`, async () => {
      const bytes = Buffer.byteLength(body)
      assert.ok(bytes > 5_000 && bytes <= 256 * 1024, `${bytes} bytes`)
      await assertShort(name, async () =>
        assert.ok((await send({ method: 'POST', path: '/api/v1/charges', body })) < 500),
      )
    })
})

describe('many at once take turns', () => {
  const together = (asks: readonly Ask[]) => () =>
    Promise.all(asks.map(async (ask) => assert.ok((await send(ask)) < 500)))
  const times = (count: number, ask: Ask): Ask[] => Array(count).fill(ask)

  test('sixteen long bodies take turns', async () => {
    const bodies = ['many names', 'texts of thousands', 'faults of JSON', 'lists that never end']
    await assertShort(
      'bodies',
      together(
        bodies.flatMap((name) =>
          times(4, { method: 'POST', path: '/api/v1/charges', body: HOSTILE_BODIES[name] as string }),
        ),
      ),
    )
  })

  test('five bodies in chunks of one byte take turns', async () => {
    // One is as long as a body may be. The others fill a socket's buffer again and again, which takes a fifth of the time.
    await assertShort('chunks', () =>
      Promise.all([250, 50, 50, 50, 50].map((kib) => sendInBytes(world.server.url, kib))),
    )
  })

  test('a hundred long pages take turns', async () => {
    await assertShort('pages', together(times(100, { method: 'GET', path: '/api/v1/charges?limit=100' })))
  })

  test('sixteen clients of /docs take turns', async () => {
    await assertShort('documents', together(times(16, { method: 'GET', path: '/docs' })))
  })

  test('four simulations take turns', async () => {
    await assertShort('simulations', together(times(4, world.simulation('absent metadata'))))
  })
})

describe('what others answer', () => {
  test('an answer of 1 MiB, from a provider or a receiver of webhooks, pauses the event loop for at most 50 ms', async () => {
    for (const answer of world.longAnswers) {
      world.answerWith(answer)
      await assertShort(`answers of ${answer.slice(0, 20)}…`, async () => {
        const heard = world.heardWebhooks(1)
        assert.ok((await send(world.charge({ customer: 'remote' }))) < 500)
        assert.ok((await send(world.charge({}))) < 500)
        await heard
      })
    }
  })
})
