/** Attempts with an unknown outcome: resolved by a lookup, a resend, or a person. */

import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { recoverAttempt } from '../../src/app/attempts/recover-attempt.ts'
import { createContext } from '../../src/app/context.ts'
import { createCharge } from '../../src/app/payments/create-charge.ts'
import { createHealth } from '../../src/app/routing/health.ts'
import { createRouter } from '../../src/app/routing/router.ts'
import { KEYLESS_SCOPE as scope } from '../../src/ports/store.ts'
import { createSandbox } from '../../src/providers/sandbox.ts'
import { nodeRuntime } from '../../src/runtime/node.ts'
import { openSqliteStore } from '../../src/storage/sqlite/store.ts'
import {
  type Attempt,
  all,
  type Charge,
  type DeclineAnswer,
  type ErrorAnswer,
  type Page,
  until,
} from '../kit/client.ts'
import { tempDir } from '../kit/folders.ts'
import { runCli } from '../kit/server.ts'
import { ruleTo, startWorld, type World } from '../kit/world.ts'

/**
 * Providers that support neither a lookup nor a resend: only a person can resolve. Every test uses the next one, so
 * that its lost responses do not open the circuit breaker of another test.
 */
const MUTE = Array.from({ length: 10 }, (_, i) => `mute_${i}`)
const unused = [...MUTE]
const mute = (): string => unused.shift() ?? assert.fail('every provider was used')

let world: World
before(async () => {
  world = await startWorld({
    banks: ['bank_a'],
    providers: {
      ...Object.fromEntries(
        MUTE.map((name) => [name, { bank: 'bank_a', lookup: 'none', idempotent: false }]),
      ),
      again: { bank: 'bank_a', lookup: 'none' },
      vague: { bank: 'bank_a', lookup: 'eventual' },
      patient: { bank: 'bank_a', deadline_ms: 20_000 },
      whole: { bank: 'bank_a', partial_capture: false, void: false },
    },
    env: { MINIPAY_PROVIDER_WAIT_MS: '250' },
  })
  await world.route({
    rules: [...MUTE, 'again', 'vague', 'patient', 'whole'].map((name) => ruleTo(name, [name])),
    default: { providers: ['bank_a'] },
  })
})
after(() => world?.close())

const to = (name: string, fields: object = {}) => ({ metadata: { to: name }, ...fields })
const unknownOnes = () => all<Attempt>(world.api, '/api/v1/attempts?status=unknown')
const resolveAtOnce = <T = Attempt>(id: string, body: object) =>
  world.api.post<T>(`/api/v1/attempts/${id}/resolve`, body)
/** Repeats the request while a worker that looks for a way to resolve the attempt itself has its lease, which is for a moment. */
const resolve = <T = Attempt>(id: string, body: object) =>
  until(
    () => resolveAtOnce<T>(id, body),
    ({ body }) => !isLeased((body as Partial<ErrorAnswer>).error),
  )
const isLeased = (text = '') => text.includes('MiniPay is looking up the attempt.')
const follow = (id: string, what: string, body: object = {}, key: Record<string, string> = {}) =>
  world.api.post<Charge & DeclineAnswer & { charge?: Charge }>(`/api/v1/charges/${id}/${what}`, body, key)
const cli = (...words: string[]) => runCli(['attempts', ...words], { MINIPAY_SERVER: world.server.url })

/** A charge that the bank may have made, without a lookup; with the attempt. */
async function lost(token: string, provider: string): Promise<{ charge: Charge; attempt: Attempt }> {
  const { status, body } = await world.tryCharge(to(provider, { payment_method: token }))
  assert.equal(status, 202)
  return { charge: body, attempt: await unknown(body.id, 'authorize') }
}
/** The attempt of that kind, once it is unknown. */
async function unknown(id: string, kind: Attempt['kind']): Promise<Attempt> {
  const of = async () =>
    (await world.api.attempts(id)).findLast((attempt) => attempt.kind === kind) as Attempt
  return until(of, ({ status }) => status === 'unknown')
}

describe('what is unknown is found out as its provider allows', { concurrency: true }, () => {
  for (const [name, fault, ends, by] of [
    ['again', 'tok_fault_cut_after', 'succeeded', 'resend'],
    ['again', 'tok_fault_cut_before', 'succeeded', 'resend'],
    ['vague', 'tok_fault_error_after', 'succeeded', 'lookup'],
    ['bank_a', 'tok_fault_cut_after', 'succeeded', 'lookup'],
    ['bank_a', 'tok_fault_cut_before', 'failed', 'lookup'],
  ] as const)
    test(`a charge at the provider ${name} after ${fault} is ${ends} by ${by}, with one payment at most`, async () => {
      const { body } = await world.tryCharge(to(name, { payment_method: fault }))
      const charge = await world.settled(body.id)
      assert.equal(charge.status, ends)
      const [attempt, ...others] = await world.api.attempts(body.id)
      assert.deepEqual([attempt?.resolved_by, others], [by, []])
      assert.equal((await world.stated('bank_a', body.id)).length, ends === 'succeeded' ? 1 : 0)
    })

  test('a refund is sent again with the same reference, and is paid once', async () => {
    const { id } = await world.api.charge(to('again'))
    await world.bank('bank_a').arm('refund', 'cut_after')
    assert.equal((await world.tryRefund(id, { amount: 700 })).status, 202)
    await until(
      () => world.retrieve(id),
      ({ amount_refunded }) => amount_refunded === 700,
    )
    assert.equal((await world.stated('bank_a', id))[0]?.refunded, 700)
  })
})

describe('an attempt without a lookup waits for a person', () => {
  test('an unknown attempt is counted, listed newest first, and printed by the command', async () => {
    const ids = []
    const provider = mute()
    for (let i = 0; i < 3; i++) ids.unshift((await lost('tok_fault_cut_before', provider)).attempt.id)
    assert.deepEqual(
      (await unknownOnes()).slice(0, 3).map(({ id }) => id),
      ids,
    )
    const page = await world.api.get<Page<Attempt>>(
      `/api/v1/attempts?status=unknown&limit=1&starting_after=${ids[0]}`,
    )
    assert.deepEqual([page.body.data[0]?.id, page.body.has_more], [ids[1], true])
    assert.equal(await world.metric('minipay_attempts{state="unknown"}'), (await unknownOnes()).length)
    assert.ok((await world.metric('minipay_attempts_unknown_oldest_seconds')) > 0)
    const { code, stdout } = await cli()
    assert.equal(code, 0)
    for (const id of ids)
      assert.match(stdout, new RegExp(`^${id} +unknown +authorize 25\\.00 USD at ${provider} `, 'm'))
    for (const id of ids) assert.equal((await resolve(id, { outcome: 'failed' })).status, 200)
  })

  test('attempts are found by state, provider, kind, age and order, and one by its id', async () => {
    const provider = mute()
    const [first, second] = [
      await lost('tok_fault_cut_before', provider),
      await lost('tok_fault_cut_before', provider),
    ]
    const ids = [first.attempt.id, second.attempt.id]
    const list = async (query: string) => {
      const { status, body } = await world.api.get<Page<Attempt> & ErrorAnswer>(
        `/api/v1/attempts?provider=${provider}&${query}`,
      )
      return status === 200 ? body.data.map(({ id }) => id) : [status, body.code, body.param]
    }
    assert.deepEqual(await list('status=sending,pending,unknown&order=oldest'), ids)
    assert.deepEqual(await list('status=declined,unknown'), ids.toReversed())
    assert.deepEqual(await list(`order=oldest&starting_after=${ids[0]}`), [ids[1]])
    assert.deepEqual(await list('kind=refund'), [])
    assert.deepEqual(await list('overdue=true'), [], 'they are young')
    assert.deepEqual(await list(`created_gte=${second.attempt.started_at}`), [ids[1]])
    for (const wrong of ['status=', 'status=lost', 'status=unknown,'])
      assert.deepEqual(await list(wrong), [400, 'parameter_invalid', 'status'])
    assert.deepEqual(await list('overdue=true&status=declined'), [400, 'parameter_invalid', 'status'])
    assert.deepEqual(await list('created_lt=now'), [400, 'parameter_invalid', 'created_lt'])
    assert.deepEqual(await list('kind=charge'), [400, 'parameter_invalid', 'kind'])
    const one = await world.api.get<Attempt>(`/api/v1/attempts/${ids[0]}`)
    assert.deepEqual([one.status, one.body.id, one.body.status], [200, ids[0], 'unknown'])
    const none = await world.api.get<ErrorAnswer>('/api/v1/attempts/att_nothing')
    assert.deepEqual([none.status, none.body.code], [404, 'attempt_not_found'])
    for (const id of ids) assert.equal((await resolve(id, { outcome: 'failed' })).status, 200)
  })

  test('a charge that the bank did make succeeds by hand, with the reference it is refunded by', async () => {
    const key = randomUUID()
    const order = to(mute(), { payment_method: 'tok_fault_cut_after' })
    const { body } = await world.tryCharge(order, key)
    const { id } = await unknown(body.id, 'authorize')
    const [payment] = await world.stated('bank_a', body.id)
    // MiniPay could never capture or refund a payment without a reference.
    const unnamed = await resolve<ErrorAnswer>(id, { outcome: 'succeeded' })
    assert.deepEqual([unnamed.status, unnamed.body.param], [400, 'provider_reference'])
    const done = await resolve(id, { outcome: 'succeeded', provider_reference: payment?.payment })
    assert.deepEqual([done.body.status, done.body.resolved_by], ['succeeded', 'hand'])
    const charge = await world.retrieve(body.id)
    assert.deepEqual([charge.status, charge.provider_reference], ['succeeded', payment?.payment])
    assert.deepEqual(await world.eventsOf(body.id), ['payment.succeeded'])
    const again = await world.tryCharge(order, key)
    assert.deepEqual([again.status, again.body], [200, charge])
    assert.equal((await world.api.refund(body.id, { amount: 100 })).status, 'partially_refunded')
  })

  test('a charge that the bank did not make fails by the command, and its key answers so', async () => {
    const provider = mute()
    const { charge, attempt } = await lost('tok_fault_cut_before', provider)
    const { code, stdout } = await until(
      () => cli('resolve', attempt.id, 'failed'),
      ({ stderr }) => !isLeased(stderr),
    )
    assert.equal(code, 0)
    assert.match(stdout, new RegExp(`^${attempt.id} +declined`))
    const failed = await world.retrieve(charge.id)
    assert.deepEqual([failed.status, failed.decline_code], ['failed', 'processing_error'])
    assert.match(failed.failure_message ?? '', /^Resolved by hand/)
    const order = to(provider, { payment_method: 'tok_fault_cut_before' })
    assert.equal((await world.tryCharge(order, charge.idempotency_key)).status, 402)
    assert.deepEqual(await world.eventsOf(charge.id), ['payment.failed'])
  })

  for (const [what, fault, outcome, ends] of [
    ['capture', 'cut_after', 'succeeded', 'succeeded'],
    ['capture', 'cut_before', 'failed', 'authorized'],
    ['cancel', 'cut_after', 'succeeded', 'canceled'],
    ['cancel', 'cut_before', 'failed', 'authorized'],
  ] as const)
    test(`a ${what} that is said to have ${outcome}: ${ends}, and its key answers so`, async () => {
      const { id } = await world.api.charge(to(mute(), { capture: false }))
      await world.bank('bank_a').arm(what, fault)
      const key = { 'idempotency-key': randomUUID() }
      assert.equal((await follow(id, what, {}, key)).status, 202)
      const attempt = await unknown(id, what)
      assert.equal((await resolve(attempt.id, { outcome })).status, 200)
      assert.equal((await world.retrieve(id)).status, ends)
      const again = await follow(id, what, {}, key)
      assert.equal(again.status, outcome === 'succeeded' ? 200 : 402)
      assert.equal((outcome === 'succeeded' ? again.body : again.body.charge)?.status, ends)
    })

  test('a refund that is said to have failed gives its money back, and its key answers so', async () => {
    const { id } = await world.api.charge(to(mute()))
    await world.bank('bank_a').arm('refund', 'cut_before')
    const key = randomUUID()
    assert.equal((await world.tryRefund(id, {}, key)).status, 202)
    const attempt = await unknown(id, 'refund')
    assert.equal((await resolve(attempt.id, { outcome: 'failed' })).status, 200)
    const again = await world.tryRefund(id, {}, key)
    assert.deepEqual([again.status, again.body.code], [402, 'provider_declined'])
    assert.deepEqual(await world.eventsOf(id), ['payment.succeeded', 'refund.failed'])
    assert.equal((await world.api.refund(id)).status, 'refunded')
  })

  test('twice, at once, or while the call is on its way, a person is refused: one end, one event', async () => {
    const { charge, attempt } = await lost('tok_fault_cut_before', mute())
    await until(
      async () => {
        const answers = await Promise.all(
          Array.from({ length: 10 }, () =>
            resolveAtOnce<Attempt & ErrorAnswer>(attempt.id, { outcome: 'failed' }),
          ),
        )
        for (const { status, body } of answers)
          assert.ok(status === 200 || body.code === 'attempt_not_open', JSON.stringify(body))
        return answers
      },
      // While a worker has the lease, all ten are refused.
      (answers) => answers.some(({ status }) => status === 200),
    )
    const late = await resolve<ErrorAnswer>(attempt.id, { outcome: 'succeeded' })
    assert.deepEqual([late.status, late.body.code], [409, 'attempt_not_open'])
    assert.deepEqual(await world.eventsOf(charge.id), ['payment.failed'])

    const sent = await world.tryCharge(to('patient', { payment_method: 'tok_fault_hold_before' }))
    const [sending] = await world.api.attempts(sent.body.id)
    assert.equal(sending?.status, 'sending')
    assert.equal(
      (await resolve<ErrorAnswer>(sending?.id ?? '', { outcome: 'failed' })).body.code,
      'attempt_not_open',
    )
    await world.bank('bank_a').control('POST', '/release')
    assert.equal((await world.settled(sent.body.id)).status, 'succeeded')
  })

  test('a person who names no attempt, or no outcome, is refused in words', async () => {
    const none = await resolve<ErrorAnswer>('att_nobody', { outcome: 'failed' })
    assert.deepEqual([none.status, none.body.code], [404, 'attempt_not_found'])
    const bad = await resolve<ErrorAnswer>('att_nobody', { outcome: 'maybe' })
    assert.deepEqual([bad.status, bad.body.code], [400, 'parameter_invalid'])
    assert.match((await cli('resolve', 'att_nobody', 'failed')).stderr, /There is no such attempt/)
    assert.notEqual((await cli('resolve', 'att_nobody', 'maybe')).code, 0)
    assert.equal((await cli('resolve')).code, 2)
  })

  test('a person is refused while the bank says that it has the payment, and what the bank says counts', async () => {
    const bank = world.bank('bank_a')
    await bank.faults({ late_ms: 600_000 })
    const { body } = await world.tryCharge({ payment_method: 'tok_fault_late' })
    const [attempt] = await until(
      () => world.api.attempts(body.id),
      ([one]) => one?.status === 'pending',
    )
    const id = attempt?.id ?? ''
    const early = await resolve<ErrorAnswer>(id, { outcome: 'failed' })
    assert.deepEqual([early.status, early.body.code], [409, 'attempt_not_resolved'])
    await bank.control('POST', '/finish')
    // The person is wrong; MiniPay looks up the attempt at the bank first.
    await resolve(id, { outcome: 'failed' })
    assert.equal((await world.settled(body.id)).status, 'succeeded')
    assert.deepEqual(await world.eventsOf(body.id), ['payment.succeeded'])
  })
})

test('an operation that a provider does not support is refused before the call', async () => {
  const { id } = await world.api.charge(to('whole', { capture: false }))
  for (const [what, body] of [
    ['capture', { amount: 1 }],
    ['cancel', {}],
  ] as const) {
    const answer = await follow(id, what, body)
    assert.deepEqual([answer.status, answer.body.code], [409, 'provider_not_capable'])
  }
  assert.equal((await world.api.capture(id)).status, 'succeeded')
})

test('an authorization in this process is canceled when its time has come, and not before', async () => {
  const dir = tempDir()
  const store = await openSqliteStore({
    file: `${dir.path}/minipay.db`,
    onGroup: () => {},
    onFatal: assert.ifError,
  })
  let now = Date.UTC(2026, 0, 1)
  const quiet = () => {}
  const sandbox = createSandbox('sandbox')
  const runtime = { ...nodeRuntime, now: () => now }
  const health = createHealth(runtime.now)
  const context = createContext({
    store,
    providers: new Map([['sandbox', sandbox]]),
    router: createRouter({
      store,
      providers: () => ['sandbox'],
      health,
      now: runtime.now,
      runtime,
      loadConditions: assert.fail,
    }),
    health,
    log: { info: quiet, warn: quiet, error: quiet },
    onCall: quiet,
    onAlarm: quiet,
    idempotencyWaitMs: 0,
    providerWaitMs: 0,
    actionAgeMs: 0,
    runtime,
  })
  const claim = () =>
    store.claimAttempts({ provider: 'sandbox', limit: 10, now, leaseUntil: now + 1000, token: randomUUID() })
  try {
    const nothing = { paymentMethod: null, description: null, metadata: {} }
    const order = { amount: 2500, currency: 'usd', customer: 'cus_42', capture: false, ...nothing }
    const answer = await createCharge(
      context,
      { scope, key: 'k', fingerprint: 'f', surface: 'minipay' },
      order,
    )
    assert.ok('about' in answer && answer.about === 'charge')
    const { id, status } = answer.object
    assert.equal(status, 'authorized')
    const { expiresAt } = (await store.charge(scope, id)) ?? {}
    now = (expiresAt ?? 0) - 1
    assert.deepEqual(await claim(), [])
    now += 1
    const [due] = await claim()
    assert.ok(due)
    await recoverAttempt(context, due)
    const charge = await store.charge(scope, id)
    assert.deepEqual([charge?.status, charge?.declineCode], ['canceled', 'authorization_expired'])
    for (const { account, balance } of await store.ledgerAccounts(scope)) assert.equal(balance, 0n, account)
    now += 8 * 24 * 3_600_000
    assert.deepEqual(await claim(), [])
  } finally {
    await store.close()
    dir.remove()
  }
})
