/** Whether MiniPay and the banks agree: every rule names the first charge that breaks it. */
import type { Attempt, Charge, Refund } from '../kit/client.ts'
import type { Books, Payment } from './books.ts'
import { BANKS } from './plan.ts'

/** The problem, and its charge if it concerns one. */
export type Problem = { readonly what: string; readonly charge: string | null }

type Found = (what: string, charge?: string | null) => void

/** Everything that must be true at the end. Empty when it is. */
export function audit(books: Books, keys: readonly string[]): Problem[] {
  const problems: Problem[] = []
  const found: Found = (what, charge = null) => void problems.push({ what, charge })
  oneChargeAKey(books, keys, found)
  nothingIsOpen(books, found)
  storiesOfCharges(books, found)
  statementsAgree(books, found)
  refundsAgree(books, found)
  ledgerAgrees(books, found)
  eventsTellIt(books, found)
  return problems
}

/** What a bank says to whoever asks for more than there is. We know what there is, and do not ask. */
const TOO_MUCH = new Set(['already_captured', 'already_refunded'])
const OPEN = new Set(['sending', 'pending', 'unknown', 'processing', 'requires_action'])
const SETTLED = new Set(['succeeded', 'partially_refunded', 'refunded'])

function oneChargeAKey({ charges }: Books, keys: readonly string[], found: Found): void {
  const byKey = Map.groupBy(charges, (charge) => charge.idempotency_key)
  for (const key of keys) {
    const made = byKey.get(key) ?? []
    if (made.length !== 1) found(`the key ${key} has ${made.length} charges`, made[0]?.id)
  }
  if (byKey.size !== keys.length) found(`${byKey.size} keys were used, not ${keys.length}`)
}

function nothingIsOpen({ charges, refunds, attempts }: Books, found: Found): void {
  for (const { id, status, amount_refund_pending } of charges)
    if (OPEN.has(status) || amount_refund_pending !== 0)
      found(`is ${status}, with ${amount_refund_pending} of refunds pending`, id)
  for (const { id, refund_id, status } of refunds)
    if (OPEN.has(status)) found(`its refund ${refund_id} is ${status}`, id)
  for (const { id, transaction_id, status } of attempts)
    if (OPEN.has(status)) found(`its attempt ${id} is ${status}`, transaction_id)
}

/** Of the attempts of each charge: one succeeded, the last; what came before surely did not, and allowed another. */
function storiesOfCharges({ charges, attempts }: Books, found: Found): void {
  const byCharge = Map.groupBy(attempts, (attempt) => attempt.transaction_id)
  for (const charge of charges) {
    const own = byCharge.get(charge.id) ?? []
    const of = (kind: Attempt['kind']) => own.filter((attempt) => attempt.kind === kind)
    const done = (kind: Attempt['kind']) => of(kind).filter(({ status }) => status === 'succeeded')
    const asked = of('authorize')
    const last = asked.at(-1)
    const should = charge.status === 'failed' ? 0 : 1
    if (done('authorize').length !== should)
      found(`is ${charge.status} with ${done('authorize').length} successful authorizations`, charge.id)
    if (last?.provider !== charge.provider) found(`was asked last of ${last?.provider}`, charge.id)
    if (should === 1 && last?.status !== 'succeeded')
      found('was asked for again after it was taken', charge.id)
    for (const before of asked.slice(0, -1))
      if (!allowsAnother(before))
        found(`failed over after ${before.status} ${before.decline_code}`, charge.id)
    // Once more is allowed, where the call before certainly never came to the provider.
    for (const again of [false, true]) {
      const names = asked
        .filter(({ route }) => (typeof route?.again === 'string') === again)
        .map((one) => one.provider)
      if (new Set(names).size !== names.length) found('was asked twice of one provider', charge.id)
    }

    for (const { kind, decline_code } of own)
      if (TOO_MUCH.has(decline_code ?? '')) found(`its ${kind} was ${decline_code}`, charge.id)
    const captured = charge.capture || !SETTLED.has(charge.status) ? [] : [charge.amount_captured]
    const captures = done('capture').map(({ amount }) => amount)
    if (captures.join() !== captured.join()) found(`has the captures ${captures.join()}`, charge.id)
    if (done('cancel').length !== (charge.status === 'canceled' ? 1 : 0))
      found(`is ${charge.status} with ${done('cancel').length} successful cancels`, charge.id)
  }
}

function allowsAnother({ status, decline_code, route }: Attempt): boolean {
  if (status === 'not_sent') return true
  return status === 'declined' && (route?.failover_on.includes(decline_code ?? '') ?? false)
}

/** What the bank's statement must say of a charge. */
function expected({ id, amount, currency, status, ...charge }: Charge, reference: string) {
  return {
    bank: charge.provider,
    payment: charge.provider_reference,
    reference,
    transaction_id: id,
    amount,
    currency,
    captured: charge.amount_captured,
    refunded: charge.amount_refunded,
    status: SETTLED.has(status) ? 'captured' : status,
  }
}

function statementsAgree({ charges, attempts, payments }: Books, found: Found): void {
  const byReference = new Map(payments.map((payment) => [payment.reference, payment]))
  const taken = new Map(charges.map((charge) => [charge.id, charge]))
  const explained = new Set<string>()
  for (const attempt of attempts) {
    const charge = taken.get(attempt.transaction_id)
    if (attempt.kind !== 'authorize' || attempt.status !== 'succeeded' || !charge) continue
    explained.add(attempt.id)
    const payment = byReference.get(attempt.id)
    const difference = payment && firstDifference(expected(charge, attempt.id), payment)
    if (!payment) found(`its ${attempt.provider} has no payment of it`, charge.id)
    else if (difference) found(`its statement differs: ${difference}`, charge.id)
  }
  for (const { bank, reference, status, transaction_id } of payments)
    if (!explained.has(reference))
      found(
        `${bank} has a payment that is ${status}, of an attempt that we think failed: ${reference}`,
        transaction_id,
      )
  for (const [id, own] of Map.groupBy(payments, (payment) => payment.transaction_id))
    if (own.length > 1) found(`was charged ${own.length} times: ${own.map(({ bank }) => bank).join()}`, id)
}

function firstDifference(ours: ReturnType<typeof expected>, theirs: Payment): string | undefined {
  const names = Object.keys(ours) as (keyof typeof ours)[]
  const name = names.find((one) => ours[one] !== theirs[one])
  return name && `${name} is ${ours[name]}, the bank says ${theirs[name]}`
}

function refundsAgree({ charges, refunds, attempts }: Books, found: Found): void {
  const done = (status: string) => status === 'refunded' || status === 'partially_refunded'
  const byRefund = Map.groupBy(attempts, (attempt) => attempt.refund_id)
  for (const { id, refund_id, status, provider_reference } of refunds) {
    // One, or one more where the call before certainly never came to the provider.
    const own = byRefund.get(refund_id) ?? []
    const attempt = own.at(-1)
    const before = own.slice(0, -1)
    const isOnceMore = before.length === 0 || attempt?.route?.again === before[0]?.id
    if (!attempt || own.length > 2 || !isOnceMore || before.some(({ status }) => status !== 'not_sent'))
      found(`its refund ${refund_id} has ${own.length} attempts`, id)
    else if (done(status) !== (attempt.status === 'succeeded'))
      found(`its refund ${refund_id} is ${status}, its attempt ${attempt.status}`, id)
    else if (done(status) && attempt.provider_reference !== provider_reference)
      found(`its refund ${refund_id} has another reference than its attempt`, id)
  }
  const byCharge = Map.groupBy(refunds, (refund) => refund.id)
  for (const { id, amount_refunded } of charges) {
    const sum = total(
      (byCharge.get(id) ?? []).filter((refund: Refund) => done(refund.status)),
      'amount',
    )
    if (sum !== amount_refunded) found(`has refunds of ${sum} and says ${amount_refunded}`, id)
  }
}

/** Every balance is what the statements make it, and there is no other. */
function ledgerAgrees({ accounts, payments, totals }: Books, found: Found): void {
  const should = new Map<string, number>()
  const add = (account: string, currency: string, amount: number) =>
    should.set(`${account} ${currency}`, (should.get(`${account} ${currency}`) ?? 0) + amount)
  for (const bank of BANKS)
    for (const [currency, own] of Map.groupBy(
      payments.filter((one) => one.bank === bank),
      (one) => one.currency,
    )) {
      const taken = total(own, 'captured') - total(own, 'refunded')
      const held = total(
        own.filter(({ status }) => status === 'authorized'),
        'amount',
      )
      add(`provider:${bank}`, currency, taken)
      add('merchant', currency, -taken)
      add(`authorized:${bank}`, currency, held)
      add('uncaptured', currency, -held)
      const sums = totals[bank][currency]
      if (sums?.authorized !== held || sums.captured - sums.refunded !== taken)
        found(`${bank}'s totals in ${currency} are not the sums of its payments`)
    }
  const are = new Map(accounts.map(({ account, currency, balance }) => [`${account} ${currency}`, balance]))
  for (const account of new Set([...should.keys(), ...are.keys()]))
    if ((should.get(account) ?? 0) !== (are.get(account) ?? 0))
      found(`${account} is ${are.get(account) ?? 0}, the statements make it ${should.get(account) ?? 0}`)
}

/** The numbers of the events have no gap, and every end is told once. */
function eventsTellIt({ events, charges, refunds }: Books, found: Found): void {
  for (const [index, { sequence }] of events.entries())
    if (sequence !== index + 1) found(`event ${index + 1} has the number ${sequence}`)
  const count = (of: string[]) =>
    new Map([...Map.groupBy(of, (one) => one)].map(([one, all]) => [one, all.length]))
  const told = count(events.map(({ type, data }) => `${type} ${data.refund?.refund_id ?? data.id}`))
  const once = (type: string, what: string, charge: string, is: boolean) => {
    const times = told.get(`${type} ${what}`) ?? 0
    if (times !== (is ? 1 : 0)) found(`${type} of ${what} was told ${times} times`, charge)
  }
  for (const { id, status, capture } of charges) {
    once('payment.succeeded', id, id, SETTLED.has(status))
    once('payment.failed', id, id, status === 'failed')
    once('payment.canceled', id, id, status === 'canceled')
    once('payment.authorized', id, id, !capture && status !== 'failed')
  }
  for (const { id, refund_id, status } of refunds) {
    once('refund.failed', refund_id, id, status === 'failed')
    once('payment.refunded', refund_id, id, status !== 'failed')
  }
}

function total<K extends string>(list: readonly Readonly<Record<K, number>>[], field: K): number {
  return list.reduce((sum, one) => sum + one[field], 0)
}
