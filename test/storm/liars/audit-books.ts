/** Checks that MiniPay's own books are consistent, whether or not the providers lied. */

import type { Alarm, Attempt, Charge, Event, LedgerEntry } from '../../kit/client.ts'
import type { Problem } from '../audit.ts'
import type { Books } from './books.ts'
import type { Liar } from './liar.ts'

export type Found = (what: string, charge?: string | null) => void

const SETTLED = new Set(['succeeded', 'partially_refunded', 'refunded'])
const OPEN_CHARGE = new Set(['processing', 'requires_action'])
export const OPEN_ATTEMPT: ReadonlySet<string> = new Set(['sending', 'pending', 'unknown'])

export function auditBooks(books: Books, liars: readonly Liar[]): Problem[] {
  const problems: Problem[] = []
  const found: Found = (what, charge = null) => void problems.push({ what, charge })
  amountsAddUp(books, found)
  entriesTellTheSame(books, found)
  nothingMovesInDoubt(books, found)
  nothingIsStuck(books, found)
  callsAreOfAttempts(books, liars, found)
  return problems
}

/** Nothing is captured beyond what was authorized, or refunded beyond what was captured. */
function amountsAddUp({ charges, refunds }: Books, found: Found): void {
  const byCharge = Map.groupBy(refunds, ({ id }) => id)
  for (const charge of charges) {
    const { id, amount, status } = charge
    const { amount_captured: captured, amount_refunded: refunded } = charge
    const { amount_refund_pending: pending, amount_disputed: disputed } = charge
    const words = `${captured} captured of ${amount}, ${refunded} refunded, ${pending} pending, ${disputed} disputed`
    const least = Math.min(captured, refunded, pending, disputed)
    if (least < 0 || captured > amount || refunded + pending > captured || disputed > captured)
      found(`has ${words}`, id)
    if (captured > 0 !== SETTLED.has(status)) found(`is ${status} with ${words}`, id)
    const own = byCharge.get(id) ?? []
    const sum = (wanted: readonly string[]) =>
      own
        .filter((refund) => wanted.includes(refund.status))
        .reduce((total, refund) => total + refund.amount, 0)
    const [done, open] = [sum(['refunded', 'partially_refunded']), sum(['processing'])]
    if (done !== refunded || open !== pending)
      found(`has refunds of ${done} and ${open}, and says ${words}`, id)
  }
}

/**
 * The entries, in the order in which they were made, are what the charges say. When a refund begins, its charge has at
 * least that much; and no more than one provider has a charge's money.
 */
function entriesTellTheSame({ charges, refunds, disputes, entries }: Books, found: Found): void {
  const chargeOf = new Map<string, string>()
  for (const { id } of charges) chargeOf.set(id, id)
  for (const { refund_id, id } of refunds) chargeOf.set(refund_id, id)
  for (const { id, transaction_id } of disputes) chargeOf.set(id, transaction_id)
  const byCharge = Map.groupBy(entries, ({ transaction_id }) => chargeOf.get(transaction_id) ?? '')
  for (const entry of byCharge.get('') ?? []) found(`an entry is of no charge: ${JSON.stringify(entry)}`)
  for (const charge of charges) {
    const own = byCharge.get(charge.id) ?? []
    refundsWereCovered(charge, own, found)
    const sums = sumsOf(own)
    const merchant = -(sums.get('merchant') ?? 0)
    const { amount_captured, amount_refunded, amount_refund_pending, amount_disputed } = charge
    const owed = amount_captured - amount_refunded - amount_refund_pending - amount_disputed
    if (merchant !== owed) found(`owes the merchant ${owed}, its entries say ${merchant}`, charge.id)
    const holders = new Set(
      [...sums].flatMap(([account, sum]) =>
        sum !== 0 && account.includes(':') ? [account.split(':')[1]] : [],
      ),
    )
    if (holders.size > 1) found(`its money is booked at ${[...holders].join(' and ')}`, charge.id)
    if ([...holders].some((holder) => holder !== charge.provider))
      found(`its money is booked at ${[...holders].join()}, not at ${charge.provider}`, charge.id)
    if (own.some(({ currency }) => currency !== charge.currency))
      found('has entries in another currency', charge.id)
  }
}

function sumsOf(entries: readonly LedgerEntry[]): Map<string, number> {
  const sums = new Map<string, number>()
  for (const { account, amount } of entries) sums.set(account, (sums.get(account) ?? 0) + amount)
  return sums
}

function refundsWereCovered({ id }: Charge, own: readonly LedgerEntry[], found: Found): void {
  let merchant = 0
  for (const [i, { account, amount, transaction_id }] of own.entries()) {
    if (account !== 'merchant') continue
    merchant -= amount
    const [before, after] = [own[i - 1]?.account, own[i + 1]?.account]
    const begins =
      transaction_id.startsWith('re') && amount > 0 && [before, after].some((a) => a?.startsWith('refunds:'))
    if (begins && merchant < 0)
      found(`the refund ${transaction_id} of ${amount} is ${-merchant} more than there was`, id)
  }
}

/** No capture, cancel or refund was begun between the opening of a doubt and its end. */
function nothingMovesInDoubt({ attempts, alarms, events, refunds }: Books, found: Found): void {
  // A person who closes an alarm may book a refund that the provider made: its key is the alarm's id, and nothing is sent.
  const booked = new Set(
    refunds.flatMap(({ refund_id, idempotency_key: key }) => (key?.startsWith('alm_') ? [refund_id] : [])),
  )
  const byCharge = Map.groupBy(alarms, ({ transaction_id }) => transaction_id)
  const ends = Map.groupBy(
    events.filter(({ type }) => !type.startsWith('alarm.') && !type.startsWith('dispute.')),
    ({ data }) => data.id,
  )
  for (const { id, kind, transaction_id, refund_id, started_at } of attempts) {
    if (kind === 'authorize' || booked.has(refund_id ?? '')) continue
    for (const alarm of byCharge.get(transaction_id) ?? []) {
      if (alarm.kind === 'dispute_mismatch') continue
      const end = endOfDoubt(alarm, ends.get(transaction_id) ?? [])
      if (started_at > alarm.opened_at && started_at < end)
        found(
          `its ${kind} ${id} was begun at ${started_at}, in doubt by ${JSON.stringify(alarm)}`,
          transaction_id,
        )
    }
  }
}

/** When a doubt ended at the earliest: something of the charge was settled, or a person closed the alarm. */
function endOfDoubt(alarm: Alarm, told: readonly Event[]): string {
  if (alarm.in_doubt) return '9'
  const settled = told.find(({ created_at }) => created_at > alarm.opened_at)?.created_at ?? '9'
  const closed = alarm.closed_at ?? ''
  return [settled, closed].toSorted()[0] ?? closed
}

/** What has not ended is on a list with a time, or has an alarm. */
function nothingIsStuck({ charges, refunds, attempts, alarms }: Books, found: Found): void {
  const alarmed = new Set(
    alarms.filter(({ status }) => status === 'open').map(({ transaction_id }) => transaction_id),
  )
  const open = attempts.filter(({ status }) => OPEN_ATTEMPT.has(status))
  for (const { id, transaction_id, status, next_lookup_at } of open) {
    if (status === 'sending') found(`its attempt ${id} is still being sent`, transaction_id)
    if (next_lookup_at === null && !alarmed.has(transaction_id))
      found(`its attempt ${id} is ${status}, and will not be looked at`, transaction_id)
  }
  const worked = new Set(open.map(({ transaction_id }) => transaction_id))
  for (const { id, status } of charges)
    if (OPEN_CHARGE.has(status) && !worked.has(id)) found(`is ${status} without an open attempt`, id)
  const refunding = new Set(open.map(({ refund_id }) => refund_id))
  for (const { id, refund_id, status } of refunds)
    if (status === 'processing' && !refunding.has(refund_id))
      found(`its refund ${refund_id} is processing without an open attempt`, id)
}

/** Every call that a liar got was of an attempt, as it is in the books, and of the payment that the charge is. */
function callsAreOfAttempts({ attempts }: Books, liars: readonly Liar[], found: Found): void {
  const byId = new Map(attempts.map((attempt) => [attempt.id, attempt]))
  for (const { name, received } of liars)
    for (const { asked } of received) {
      const attempt = byId.get(asked.reference)
      const differs = attempt === undefined || !isThat(attempt, name, asked)
      if (differs)
        found(
          `${name} got ${JSON.stringify(asked)}, the attempt is ${JSON.stringify(attempt)}`,
          asked.transaction,
        )
    }
}

function cameBack({ kind, status, amount }: Attempt, requested: number): boolean {
  return kind === 'refund' && status === 'declined' && amount < requested
}

function isThat(attempt: Attempt, provider: string, asked: Liar['received'][number]['asked']): boolean {
  const { kind, amount, currency, transaction } = asked
  return (
    attempt.provider === provider &&
    attempt.kind === kind &&
    // A person may have found that less was done, and a refund may have come back since.
    (attempt.amount === amount || attempt.resolved_by === 'hand' || cameBack(attempt, amount)) &&
    attempt.currency === currency &&
    attempt.transaction_id === transaction
  )
}
