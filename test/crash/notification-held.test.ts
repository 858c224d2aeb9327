/** SIGKILL while MiniPay handles a notification: the next process handles it at once. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertSound } from '../kit/audit.ts'
import { call, charge } from '../kit/http.ts'
import { serve } from '../kit/server.ts'
import { until } from '../kit/until.ts'
import { onlyBank } from '../kit/world.ts'

type Charge = { readonly id: string; readonly provider_reference: string; readonly amount_disputed: number }

test('a dispute that was looked up when the process was killed is booked at once by the next, and its money is held back', async (t) => {
  // The lease of a lookup is three deadlines and a minute: far longer than the test waits.
  const { bank, env, database } = await onlyBank(t)
  const first = await serve(t, database, env)
  const made = (await charge<Charge>(first.url, 'order-1')).body

  await bank.arm('lookup', 'hold_before')
  await bank.control('PUT', '/notify', { url: `${first.url}/providers/bank/notifications` })
  await bank.control('POST', '/disputes', { payment: made.provider_reference })
  await bank.waitFor('received', 'lookup', 1)
  await first.kill()

  const second = await serve(t, database, env)
  await until('the dispute is booked', async () => {
    const found = await call<Charge>(second.url, 'GET', `/api/v1/charges/${made.id}`)
    return found.body.amount_disputed === 100
  })
  const refund = await call<{ code: string }>(second.url, 'POST', '/api/v1/refunds', {
    transaction_id: made.id,
  })
  assert.deepEqual([refund.status, refund.body.code], [409, 'charge_disputed'])
  assert.equal((await bank.calls()).received.lookup, 2)
  assert.equal(await second.stop(), 0)
  await assertSound(database)
})
