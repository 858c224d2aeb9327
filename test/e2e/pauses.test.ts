/** Providers that a person has paused: which calls reach them, and which do not. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { AuditEntryView } from '../../src/api/minipay/audit-schemas.ts'
import type { ProviderView } from '../../src/api/minipay/provider-schemas.ts'
import type { ErrorAnswer, Page } from '../kit/client.ts'
import { folderOf } from '../kit/folders.ts'
import { call } from '../kit/http.ts'
import { bearer, inDatabase } from '../kit/keys.ts'
import { startServer } from '../kit/server.ts'
import { atBank, providersIn, startWorld, type World } from '../kit/world.ts'

let world: World
before(async () => {
  world = await startWorld({
    banks: ['bank_a', 'bank_b'],
    env: { MINIPAY_PROVIDER_WAIT_MS: '500' },
  })
  await world.route({
    rules: [],
    default: { providers: ['bank_a', 'bank_b'], failover_on: ['processing_error'] },
  })
})
after(() => world?.close())

const change = (name: string, how: 'pause' | 'resume', reason: string) =>
  world.api.post<ProviderView & ErrorAnswer>(`/api/v1/providers/${name}/${how}`, { reason })
const pauses = async () => {
  const { body } = await world.api.get<Page<ProviderView>>('/api/v1/providers')
  return Object.fromEntries(body.data.map(({ name, pauses }) => [name, pauses.map(({ reason }) => reason)]))
}
async function paused<T>(names: readonly string[], use: () => Promise<T>): Promise<T> {
  for (const name of names) assert.equal((await change(name, 'pause', `stop ${name}`)).status, 200)
  try {
    return await use()
  } finally {
    for (const name of names) await change(name, 'resume', 'go')
  }
}

test('routing passes over a paused provider, the story says so, and a resumed one is used again', async () => {
  const charge = await paused(['bank_a'], () => world.api.charge())
  assert.equal(charge.provider, 'bank_b')
  const [attempt] = await world.api.attempts(charge.id)
  assert.deepEqual(attempt?.route?.skipped, [{ provider: 'bank_a', reason: 'paused' }])
  assert.equal((await world.api.charge()).provider, 'bank_a')
})

test('a decline does not fail over to a paused provider', async () => {
  const answer = await paused(['bank_b'], () =>
    world.tryCharge({ payment_method: 'tok_chargeDeclinedProcessingError' }),
  )
  assert.equal(answer.status, 402)
  const attempts = await world.api.attempts((answer.body.charge as { id: string }).id)
  assert.deepEqual(
    attempts.map(({ provider, route }) => [provider, route?.skipped]),
    [['bank_a', [{ provider: 'bank_b', reason: 'paused' }]]],
  )
})

test('with every provider paused a charge fails at once and says so, and the server stays ready', async () => {
  await paused(['bank_a', 'bank_b'], async () => {
    const answer = await world.tryCharge()
    assert.deepEqual([answer.status, answer.body.code], [502, 'provider_unavailable'])
    assert.match(answer.body.error ?? '', /bank_a: paused; bank_b: paused/)
    assert.equal((await world.api.get('/ready')).status, 200)
    assert.equal(await world.metric('minipay_provider_pauses{provider="bank_a",accounts="one"}'), 1)
  })
  assert.equal(await world.metric('minipay_provider_pauses{provider="bank_a",accounts="one"}'), 0)
})

test('captures, cancels and refunds of payments that a paused provider has go on', async () => {
  const [held, void_, taken] = [
    await world.api.charge({ capture: false }),
    await world.api.charge({ capture: false }),
    await world.api.charge(),
  ]
  await paused(['bank_a'], async () => {
    assert.equal((await world.api.post(`/api/v1/charges/${held.id}/capture`, {})).status, 200)
    assert.equal((await world.api.post(`/api/v1/charges/${void_.id}/cancel`, {})).status, 200)
    assert.equal((await world.tryRefund(taken.id, { amount: 100 })).status, 200)
  })
})

test('an unknown outcome at a paused provider is looked up', async () => {
  const bank = world.bank('bank_a')
  await bank.arm('lookup', 'error', 2)
  const { body } = await world.tryCharge({ payment_method: 'tok_fault_cut_after' })
  await paused(['bank_a'], async () => {
    assert.equal((await world.settled(body.id)).status, 'succeeded')
  })
})

test('the first reason stays, each change is audited once, and a person who errs is refused in words', async () => {
  const seen = async (action: string) =>
    (await world.api.get<Page<AuditEntryView>>(`/api/v1/audit?action=${action}&object=bank_b`)).body.data
  const before = (await seen('provider.paused')).length
  const both = await Promise.all([
    change('bank_b', 'pause', 'first or second'),
    change('bank_b', 'pause', 'first or second'),
  ])
  for (const { status, body } of both) {
    assert.equal(status, 200)
    assert.deepEqual(
      body.pauses.map(({ reason, all_accounts, paused_by }) => [reason, all_accounts, paused_by]),
      [['first or second', false, 'keyless']],
    )
  }
  assert.equal((await change('bank_b', 'pause', 'third')).body.pauses[0]?.reason, 'first or second')
  assert.equal((await seen('provider.paused')).length, before + 1)
  for (let i = 0; i < 2; i++) assert.deepEqual((await change('bank_b', 'resume', 'fixed')).body.pauses, [])
  const [entry] = await seen('provider.resumed')
  assert.deepEqual(
    [entry?.before, entry?.after],
    [
      { all_accounts: false, reason: 'first or second' },
      { all_accounts: false, reason: 'fixed' },
    ],
  )
  const refused = async (name: string, body: object) => {
    const answer = await world.api.post<ErrorAnswer>(`/api/v1/providers/${name}/pause`, body)
    return [answer.status, answer.body.code, answer.body.param]
  }
  assert.deepEqual(await refused('bank_z', { reason: 'x' }), [404, 'provider_not_found', 'name'])
  assert.deepEqual(await refused('bank_a', {}), [400, 'parameter_missing', 'reason'])
  assert.deepEqual(await refused('bank_a', { reason: '' }), [400, 'parameter_invalid', 'reason'])
  assert.deepEqual(await refused('bank_a', { reason: 'x'.repeat(201) }), [400, 'parameter_invalid', 'reason'])
  assert.deepEqual(await refused('bank_a', { reason: 'x', all_accounts: true }), [
    ...[403, 'permission_denied', 'all_accounts'],
  ])
  assert.deepEqual((await pauses())['bank_a'], [])
})

test('a pause survives a restart, and no account stops the provider of another unless it may', async (t) => {
  const database = join(folderOf(t), 'minipay.db')
  const { url, secret } = world.bank('bank_a')
  const settings = providersIn(folderOf(t), {
    bank_a: { ...atBank({ url, secret }), mode: 'live' },
    ours: atBank({ url, secret }),
  })
  const keys = await inDatabase(database, async ({ key, account }) => {
    const shop = await account('Shop')
    return {
      owner: (await key({ mode: 'live' })).secret,
      first: (await key({ mode: 'live', permissions: ['operations:write'] })).secret,
      shop: (await key({ mode: 'live', account: shop.publicId })).secret,
      test: (await key()).secret,
    }
  })
  const server = await startServer(database, settings)
  const ask = (at: string, who: keyof typeof keys, how: string, body?: object) =>
    call<Page<ProviderView>>(at, body ? 'POST' : 'GET', `/api/v1/providers${how}`, body, bearer(keys[who]))
  const seen = async (at: string, who: keyof typeof keys) => {
    const { body } = await ask(at, who, '')
    return body.data.flatMap(({ name, pauses }) =>
      pauses.map((one) => [name, one.all_accounts, one.paused_by === 'operator' ? 'hidden' : one.reason]),
    )
  }
  const reason = 'mine'
  assert.equal((await ask(server.url, 'shop', '/bank_a/pause', { reason })).status, 200)
  assert.deepEqual(await seen(server.url, 'shop'), [['bank_a', false, 'mine']])
  assert.deepEqual(await seen(server.url, 'first'), [], 'of another account')
  for (const who of ['shop', 'first', 'test'] as const)
    assert.equal(
      (await ask(server.url, who, '/bank_a/pause', { reason, all_accounts: true })).status,
      403,
      who,
    )
  assert.equal((await ask(server.url, 'test', '/bank_a/pause', { reason })).status, 404, 'of live mode')
  for (const name of ['bank_a', 'ours'])
    assert.equal(
      (await ask(server.url, 'owner', `/${name}/pause`, { reason: 'all', all_accounts: true })).status,
      200,
    )
  await server.stop()
  const again = await startServer(database, settings)
  try {
    assert.deepEqual(await seen(again.url, 'shop'), [
      ['bank_a', false, 'mine'],
      ['bank_a', true, 'hidden'],
    ])
    const { body } = await ask(again.url, 'shop', '')
    assert.equal(body.data[0]?.pauses[1]?.reason, null, 'the words of the operator are for its own account')
    assert.deepEqual(await seen(again.url, 'first'), [['bank_a', true, 'all']])
    assert.deepEqual(await seen(again.url, 'test'), [['ours', true, 'all']])
    await ask(again.url, 'owner', '/bank_a/resume', { reason, all_accounts: true })
    assert.deepEqual(await seen(again.url, 'shop'), [['bank_a', false, 'mine']])
    assert.deepEqual(await seen(again.url, 'first'), [])
  } finally {
    await again.stop()
  }
})
