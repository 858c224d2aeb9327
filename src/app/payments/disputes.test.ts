/**
 * A provider that reports disputes in any order, with refunds in between: the rules that are true after each report.
 */

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import fc from 'fast-check'
import { taken } from '../../../test/kit/commits.ts'
import { tempDir } from '../../../test/kit/folders.ts'
import type { Charge, Dispute } from '../../domain/charge.ts'
import { canonicalRequest } from '../../domain/idempotency.ts'
import { refundableAmount } from '../../domain/refund.ts'
import type { DisputeLookup, RemoteProvider } from '../../ports/provider.ts'
import { type Store, KEYLESS_SCOPE as scope } from '../../ports/store.ts'
import { nodeRuntime } from '../../runtime/node.ts'
import { engineOf } from '../../storage/engine.ts'
import { openSqliteStore } from '../../storage/sqlite/store.ts'
import { handleNotification } from '../attempts/handle-notification.ts'
import { type Context, createContext } from '../context.ts'
import type { KeyedRequest } from '../execute.ts'
import { createHealth } from '../routing/health.ts'
import { createRouter } from '../routing/router.ts'
import { createCharge } from './create-charge.ts'
import { createRefund } from './create-refund.ts'
import { alarmMissingDispute, bookDispute } from './disputes.ts'

const AMOUNT = 1_000
const dir = tempDir()
const file = `${dir.path}/minipay.db`
let store: Store
let context: Context
let keys = 0

before(async () => {
  store = await openSqliteStore({ file, onGroup: () => {}, onFatal: assert.ifError })
  const health = createHealth(Date.now)
  const quiet = () => {}
  const router = createRouter({
    store,
    providers: () => ['bank'],
    health,
    now: Date.now,
    runtime: nodeRuntime,
    loadConditions: assert.fail,
  })
  context = createContext({
    store,
    providers: new Map([['bank', bank()]]),
    router,
    health,
    log: { info: quiet, warn: quiet, error: quiet },
    runtime: nodeRuntime,
    onCall: quiet,
    onAlarm: quiet,
    idempotencyWaitMs: 5_000,
    providerWaitMs: 5_000,
    actionAgeMs: 1e9,
  })
})
after(async () => {
  await store?.close()
  dir.remove()
})

/** A provider that does every call as requested; the test reports its disputes. */
function bank(): RemoteProvider {
  const yes = async ({
    attemptId,
    amount,
    currency,
  }: {
    attemptId: string
    amount: number
    currency: string
  }) => ({ kind: 'succeeded', reference: `of_${attemptId}`, amount, currency, expiresAt: null }) as const
  return {
    remote: true,
    name: 'bank',
    kind: 'http',
    mode: 'test',
    capabilities: { idempotencyWindowMs: 0, lookup: 'eventual', void: true, partialCapture: true },
    deadlineMs: 5_000,
    concurrency: 100,
    authorize: yes,
    capture: yes,
    cancel: yes,
    refund: yes,
    lookup: async () => ({ kind: 'unknown', reason: 'never asked' }),
    dispute: async () => ({ kind: 'not_found' }),
    notification: async () => null,
    close: async () => {},
  }
}

/** A new key, as a request with this body would have it. */
function request(operation: string, body: object): KeyedRequest {
  const fingerprint = context.fingerprint(canonicalRequest(operation, body))
  return { scope, key: `key_${++keys}`, fingerprint, surface: 'minipay' }
}

async function charged(): Promise<Charge> {
  const nothing = { paymentMethod: null, description: null, metadata: {} }
  const order = { amount: AMOUNT, currency: 'usd', customer: 'cus_1', capture: true, ...nothing }
  const { amount, currency, customer } = order
  const answer = await createCharge(
    context,
    request('POST /api/v1/charges', { amount, currency, customer }),
    order,
  )
  assert.ok('about' in answer, JSON.stringify(answer))
  return (await store.charge(scope, answer.object.id)) as Charge
}

type Step =
  | { readonly do: 'refund'; readonly amount: number }
  | {
      readonly do: 'say'
      readonly dispute: number
      /** The charge whose payment it names: the first, the second, or an unknown one. */
      readonly payment: number
      readonly status: Dispute['status']
      readonly amount: number
      readonly currency: string
    }

const steps: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constant('refund' as const), amount: fc.integer({ min: 1, max: AMOUNT }) }),
  fc.record({
    do: fc.constant('say' as const),
    dispute: fc.nat(2),
    payment: fc.constantFrom(0, 0, 0, 1, 2),
    status: fc.constantFrom('open' as const, 'won' as const, 'lost' as const),
    amount: fc.oneof(fc.nat(2 * AMOUNT), fc.constantFrom(0, AMOUNT, Number.MAX_SAFE_INTEGER)),
    currency: fc.constantFrom('usd', 'usd', 'USD', 'eur', 'xxx'),
  }),
)

/** The rules for a charge and its disputes that are true after every report. */
const BANK = { name: 'bank', mode: 'test' } as const

async function check({ id }: Charge): Promise<Charge> {
  const charge = (await store.charge(scope, id)) as Charge
  const { data } = await store.disputes(scope, { limit: 100, chargeId: id })
  const booked = data.reduce((sum, { amountBooked }) => sum + amountBooked, 0)
  assert.equal(charge.amountDisputed, booked)
  assert.ok(charge.amountDisputed >= 0 && charge.amountDisputed <= charge.amountCaptured)
  assert.ok(charge.amountRefunded + charge.amountRefundPending <= charge.amountCaptured)
  for (const { status, amountBooked } of data)
    assert.ok(amountBooked >= 0 && (status !== 'won' || amountBooked === 0))
  return charge
}

test('a dispute that is not found any more raises an alarm when no lag explains it, and stays booked', async () => {
  const { id, providerReference } = await charged()
  const reference = `gone_${id}`
  const about = {
    paymentReference: providerReference as string,
    amount: 300,
    currency: 'usd',
    reason: null,
    evidenceDueAt: null,
  }
  await bookDispute(context, BANK, { kind: 'dispute', reference, status: 'open', ...about })
  const look = (receivedAt: number) =>
    handleNotification(context, {
      id: `ntf_${id}`,
      provider: 'bank',
      notificationId: id,
      subject: { about: 'dispute', reference },
      tries: 0,
      receivedAt,
    })
  const alarms = async () => (await store.alarms(scope, { limit: 9, chargeId: id })).data
  assert.equal((await look(Date.now())).done, false)
  assert.deepEqual(await alarms(), [])
  for (const _ of [1, 2]) assert.equal((await look(Date.now() - 600_000)).done, false)
  const [alarm, ...others] = await alarms()
  assert.deepEqual(
    [alarm?.kind, alarm?.said, alarm?.inDoubt, others],
    ['contradiction', 'not_found', false, []],
  )
  assert.equal((await store.charge(scope, id))?.amountDisputed, 300)
})

test('what a provider says of a payment or a dispute of the other mode is foreign, and changes nothing', async () => {
  const { id, providerReference } = await charged()
  const reference = `other_${id}`
  const about = {
    paymentReference: String(providerReference),
    amount: 300,
    currency: 'usd',
    reason: null,
    evidenceDueAt: null,
  }
  const said = { kind: 'dispute', reference, status: 'open', ...about } as const
  const live = { ...BANK, mode: 'live' } as const
  const before = await store.charge(scope, id)
  assert.equal(await bookDispute(context, live, said), 'foreign')
  assert.deepEqual(await store.charge(scope, id), before)
  // Also if it is known in its own mode.
  assert.equal(await bookDispute(context, BANK, said), 'booked')
  const booked = await store.charge(scope, id)
  assert.equal(await bookDispute(context, live, { ...said, status: 'lost' }), 'foreign')
  await alarmMissingDispute(context, live, reference)
  assert.deepEqual(await store.charge(scope, id), booked)
  assert.deepEqual((await store.alarms(scope, { limit: 9, chargeId: id })).data, [])
})

test('a notification about an attempt of the other mode is foreign', async () => {
  const other = { ...scope, mode: 'live' } as const
  const { attempt } = await taken(store, { scope: other, provider: 'bank' })
  for (const subject of [
    { about: 'attempt', attemptId: attempt.id },
    { about: 'payment', reference: String(attempt.providerReference) },
  ] as const) {
    const note = { id: `ntf_${attempt.id}`, provider: 'bank', notificationId: attempt.id, subject, tries: 0 }
    const result = await handleNotification(context, { ...note, receivedAt: Date.now() })
    assert.deepEqual(result, { done: false, why: 'foreign', error: 'no attempt has that reference' })
  }
})

test('any sequence of disputes is listed, disputed money is not refunded, and the books are sound', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(steps, { minLength: 1, maxLength: 12 }), async (story) => {
      const charges = [await charged(), await charged()] as const
      const [first] = charges
      const references = [...charges.map(({ providerReference }) => providerReference as string), 'nobodys']
      const told = new Map<string, Dispute['status']>()
      for (const step of story) {
        if (step.do === 'refund') {
          const before = await check(first)
          const { amount } = step
          const command = { amount, reason: null, description: null, metadata: {} }
          const asked = request('POST /api/v1/refunds', { transaction_id: first.id, amount })
          await createRefund(context, asked, first.id, command)
          const { amountRefunded } = await check(first)
          assert.ok(amountRefunded - before.amountRefunded <= refundableAmount(before))
          continue
        }
        const reference = `d_${step.dispute}_${first.id}`
        const { status, amount, currency } = step
        const paymentReference = references[step.payment] as string
        const said: DisputeLookup = {
          kind: 'dispute',
          reference,
          paymentReference,
          amount,
          currency,
          reason: null,
          evidenceDueAt: null,
          status,
        }
        const came = await bookDispute(context, BANK, said)
        if (!told.has(reference)) assert.equal(came, step.payment === 2 ? 'foreign' : 'booked')
        if (came === 'foreign') continue
        told.set(reference, status)
        const stored = await store.disputeByReference(scope, 'bank', reference)
        assert.deepEqual(
          [stored?.status, stored?.amount, stored?.currency],
          [status, amount, currency.toLowerCase()],
        )
        for (const charge of charges) await check(charge)
      }
    }),
    { numRuns: 60 },
  )
  await store.close()
  const { problem } = await (await engineOf(file)).verify()
  assert.equal(problem, undefined)
})
