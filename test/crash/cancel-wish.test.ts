/** SIGKILL between a cancel that was kept as a wish and its end, at each point where something was committed or sent. */

import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import Database from 'better-sqlite3'
import { assertSound } from '../kit/audit.ts'
import { atEnd } from '../kit/folders.ts'
import { type Answer, call } from '../kit/http.ts'
import { serve, startServer } from '../kit/server.ts'
import { until } from '../kit/until.ts'
import { onlyBank } from '../kit/world.ts'

const SERVE_AND_DIE = fileURLToPath(new URL('serve-and-die.ts', import.meta.url))
const AMOUNT = 2_500

type Charge = { readonly id: string; readonly status: string; readonly cancel_requested: boolean }

/** What becomes of the charge, the call that fulfils the wish, and the points of serve-and-die at which it is killed. */
const WISHES = [
  {
    capture: false,
    call: 'cancel',
    status: 'canceled',
    payment: { status: 'canceled', captured: 0, refunded: 0 },
  },
  {
    capture: true,
    call: 'refund',
    status: 'refunded',
    payment: { status: 'captured', captured: AMOUNT, refunded: AMOUNT },
  },
] as const
const POINTS = ['before_the_call', 'after_the_answer', 'after_the_second_commit'] as const

describe('a cancel that was kept as a wish', { concurrency: 2 }, () => {
  for (const wish of WISHES) {
    test(`a cancel that ends in ${wish.status} is done after a crash while the provider has the charge`, (t) =>
      crashed(t, wish, null))
    test(`a cancel that ends in ${wish.status} is done after a crash between the charge's end and what it leads to`, (t) =>
      crashed(t, wish, 'authorize:after_the_second_commit'))
    for (const point of POINTS)
      test(`a cancel that ends in ${wish.status} is done once after a crash of its ${wish.call} ${point.replaceAll('_', ' ')}`, (t) =>
        crashed(t, wish, `${wish.call}:${point}`))
  }
})

async function crashed(t: TestContext, wish: (typeof WISHES)[number], dieAt: string | null): Promise<void> {
  const { bank, database, ...world } = await onlyBank(t)
  const env = { ...world.env, MINIPAY_PROVIDER_WAIT_MS: '50' }
  const dying = await startServer(database, { ...env, DIE_AT: dieAt ?? '' }, [SERVE_AND_DIE])
  atEnd(t, dying.kill)

  await bank.arm('authorize', 'hold_before')
  const made = await ask(dying.url, '/api/v1/charges', 'order', {
    ...{ amount: AMOUNT, currency: 'usd', customer: 'cus_1', capture: wish.capture },
  })
  assert.equal(made.status, 202)
  await bank.waitFor('received', 'authorize', 1)
  const path = `/api/v1/charges/${made.body.id}/cancel`
  assert.equal((await ask(dying.url, path, 'wish', {})).status, 202)
  if (dieAt === null) await dying.kill()
  await bank.control('POST', '/release')
  if (dieAt === null) await bank.waitFor('done', 'authorize', 1)
  else await dying.gone

  const server = await serve(t, database, env)
  let charge: Charge | undefined
  await until('the wish is fulfilled', async () => {
    charge = (await call<Charge>(server.url, 'GET', `/api/v1/charges/${made.body.id}`)).body
    return charge.status === wish.status
  })
  assert.partialDeepStrictEqual((await bank.statement()).payments, [wish.payment])
  const again = await ask(server.url, path, 'wish', {})
  assert.deepEqual([again.status, again.body.status], [200, wish.status])
  assert.equal((await bank.statement()).payments.length, 1)
  assert.equal(await server.stop(), 0)
  assert.deepEqual(openKeys(database), [])
  await assertSound(database)
}

function ask(url: string, path: string, key: string, body: object): Promise<Answer<Charge>> {
  return call<Charge>(url, 'POST', path, body, { 'idempotency-key': key })
}

/** Keys that still wait for an end: they would never be purged. */
function openKeys(database: string): unknown[] {
  const db = new Database(database, { readonly: true })
  const keys = db.prepare(`SELECT key FROM idempotency_keys WHERE ending = 'accepted'`).pluck().all()
  db.close()
  return keys
}
