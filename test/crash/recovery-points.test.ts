/** SIGKILL at each point of a provider call at which MiniPay's state and the provider's may differ. */

import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { assertSound } from '../kit/audit.ts'
import { atEnd } from '../kit/folders.ts'
import { type Answer, call } from '../kit/http.ts'
import { type RunningServer, serve, startServer } from '../kit/server.ts'
import type { Simulator, StatedPayment } from '../kit/simulator.ts'
import { until } from '../kit/until.ts'
import { onlyBank } from '../kit/world.ts'

const SERVE_AND_DIE = fileURLToPath(new URL('serve-and-die.ts', import.meta.url))
const AMOUNT = 2_500
const PARTIAL = 1_000

/** The point, the bank's fault there, and whether the bank has done the call by then. */
const POINTS = [
  { point: 'before_the_call', hold: null, done: false },
  { point: 'before_the_provider_acted', hold: 'received', done: false },
  { point: 'before_the_provider_answered', hold: 'done', done: true },
  { point: 'after_the_answer', hold: null, done: true },
  { point: 'after_the_second_commit', hold: null, done: true },
] as const
type Point = (typeof POINTS)[number]

const WORDS: Readonly<Record<Point['point'], string>> = {
  before_the_call: 'between the first commit and the call',
  before_the_provider_acted: 'after the call was sent, before the provider acted',
  before_the_provider_answered: 'after the provider acted, before it answered',
  after_the_answer: "between the provider's answer and the second commit",
  after_the_second_commit: 'between the second commit and the answer to the client',
}

type Charge = {
  readonly id: string
  readonly status: string
  readonly amount_captured: number
  readonly amount_refunded: number
  readonly amount_refund_pending: number
  readonly decline_code: string | null
}
type Refund = { readonly refund_id: string; readonly status: string; readonly amount: number }
type Failure = { readonly code: string; readonly decline_code: string; readonly charge?: Charge }
type Request = { readonly path: string; readonly body: object; readonly key: string }

/** A client's request, and the expected state at the end. */
type Scenario = {
  readonly kind: 'authorize' | 'capture' | 'cancel' | 'refund'
  /** What must hold before, where something must. */
  readonly before: { readonly capture: boolean } | null
  readonly request: (id: string) => { readonly path: string; readonly body: object }
  /** The charge at the end, when the provider did it and when it did not. */
  readonly charge: Readonly<Record<'done' | 'undone', Partial<Charge>>>
  /** The payment on the bank's statement; null for none. */
  readonly payment: Readonly<Record<'done' | 'undone', Partial<StatedPayment> | null>>
  /** Balances of the ledger in usd, those of zero left out. */
  readonly ledger: Readonly<Record<'done' | 'undone', Readonly<Record<string, number>>>>
  /** The last event of the charge's story. */
  readonly event: Readonly<Record<'done' | 'undone', string>>
}

const TAKEN = { 'provider:bank': AMOUNT, merchant: -AMOUNT }
const HELD = { 'authorized:bank': AMOUNT, uncaptured: -AMOUNT }

const SCENARIOS: readonly Scenario[] = [
  {
    kind: 'authorize',
    before: null,
    request: () => ({
      path: '/api/v1/charges',
      body: { amount: AMOUNT, currency: 'usd', customer: 'cus_1' },
    }),
    charge: {
      done: { status: 'succeeded', amount_captured: AMOUNT },
      undone: { status: 'failed', amount_captured: 0, decline_code: 'provider_unavailable' },
    },
    payment: { done: { status: 'captured', captured: AMOUNT, refunded: 0 }, undone: null },
    ledger: { done: TAKEN, undone: {} },
    event: { done: 'payment.succeeded', undone: 'payment.failed' },
  },
  {
    kind: 'capture',
    before: { capture: false },
    request: (id) => ({ path: `/api/v1/charges/${id}/capture`, body: { amount: PARTIAL } }),
    charge: {
      done: { status: 'succeeded', amount_captured: PARTIAL },
      undone: { status: 'authorized', amount_captured: 0 },
    },
    payment: {
      done: { status: 'captured', captured: PARTIAL },
      undone: { status: 'authorized', captured: 0 },
    },
    ledger: { done: { 'provider:bank': PARTIAL, merchant: -PARTIAL }, undone: HELD },
    event: { done: 'payment.succeeded', undone: 'payment.capture_failed' },
  },
  {
    kind: 'cancel',
    before: { capture: false },
    request: (id) => ({ path: `/api/v1/charges/${id}/cancel`, body: {} }),
    charge: { done: { status: 'canceled' }, undone: { status: 'authorized' } },
    payment: { done: { status: 'canceled', captured: 0 }, undone: { status: 'authorized', captured: 0 } },
    ledger: { done: {}, undone: HELD },
    event: { done: 'payment.canceled', undone: 'payment.cancel_failed' },
  },
  {
    kind: 'refund',
    before: { capture: true },
    request: (id) => ({ path: '/api/v1/refunds', body: { transaction_id: id, amount: PARTIAL } }),
    charge: {
      done: { status: 'partially_refunded', amount_refunded: PARTIAL },
      undone: { status: 'succeeded', amount_refunded: 0 },
    },
    payment: {
      done: { status: 'captured', captured: AMOUNT, refunded: PARTIAL },
      undone: { status: 'captured', captured: AMOUNT, refunded: 0 },
    },
    ledger: {
      done: { 'provider:bank': AMOUNT - PARTIAL, merchant: PARTIAL - AMOUNT },
      undone: TAKEN,
    },
    event: { done: 'payment.refunded', undone: 'refund.failed' },
  },
]

// Each test has processes of its own, so that two can run at a time.
describe('recovery points', { concurrency: 2 }, () => {
  for (const scenario of SCENARIOS)
    describe(scenario.kind, () => {
      for (const point of POINTS)
        test(`MiniPay continues the ${scenario.kind} after a crash ${WORDS[point.point]}`, (t) =>
          crashAt(t, scenario, point))
    })
})

async function crashAt(t: TestContext, scenario: Scenario, point: Point): Promise<void> {
  const { bank, env, database } = await onlyBank(t)

  const dying = await startServer(database, { ...env, DIE_AT: `${scenario.kind}:${point.point}` }, [
    SERVE_AND_DIE,
  ])
  atEnd(t, dying.kill)
  const id = scenario.before && (await prepared(dying, scenario.before))
  const request: Request = { ...scenario.request(id ?? ''), key: 'the-request' }
  await crash(dying, bank, scenario, point, request)

  const server = await serve(t, database, env)
  const charge = await settled(server.url)
  const end = point.done ? 'done' : 'undone'
  assert.ok(id === null || charge.id === id)
  if (point.hold !== null) await letGo(bank, scenario, point)
  await checkBooks(server.url, bank, scenario, end)
  await checkRepetition(server.url, bank, scenario, end, request)
  await checkBooks(server.url, bank, scenario, end)
  assert.equal(await server.stop(), 0)
  await assertSound(database)
}

function ask<T>(url: string, { path, body, key }: Request): Promise<Answer<T>> {
  return call<T>(url, 'POST', path, body, { 'idempotency-key': key })
}

/** A charge that was taken, or is held. */
async function prepared({ url }: RunningServer, { capture }: { capture: boolean }): Promise<string> {
  const body = { amount: AMOUNT, currency: 'usd', customer: 'cus_1', capture }
  const made = await ask<Charge>(url, { path: '/api/v1/charges', body, key: 'before' })
  assert.equal(made.status, 201, JSON.stringify(made.body))
  return made.body.id
}

/** Sends the request to a server that dies at the point, so it gets no response. */
async function crash(
  dying: RunningServer,
  bank: Simulator,
  { kind }: Scenario,
  { hold }: Point,
  request: Request,
): Promise<void> {
  if (hold === null) {
    await assert.rejects(ask(dying.url, request))
    await dying.gone
    return
  }
  await bank.arm(kind, hold === 'received' ? 'hold_before' : 'hold_after')
  const before = (await bank.calls())[hold][kind]
  const unanswered = assert.rejects(ask(dying.url, request))
  await bank.waitFor(hold, kind, before + 1)
  await dying.kill()
  await unanswered
}

/** The only charge there is, when nothing of it is open any more. */
async function settled(url: string): Promise<Charge> {
  let charges: readonly Charge[] = []
  await until('the charge and its refunds are settled', async () => {
    charges = (await call<{ data: Charge[] }>(url, 'GET', '/api/v1/charges')).body.data
    return charges.every((one) => one.status !== 'processing' && one.amount_refund_pending === 0)
  })
  assert.equal(charges.length, 1)
  return charges[0]!
}

/** The call that the bank has held all the time comes through at last, after it was looked up. */
async function letGo(bank: Simulator, { kind }: Scenario, { hold }: Point): Promise<void> {
  const before = (await bank.calls()).done[kind]
  assert.deepEqual(await bank.control('POST', '/release'), { released: 1 })
  if (hold === 'received') await bank.waitFor('done', kind, before + 1)
}

/** The charge, the ledger and the bank's statement agree. */
async function checkBooks(
  url: string,
  bank: Simulator,
  scenario: Scenario,
  end: 'done' | 'undone',
): Promise<void> {
  const charge = await settled(url)
  assert.partialDeepStrictEqual(charge, scenario.charge[end])
  const { payments } = await bank.statement()
  const payment = scenario.payment[end]
  assert.equal(payments.length, payment ? 1 : 0)
  if (payment)
    assert.partialDeepStrictEqual(payments[0], { ...payment, transaction_id: charge.id, amount: AMOUNT })

  type Account = { readonly account: string; readonly balance: number }
  const accounts = (await call<{ data: Account[] }>(url, 'GET', '/api/v1/ledger/accounts')).body.data
  const balances = accounts
    .filter(({ balance }) => balance !== 0)
    .map(({ account, balance }) => [account, balance])
  assert.deepEqual(Object.fromEntries(balances), scenario.ledger[end])

  type Event = { readonly sequence: number; readonly type: string }
  const events = (await call<{ data: Event[] }>(url, 'GET', '/api/v1/events')).body.data
  const expected = [
    ...(scenario.before ? [scenario.before.capture ? 'payment.succeeded' : 'payment.authorized'] : []),
    scenario.event[end],
  ]
  assert.deepEqual(
    events.map(({ sequence, type }) => [sequence, type]),
    expected.map((type, index) => [index + 1, type]),
  )
}

/** The repeated request gets the same ending, and MiniPay does not call the provider. */
async function checkRepetition(
  url: string,
  bank: Simulator,
  { kind, charge }: Scenario,
  end: 'done' | 'undone',
  request: Request,
): Promise<void> {
  const before = await bank.calls()
  const again = await ask<Charge & Refund & Failure>(url, request)
  assert.equal(again.headers.get('idempotent-replayed'), 'true')
  assert.deepEqual(await bank.calls(), before)
  if (end === 'undone') {
    assert.equal(again.status, 502, JSON.stringify(again.body))
    assert.deepEqual(
      [again.body.code, again.body.decline_code],
      ['provider_unavailable', 'provider_unavailable'],
    )
    if (kind !== 'refund') assert.partialDeepStrictEqual(again.body.charge, charge.undone)
    return
  }
  assert.equal(again.status, 200, JSON.stringify(again.body))
  assert.equal(again.body.status, charge.done.status)
  if (kind === 'refund') assert.equal(again.body.amount, PARTIAL)
}
