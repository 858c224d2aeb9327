import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ClaimedDelivery } from '../ports/store.ts'
import { manualRuntime } from '../runtime/manual.ts'
import { createDeliveryLeases, LEASE_MS } from './claim-deliveries.ts'

const delivery = (id: string) => ({ id }) as ClaimedDelivery

/** Leases over a store in which these deliveries are always due. */
function leasing(...ids: string[]) {
  const runtime = manualRuntime()
  const leases = createDeliveryLeases({
    store: { claimDeliveries: async ({ limit }) => ids.slice(0, limit).map(delivery) },
    endpoint: 'default',
    runtime,
    now: runtime.now,
  })
  return { leases, runtime }
}

test('the delivery that waits longest is sent first, and those claimed last are released first', async () => {
  const { leases } = leasing('a', 'b', 'c', 'd')
  await leases.claim(4)
  assert.equal(leases.first()?.delivery.id, 'a')
  assert.deepEqual(
    leases.beyond(1).map(({ id }) => id),
    ['c', 'd'],
  )
  assert.equal(leases.waiting(), 1)
})

test('a delivery that is still leased does not wait a second time, and does once it has ended', async () => {
  const { leases } = leasing('a')
  await leases.claim(1)
  const taken = leases.first()
  await leases.claim(1)
  assert.equal(leases.first(), undefined)
  leases.end(taken?.delivery as ClaimedDelivery)
  await leases.claim(1)
  assert.equal(leases.first()?.delivery.id, 'a')
})

test('a delivery that waited for more than ten seconds is not sent under its lease', async () => {
  const { leases, runtime } = leasing('a', 'b')
  await leases.claim(2)
  await runtime.advance(9_999)
  assert.equal(leases.first()?.sendable, true)
  await runtime.advance(1)
  assert.equal(leases.first()?.sendable, false)
  assert.ok(LEASE_MS > 10_000)
})

test('more may be due after a full claim, and after one that was postponed', async () => {
  const { leases } = leasing('a', 'b')
  await leases.claim(2)
  assert.equal(leases.moreDue(), true)
  await leases.claim(3)
  assert.equal(leases.moreDue(), false)
  leases.postpone()
  assert.equal(leases.moreDue(), true)
})
