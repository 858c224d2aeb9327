/** SIGKILL while a provider's notification is acted on: the next process acts on it at once. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { atEnd, folderOf } from '../kit/folders.ts'
import { call, charge } from '../kit/http.ts'
import { runCli, serve } from '../kit/server.ts'
import { startBank } from '../kit/simulator.ts'
import { until } from '../kit/until.ts'

type Charge = { readonly id: string; readonly provider_reference: string; readonly amount_disputed: number }

test('a dispute that was looked up when the process was killed is booked at once by the next, and its money is held back', async (t) => {
  const folder = folderOf(t)
  const bank = await startBank(join(folder, 'bank.db'))
  atEnd(t, bank.kill)
  const providers = join(folder, 'providers.json')
  // Its lease is three deadlines and a minute: far longer than the test waits.
  const { url, secret } = bank
  writeFileSync(providers, JSON.stringify({ bank: { kind: 'http', url, secret, lookup: 'final' } }))
  const database = join(folder, 'minipay.db')
  const env = { MINIPAY_PROVIDERS: providers }
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
  const verified = await runCli(['verify', '--database', database])
  assert.deepEqual([verified.code, verified.stderr], [0, ''])
})
