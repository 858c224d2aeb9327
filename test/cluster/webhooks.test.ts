/** Webhooks of three real nodes: kills, pauses and outages of the database, with many endpoints. */
import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { drawsFrom } from '../kit/draws.ts'
import { type ClusterNode, untilReady } from '../kit/nodes.ts'
import { startStopwatch } from '../kit/stopwatch.ts'
import { PATIENCE_MS, until } from '../kit/until.ts'
import { assertBooks, ownServer, threeNodes } from './nodes.ts'
import {
  attempts,
  chargeAnywhere,
  cursors,
  eventIds,
  type Fleet,
  SECRETS,
  startCustomers,
  startFleet,
  waitingTries,
} from './webhook-fleet.ts'

const ENDPOINTS = 20
/** A lease of a cursor, in ms: see workers/webhooks/dispatcher. */
const LEASE_MS = 6_000
/** The most events that a node sends to an endpoint before the first of them is stored. */
const WINDOW = 256
/** A longer storm: `TEST_KILLS=6`. */
const KILLS = Number(process.env['TEST_KILLS'] ?? 2)
const OUTAGE_MS = Number(process.env['TEST_OUTAGE_MS'] ?? 3_000)
const SEED = 1

const server = ownServer()

async function startAll(t: TestContext) {
  const database = await server().createDatabase()
  const nodes = await threeNodes(t, database, SECRETS)
  const fleet = await startFleet(t, nodes, ENDPOINTS)
  await untilHeld(database)
  return { database, nodes, fleet }
}

/** Resolves when every cursor has a lease that was made or renewed after now. */
async function untilHeld(database: string): Promise<number> {
  const since = performance.now()
  await until('every cursor is held by a living node', async () => {
    await pause(200)
    const all = await cursors(database)
    const passed = performance.now() - since
    // A lease from before ends within its length from then.
    const renewed = ({ leaseMs }: { leaseMs: number | null }) =>
      leaseMs !== null && leaseMs > 0 && passed + leaseMs > LEASE_MS + 200
    return all.length === ENDPOINTS && all.every(renewed)
  })
  return performance.now() - since
}

/** Resolves when every endpoint has every event, nothing waits, and the position is behind the last event. */
async function untilAllTold(database: string, fleet: Fleet): Promise<string[]> {
  const deadline = performance.now() + PATIENCE_MS
  for (;;) {
    const ids = await eventIds(database)
    const missing = fleet.told.map((told) => {
      const known = new Set(told.map(({ event }) => event))
      return ids.filter((id) => !known.has(id)).length
    })
    const states = await cursors(database)
    const done = [...missing, ...states.map(({ backlog, pending }) => backlog + pending)]
    if (done.every((count) => count === 0)) return ids
    if (performance.now() > deadline)
      assert.fail(
        `missing of ${ids.length}: ${missing.join(' ')}\n${JSON.stringify(states)}\n${await waitingTries(database)}`,
      )
    await pause(200)
  }
}

test('nodes that are killed under load again and again lose no webhook, and repeat a window at most', async (t) => {
  const { database, nodes, fleet } = await startAll(t)
  fleet.latencyMs = 20
  const draw = drawsFrom(SEED)
  const customers = startCustomers(t, nodes, 3, 'kills')
  for (let kill = 0; kill < KILLS; kill++) {
    await pause(draw.between(500, 2_000))
    const victim = draw.of(nodes)
    await victim.kill()
    await pause(draw.between(0, 1_000))
    await victim.start()
  }
  await nodes[0].kill()
  const heldMs = await untilHeld(database)
  assert.ok(heldMs < 10_000, `${heldMs} ms`)
  const charges = await customers.leave()
  await nodes[0].start()
  const ids = await untilAllTold(database, fleet)
  const repeated = fleet.told.map((told) => told.length - ids.length)
  for (const count of repeated) assert.ok(count <= (KILLS + 1) * WINDOW, `${count} repeated`)
  const sum = repeated.reduce((a, b) => a + b, 0)
  t.diagnostic(`${charges} charges, ${ids.length} events to ${ENDPOINTS} endpoints, ${KILLS + 1} kills`)
  t.diagnostic(`${sum} webhooks repeated; all cursors held ${Math.round(heldMs)} ms after the last kill`)
  assert.deepEqual(fleet.overlaps, [])
  const all = fleet.told.flat()
  assert.ok(all.filter(({ pid }) => pid !== 0).length > 0.9 * all.length, 'most senders are known')
  await assertBooks(database)
})

test('a node that was paused for longer than its leases repeats and writes nothing of what others took over', async (t) => {
  const { database, nodes, fleet } = await startAll(t)
  fleet.latencyMs = 1_000
  const holders = new Set((await cursors(database)).map(({ owner }) => owner))
  t.diagnostic(`${holders.size} nodes hold the cursors of ${ENDPOINTS} endpoints`)
  const keys = Array.from({ length: 8 }, (_, i) => `before-${i}`)
  await Promise.all(keys.map((key) => chargeAnywhere(nodes, key)))
  await until('webhooks are in flight', () => fleet.told.every((told) => told.length > 0))
  const paused = busiest(nodes, fleet)
  const pid = paused.pid() as number
  process.kill(pid, 'SIGSTOP')
  const others = nodes.filter((node) => node !== paused)
  try {
    await untilHeld(database)
    const before = await untilAllTold(database, fleet)
    fleet.latencyMs = 0
    const since = performance.now()
    process.kill(pid, 'SIGCONT')
    const later = Array.from({ length: 8 }, (_, i) => `after-${i}`)
    await Promise.all(later.map((key) => chargeAnywhere(others, key)))
    await untilAllTold(database, fleet)
    await pause(3_000)
    // Later events may be its own again: the others share their cursors with it.
    const taken = new Set(before)
    const late = fleet.told.flat().filter((one) => one.pid === pid && one.at > since && taken.has(one.event))
    assert.deepEqual(late, [])
    // The holder that took over recorded each delivery; the paused node added nothing.
    assert.deepEqual(Object.keys(await attempts(database, before)), ['1'])
  } finally {
    process.kill(pid, 'SIGCONT')
  }
  assert.deepEqual(fleet.overlaps, [])
  await untilReady(nodes, 200)
})

/** The node that has sent most. */
function busiest(nodes: readonly ClusterNode[], { told }: Fleet): ClusterNode {
  const sent = (node: ClusterNode) => told.flat().filter(({ pid }) => pid === node.pid()).length
  return nodes.toSorted((a, b) => sent(b) - sent(a))[0] as ClusterNode
}

test('a node that stops hands its cursors over at once', async (t) => {
  const { database, nodes, fleet } = await startAll(t)
  const leaving = busiest(nodes, fleet)
  await chargeAnywhere(nodes, 'first')
  await untilAllTold(database, fleet)
  assert.equal(await leaving.stop(), 0)
  const watch = startStopwatch()
  const others = nodes.filter((node) => node !== leaving)
  await chargeAnywhere(others, 'second')
  await untilAllTold(database, fleet)
  const tookMs = watch.ms()
  watch.stop()
  assert.ok(tookMs < LEASE_MS, `${tookMs} ms`)
  assert.deepEqual(fleet.overlaps, [])
})

test('an outage of the database heals by itself, and no webhook is lost', async (t) => {
  const { database, nodes, fleet } = await startAll(t)
  fleet.latencyMs = 10
  const customers = startCustomers(t, nodes, 4, 'outage')
  await until('webhooks flow', () => fleet.told.every((told) => told.length > 20))
  await server().stop('immediate')
  await pause(OUTAGE_MS)
  const during = performance.now()
  await server().start()
  await untilReady(nodes, 200)
  await pause(1_000)
  const charges = await customers.leave()
  const ids = await untilAllTold(database, fleet)
  const tookMs = performance.now() - during
  const repeated = fleet.told.reduce((sum, told) => sum + told.length - ids.length, 0)
  t.diagnostic(
    `${charges} charges, an outage of ${OUTAGE_MS} ms, ${repeated} webhooks repeated, healed in ${Math.round(tookMs)} ms`,
  )
  for (const told of fleet.told) assert.ok(told.length - ids.length <= 2 * WINDOW)
  assert.deepEqual(fleet.overlaps, [])
  await assertBooks(database)
})
