/** Webhooks of two nodes, one of which has a stale key for the secrets of endpoints. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import test from 'node:test'
import { atEnd } from '../kit/folders.ts'
import { startNode, untilReady } from '../kit/nodes.ts'
import { until } from '../kit/until.ts'
import { ownServer } from './nodes.ts'
import { chargeAnywhere, cursors, SECRETS, startFleet } from './webhook-fleet.ts'

const ENDPOINTS = 8

const server = ownServer()

test('a node with a stale key leaves all webhooks to the node that can sign them, however they start', async (t) => {
  const database = await server().createDatabase()
  const stale = { MINIPAY_SECRETS_KEY: randomBytes(32).toString('base64') }
  const [good, bad] = [await startNode(database, SECRETS), await startNode(database, stale)]
  atEnd(t, () => Promise.all([good.kill(), bad.kill()]))
  const fleet = await startFleet(t, [good], ENDPOINTS)

  let charges = 0
  async function assertTold(): Promise<void> {
    await chargeAnywhere([bad], `key-${++charges}`)
    await until('every endpoint has every event', () => fleet.told.every((told) => told.length >= charges))
    const pids = new Set(fleet.told.flat().map(({ pid }) => pid))
    assert.ok(!pids.has(bad.pid() ?? 0))
  }
  await assertTold()

  // The other node is alone for longer than the leases of the first, and has tried to serve every endpoint. What it tried
  // before is still owned by the dead node.
  await good.kill()
  const tried = () => bad.log().match(/does not open here/g)?.length
  await until(
    'the node with the stale key gave every cursor back',
    async () =>
      tried() === ENDPOINTS &&
      (await cursors(database)).every(({ leaseMs }) => leaseMs === null || leaseMs <= 0),
  )
  await good.start()
  await untilReady([good], 200)
  await assertTold()
  assert.deepEqual(new Set((await cursors(database)).map(({ owner }) => owner)).size, 1)
  assert.equal(tried(), ENDPOINTS, 'logged once an endpoint')
})
