/** Plays the month of a plan through the use cases of MiniPay, each order and what follows it at its time. */
import { handleNotification } from '../../app/attempts/handle-notification.ts'
import { receiveNotification } from '../../app/attempts/receive-notification.ts'
import { recoverAttempt } from '../../app/attempts/recover-attempt.ts'
import { resolveAttempt } from '../../app/attempts/resolve-attempt.ts'
import type { Audit } from '../../app/audit.ts'
import type { Context } from '../../app/context.ts'
import type { KeyedRequest } from '../../app/execute.ts'
import { cancelCharge } from '../../app/payments/cancel-charge.ts'
import { captureCharge } from '../../app/payments/capture-charge.ts'
import { createCharge } from '../../app/payments/create-charge.ts'
import { createRefund } from '../../app/payments/create-refund.ts'
import { isOpen } from '../../domain/attempt.ts'
import { isRejection } from '../../domain/error.ts'
import { canonicalRequest } from '../../domain/idempotency.ts'
import { KEYLESS_SCOPE } from '../../ports/store.ts'
import { settlementOf } from '../../workers/notifications.ts'
import type { ScriptedBanks } from './banks.ts'
import { DAY_MS, HOUR_MS, MINUTE_MS, type Order } from './plan.ts'
import type { SimulatedTime } from './simulated-time.ts'

export const SCOPE = KEYLESS_SCOPE

type Step = { readonly at: number; readonly run: () => Promise<unknown> }

export type Play = {
  /** Adds a step; those of one time run in the order in which they were added. */
  at(time: number, run: () => Promise<unknown>): void
  /** Runs every step up to a moment (ms since 1970). */
  until(time: number): Promise<void>
}

/** Runs steps at their times. */
export function createPlay(time: SimulatedTime): Play {
  const steps: Step[] = []
  return {
    at(at, run) {
      const later = steps.findIndex((step) => step.at > at)
      steps.splice(later < 0 ? steps.length : later, 0, { at, run })
    },
    async until(end) {
      for (let next = steps.shift(); next && next.at <= end; next = steps.shift()) {
        await time.advanceTo(next.at)
        await time.until(next.run())
      }
      await time.advanceTo(end)
    },
  }
}

/** The entries of a person at the command line. */
export function auditOf({ newId, now }: Pick<Context, 'newId' | 'now'>): Audit {
  return ({ action, object = null, before = null, after = null }) => ({
    ...{ id: newId('aud'), scope: SCOPE, at: now(), actor: 'cli', action, object, before, after },
    ...{ address: null, requestId: null },
  })
}

/** How long a shop may take to send evidence, in ms. */
const EVIDENCE_MS = 10 * DAY_MS

/** Waits after which open calls are looked up, besides the hourly look. */
const LOOKS_MS = [2_000, 10_000, MINUTE_MS, 5 * MINUTE_MS, 20 * MINUTE_MS]

/** What the steps of an order need. */
type Stage = { readonly play: Play; readonly context: Context; readonly banks: ScriptedBanks }

export function playOrders(stage: Stage, orders: readonly Order[]): void {
  for (const order of orders) stage.play.at(order.at, () => playOrder(stage, order))
}

async function playOrder(stage: Stage, order: Order): Promise<void> {
  const { play, context, banks } = stage
  const { at, number, fate, hold, refund, dispute } = order
  banks.setFate(number, fate)
  const id = await charge(context, order)
  if (id === undefined) return
  const later = (afterMs: number, run: () => Promise<unknown>) => play.at(at + afterMs, run)
  if (fate !== 'plain') lookLater(stage)
  if (fate === 'stuck') later(DAY_MS / 2, () => resolveByHand(context, id))
  if (hold && hold.end !== 'none') later(hold.afterMs, () => endHold(stage, id, order))
  if (refund) later(refund.afterMs, () => giveBack(stage, id, order))
  if (dispute) later(dispute.afterMs, () => openDispute(stage, id, order))
}

/** Charges as a client of the API does; returns the id, unless the request was refused. */
async function charge(context: Context, order: Order): Promise<string | undefined> {
  const { number, amount, currency, customer, description, paymentMethod, hold } = order
  const words = { amount, currency, customer, description, metadata: { order: number } }
  const body = { ...words, payment_method: paymentMethod, ...(hold && { capture: false }) }
  const request = keyed(context, `order-${number}`, 'POST /api/v1/charges', body)
  const result = await createCharge(context, request, { ...words, paymentMethod, capture: hold === null })
  return isRejection(result) ? undefined : result.object.id
}

async function giveBack(stage: Stage, id: string, { number, refund }: Order): Promise<void> {
  const { context } = stage
  const found = await context.store.charge(SCOPE, id)
  if (!refund || found?.status !== 'succeeded' || found.amountDisputed > 0) return
  const amount = refund.part ? Math.ceil(found.amountCaptured / 2) : undefined
  const { reason } = refund
  const body = { transaction_id: id, ...(amount !== undefined && { amount }), reason }
  const request = keyed(context, `refund-${number}`, 'POST /api/v1/refunds', body)
  const result = await createRefund(context, request, id, { amount, reason, description: null, metadata: {} })
  if (!isRejection(result) && result.kind === 'accepted') lookLater(stage)
}

async function endHold(stage: Stage, id: string, { number, hold, amount }: Order): Promise<void> {
  const { context } = stage
  const path = `POST /api/v1/charges/${id}`
  const part = hold?.end === 'part' ? Math.ceil(amount * 0.6) : undefined
  const body = part === undefined ? {} : { amount: part }
  const result =
    hold?.end === 'cancel'
      ? await cancelCharge(context, keyed(context, `cancel-${number}`, `${path}/cancel`, {}), id)
      : await captureCharge(context, keyed(context, `capture-${number}`, `${path}/capture`, body), id, part)
  if (!isRejection(result) && result.kind === 'accepted') lookLater(stage)
}

async function openDispute(
  { play, context, banks }: Stage,
  id: string,
  { number, dispute }: Order,
): Promise<void> {
  const found = await context.store.charge(SCOPE, id)
  if (!dispute || !found?.providerReference || found.status !== 'succeeded' || found.amountRefunded > 0)
    return
  const { provider, providerReference: paymentReference, amountCaptured: amount, currency } = found
  const reference = `demo_dispute_${number}`
  const evidenceDueAt = context.now() + EVIDENCE_MS
  const contest = { paymentReference, amount, currency, reason: dispute.reason, evidenceDueAt }
  const notify = async (status: 'open' | 'won' | 'lost') => {
    banks.contest(reference, { ...contest, status })
    await receiveNotification(context, provider ?? '', Buffer.from(`${reference} ${status}`), {})
    await handleNotifications(context)
  }
  await notify('open')
  // Without evidence, the bank decides for its customer when the time is over.
  const [afterMs, end] =
    dispute.end === 'open' ? ([EVIDENCE_MS, 'lost'] as const) : ([4 * DAY_MS, dispute.end] as const)
  play.at(context.now() + afterMs, () => notify(end))
}

/** Does what the worker of notifications does. */
async function handleNotifications(context: Context): Promise<void> {
  const { store, now, newKey } = context
  const token = newKey()
  const claim = { limit: 16, now: now(), leaseUntil: now() + MINUTE_MS, token }
  for (const notification of await store.claimNotifications(claim)) {
    const settlement = settlementOf(await handleNotification(context, notification), notification, now())
    await store.settleNotification({ id: notification.id, token, ...settlement })
  }
}

/** Looks up what is open soon, as the workers do all the time. */
function lookLater({ play, context }: Pick<Stage, 'play' | 'context'>): void {
  for (const ms of LOOKS_MS) play.at(context.now() + ms, () => lookUpOpen(context))
}

/** Does what the workers of recovery and of notifications do. */
export async function lookUpOpen(context: Context): Promise<void> {
  const { store, now, newKey, providers } = context
  for (const provider of providers.values()) {
    if (!provider.remote) continue
    const claim = { provider: provider.name, limit: 50, waiting: 50, freeOnly: false, now: now() }
    const claimed = await store.claimAttempts({ ...claim, leaseUntil: now() + MINUTE_MS, token: newKey() })
    for (const owned of claimed) await recoverAttempt(context, owned)
  }
  await context.background.ended()
  await handleNotifications(context)
}

async function resolveByHand(context: Context, chargeId: string): Promise<void> {
  const { data } = await context.store.attempts(SCOPE, { limit: 10, chargeId })
  const attempt = data.find(isOpen)
  if (!attempt) return
  const finding = {
    outcome: 'succeeded',
    reference: `demo_${attempt.id.slice(4)}`,
    amount: null,
    note: NOTE,
  } as const
  await resolveAttempt(context, SCOPE, attempt.id, finding, auditOf(context))
}

const NOTE = 'The statement of the bank shows the payment.'

/** The hourly look of the workers, to a moment. */
export function lookEachHour(play: Play, context: Context, from: number, until: number): void {
  for (let at = from + HOUR_MS; at < until; at += HOUR_MS) play.at(at, () => lookUpOpen(context))
}

function keyed(context: Context, key: string, operation: string, body: object): KeyedRequest {
  const fingerprint = context.fingerprint(canonicalRequest(operation, body))
  return { scope: SCOPE, key, fingerprint, surface: 'minipay' }
}
