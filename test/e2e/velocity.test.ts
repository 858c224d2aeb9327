/** Velocity limits of a started server: in process and through a provider, at once, replayed, declined and simulated. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { SimulationView as Simulation } from '../../src/api/minipay/simulation-schemas.ts'
import { assertSound } from '../kit/audit.ts'
import { type Charge, type Client, client, type DeclineAnswer, type Event, type Page } from '../kit/client.ts'
import { atEnd, folderOf } from '../kit/folders.ts'
import { type Answer, charge } from '../kit/http.ts'
import { startReceiver } from '../kit/receiver.ts'
import { serve } from '../kit/server.ts'
import { onlyBank, storeRules } from '../kit/world.ts'

const CARDS = { name: 'card testing', per: 'payment_method', window_s: 3600, max_charges: 10 }
const CODE = 'velocity_limit_exceeded'

/** A server with these limits, and the sandbox in its process. */
async function shop(t: TestContext, limits: readonly object[], env: Record<string, string> = {}) {
  const database = join(folderOf(t), 'minipay.db')
  const server = await serve(t, database, env)
  await storeRules(server.url, { limits, default: { providers: ['sandbox'] } })
  return { database, server, api: client(server.url) }
}

const isLimited = ({ status, body }: Answer<unknown>) =>
  status === 402 && (body as DeclineAnswer).decline_code === CODE

/** Makes a charge, and returns the name of the limit that declined it; null for a charge that no limit declined. */
async function declinedBy(api: Client, fields: object, key?: string): Promise<string | null> {
  const body = { amount: 2500, currency: 'usd', customer: 'cus_42', ...fields }
  const headers = key === undefined ? {} : { 'idempotency-key': key }
  const answer = await api.post<DeclineAnswer>('/api/v1/charges', body, headers)
  if (!isLimited(answer)) return null
  return /^The velocity limit "(.*)" was exceeded\.$/.exec(answer.body.error ?? '')?.[1] ?? assert.fail()
}

for (const road of ['in process', 'through a provider'] as const)
  test(`of 200 charges of one card at once exactly ten go ${road}`, async (t) => {
    const { bank, env, database } = await onlyBank(t)
    const atBank = road === 'through a provider'
    const server = await serve(t, database, atBank ? env : {})
    const provider = atBank ? 'bank' : 'sandbox'
    await storeRules(server.url, { limits: [CARDS], default: { providers: [provider] } })
    const answers = await Promise.all(
      Array.from({ length: 200 }, (_, i) =>
        charge<Charge>(server.url, `order-${i}`, { payment_method: 'tok_visa' }),
      ),
    )
    assert.equal(answers.filter(({ status }) => status === 201).length, 10)
    assert.equal(answers.filter(isLimited).length, 190)
    if (atBank) assert.equal((await bank.calls()).received.authorize, 10)
    // Another card is free, and so is a charge without one.
    const api = client(server.url)
    assert.equal((await api.charge({ payment_method: 'tok_mastercard' })).status, 'succeeded')
    assert.equal((await api.charge()).status, 'succeeded')
    assert.equal(await server.stop(), 0)
    await assertSound(server.database)
  })

test('a charge past a limit fails with 402 and the name of the limit, in its event and webhook, without an attempt', async (t) => {
  const receiver = await startReceiver()
  atEnd(t, receiver.close)
  const { database, server, api } = await shop(t, [{ ...CARDS, per: 'customer', max_charges: 1 }], {
    WEBHOOK_TARGET: receiver.url,
  })
  await api.charge()
  for (const capture of [true, false]) {
    const { status, body } = await api.post<DeclineAnswer>('/api/v1/charges', {
      ...{ amount: 2500, currency: 'usd', customer: 'cus_42', capture },
    })
    assert.equal(status, 402)
    assert.equal(body.code, 'card_declined')
    assert.equal(body.decline_code, CODE)
    const { charge: declined } = body
    assert.ok(declined)
    assert.deepEqual(
      [declined.status, declined.provider, declined.decline_code, declined.failure_message],
      ['failed', 'none', CODE, 'The velocity limit "card testing" was exceeded.'],
    )
    assert.deepEqual((await api.get<Charge>(`/api/v1/charges/${declined.id}`)).body, declined)
    assert.deepEqual(await api.attempts(declined.id), [])
  }
  const { data } = (await api.get<Page<Event>>('/api/v1/events?type=payment.failed')).body
  assert.deepEqual(
    data.map((event) => [event.data.decline_code, event.data.failure_message]),
    Array(2).fill([CODE, 'The velocity limit "card testing" was exceeded.']),
  )
  await receiver.waitFor(3)
  const failed = receiver.different().filter(({ body }) => body.includes('payment.failed'))
  for (const { body } of failed) assert.match(body, /The velocity limit \\"card testing\\" was exceeded/)
  assert.equal(failed.length, 2)
  assert.equal(await server.stop(), 0)
  await assertSound(database)
})

test('declined charges count, replays and charges that a limit declined do not', async (t) => {
  const { api } = await shop(t, [
    { ...CARDS, max_charges: 3 },
    { name: 'account', per: 'account', window_s: 60, max_charges: 6 },
  ])
  const declined = { payment_method: 'tok_chargeDeclinedInsufficientFunds' }
  for (let i = 0; i < 3; i++) assert.equal(await declinedBy(api, declined), null)
  for (let i = 0; i < 5; i++) assert.equal(await declinedBy(api, declined, 'again'), 'card testing')
  for (let i = 0; i < 5; i++) assert.equal(await declinedBy(api, {}, 'order-1'), null)
  assert.equal(await declinedBy(api, {}), null)
  assert.equal(await declinedBy(api, {}), null)
  assert.equal(await declinedBy(api, {}), 'account')
  // A replay of a charge that was taken is no decline, though the limit is reached now.
  assert.equal(await declinedBy(api, {}, 'order-1'), null)
  assert.equal(await declinedBy(api, declined, 'again'), 'card testing')
})

test('amounts are limited by currency, and a condition chooses the charges', async (t) => {
  const { api } = await shop(t, [
    {
      name: 'money',
      per: 'customer',
      window_s: 60,
      max_amount: { USD: 5_000 },
      when: "metadata.tier != 'gold'",
    },
  ])
  assert.equal(await declinedBy(api, { amount: 5_001 }), 'money')
  assert.equal(await declinedBy(api, { amount: 3_000 }), null)
  assert.equal(await declinedBy(api, { amount: 2_001 }), 'money')
  assert.equal(await declinedBy(api, { amount: 2_001, customer: 'another' }), null)
  assert.equal(await declinedBy(api, { amount: 2_001, currency: 'eur' }), null)
  assert.equal(await declinedBy(api, { amount: 2_001, metadata: { tier: 'gold' } }), null)
  assert.equal(await declinedBy(api, { amount: 2_000 }), null)
})

test('new limits apply to the next charge, and a limit that keeps its name and window keeps its counts', async (t) => {
  const { server, api } = await shop(t, [{ ...CARDS, per: 'customer', max_charges: 1 }])
  const store = (limits: readonly object[]) =>
    storeRules(server.url, { limits, default: { providers: ['sandbox'] } })
  assert.equal(await declinedBy(api, {}), null)
  assert.equal(await declinedBy(api, {}), 'card testing')
  await store([{ ...CARDS, per: 'customer', max_charges: 2 }])
  assert.equal(await declinedBy(api, {}), null)
  assert.equal(await declinedBy(api, {}), 'card testing')
  await store([{ ...CARDS, per: 'customer', max_charges: 2, window_s: 1800 }])
  assert.equal(await declinedBy(api, {}), null)
  await store([])
  for (let i = 0; i < 3; i++) assert.equal(await declinedBy(api, {}), null)
  const { status } = await api.request('DELETE', '/api/v1/routing')
  assert.equal(status, 200)
  assert.equal(await declinedBy(api, {}), null)
})

test('limits that change while charges come neither lose a charge nor take one twice', async (t) => {
  const { database, server } = await shop(t, [{ ...CARDS, max_charges: 5 }])
  let sending = true
  const changing = (async () => {
    for (let i = 0; sending; i++)
      await storeRules(server.url, {
        limits: i % 3 === 2 ? [] : [{ ...CARDS, max_charges: 5 + (i % 3) * 3 }],
        default: { providers: ['sandbox'] },
      })
  })()
  const answers: Answer<Charge>[] = []
  for (let round = 0; round < 5; round++)
    answers.push(
      ...(await Promise.all(
        Array.from({ length: 40 }, (_, i) =>
          charge<Charge>(server.url, `order-${round}-${i}`, { payment_method: 'tok_visa' }),
        ),
      )),
    )
  sending = false
  await changing
  assert.ok(answers.every((answer) => answer.status === 201 || isLimited(answer)))
  await storeRules(server.url, {
    limits: [{ ...CARDS, max_charges: 8 }],
    default: { providers: ['sandbox'] },
  })
  const simulated = await client(server.url).post<Simulation>('/api/v1/routing/simulate', {
    charge: { amount: 1, currency: 'usd', customer: 'cus_1', payment_method: 'tok_visa' },
  })
  // Charges that came while there was no limit are not counted; the others are, up to the larger maximum.
  assert.ok((simulated.body.charge?.limits[0]?.charges?.used ?? 99) <= 8)
  assert.equal(await server.stop(), 0)
  await assertSound(database)
})

test('a simulation shows which limits would decline a charge, and would have declined the newest charges', async (t) => {
  const limits = [
    { ...CARDS, max_charges: 2 },
    { name: 'money', per: 'customer', window_s: 60, max_amount: { usd: 9_000 } },
  ]
  const { api } = await shop(t, limits)
  for (let i = 0; i < 2; i++) assert.equal(await declinedBy(api, { payment_method: 'tok_visa' }), null)
  const order = { amount: 2500, currency: 'usd', customer: 'cus_42', payment_method: 'tok_visa' }
  const simulate = async (body: object) => (await api.post<Simulation>('/api/v1/routing/simulate', body)).body
  const { charge: one } = await simulate({ charge: order })
  assert.deepEqual(one?.limits, [
    {
      limit: 'card testing',
      would_decline: true,
      not_applied: null,
      charges: { used: 2, max: 2 },
      amount: null,
    },
    {
      limit: 'money',
      would_decline: false,
      not_applied: null,
      charges: null,
      amount: { used: 5000, max: 9000 },
    },
  ])
  const draft = { limits: [{ ...limits[0], max_charges: 1 }, limits[1]], default: { providers: ['sandbox'] } }
  const { last } = await simulate({ rules: draft, last: 100 })
  assert.deepEqual(last?.limits, [
    { limit: 'card testing', would_decline: 1 },
    { limit: 'money', would_decline: 0 },
  ])
  // It counts nothing.
  assert.deepEqual((await simulate({ charge: order })).charge, one)
  assert.equal(await declinedBy(api, { payment_method: 'tok_visa' }), 'card testing')
})

test('limits that are none are refused with their places', async (t) => {
  const { api } = await shop(t, [])
  const { status, body } = await api.put<{ problems: { path: string }[] }>('/api/v1/routing', {
    document: {
      limits: [{ name: 'x', per: 'card', window_s: 0, max: 1 }],
      default: { providers: ['sandbox'] },
    },
  })
  assert.equal(status, 400)
  assert.deepEqual(
    body.problems.map(({ path }) => path),
    ['limits[0].max', 'limits[0].per', 'limits[0].window_s', 'limits[0]'],
  )
})
