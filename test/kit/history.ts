/** Books with a history of every kind, which the use cases make with scripted providers. */

import { handleNotification } from '../../src/app/attempts/handle-notification.ts'
import { type Context, createContext } from '../../src/app/context.ts'
import { cancelCharge } from '../../src/app/payments/cancel-charge.ts'
import { captureCharge } from '../../src/app/payments/capture-charge.ts'
import { createCharge } from '../../src/app/payments/create-charge.ts'
import { createRefund } from '../../src/app/payments/create-refund.ts'
import { createHealth } from '../../src/app/routing/health.ts'
import { pauseProvider, resumeProvider } from '../../src/app/routing/pauses.ts'
import { createRouter } from '../../src/app/routing/router.ts'
import type { KnownOutcome, Outcome } from '../../src/domain/attempt.ts'
import type { Charge, Refund } from '../../src/domain/charge.ts'
import { isRejection } from '../../src/domain/error.ts'
import { canonicalRequest } from '../../src/domain/idempotency.ts'
import type { Provider } from '../../src/ports/provider.ts'
import type { Scope, Store } from '../../src/ports/store.ts'
import { createSandbox } from '../../src/providers/sandbox.ts'
import { compileCondition } from '../../src/rules/cel.ts'
import { nodeRuntime } from '../../src/runtime/node.ts'
import { administer } from './access-history.ts'
import { auditIn } from './audit-entries.ts'
import { deliver, deliverSome, registerEndpoints, setDefault } from './deliveries.ts'
import { LIVE_SCOPE } from './scopes.ts'
import { type Scripted, scripted } from './scripted.ts'

export const LIVE = LIVE_SCOPE
export const TEST: Scope = { ...LIVE, mode: 'test' }

const START = Date.UTC(2027, 0, 1)
const NO: Outcome = { kind: 'declined', declineCode: 'insufficient_funds', message: 'No.', reference: null }
const FAULT: Outcome = {
  kind: 'declined',
  declineCode: 'processing_error',
  message: 'A fault.',
  reference: null,
}

export type Books = {
  readonly context: Context
  readonly bankA: Scripted
  readonly bankB: Scripted
  /** Makes charges; their amounts identify them. The test may add further fields. */
  charge(amount: number, fields?: object, scope?: Scope): Promise<Charge>
  capture(charge: Charge, amount?: number): Promise<Charge>
  cancel(charge: Charge): Promise<Charge>
  refund(charge: Charge, amount?: number, fields?: object, scope?: Scope): Promise<Refund>
  /** Sends a notification of a bank, and handles it. */
  notify(
    bank: Scripted,
    about: 'payment' | 'refund' | 'dispute',
    reference: string,
    givenUp?: 'failed',
  ): Promise<void>
  /** A dispute as a bank reports it. */
  dispute(charge: Charge, reference: string, amount: number, status?: 'open' | 'won' | 'lost'): Promise<void>
}

/** A clock that advances by a second with each request. */
let [clock, keys] = [START, 0]

/** A node of its own on a store, with a clock that the test moves. */
export function contextOf(store: Store, providers: readonly Provider[], now: () => number): Context {
  const runtime = { ...nodeRuntime, now }
  const health = createHealth(now)
  const names = providers.map(({ name }) => name)
  const loadConditions = async () => compileCondition
  return createContext({
    store,
    providers: new Map(providers.map((provider) => [provider.name, provider])),
    router: createRouter({ store, providers: () => names, health, loadConditions, now, runtime }),
    health,
    log: { info() {}, warn() {}, error() {} },
    ...{ onCall() {}, onAlarm() {} },
    ...{ idempotencyWaitMs: 1_000, providerWaitMs: 10_000, actionAgeMs: 86_400_000 },
    runtime,
  })
}

/** With the sandbox, and also the two banks unless it is the only provider. */
export function openBooks(store: Store, only?: 'sandbox'): Books {
  const now = () => clock
  const [bankA, bankB] = [scripted('bank_a', START), scripted('bank_b', START)]
  const sandbox = createSandbox('sandbox')
  // So far as the rows show, a provider may be in any mode: the storage does not know of providers.
  const liveSandbox = { ...sandbox, mode: 'live' } as const
  const context = contextOf(store, [liveSandbox, ...(only ? [] : [bankA, bankB])], now)
  const contexts = { live: context, test: contextOf(store, [sandbox], now) }
  function request(operation: string, body: object, scope: Scope) {
    clock += 1_000
    const fingerprint = context.fingerprint(canonicalRequest(operation, body))
    return { scope, key: `key-${++keys}`, fingerprint, surface: 'minipay' } as const
  }
  /** Every call has ended, with any outcome. */
  async function settled(): Promise<void> {
    await context.background.ended()
  }
  async function chargeOf(scope: Scope, answer: Awaited<ReturnType<typeof createCharge>>): Promise<Charge> {
    if (isRejection(answer)) throw new Error(answer.message)
    await settled()
    return (await store.charge(scope, answer.object.id)) as Charge
  }
  let notes = 0
  return {
    context,
    bankA,
    bankB,
    async charge(amount, fields = {}, scope = LIVE) {
      const body = { amount, currency: 'usd', customer: 'cus_1', ...fields }
      const { payment_method, description, metadata, capture, ...rest } = body as object as Record<
        string,
        never
      >
      const command = {
        ...(rest as unknown as { amount: number; currency: string; customer: string }),
        capture: capture ?? true,
        paymentMethod: payment_method ?? null,
        description: description ?? null,
        metadata: metadata ?? {},
      }
      return chargeOf(
        scope,
        await createCharge(contexts[scope.mode], request('POST /api/v1/charges', body, scope), command),
      )
    },
    async capture(charge, amount) {
      const asked = request(
        `POST /api/v1/charges/${charge.id}/capture`,
        amount === undefined ? {} : { amount },
        LIVE,
      )
      return chargeOf(LIVE, await captureCharge(context, asked, charge.id, amount))
    },
    async cancel(charge) {
      const asked = request(`POST /api/v1/charges/${charge.id}/cancel`, {}, LIVE)
      return chargeOf(LIVE, await cancelCharge(context, asked, charge.id))
    },
    async refund({ id }, amount, fields = {}, scope = LIVE) {
      const body = { transaction_id: id, ...(amount !== undefined && { amount }), ...fields }
      const { reason, description, metadata } = fields as Record<string, never>
      const command = {
        amount,
        reason: reason ?? null,
        description: description ?? null,
        metadata: metadata ?? {},
      }
      const answer = await createRefund(
        contexts[scope.mode],
        request('POST /api/v1/refunds', body, scope),
        id,
        command,
      )
      if (isRejection(answer)) throw new Error(answer.message)
      await settled()
      return (await store.refund(scope, answer.object.id)) as Refund
    },
    async notify(bank, about, reference, givenUp) {
      clock += 1_000
      const id = context.newId('ntf')
      const notificationId = `note-${++notes}`
      const at = now()
      const note = {
        id,
        provider: bank.name,
        notificationId,
        subject: { about, reference },
        tries: 0,
        receivedAt: at,
      }
      await store.addNotification(note)
      const token = `token-${id}`
      await store.claimNotifications({ limit: 10, now: at, leaseUntil: at + 60_000, token })
      const acted = await handleNotification(context, note)
      await settled()
      const state = acted.done ? 'done' : (givenUp ?? 'pending')
      const error = acted.done ? null : acted.error
      await store.settleNotification({
        id,
        token,
        state,
        dueAt: state === 'pending' ? at + 1_000 : null,
        error,
      })
    },
    async dispute({ providerReference, currency, provider }, reference, amount, status = 'open') {
      const bank = provider === 'bank_a' ? bankA : bankB
      bank.disputes({
        ...{ kind: 'dispute', reference, paymentReference: String(providerReference), amount, currency },
        ...{ reason: 'not received', status, evidenceDueAt: null },
      })
      await this.notify(bank, 'dispute', reference)
    },
  }
}

const RULES = {
  rules: [
    { name: 'one bank', when: 'amount >= 2000 && amount < 5000', providers: ['bank_a'] },
    {
      name: 'two banks',
      when: 'amount >= 5000',
      providers: ['bank_a', 'bank_b'],
      failover_on: ['processing_error'],
    },
  ],
  limits: [{ name: 'yen', per: 'customer', window_s: 3600, max_charges: 1000, max_amount: { jpy: 1000 } }],
  default: { providers: ['sandbox'] },
}

/**
 * Charges in both modes, two currencies, at the sandbox and through two banks, in every state and with every kind of
 * refund, dispute, delivery and notification. The amounts identify them. Without `webhooks` there are no endpoints.
 */
export async function fillBooks(store: Store): Promise<void> {
  const endpoints = await registerEndpoints(store)
  const sandbox = openBooks(store, 'sandbox')
  await atTheSandbox(sandbox)
  await sandbox.refund(await sandbox.charge(70, {}, TEST), 20, {}, TEST)
  const books = openBooks(store)
  const { bankA, bankB, context } = books
  await books.charge(1_010, { metadata: { order: '45' } })
  for (const document of [{ ...RULES, rules: [RULES.rules[0]] }, RULES]) {
    const stored = await context.router.replace(LIVE, document, {}, auditIn(LIVE))
    if (isRejection(stored)) throw new Error(stored.message)
  }
  await atOneBank(books)
  await atTwoBanks(books)
  // A velocity limit declines it.
  await books.charge(2_080, { currency: 'jpy', capture: false })
  await withLongTexts(books)
  await disputed(books)
  bankB.finds(null)
  bankA.says({ kind: 'unknown', reason: 'no response in time' })
  await books.charge(2_090)
  await books.notify(bankA, 'payment', 'foreign', 'failed')
  await deliver(store, endpoints)
  await administer(books.context)
  await pauseSome(books.context)
}

/** One bank is paused for this account, the other one for all accounts; each was resumed before. */
async function pauseSome(context: Context): Promise<void> {
  const request = { scope: LIVE, actor: 'keyless', mayAll: true, audit: auditIn(LIVE) }
  const both = [
    { ...request, provider: 'bank_a', allAccounts: false },
    { ...request, provider: 'bank_b', allAccounts: true },
  ]
  for (const each of both) {
    await pauseProvider(context, { ...each, reason: 'An error' })
    await resumeProvider(context, { ...each, reason: 'It works' })
    await pauseProvider(context, { ...each, reason: 'Maintenance' })
  }
}

/** Charges in live mode at the sandbox alone, with rules and deliveries, as versions without modes stored them. */
export async function fillSandboxBooks(store: Store): Promise<void> {
  const books = openBooks(store, 'sandbox')
  await setDefault(store)
  await atTheSandbox(books)
  const document = { default: { providers: ['sandbox'] } }
  const stored = await books.context.router.replace(LIVE, document, {}, auditIn(LIVE))
  if (isRejection(stored)) throw new Error(stored.message)
  await books.charge(1_005)
  await deliverSome(store)
}

async function atTheSandbox(books: Books): Promise<void> {
  const sandbox = await books.charge(1_000, {
    ...{ payment_method: 'tok_visa', description: 'A chair', metadata: { order: '42', size: 'xl' } },
  })
  await books.refund(sandbox, 300, { reason: 'requested_by_customer', metadata: { ticket: '7' } })
  await books.refund(sandbox, 200)
  await books.refund(await books.charge(50, { currency: 'eur', customer: 'cus_2' }))
  await books.charge(1_001, { payment_method: 'tok_decline_insufficient_funds' })
  await books.charge(1_002, { customer: 'cus_3', metadata: { order: '43' } })
  await books.charge(1_003, { customer: 'cus_3', metadata: { order: '44' } })
  await books.capture(await books.charge(1_004, { capture: false }), 904)
}

/** Succeeded and refunded, declined, held and captured, and waiting: each with more text than a row stores. */
async function withLongTexts(books: Books): Promise<void> {
  const { bankA } = books
  const long = (order: string) => ({
    description: `A list of ${'chairs, '.repeat(90)}`,
    metadata: { order, notes: 'n'.repeat(500) },
  })
  await books.refund(await books.charge(2_040, long('60')), 440, long('60b'))
  await books.charge(2_044, { description: long('').description })
  bankA.says(NO)
  await books.charge(2_041, long('61'))
  await books.capture(await books.charge(2_042, { capture: false, ...long('62') }))
  bankA.says({ kind: 'pending', reference: 'wait_3', redirectUrl: null })
  await books.charge(2_043, long('63'))
}

async function atOneBank(books: Books): Promise<void> {
  const { bankA } = books
  const held = { capture: false }
  await books.charge(2_000, { description: 'A table' })
  bankA.says(NO)
  await books.charge(2_001)
  await books.charge(2_002, held)
  await books.capture(await books.charge(2_003, held))
  await books.capture(await books.charge(2_004, held), 1_004)
  await books.cancel(await books.charge(2_005, held))
  const declined = await books.charge(2_006, held)
  bankA.says({ ...FAULT, reference: 'cap_no' } as Outcome)
  await books.capture(declined)
  const capturing = await books.charge(2_007, held)
  bankA.says({ kind: 'pending', reference: 'cap_wait', redirectUrl: null })
  await books.capture(capturing)
  bankA.says({ kind: 'pending', reference: 'wait_1', redirectUrl: 'https://bank.example/1' })
  await books.charge(2_008)
  bankA.says({ kind: 'pending', reference: 'wait_2', redirectUrl: 'https://bank.example/2' })
  const acted = await books.charge(2_009)
  const { amount, currency } = acted
  bankA.finds({ kind: 'succeeded', reference: 'wait_2', amount, currency, expiresAt: null })
  await books.notify(bankA, 'payment', 'wait_2')

  const refunded = await books.charge(2_010)
  await books.refund(refunded, 510, { reason: 'duplicate' })
  await books.refund(refunded)
  const [waits, fails] = [await books.charge(2_011), await books.charge(2_012)]
  bankA.says({ kind: 'pending', reference: 're_wait', redirectUrl: null })
  await books.refund(waits, 311, { reason: 'fraudulent' })
  bankA.says(NO)
  await books.refund(fails, 312)
  const reversed = await books.refund(await books.charge(2_013), 313)
  bankA.finds(NO as KnownOutcome)
  await books.notify(bankA, 'refund', String(reversed.providerReference))
  bankA.finds(null)
}

async function atTwoBanks(books: Books): Promise<void> {
  const { bankA, bankB } = books
  bankA.says({ ...FAULT, reference: 'pay_no' } as Outcome)
  await books.refund(await books.charge(5_000, { customer: 'cus_4' }), 1_500)
  bankA.says(FAULT)
  bankB.says(NO)
  await books.charge(5_001)
  bankA.says({ kind: 'not_sent', reason: 'connection refused' })
  await books.capture(await books.charge(5_002, { capture: false, currency: 'eur' }), 2_502)
}

async function disputed(books: Books): Promise<void> {
  await books.dispute(await books.charge(2_020), 'dsp_open', 420)
  const won = await books.charge(2_021)
  await books.dispute(won, 'dsp_won', 421)
  await books.dispute(won, 'dsp_won', 421, 'won')
  const lost = await books.charge(2_022)
  await books.dispute(lost, 'dsp_lost', 422)
  await books.dispute(lost, 'dsp_lost', 423)
  await books.dispute(lost, 'dsp_lost', 423, 'lost')
  // A dispute of more than the captured amount: booked in part, with an alarm.
  await books.dispute(await books.charge(2_023), 'dsp_more', 3_000)
}
