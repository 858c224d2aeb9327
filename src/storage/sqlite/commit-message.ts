/**
 * A commit as it goes to the writer's thread. Rows are arrays, because an array is cloned in half the time of an object.
 * A part that most commits do not have is absent.
 */
import type { StoredAnswer } from '../../domain/idempotency.ts'
import type { Transfer } from '../../domain/ledger.ts'
import { allAnswered, type Commit } from '../../ports/store.ts'
import { ALARMS, ATTEMPTS, CHARGES, DISPUTES, REFUNDS } from '../columns.ts'
import { live, type Row, rowWithDetails, type Value } from './rows.ts'

export type CommitMessage = {
  readonly accountId: number
  readonly live: number
  readonly at: number
  readonly charge: Row
  readonly refund?: Row
  readonly dispute?: Row
  readonly attempts?: readonly Row[]
  readonly alarms?: readonly Row[]
  /** `body` is null when it is the event's data, here and in `answered`. */
  readonly key?: readonly [key: string, fingerprint: string, kind: string, body: string | null]
  readonly answered?: readonly (readonly [key: string, kind: string, body: string | null])[]
  /** Absent for the charge's own id. */
  readonly transactionId?: string
  /** debit, credit, currency, amount, debit … */
  readonly transfers?: Row
  readonly event?: readonly [id: string, type: string, data: string]
  /** id, endpoint, id, endpoint … */
  readonly deliveries?: readonly string[]
  /** name, change, name, change … */
  readonly counts?: Row
  readonly held?: NonNullable<Commit['held']>
}

type Changeable<T> = { -readonly [P in keyof T]: T[P] }

export function messageOf(commit: Commit): CommitMessage {
  const { scope, at, charge, refund, dispute, attempts, alarms, key, event, held } = commit
  const { transactionId, transfers, deliveries, counts } = commit
  /** Most responses are the event's data: they are stored once, and sent to the thread once. */
  const body = (answer: StoredAnswer) => (answer.body === event?.data ? null : answer.body)
  const answered = allAnswered(commit)
  const message: Changeable<CommitMessage> = {
    accountId: scope.accountId,
    live: live(scope),
    at,
    charge: rowWithDetails(CHARGES, charge),
  }
  if (refund) message.refund = rowWithDetails(REFUNDS, refund)
  if (dispute) message.dispute = DISPUTES.row(dispute)
  if (attempts.length > 0) message.attempts = attempts.map(ATTEMPTS.row)
  if (alarms.length > 0) message.alarms = alarms.map(ALARMS.row)
  if (key) message.key = [key.key, key.fingerprint, key.answer.kind, body(key.answer)]
  if (answered.length > 0)
    message.answered = answered.map(({ key, answer }) => [key, answer.kind, body(answer)] as const)
  if (transactionId !== charge.id) message.transactionId = transactionId
  if (transfers.length > 0) message.transfers = flatTransfers(commit)
  if (event) message.event = [event.id, event.type, event.data]
  if (deliveries.length > 0) message.deliveries = inPairs(deliveries, 'id', 'endpoint')
  if (counts.length > 0) message.counts = inPairs(counts, 0, 1)
  if (held) message.held = held
  return message
}

/** Two members of each item, in one flat array. By a loop: `flatMap` takes seven times as long. */
function inPairs<K extends PropertyKey, L extends PropertyKey, A extends Value, B extends Value>(
  items: readonly (Readonly<Record<K, A>> & Readonly<Record<L, B>>)[],
  first: K,
  second: L,
): readonly (A | B)[] {
  const flat: (A | B)[] = []
  for (const item of items) flat.push(item[first], item[second])
  return flat
}

function flatTransfers({ transfers }: Commit): Row {
  const flat: Value[] = []
  for (const { debit, credit, currency, amount } of transfers) flat.push(debit, credit, currency, amount)
  return flat
}

/** The transfers of a commit. */
export function transfersIn({ transfers: flat = [] }: CommitMessage): Transfer[] {
  const transfers: Transfer[] = []
  for (let i = 0; i < flat.length; i += 4) {
    const [debit, credit, currency, amount] = flat.slice(i, i + 4)
    transfers.push({ debit, credit, currency, amount } as Transfer)
  }
  return transfers
}

/** The characters of JSON that a commit keeps in memory while it waits. */
export function weightOf({ key, answered, event }: CommitMessage): number {
  const bodies = answered?.reduce((sum, [, , body]) => sum + (body?.length ?? 0), 0) ?? 0
  return (event?.[2].length ?? 0) + (key?.[3]?.length ?? 0) + bodies
}
