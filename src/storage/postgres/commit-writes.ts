/** The writes of commits that passed their guards: one statement for each scope and table. */
import type { Alarm } from '../../domain/alarm.ts'
import type { AuditEntry } from '../../domain/audit.ts'
import { countedCall, countedCharge } from '../../domain/statistics.ts'
import { type Commit, endedKeysOf, type Scope } from '../../ports/store.ts'
import { auditText, eventText, transferText } from '../chain/link.ts'
import { endedFactsOf, keyFactsOf } from '../columns.ts'
import { HourlySums } from '../hourly.ts'
import type { Statement } from './batch.ts'
import { addLink } from './chain.ts'
import type { FoundRows } from './commit-reads.ts'
import {
  insertAlarms,
  insertAttempts,
  insertCharges,
  putDisputes,
  putRefunds,
  updateAlarms,
  updateAssumedAttempts,
  updateAssumedCharges,
  updateAttempts,
  updateCharges,
  type Write,
} from './commit-sql.ts'
import { type Counters, counterWrites } from './commit-sql-limits.ts'
import {
  type AccountRow,
  type AuditRow,
  addToBalances,
  addToCounters,
  type EndedRow,
  type EventRow,
  insertAudit,
  insertEvents,
  insertKeys,
  insertTransfers,
  type KeyRow,
  type SumRow,
  type TransferRow,
  takeNumbers,
  updateKeys,
} from './commit-sql-numbered.ts'
import { statisticsWrites } from './commit-sql-statistics.ts'
import { byScope, nameIn } from './rows.ts'

/** The rows that a group changes, as they were before; `assumed`: they were not read, so the writes check it. */
export type StoredBefore = Pick<FoundRows, 'states' | 'facts'> & { readonly assumed?: true }

/** The statements, scope by scope in the order of their names. */
export function commitWrites(
  commits: readonly Commit[],
  stored: StoredBefore,
  counters: Counters,
  node: string,
): Statement[] {
  return byScope(commits).flatMap(([scope, of]) => scopeWrites(scope, of, stored, counters, node))
}

/**
 * The statements in the order in which every group locks: charges and their parts, counters of limits, the scope's
 * sequences, numbered rows, keys, balances, counters, statistics. Once a group has locked the sequences, other groups of
 * the scope wait until it has committed; so the sequences come as late as possible.
 */
function scopeWrites(
  scope: Scope,
  commits: readonly Commit[],
  { states, facts, assumed }: StoredBefore,
  velocity: Counters,
  node: string,
): Statement[] {
  const writing = <Row>(write: Write<Row>, rows: readonly Row[]) =>
    rows.length === 0 ? [] : [write(scope, rows)]
  const charges = commits.map(({ charge }) => charge)
  const attempts = commits.flatMap(({ attempts }) =>
    attempts.map((attempt) => ({ attempt, before: states.get(nameIn(scope, attempt.id)) })),
  )
  const attemptsThat = (are: (before: string | undefined) => boolean) =>
    attempts.filter(({ before }) => are(before)).map(({ attempt }) => attempt)
  const numbered = numberedRows(commits)
  const { counters, balances, events, transfers, audit } = numbered
  for (const { attempt, before } of attempts) {
    if (before === attempt.state) continue
    if (before !== undefined) counters.add(`attempts_${before}`, '', -1)
    counters.add(`attempts_${attempt.state}`, '', 1)
  }
  const alarms = commits.flatMap(({ alarms }) => alarms)
  const stateBefore = ({ id }: Alarm) => states.get(nameIn(scope, id))
  for (const alarm of alarms) {
    const change = Number(alarm.state === 'open') - Number(stateBefore(alarm) === 'open')
    if (change !== 0) counters.add(`alarms_${alarm.kind}`, '', change)
  }
  return [
    ...writing(
      insertCharges,
      charges.filter(({ version }) => version === 1),
    ),
    ...writing(
      assumed ? updateAssumedCharges : updateCharges,
      charges.filter(({ version }) => version > 1),
    ),
    ...writing(
      putRefunds,
      commits.flatMap(({ refund }) => refund ?? []),
    ),
    ...writing(
      putDisputes,
      commits.flatMap(({ dispute }) => dispute ?? []),
    ),
    ...writing(
      insertAttempts(node),
      attemptsThat((before) => before === undefined),
    ),
    ...writing(
      (assumed ? updateAssumedAttempts : updateAttempts)(node),
      attemptsThat((before) => before !== undefined),
    ),
    ...writing(
      insertAlarms,
      alarms.filter((alarm) => stateBefore(alarm) === undefined),
    ),
    ...writing(
      updateAlarms,
      alarms.filter((alarm) => stateBefore(alarm) !== undefined),
    ),
    ...counterWrites(scope, commits, velocity),
    ...numbersFor(scope, commits, numbered),
    ...writing(insertEvents, events),
    ...writing(insertAudit, audit),
    ...writing(insertKeys, numbered.keys),
    ...writing(updateKeys, numbered.ended),
    ...writing(addToBalances, balances.rows()),
    ...(transfers.length > 0 ? [insertTransfers(scope, balances.rows(), transfers)] : []),
    ...writing(addToCounters, counters.rows()),
    ...statisticsWrites(scope, callsIn(scope, commits, facts)),
  ]
}

/** The changes of the statistics. */
function callsIn(scope: Scope, commits: readonly Commit[], facts: StoredBefore['facts']): HourlySums {
  const sums = new HourlySums()
  for (const { charge, attempts } of commits) {
    if (charge.version === 1 && attempts.length === 0) sums.move(null, countedCharge(charge))
    for (const attempt of attempts) {
      const before = facts.get(nameIn(scope, attempt.id))
      const counted = before ? countedCall(before, charge.capture) : null
      sums.move(counted, countedCall(attempt, charge.capture))
    }
  }
  return sums
}

/** Nothing for a group without numbered rows. */
function numbersFor(
  scope: Scope,
  commits: readonly Commit[],
  { events, transfers, audit }: ReturnType<typeof numberedRows>,
): Statement[] {
  const taken = { events: events.length, transfers: transfers.length, audit: audit.length }
  if (taken.events + taken.transfers + taken.audit === 0) return []
  const { rows, at } = chainedRows(commits)
  return [takeNumbers(scope, taken), addLink(scope, rows, at)]
}

/** The rows as the hash chain has them, and the last time. */
function chainedRows(commits: readonly Commit[]): { readonly rows: string; readonly at: number } {
  let [events, transfers, entries, last] = ['', '', '', 0]
  for (const { at, event, transfers: booked, transactionId, audit } of commits) {
    if (event) events += eventText(event.id, event.type, at, event.data)
    for (const transfer of booked) transfers += transferText(transfer, transactionId, at)
    if (audit) entries += auditText(audit)
    last = Math.max(last, at)
  }
  return { rows: events + transfers + entries, at: last }
}

/** Sums the changes of each name. */
class Sums {
  readonly #sums = new Map<string, { name: string; currency: string; value: bigint; place: number }>()

  /** Returns the index of its row, from 1. */
  add(name: string, currency: string, change: number): number {
    const of = `${name}/${currency}`
    let sum = this.#sums.get(of)
    if (!sum) {
      sum = { name, currency, value: 0n, place: this.#sums.size + 1 }
      this.#sums.set(of, sum)
    }
    sum.value += BigInt(change)
    return sum.place
  }

  /** In one order, so that two groups cannot deadlock. */
  rows(): (SumRow & AccountRow)[] {
    return [...this.#sums].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, sum]) => sum)
  }
}

/** Events and transfers with their numbers, the rows that refer to an event by its number, and the sums. */
function numberedRows(commits: readonly Commit[]) {
  const balances = new Sums()
  const counters = new Sums()
  const events: EventRow[] = []
  const keys: KeyRow[] = []
  const ended: EndedRow[] = []
  const booked: TransferRow[] = []
  const entries = commits.flatMap(({ audit }) => audit ?? [])
  let eventsBehind = commits.filter(({ event }) => event).length
  let transfersBehind = commits.reduce((sum, { transfers }) => sum + transfers.length, 0)
  for (const commit of commits) {
    const { at, event, key, transfers, transactionId } = commit
    const behind = event ? --eventsBehind : null
    if (event && behind !== null) events.push({ behind, ...event, at })
    if (key) keys.push({ ...keyFactsOf(key), behind, at })
    for (const each of endedKeysOf(commit)) ended.push({ ...endedFactsOf(each), behind })
    for (const { debit, credit, currency, amount } of transfers)
      booked.push({
        behind: --transfersBehind,
        debit: balances.add(debit, currency, amount),
        credit: balances.add(credit, currency, -amount),
        transactionId,
        amount,
        at,
      })
    for (const [name, change] of commit.counts) counters.add(name, commit.charge.currency, change)
  }
  return {
    balances,
    counters,
    events,
    keys: keys.sort((a, b) => (a.key < b.key ? -1 : 1)),
    ended,
    transfers: booked,
    audit: numberedAudit(entries),
  }
}

/** Audit entries with their numbers, in their order. */
export function numberedAudit(entries: readonly AuditEntry[]): AuditRow[] {
  return entries.map((entry, i) => ({ ...entry, behind: entries.length - 1 - i }))
}
