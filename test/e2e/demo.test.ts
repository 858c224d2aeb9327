/** A month of a shop in a new database: for people who try MiniPay, and for every screen of the dashboard. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { WebhookEndpointView } from '../../src/api/minipay/webhook-endpoint-schemas.ts'
import { fillDemo } from '../../src/cli/demo/fill.ts'
import { DAYS, planMonth } from '../../src/cli/demo/plan.ts'
import {
  type Alarm,
  type Attempt,
  all,
  type Charge,
  client,
  type Delivery,
  type Dispute,
  type Page,
  type Refund,
  until,
} from '../kit/client.ts'
import { tempDir } from '../kit/folders.ts'
import { inDatabase } from '../kit/keys.ts'
import { onEngine, runCli, serve } from '../kit/server.ts'

const dir = tempDir()
const first = `${dir.path}/first.db`
/** A month that every machine has behind it. */
const END = Date.UTC(2025, 9, 20, 15)
const SECRETS_KEY = Buffer.alloc(32, 'minipay')
let filled: Awaited<ReturnType<typeof fillDemo>>
/** The charges of the first demo, before a test adds one. */
let charges: Charge[] = []

const fill = async (file: string, seed = 7) =>
  fillDemo({
    database: await onEngine(file),
    secretsKey: process.env['TEST_POSTGRES'] ? [SECRETS_KEY] : [],
    seed,
    until: END,
    perDay: 6,
  })

before(async () => {
  filled = await fill(first)
})
after(() => dir.remove())

/** Without the outcome: a server settles what a demo has left open. */
const facts = ({ id, amount, amount_refunded, provider, created_at }: Charge) =>
  [id, amount, amount_refunded, provider, created_at].join()

test('the books of a demo are right, and every part of a shop is in it', async (t) => {
  const { code, stdout, stderr } = await runCli(['verify', '--database', first])
  assert.deepEqual([code, stderr], [0, ''], stdout)
  const api = client((await serve(t, first)).url)
  charges = await all<Charge>(api, '/api/v1/charges')
  assert.equal(charges.length, filled.charges)
  for (const status of ['succeeded', 'failed', 'refunded', 'processing', 'authorized', 'canceled'] as const)
    assert.ok(
      charges.some((charge) => charge.status === status),
      status,
    )
  const times = charges.map(({ created_at }) => Date.parse(created_at))
  assert.ok(Math.max(...times) <= END && Math.min(...times) > END - DAYS * 86_400_000)
  assert.ok(charges.some(({ decline_code }) => decline_code === 'velocity_limit_exceeded'))
  const attempts = await all<Attempt>(api, '/api/v1/attempts')
  assert.ok(
    attempts.some(({ status }) => status === 'unknown'),
    'an outcome is unknown',
  )
  assert.ok((await all<Refund>(api, '/api/v1/refunds')).length > 3)
  assert.ok((await all<Dispute>(api, '/api/v1/disputes')).length > 0)
  assert.ok((await all<Alarm>(api, '/api/v1/alarms')).length > 0)
  const { data: endpoints } = (await api.get<Page<WebhookEndpointView>>('/api/v1/webhook_endpoints')).body
  assert.equal(endpoints.length, 2)
})

test('a server without providers knows the banks of a demo: it captures, refunds and looks up', async (t) => {
  const { url } = await serve(t, first, { MINIPAY_PROVIDER_WAIT_MS: '300' })
  const api = client(url)
  const find = async (status: string) =>
    (await api.get<Page<Charge>>(`/api/v1/charges?limit=1&status=${status}`)).body.data[0] ??
    assert.fail(status)
  await api.refund((await find('succeeded')).id)
  const made = await api.charge({ payment_method: 'tok_visa', capture: false })
  assert.equal((await api.capture(made.id)).status, 'succeeded')
  assert.match(made.provider ?? '', /^bank_(north|south)$/)
  const lost = await api.post<Charge>('/api/v1/charges', {
    ...{ amount: 100, currency: 'usd', customer: 'cus_1', payment_method: 'tok_fault_hang' },
  })
  assert.equal(lost.status, 202)
})

const sameOnBoth = process.env['TEST_POSTGRES'] && 'the engine changes nothing about it'
test('a seed makes the same month again, and another one makes another', { skip: sameOnBoth }, async (t) => {
  const again = `${dir.path}/again.db`
  await fill(again)
  const found = await all<Charge>(client((await serve(t, again)).url), '/api/v1/charges')
  assert.deepEqual(found.map(facts), charges.map(facts))
  assert.notDeepEqual(planMonth(1, END, 4), planMonth(2, END, 4))
})

describe('a database that is not new is refused, and keeps what it has', () => {
  test('a demo', async () => {
    const { code, stderr } = await runCli(['demo', '--database', first])
    assert.deepEqual([code, stderr.includes('has a demo already')], [1, true], stderr)
  })

  test('charges of a shop, in either mode, and API keys', async (t) => {
    const used = `${dir.path}/used.db`
    const server = await serve(t, used)
    await client(server.url).charge()
    await server.stop()
    const keyed = `${dir.path}/keyed.db`
    await inDatabase(keyed, ({ key }) => key({ mode: 'live' }))
    for (const file of [used, keyed]) {
      const { code, stdout, stderr } = await runCli(['demo', '--database', file])
      assert.deepEqual([code, stdout], [1, ''], stderr)
      assert.match(stderr, /Fill a new one: minipay demo --database demo\.db/)
    }
    const again = client((await serve(t, used)).url)
    assert.equal((await all<Charge>(again, '/api/v1/charges')).length, 1)
  })

  test('a wrong seed', async () => {
    for (const seed of ['-1', 'x', '99999999999']) {
      const { code, stderr } = await runCli(['demo', `--seed=${seed}`, '--database', `${dir.path}/none.db`])
      assert.deepEqual([code, stderr.includes('--seed must be a whole number')], [2, true], stderr)
    }
  })
})

test('the receiver of a failed webhook can be mended, and the webhook sent again', async (t) => {
  const api = client((await serve(t, first)).url)
  const failed = async () =>
    (await api.get<Page<Delivery>>('/api/v1/webhook_deliveries?status=failed')).body.data
  const [delivery] = await failed()
  if (!delivery) return void t.skip('this month has no failed webhook')
  const { status } = await api.post(`/api/v1/webhook_deliveries/${delivery.id}/retry`)
  assert.equal(status, 200)
  await until(failed, (data) => !data.some(({ id }) => id === delivery.id))
})
