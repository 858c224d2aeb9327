/**
 * A commit as the message to the writer thread. Rows are arrays, because an array is cloned in half the time of an
 * object. Parts that most commits lack are absent.
 */
import type { Refund } from '../../domain/charge.ts'
import type { Transfer } from '../../domain/ledger.ts'
import type { LimitUse } from '../../domain/velocity.ts'
import { type Commit, endedKeysOf } from '../../ports/store.ts'
import { ALARMS, ATTEMPTS, CHARGES, DISPUTES, endedFactsOf, KEYS, keyFactsOf, REFUNDS } from '../columns.ts'
import { detailsOf, live, type Row, takeDetails, type Value } from './rows.ts'

export type CommitMessage = {
  readonly accountId: number
  readonly live: number
  readonly at: number
  /** The whole row of a new charge; for a stored one, its id and the columns that change. */
  readonly charge: Row
  /** The charge's description and metadata, if they are too long for its row. */
  readonly details?: string
  readonly refund?: Row
  readonly refundDetails?: string
  readonly dispute?: Row
  readonly attempts?: readonly Row[]
  /** Present if the authorization of the charge of these attempts also takes the money. */
  readonly capture?: true
  readonly alarms?: readonly Row[]
  readonly key?: Row
  readonly ended?: readonly Row[]
  /** Absent if it is the charge's own id. */
  readonly transactionId?: string
  /** debit, credit, currency, amount, debit … */
  readonly transfers?: Row
  readonly event?: readonly [id: string, type: string, data: string]
  /** name, currency, change, name … */
  readonly counts?: Row
  readonly lease?: NonNullable<Commit['lease']>
  readonly limits?: readonly LimitUse[]
  readonly audit?: NonNullable<Commit['audit']>
}

type Changeable<T> = { -readonly [P in keyof T]: T[P] }

export function messageOf(commit: Commit): CommitMessage {
  const { scope, at, charge, refund, dispute, attempts, alarms, key, event, lease } = commit
  const { transactionId, transfers, counts, limits, audit } = commit
  const ended = endedKeysOf(commit)
  const isNew = charge.version === 1
  const row = isNew ? CHARGES.row(charge) : CHARGES.changedRow(charge)
  const details = isNew ? takeDetails(CHARGES, row) : detailsOf(charge)
  const message: Changeable<CommitMessage> = {
    accountId: scope.accountId,
    live: live(scope),
    at,
    charge: row,
  }
  if (details !== null) message.details = details
  if (refund) addRefund(message, refund)
  if (dispute) message.dispute = DISPUTES.row(dispute)
  if (attempts.length > 0) {
    message.attempts = each(attempts, ATTEMPTS.row)
    if (charge.capture) message.capture = true
  }
  if (alarms.length > 0) message.alarms = each(alarms, ALARMS.row)
  if (key) message.key = KEYS.row(keyFactsOf(key))
  if (ended.length > 0) message.ended = each(ended, (each) => KEYS.changedRow(endedFactsOf(each)))
  if (transactionId !== charge.id) message.transactionId = transactionId
  if (transfers.length > 0)
    message.transfers = flat(transfers, (all, { debit, credit, currency, amount }) =>
      all.push(debit, credit, currency, amount),
    )
  if (event) message.event = [event.id, event.type, event.data]
  if (counts.length > 0)
    message.counts = flat(counts, (all, [name, change]) => all.push(name, charge.currency, change))
  if (lease) message.lease = lease
  if (limits) message.limits = limits
  if (audit) message.audit = audit
  return message
}

function addRefund(message: Changeable<CommitMessage>, refund: Refund): void {
  const row = REFUNDS.row(refund)
  const details = takeDetails(REFUNDS, row)
  message.refund = row
  if (details !== null) message.refundDetails = details
}

/** Like `map`. V8 treats an array that `map` made as one with holes, and clones it slowly. */
function each<T, U>(items: readonly T[], made: (item: T) => U): U[] {
  const all: U[] = []
  for (const item of items) all.push(made(item))
  return all
}

/** The values of all items in one array. A loop, because `flatMap` takes seven times as long. */
function flat<T, V extends Value>(items: readonly T[], add: (all: V[], item: T) => void): V[] {
  const all: V[] = []
  for (const item of items) add(all, item)
  return all
}

/** The transfers of a commit. */
export function transfersIn({ transfers: values = [] }: CommitMessage): Transfer[] {
  const transfers: Transfer[] = []
  for (let i = 0; i < values.length; i += 4) {
    const [debit, credit, currency, amount] = [values[i], values[i + 1], values[i + 2], values[i + 3]]
    transfers.push({ debit, credit, currency, amount } as Transfer)
  }
  return transfers
}

/** The characters of JSON that a commit keeps in memory while it waits. */
export function weightOf({ key, ended, event }: CommitMessage): number {
  const factsIn = (row: Row | undefined) => (row?.[KEYS.at.facts] as string | null | undefined)?.length ?? 0
  const facts = ended?.reduce((sum, row) => sum + factsIn(row), 0) ?? 0
  return (event?.[2].length ?? 0) + factsIn(key) + facts
}
