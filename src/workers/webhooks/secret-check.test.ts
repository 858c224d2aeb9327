import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { webhookWorld } from '../../../test/kit/couriers.ts'
import { webhookEndpointOf } from '../../../test/kit/webhooks.ts'
import { KEYLESS_SCOPE as SCOPE } from '../../ports/store.ts'
import { secretContext } from '../../ports/vault.ts'
import { createVault } from '../../vault/vault.ts'
import { createSecretCheck } from './secret-check.ts'

const vault = createVault([randomBytes(32)])
const other = createVault([randomBytes(32)])
const sealed = (by = vault) => by.seal('secret', secretContext(SCOPE, 'we_1'))
const current = (by = vault) => [{ sealed: sealed(by), until: null }]
const endpointOf = (fields: Partial<Parameters<typeof webhookEndpointOf>[1]>) =>
  webhookEndpointOf(SCOPE, { id: 'we_1', ...fields })

function check() {
  const lines: object[] = []
  const opens = createSecretCheck(vault, { info() {}, warn() {}, error: (fields) => void lines.push(fields) })
  return { opens, lines }
}

test('an endpoint whose secret and headers open can be signed for, and so can one without any', () => {
  const { opens, lines } = check()
  assert.ok(opens(endpointOf({ secrets: current(), headers: { 'x-token': sealed() } })))
  assert.ok(opens(endpointOf({ secrets: [], version: 2 })))
  assert.deepEqual(lines, [])
})

test('a secret or a header that does not open is logged once a version, and a new secret ends the wait', () => {
  const { opens, lines } = check()
  for (let i = 0; i < 3; i++) assert.ok(!opens(endpointOf({ secrets: current(other) })))
  assert.equal(lines.length, 1)
  const headers = { 'x-token': sealed(other) }
  assert.ok(!opens(endpointOf({ secrets: current(), headers, version: 2 })))
  assert.equal(lines.length, 2)
  assert.match(JSON.stringify(lines[0]), /"Closed: the secret\. .*rotate_secret/)
  assert.match(JSON.stringify(lines[1]), /"Closed: the header x-token\. .*set its headers again/)
  const former = { sealed: sealed(other), until: Date.now() }
  assert.ok(opens(endpointOf({ secrets: [...current(), former], version: 3 })))
  assert.equal(lines.length, 2)
})

test('an endpoint without its key waits and stores nothing, others get their webhooks, and a new secret brings all', async (t) => {
  const world = webhookWorld(t)
  const made = (id: string, by: typeof vault) =>
    world.endpoint({ id, secrets: [{ sealed: by.seal('secret', secretContext(SCOPE, id)), until: null }] })
  const lost = await made('we_lost', other)
  const fine = await made('we_fine', vault)
  world.start({ opens: check().opens })
  const events = await world.charges(20)
  await world.runtime.advance(60_000)
  assert.equal(world.toldTo(fine).length, 20)
  assert.equal(world.toldTo(lost).length, 0)
  assert.deepEqual(await world.deliveries(lost), [])
  const cursor = await world.store.webhookCursor(SCOPE, lost.id)
  assert.deepEqual([cursor?.backlog, cursor?.pending, cursor?.failed], [20, 0, 0])

  const secrets = [{ sealed: vault.seal('new', secretContext(SCOPE, lost.id)), until: null }]
  assert.ok(await world.store.changeWebhookEndpoint(lost, { ...lost, secrets, version: 2 }, null))
  await world.runtime.advance(2_000)
  assert.deepEqual(
    world.toldTo(lost).map(({ event }) => event.id),
    events.map(({ id }) => id),
  )
})

test('a courier ends when its endpoint gets a secret that this process cannot open', async (t) => {
  const world = webhookWorld(t)
  const endpoint = await world.endpoint({ secrets: [] })
  world.start({ opens: check().opens })
  await world.charges(1)
  await world.runtime.advance(1_500)
  const secrets = [{ sealed: other.seal('new', secretContext(SCOPE, endpoint.id)), until: null }]
  assert.ok(await world.store.changeWebhookEndpoint(endpoint, { ...endpoint, secrets, version: 2 }, null))
  await world.runtime.advance(1_500)
  await world.charges(3)
  await world.runtime.advance(10_000)
  assert.equal(world.toldTo(endpoint).length, 1)
  assert.equal((await world.store.webhookCursor(SCOPE, endpoint.id))?.backlog, 3)
})

test('a cursor whose secret does not open goes back at once, and other processes with the key serve it for good', async (t) => {
  const world = webhookWorld(t)
  const made = (id: string, by: typeof vault) =>
    world.endpoint({ id, secrets: [{ sealed: by.seal('secret', secretContext(SCOPE, id)), until: null }] })
  const closed = await made('we_closed', other)
  const open = await made('we_open', vault)
  let claims = 0
  const claimWebhookCursors: typeof world.store.claimWebhookCursors = (claim) => {
    claims++
    return world.store.claimWebhookCursors(claim)
  }
  const stale = world.start({ opens: check().opens, store: { ...world.store, claimWebhookCursors } })
  await world.runtime.advance(3_000)
  assert.ok(claims < 10, `${claims} claims: giving back does not make it claim again without a pause`)
  assert.deepEqual(
    stale.held().map(({ id }) => id),
    [open.id],
  )
  const fresh = world.start({})
  await world.runtime.advance(1_000)
  assert.deepEqual(
    fresh.held().map(({ id }) => id),
    [closed.id],
  )
  await world.charges(5)
  await world.runtime.advance(60_000)
  assert.equal(world.toldTo(closed).length, 5)
  assert.equal(world.toldTo(open).length, 5)
  assert.deepEqual(
    fresh.held().map(({ id }) => id),
    [closed.id],
  )
})
