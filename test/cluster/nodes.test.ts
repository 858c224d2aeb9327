/** Three real nodes over one database: one key, a node that dies with calls under way, clocks that differ, starts at once. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { fileURLToPath } from 'node:url'
import { Webhook } from 'standardwebhooks'
import { call, charge } from '../kit/http.ts'
import { preloaded, startNode, startNodes } from '../kit/nodes.ts'
import { onDatabase } from '../kit/postgres.ts'
import { until } from '../kit/until.ts'
import {
  assertBooks,
  chargesOf,
  databaseTime,
  eventsOf,
  ownServer,
  patientBank,
  threeNodes,
  untilCharged,
  webhooks,
} from './nodes.ts'

const server = ownServer()
const SKEW = preloaded(fileURLToPath(new URL('clock-skew.ts', import.meta.url)))

test('nodes that start at once on an empty database all serve; one that finds a newer schema says so and ends', async (t) => {
  const database = await server().createDatabase()
  const nodes = await threeNodes(t, database)
  const made = await Promise.all(nodes.map(({ url }, i) => charge(url, `order-${i}`)))
  assert.deepEqual(
    made.map(({ status }) => status),
    [201, 201, 201],
  )
  const lists = await Promise.all(nodes.map(chargesOf))
  for (const list of lists) assert.deepEqual(list, lists[0])
  await onDatabase(database, (client) => client.query('UPDATE schema_version SET number = 99'))
  await assert.rejects(startNode(database), (error: Error) => {
    assert.match(error.message, /ended with 1 before it listened/)
    assert.match(error.message, /was written by a newer MiniPay \(schema 99; this one knows \d+\)/)
    assert.doesNotMatch(error.message, /secret|\n\s+at /)
    return true
  })
})

test('two hundred requests with one key at once over three nodes are one charge, one event, one webhook', async (t) => {
  const database = await server().createDatabase()
  const { env, different, waitFor } = await webhooks(t)
  const nodes = await threeNodes(t, database, env)
  const key = 'the one order'.replaceAll(' ', '-')
  const answers = await Promise.all(
    Array.from({ length: 200 }, (_, i) => charge(nodes[i % 3]?.url ?? '', key)),
  )
  const [first, ...more] = answers.filter(({ status }) => status === 201)
  assert.ok(first)
  assert.equal(more.length, 0)
  for (const { status, headers, body } of answers)
    if (status === 200) {
      assert.deepEqual(body, first.body)
      assert.equal(headers.get('idempotent-replayed'), 'true')
    } else if (status !== 201) {
      // On a slow machine, a node refuses a request that would wait for too long.
      assert.ok([409, 503].includes(status) && headers.has('retry-after'), JSON.stringify(body))
      assert.deepEqual((await untilCharged(nodes, key)).body, first.body)
    }
  const events = await eventsOf(nodes[1])
  assert.deepEqual(
    events.map(({ type, data }) => [type, data.id]),
    [['payment.succeeded', first.body.id]],
  )
  await waitFor(1)
  // The node that sent it writes down what came back after the receiver has it.
  const path = '/api/v1/webhook_deliveries'
  const listed = async () => (await call<{ data: object[] }>(nodes[2].url, 'GET', path)).body.data
  await until('the delivery is listed', async () => (await listed()).length > 0)
  assert.deepEqual([(await listed()).length, different().length], [1, 1])
  await assertBooks(database, 1)
})

test('two hundred requests with one key whose bank takes its time are one payment there', async (t) => {
  const database = await server().createDatabase()
  const { bank, env } = await patientBank(t)
  const nodes = await threeNodes(t, database, env)
  await bank.arm('authorize', 'hold_after')
  const asked = Array.from({ length: 200 }, (_, i) => charge(nodes[i % 3]?.url ?? '', 'held'))
  await bank.waitFor('done', 'authorize', 1)
  await bank.control('POST', '/release')
  const answers = await Promise.all(asked)
  const { body } = await untilCharged(nodes, 'held')
  assert.equal(body.status, 'succeeded')
  for (const answer of answers) {
    assert.ok([200, 201, 202, 409].includes(answer.status), JSON.stringify(answer.body))
    if (answer.status !== 409) assert.equal(answer.body.id, body.id)
  }
  const { payments } = await bank.statement()
  assert.deepEqual(
    payments.map(({ transaction_id, captured }) => [transaction_id, captured]),
    [[body.id, 100]],
  )
  await assertBooks(database, 1)
})

test('calls of a killed node are taken over by the others, and the bank and the ledger agree', async (t) => {
  const database = await server().createDatabase()
  const { bank, env } = await patientBank(t)
  const nodes = await threeNodes(t, database, { ...env, MINIPAY_PROVIDER_WAIT_MS: '100' })
  const [victim, ...others] = nodes
  // Half of the calls are done when the node dies, and half have not been heard of.
  await bank.arm('authorize', 'hold_after', 4)
  await bank.arm('authorize', 'hang', 4)
  const keys = Array.from({ length: 8 }, (_, i) => `order-${i}`)
  const cut = keys.map((key) => charge(victim.url, key).catch(() => undefined))
  await bank.waitFor('received', 'authorize', 8)
  await victim.kill()
  await Promise.all(cut)
  const charges = await untilSettled(others[0].url, keys.length)
  const { payments } = await bank.statement()
  const taken = payments.filter(({ captured }) => captured > 0)
  assert.deepEqual(
    taken.map(({ transaction_id }) => transaction_id).sort(),
    charges.flatMap(({ id, status }) => (status === 'succeeded' ? [id] : [])).sort(),
  )
  assert.equal(taken.length, 4)
  assert.ok(charges.every(({ status }) => status === 'succeeded' || status === 'failed'))
  // What was surely not done is charged under a new key, by any node.
  assert.equal((await untilCharged(others, 'again')).body.status, 'succeeded')
  await assertBooks(database, 9)
})

type Charges = { data: { id: string; status: string; idempotency_key: string }[] }

/** So many charges, when none of them is processing any more. */
async function untilSettled(url: string, count: number): Promise<Charges['data']> {
  let last: Charges['data'] = []
  await until('every charge has ended', async () => {
    last = (await call<Charges>(url, 'GET', '/api/v1/charges?limit=100')).body.data
    return last.length === count && last.every(({ status }) => status !== 'processing')
  })
  return last
}

test('nodes whose clocks are an hour off work with the others as if they were right', async (t) => {
  const database = await server().createDatabase()
  const { bank, env } = await patientBank(t)
  const hooks = await webhooks(t)
  const clocks = [0, 3_600_000, -3_600_000].map((skew) => ({ CLOCK_SKEW_MS: String(skew) }))
  const nodes = await threeNodes(t, database, { ...env, ...hooks.env }, clocks, SKEW)
  const before = await databaseTime(database)
  const made: string[] = []
  for (let i = 0; i < 9; i++) {
    const { status, body } = await charge(nodes[i % 3]?.url ?? '', `order-${i}`)
    assert.equal(status, 201, JSON.stringify(body))
    made.push(body.id)
  }
  const after = await databaseTime(database)
  // Every created time is the database's, up to what a busy machine adds to a measurement.
  for (const { created_at } of await chargesOf(nodes[0])) {
    const at = Date.parse(created_at)
    assert.ok(before - 1_000 < at && at < after + 1_000, `${before} ${at} ${after}`)
  }
  const events = await eventsOf(nodes[1])
  assert.deepEqual(
    events.map(({ data }) => data.id),
    made,
  )
  // A receiver takes signatures of the last five minutes only.
  await hooks.waitFor(9)
  const webhook = new Webhook(hooks.secret)
  for (const { body, headers } of hooks.received) webhook.verify(body, headers as Record<string, string>)

  // Nobody takes a call from a node that lives, whatever its clock says of the lease.
  await bank.arm('authorize', 'hold_after', 3)
  const held = nodes.map(({ url }, i) => charge(url, `held-${i}`))
  await bank.waitFor('done', 'authorize', 12)
  await beats(database, 6)
  assert.equal((await bank.calls()).received.lookup, 0)
  await bank.control('POST', '/release')
  for (const { status, body } of await Promise.all(held)) assert.equal(status, 201, JSON.stringify(body))

  // What a node holds that dies is taken over, whichever of the clocks is ahead.
  await bank.arm('authorize', 'hold_after', 2)
  const [right, ...wrong] = nodes
  const cut = wrong.map(({ url }, i) => charge(url, `cut-${i}`).catch(() => undefined))
  await bank.waitFor('done', 'authorize', 14)
  await Promise.all(wrong.map((node) => node.kill()))
  await Promise.all(cut)
  for (const { status } of await untilSettled(right.url, 14)) assert.equal(status, 'succeeded')
  await assertBooks(database, 14)
})

/** Resolves when the nodes have beaten for so long that one that had not would have lost its leases. */
async function beats(database: string, seconds: number): Promise<void> {
  const since = await databaseTime(database)
  const seen = `SELECT min(seen_at)::double precision AS seen FROM nodes`
  await until('every node was seen again', async () => {
    const { rows } = await onDatabase(database, (client) => client.query(seen))
    return rows[0].seen - since > seconds * 1_000
  })
}

test("a bank's notification is taken by a node whose clock is off", async (t) => {
  const database = await server().createDatabase()
  const { bank, env } = await patientBank(t)
  const [node] = await startNodes(database, [{ ...env, CLOCK_SKEW_MS: '-600000' }], SKEW)
  assert.ok(node)
  t.after(node.kill)
  await bank.control('PUT', '/notify', { url: `${node.url}/providers/bank/notifications` })
  // It ends at once: otherwise a lookup of the node may come first.
  await bank.faults({ late_ms: 600_000 })
  await bank.arm('authorize', 'late')
  const { body } = await charge(node.url, 'late')
  await bank.control('POST', '/finish')
  const [{ status } = { status: 'none' }] = await untilSettled(node.url, 1)
  assert.equal(status, 'succeeded')
  const { body: attempts } = await call<{ data: { resolved_by: string }[] }>(
    node.url,
    'GET',
    `/api/v1/charges/${body.id}/attempts`,
  )
  assert.equal(attempts.data[0]?.resolved_by, 'notification')
})
