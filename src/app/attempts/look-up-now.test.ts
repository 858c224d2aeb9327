/** A person looks up an attempt: what one gets, and who wins when several do. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { taken } from '../../../test/kit/commits.ts'
import { tempDir } from '../../../test/kit/folders.ts'
import { contextOf } from '../../../test/kit/history.ts'
import { LIVE_SCOPE as scope } from '../../../test/kit/scopes.ts'
import { type Scripted, scripted } from '../../../test/kit/scripted.ts'
import type { Attempt } from '../../domain/attempt.ts'
import type { AuditEntry } from '../../domain/audit.ts'
import { isRejection } from '../../domain/error.ts'
import type { LookupOutcome } from '../../ports/provider.ts'
import type { Store } from '../../ports/store.ts'
import { openSqliteStore } from '../../storage/sqlite/store.ts'
import type { Audit } from '../audit.ts'
import type { Context } from '../context.ts'
import { createCharge } from '../payments/create-charge.ts'
import { lookUpNow } from './look-up-now.ts'
import { recoverAttempt, reviewAttempt } from './recover-attempt.ts'
import { nextRecoveryStep } from './recovery-places.ts'
import { resolveAttempt } from './resolve-attempt.ts'

const dir = tempDir()
let store: Store
let keys = 0
before(async () => {
  store = await openSqliteStore({ file: `${dir.path}/minipay.db`, onGroup() {}, onFatal: assert.ifError })
})
after(async () => {
  await store.close()
  dir.remove()
})

const audit: Audit = (done) =>
  ({
    ...{
      id: `aud_${++keys}`,
      scope,
      at: Date.now(),
      actor: 'key_1',
      object: null,
      before: null,
      after: null,
    },
    ...{ address: null, requestId: null },
    ...done,
  }) as AuditEntry

/** A bank whose lookups wait until the test gives their result. */
function held(bank: Scripted) {
  const waiting: ((found: LookupOutcome) => void)[] = []
  return {
    bank: { ...bank, lookup: () => new Promise<LookupOutcome>((resolve) => waiting.push(resolve)) },
    waiting,
    async lookups(count: number) {
      while (waiting.length < count) await new Promise(setImmediate)
    },
  }
}

/** A node of its own, and an attempt at its bank whose outcome is unknown. */
async function unknownAt(bank: Scripted, context: Context): Promise<Attempt> {
  bank.says({ kind: 'unknown', reason: 'no response in time' })
  const command = { amount: 2_500, currency: 'usd', customer: 'c', capture: true }
  const nothing = { paymentMethod: null, description: null, metadata: {} }
  const request = { scope, key: `order ${++keys}`, fingerprint: 'f', surface: 'minipay' } as const
  const answer = await createCharge({ ...context, providerWaitMs: 1 }, request, { ...command, ...nothing })
  assert.ok(!isRejection(answer))
  await context.background.ended()
  const { data } = await store.attempts(scope, { limit: 9, chargeId: answer.object.id })
  assert.equal(data[0]?.state, 'unknown')
  return data[0] as Attempt
}

const found = (attempt: Attempt) =>
  ({
    kind: 'succeeded',
    reference: `ref_${attempt.id}`,
    amount: 2_500,
    currency: 'usd',
    expiresAt: null,
  }) as const
const nodeAt = (bank: Scripted) => contextOf(store, [bank], Date.now)
const codeOf = (result: object) => (isRejection(result) ? result.code : 'done')

test('a lookup that finds the payment books it, says so, and is in the audit log', async () => {
  const bank = scripted('bank_a', Date.now())
  const context = nodeAt(bank)
  const attempt = await unknownAt(bank, context)
  bank.finds(found(attempt))
  const result = await lookUpNow(context, scope, attempt.id, audit)
  assert.ok(!isRejection(result))
  assert.deepEqual(
    [result.outcome, result.attempt.state, result.attempt.resolvedBy],
    ['succeeded', 'succeeded', 'lookup'],
  )
  assert.equal((await store.charge(scope, attempt.chargeId))?.status, 'succeeded')
  const entries = await store.auditEntries(scope, { limit: 9, object: attempt.id })
  assert.deepEqual(
    entries.data.map(({ action, actor }) => [action, actor]),
    [['attempt.looked_up', 'key_1']],
  )
  assert.equal(codeOf(await lookUpNow(context, scope, attempt.id, audit)), 'attempt_not_open')
})

test('a lookup that finds nothing leaves the attempt unknown and free for the next one', async () => {
  const bank = scripted('bank_a', Date.now())
  const context = nodeAt(bank)
  const { id } = await unknownAt(bank, context)
  for (const lookups of [1, 2]) {
    const result = await lookUpNow(context, scope, id, audit)
    assert.ok(!isRejection(result))
    assert.deepEqual([result.outcome, result.reason], ['unknown', 'it says nothing'])
    assert.deepEqual([result.attempt.state, result.attempt.lookups], ['unknown', lookups])
  }
  assert.deepEqual((await store.auditEntries(scope, { limit: 9, object: id })).data, [])
})

test('of people on two nodes one looks up, the others are refused at once, and the money is booked once', async () => {
  const scriptedBank = scripted('bank_a', Date.now())
  const { bank, waiting, lookups } = held(scriptedBank)
  const [mine, other] = [nodeAt({ ...scriptedBank, ...bank }), nodeAt({ ...scriptedBank, ...bank })]
  const attempt = await unknownAt(scriptedBank, mine)
  const first = lookUpNow(mine, scope, attempt.id, audit)
  await lookups(1)
  assert.equal(codeOf(await lookUpNow(other, scope, attempt.id, audit)), 'attempt_not_open')
  assert.equal(codeOf(await lookUpNow(mine, scope, attempt.id, audit)), 'attempt_not_open')
  const finding = { outcome: 'failed', reference: null, amount: null, note: null } as const
  assert.equal(codeOf(await resolveAttempt(other, scope, attempt.id, finding, audit)), 'attempt_not_open')
  const now = Date.now() + 1
  const due = {
    provider: 'bank_a',
    limit: 9,
    now,
    leaseUntil: now + 1_000,
    token: 'a worker',
    freeOnly: true,
  }
  assert.ok((await store.claimAttempts(due)).every((claimed) => claimed.attempt.id !== attempt.id))
  waiting[0]?.(found(attempt))
  assert.equal(codeOf(await first), 'done')
  assert.equal(waiting.length, 1)
  const { data } = await store.ledgerEntries(scope, { limit: 9, transactionId: attempt.chargeId })
  assert.equal(data.length, 2, 'one transfer')
})

test('of two people who saw an attempt unknown the second is refused, and corrects it only knowingly', async () => {
  const bank = scripted('bank_a', Date.now())
  const context = nodeAt(bank)
  const { id } = await unknownAt(bank, context)
  const finding = { reference: `ref_${id}`, amount: null, note: null, expected: 'unknown' } as const
  const resolve = (outcome: 'succeeded' | 'failed', more: object = {}) =>
    resolveAttempt(context, scope, id, { ...finding, outcome, ...more }, audit)
  assert.equal(codeOf(await resolve('succeeded')), 'done')
  assert.equal(codeOf(await resolve('failed')), 'attempt_not_open')
  assert.equal((await store.attempt(id))?.attempt.state, 'succeeded')
  assert.equal(codeOf(await resolve('failed', { expected: 'succeeded' })), 'done')
  assert.equal((await store.attempt(id))?.attempt.state, 'declined')
})

test('a notification that comes first ends the attempt, and the lookup changes nothing more', async () => {
  const scriptedBank = scripted('bank_a', Date.now())
  const { bank, waiting, lookups } = held(scriptedBank)
  const context = nodeAt({ ...scriptedBank, ...bank })
  const attempt = await unknownAt(scriptedBank, context)
  const looking = lookUpNow(context, scope, attempt.id, audit)
  await lookups(1)
  // Another node learns the outcome without a lease, as notifications do.
  scriptedBank.finds(found(attempt))
  const other = nodeAt(scriptedBank)
  await reviewAttempt(other, scriptedBank, { scope, attempt })
  waiting[0]?.(found(attempt))
  const result = await looking
  assert.ok(!isRejection(result))
  assert.deepEqual([result.attempt.state, result.attempt.resolvedBy], ['succeeded', 'notification'])
  const { data } = await store.ledgerEntries(scope, { limit: 9, transactionId: attempt.chargeId })
  assert.equal(data.length, 2, 'one transfer')
})

test('an attempt that has ended, of another scope, or without a lookup is refused in words', async () => {
  const bank = scripted('bank_a', Date.now())
  const { attempt } = await taken(store, { scope })
  const refused = async (context: Context, id: string, from = scope) => {
    const result = await lookUpNow(context, from, id, audit)
    return isRejection(result) ? [result.code, result.message] : result
  }
  const context = nodeAt(bank)
  assert.deepEqual(await refused(context, attempt.id), [
    ...['attempt_not_open', 'The attempt has ended: it is succeeded.'],
  ])
  const unknown = await unknownAt(bank, context)
  const other = { ...scope, mode: 'test' } as const
  assert.equal(((await refused(context, unknown.id, other)) as string[])[0], 'attempt_not_found')
  assert.equal(((await refused(context, 'att_nothing')) as string[])[0], 'attempt_not_found')
  const mute = { ...bank, capabilities: { ...bank.capabilities, lookup: 'none' } } as const
  assert.equal(((await refused(nodeAt(mute), unknown.id)) as string[])[0], 'provider_not_capable')
  const gone = scripted('bank_b', Date.now())
  assert.equal(((await refused(nodeAt(gone), unknown.id)) as string[])[0], 'provider_not_configured')
})

test('lookups of people stop at the open breaker and at the places of the provider', async () => {
  const scriptedBank = scripted('bank_a', Date.now())
  const { bank, waiting, lookups } = held(scriptedBank)
  const context = nodeAt({ ...scriptedBank, ...bank, concurrency: 1 })
  const [a, b, c] = [
    await unknownAt(scriptedBank, context),
    await unknownAt(scriptedBank, context),
    await unknownAt(scriptedBank, context),
  ]
  const running = [a, b].map(({ id }) => lookUpNow(context, scope, id, audit))
  await lookups(2)
  assert.equal(codeOf(await lookUpNow(context, scope, c.id, audit)), 'overloaded')
  for (const answer of waiting) answer({ kind: 'unknown', reason: 'no' })
  await Promise.all(running)
  for (let i = 0; i < 9; i++) context.health.report('bank_a', 'unknown', 1, false, 'lookup')
  assert.equal(codeOf(await lookUpNow(context, scope, c.id, audit)), 'provider_unavailable')
})

test('while its provider is paused an authorization is looked up or waits, and is not sent again', async () => {
  const bank = scripted('bank_a', Date.now())
  const context = nodeAt(bank)
  const attempt = await unknownAt(bank, context)
  const step = (lookup: 'none' | 'eventual', paused: boolean, changes: Partial<Attempt> = {}) => {
    const provider = { ...bank, capabilities: { ...bank.capabilities, lookup } }
    return nextRecoveryStep(
      context,
      provider,
      { ...attempt, lookups: 1, ...changes },
      attempt.startedAt,
      paused,
    )
  }
  assert.deepEqual([step('eventual', false), step('eventual', true)], ['resend', 'lookup'])
  assert.deepEqual([step('none', false), step('none', true)], ['resend', 'later'])
  assert.equal(step('none', true, { kind: 'refund' }), 'resend', 'of a payment that it has')
  const pause = { provider: 'bank_a', allAccounts: false, reason: 'r', pausedBy: 'k', pausedAt: 1 }
  await store.addProviderPause(scope, pause, audit({ action: 'provider.paused' }))
  context.pauses.forget()
  const mute = {
    ...bank,
    capabilities: { ...bank.capabilities, lookup: 'none' },
    authorize: async () => assert.fail('it was sent again'),
  } as const
  const node = nodeAt(mute)
  const now = Date.now()
  const claimed = await store.claimAttempt(attempt.id, { now, leaseUntil: now + 1_000, token: 't' })
  assert.ok(claimed)
  await recoverAttempt(node, claimed)
  const after = (await store.attempt(attempt.id))?.attempt
  assert.equal(after?.state, 'unknown')
  assert.ok((after?.dueAt ?? 0) > now + 20_000)
})
