import assert from 'node:assert/strict'
import test from 'node:test'
import { auditIn } from '../../../test/kit/audit-entries.ts'
import { newId } from '../../../test/kit/commits.ts'
import { webhookWorld } from '../../../test/kit/couriers.ts'
import { changedEndpoint } from '../../../test/kit/webhooks.ts'
import { isRejection } from '../../domain/error.ts'
import { KEYLESS_SCOPE } from '../../ports/store.ts'
import type { WebhookContext } from './endpoints.ts'
import { cancelReplay, startReplay } from './replays.ts'

test('an endpoint has at most ten running replays, also with concurrent requests', async (t) => {
  const world = webhookWorld(t)
  const endpoint = await world.endpoint()
  await world.charges(1)
  const { store, runtime } = world
  const audit = auditIn(KEYLESS_SCOPE)
  const context = { store, newId, now: runtime.now, webhooks: { wake() {} } } as unknown as WebhookContext
  const start = async () => {
    const replay = await startReplay(context, KEYLESS_SCOPE, endpoint.id, { kind: 'failed' }, audit)
    return isRejection(replay) ? replay.code : replay.value.state
  }
  const started = await Promise.all(Array.from({ length: 12 }, start))
  assert.deepEqual(started.toSorted(), [
    ...Array.from({ length: 10 }, () => 'running'),
    ...Array.from({ length: 2 }, () => 'webhook_replay_limit_reached'),
  ])
  const { data } = await store.replays(KEYLESS_SCOPE, endpoint.id, { limit: 20 })
  assert.equal(data.length, 10)
  await cancelReplay(context, KEYLESS_SCOPE, data[0]!.id, audit)
  assert.deepEqual([await start(), await start()], ['running', 'webhook_replay_limit_reached'])
  await changedEndpoint(store, endpoint, { deletedAt: runtime.now() })
  assert.equal(await start(), 'webhook_endpoint_not_found')
})
