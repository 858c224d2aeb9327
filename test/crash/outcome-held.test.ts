/** MiniPay retries to store an outcome while the database is unavailable. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Charge } from '../kit/client.ts'
import { call, charge } from '../kit/http.ts'
import { serve } from '../kit/server.ts'
import { holdWriteLock } from '../kit/sqlite-file.ts'
import { until } from '../kit/until.ts'
import { onlyBank } from '../kit/world.ts'

test('what a provider answered while the database refuses writes is booked once it takes them again', async (t) => {
  const { bank, env, database } = await onlyBank(t, { lookup: undefined })
  const server = await serve(t, database, { ...env, MINIPAY_PROVIDER_WAIT_MS: '500' })

  const asked = charge(server.url, 'held', { payment_method: 'tok_fault_hold_after' })
  await bank.waitFor('received', 'authorize', 1)
  // The bank has done it; from here on no write succeeds until the lock is free.
  const lock = holdWriteLock(database)
  await bank.control('POST', '/release')
  assert.equal((await asked).status, 202)
  await until('the refused outcome is logged', () => server.output().includes('cannot store an outcome'))
  lock.free()

  const { body } = await charge(server.url, 'held', { payment_method: 'tok_fault_hold_after' })
  const path = `/api/v1/charges/${body.id}`
  await until('the charge succeeded', async () => {
    const { body: now } = await call<Charge>(server.url, 'GET', path)
    return now.status === 'succeeded'
  })
  const { body: story } = await call<{ data: { resolved_by: string; status: string }[] }>(
    server.url,
    'GET',
    `${path}/attempts`,
  )
  assert.deepEqual(
    story.data.map((attempt) => [attempt.status, attempt.resolved_by]),
    [['succeeded', 'answer']],
  )
  assert.equal((await bank.statement()).payments.length, 1)
  assert.equal((await bank.calls()).received.lookup, 0)
})
