/** A real process with a wrong clock: it does nothing irreversible because of it, and recovers completely. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import Database from 'better-sqlite3'
import { assertSound } from '../kit/audit.ts'
import { type Charge, type Client, client, type Page, until } from '../kit/client.ts'
import { tempDir } from '../kit/folders.ts'
import { startReceiver } from '../kit/receiver.ts'
import { type RunningServer, startServer } from '../kit/server.ts'
import { newSecret } from '../kit/simulator.ts'
import { onLoopback } from '../kit/sockets.ts'
import { atBank, providersIn } from '../kit/world.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR
const PRELOAD = fileURLToPath(new URL('../wrong-clock.js', import.meta.url))

type Ready = { status: string; clock?: { moved_by_seconds: number; trusted_in_seconds: number } }

/** A database, and servers on it with a clock that the test sets. */
function wrongClocks(t: TestContext) {
  const dir = tempDir()
  const file = join(dir.path, 'clock')
  const database = join(dir.path, 'minipay.db')
  let server: RunningServer | undefined
  t.after(async () => {
    await server?.stop()
    dir.remove()
  })
  return {
    database,
    set: (offMs: number) => writeFileSync(file, String(Math.round(offMs))),
    async start(offMs: number, env: Record<string, string> = {}): Promise<RunningServer & { api: Client }> {
      this.set(offMs)
      server = await startServer(database, {
        NODE_OPTIONS: `--import ${PRELOAD}`,
        TEST_CLOCK: file,
        MINIPAY_IDEMPOTENCY_RETENTION_HOURS: '1',
        ...env,
      })
      return { ...server, api: client(server.url) }
    },
    /** Resolves once a row of the database is so. */
    row: <T>(sql: string, ...values: string[]): T | undefined => {
      const db = new Database(database, { readonly: true })
      try {
        return db.prepare(sql).get(...values) as T | undefined
      } finally {
        db.close()
      }
    },
    async verify() {
      await assertSound(database)
    },
  }
}

/** How far a clock is off that says this. */
const to = (iso: string) => Date.parse(iso) - Date.now()

const order = { amount: 2500, currency: 'usd', customer: 'cus_42' }
const again = async (api: Client, key: string) => {
  const { status, body, headers } = await api.post<Charge>('/api/v1/charges', order, {
    'idempotency-key': key,
  })
  return { status, id: body.id, replayed: headers.get('idempotent-replayed') }
}
const ids = async (api: Client, query = '') =>
  (await api.get<Page<Charge>>(`/api/v1/charges?limit=100${query}`)).body.data.map(({ id }) => id)
const isNear = (iso: string, offMs: number) => Math.abs(Date.parse(iso) - Date.now() - offMs) < 10 * 60_000

for (const [when, off] of [
  ['a month ahead', 30 * DAY],
  ['in 2100', to('2100-01-01T00:00:00Z')],
] as const)
  test(`a start ${when} forgets no key and cancels no hold, and later charges have their own time`, async (t) => {
    const world = wrongClocks(t)
    const before = await world.start(0)
    const first = await before.api.charge({}, 'order-1')
    const hold = await before.api.charge({ capture: false })
    assert.deepEqual((await before.api.get<Ready>('/ready')).body, { status: 'ready' })
    await before.stop()

    const wild = await world.start(off)
    // The purge runs at the start; a hold whose time has come is looked at soon after.
    await until(
      async () =>
        world.row<{ due: number }>('SELECT due_at AS due FROM attempts WHERE transaction_id = ? ', hold.id)
          ?.due ?? 0,
      (due) => due > Date.now() + off,
    )
    assert.equal((await again(wild.api, 'order-1')).id, first.id)
    const { body, status } = await wild.api.get<Ready>('/ready')
    assert.deepEqual([status, body.status], [200, 'ready'])
    assert.ok(Math.abs((body.clock?.moved_by_seconds ?? 0) - off / 1_000) < 600, JSON.stringify(body))
    assert.match(wild.output(), /"level":"error"[^\n]*the clock is wrong/)
    assert.match(
      (await wild.api.get<string>('/metrics', { accept: 'text/plain' })).body,
      /^minipay_clock_moved_seconds [1-9]/m,
    )
    const made = await wild.api.charge({}, 'order-2')
    assert.ok(isNear(made.created_at, off))
    await wild.stop()

    const right = await world.start(0)
    assert.equal((await again(right.api, 'order-1')).id, first.id)
    assert.equal((await again(right.api, 'order-2')).id, made.id)
    assert.equal((await right.api.get<Charge>(`/api/v1/charges/${hold.id}`)).body.status, 'authorized')
    assert.equal((await right.api.capture(hold.id)).status, 'succeeded')
    const last = await right.api.charge()
    assert.ok(isNear(last.created_at, 0), last.created_at)
    assert.deepEqual(await ids(right.api), [last.id, made.id, hold.id, first.id])
    assert.deepEqual(await ids(right.api, `&starting_after=${made.id}`), [hold.id, first.id])
    assert.deepEqual(await ids(right.api, `&ending_before=${made.id}`), [last.id])
    const tomorrow = new Date(Date.now() + DAY).toISOString()
    assert.deepEqual(await ids(right.api, `&created_lt=${tomorrow}`), [last.id, hold.id, first.id])
    assert.deepEqual(await ids(right.api, `&created_gte=${tomorrow}`), [made.id])
    assert.deepEqual(await ids(right.api, `&created_gte=${last.created_at}`), [last.id, made.id])
    await right.stop()
    await world.verify()
  })

test('a start in 1969 makes random ids in order, and all is well afterwards', async (t) => {
  const world = wrongClocks(t)
  const off = to('1969-06-01T00:00:00Z')
  const wild = await world.start(off)
  const charges: Charge[] = []
  for (let i = 0; i < 20; i++) charges.push(await wild.api.charge({}, `order-${i}`))
  const hold = await wild.api.charge({ capture: false })
  for (const { id, created_at } of charges) {
    assert.match(id, /^txn_[0-9a-hjkmnp-tv-z]{26}$/)
    assert.ok(isNear(created_at, off), created_at)
  }
  const made = charges.map(({ id }) => id)
  assert.deepEqual(made, made.toSorted())
  assert.equal(
    new Set(made.map((id) => id.slice(-13))).size,
    made.length,
    'each has random digits of its own',
  )
  assert.ok(((await wild.api.get<Ready>('/ready')).body.clock?.moved_by_seconds ?? 0) < 0)
  await wild.stop()

  const right = await world.start(0)
  assert.equal((await again(right.api, 'order-7')).id, made[7])
  await until(
    async () =>
      world.row<{ due: number }>('SELECT due_at AS due FROM attempts WHERE transaction_id = ?', hold.id)
        ?.due ?? 0,
    (due) => due > Date.now(),
  )
  assert.equal((await right.api.get<Charge>(`/api/v1/charges/${hold.id}`)).body.status, 'authorized')
  const last = await right.api.charge()
  assert.ok(isNear(last.created_at, 0))
  assert.deepEqual(await ids(right.api), [last.id, hold.id, ...made.toReversed()])
  assert.deepEqual(await ids(right.api, '&created_gte=2020-01-01T00:00:00Z'), [last.id])
  await right.stop()
  await world.verify()
})

test('a clock that is set back by an hour holds up no webhook, and one moment ahead stamps no later charge', async (t) => {
  const world = wrongClocks(t)
  let failing = true
  const receiver = await startReceiver((_webhook, response) => {
    response.writeHead(failing ? 503 : 200).end()
  })
  t.after(receiver.close)
  const server = await world.start(HOUR, { WEBHOOK_TARGET: receiver.url })
  const first = await server.api.charge({}, 'order-1')
  await receiver.waitForRequests(3)
  world.set(0)
  failing = false
  const second = await server.api.charge({}, 'order-2')
  assert.ok(isNear(second.created_at, 0), second.created_at)
  assert.ok(second.id > first.id)
  const delivered = async () =>
    (await server.api.get<{ delivered_webhooks: number }>('/metrics')).body.delivered_webhooks
  // The retry would have been due in an hour.
  await until(delivered, (count) => count === 2)
  await until(
    async () => server.output(),
    (output) => /"level":"error"[^\n]*set back/.test(output),
  )
  assert.ok(((await server.api.get<Ready>('/ready')).body.clock?.moved_by_seconds ?? 0) < -3_000)

  world.set(400 * DAY)
  const ahead = await server.api.charge({}, 'order-3')
  assert.ok(isNear(ahead.created_at, 400 * DAY))
  world.set(0)
  const last = await server.api.charge({}, 'order-4')
  assert.ok(isNear(last.created_at, 0), last.created_at)
  assert.equal((await again(server.api, 'order-1')).id, first.id)
  assert.deepEqual(await ids(server.api), [last.id, ahead.id, second.id, first.id])
  await until(delivered, (count) => count === 4)
  await server.stop()
  await world.verify()
})

test('a clock that was set back while nothing ran holds up no webhook', async (t) => {
  const world = wrongClocks(t)
  let failing = true
  const receiver = await startReceiver((_webhook, response) => {
    response.writeHead(failing ? 503 : 200).end()
  })
  t.after(receiver.close)
  const ahead = await world.start(HOUR, { WEBHOOK_TARGET: receiver.url })
  await ahead.api.charge()
  await receiver.waitForRequests(2)
  await ahead.stop()
  failing = false
  const { api, output } = await world.start(0, { WEBHOOK_TARGET: receiver.url })
  await until(
    async () => (await api.get<{ delivered_webhooks: number }>('/metrics')).body.delivered_webhooks,
    (count) => count === 1,
  )
  assert.match(output(), /"level":"error"[^\n]*behind/)
})

/** A processor that the test keeps waiting; it notes when it was asked for what. */
async function startProcessor(t: TestContext, dir: string) {
  const asked: { operation: string; at: number; reference: string }[] = []
  let hangs = false
  let status = 'pending'
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk)
    const { reference } = JSON.parse(Buffer.concat(chunks).toString())
    const operation = (request.url ?? '').slice(1)
    asked.push({ operation, reference, at: performance.now() })
    if (hangs && operation === 'authorize') return
    response
      .writeHead(200, { 'content-type': 'application/json' })
      .end(JSON.stringify({ status, reference: `pay_${reference}`, amount: 2500, currency: 'usd' }))
  })
  const { url, close } = await onLoopback(server)
  t.after(close)
  const bank = atBank({ url, secret: newSecret() }, { deadline_ms: DEADLINE_MS })
  return {
    asked,
    env: providersIn(dir, { bank }),
    hang: () => {
      hangs = true
    },
    say: (now: 'pending' | 'succeeded') => {
      status = now
    },
    of: (operation: string) => asked.filter((each) => each.operation === operation),
  }
}
const DEADLINE_MS = 3_000

test('a clock that is set back by an hour holds up no lookup', async (t) => {
  const world = wrongClocks(t)
  const processor = await startProcessor(t, dirname(world.database))
  const { api } = await world.start(HOUR, processor.env)
  const { body } = await api.post<Charge>('/api/v1/charges', order)
  assert.equal(body.status, 'processing')
  await until(
    async () => processor.of('lookup').length,
    (looks) => looks >= 2,
  )
  world.set(0)
  processor.say('succeeded')
  await until(
    async () => (await api.get<Charge>(`/api/v1/charges/${body.id}`)).body.status,
    (status) => status === 'succeeded',
  )
})

test('a clock that jumps ahead during a call to a provider does not end its lease', async (t) => {
  const world = wrongClocks(t)
  const processor = await startProcessor(t, dirname(world.database))
  const { api } = await world.start(0, { ...processor.env, MINIPAY_PROVIDER_WAIT_MS: '60000' })
  processor.say('succeeded')
  processor.hang()
  const answer = api.post<Charge>('/api/v1/charges', order)
  await until(
    async () => processor.of('authorize').length,
    (calls) => calls === 1,
  )
  world.set(DAY)
  assert.equal((await answer).body.status, 'succeeded')
  const [call] = processor.of('authorize')
  const [look] = processor.of('lookup')
  assert.ok(call && look && look.reference === call.reference)
  assert.ok(look.at - call.at >= DEADLINE_MS, 'it is looked up after its own process gave it up, not before')
  assert.equal(processor.of('authorize').length, 1)
})
