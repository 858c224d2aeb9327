/** What commits that passed their guards write: a statement for each table. */
import type { StoredAnswer } from '../../domain/idempotency.ts'
import type { Commit, Scope } from '../../ports/store.ts'
import type { Statement } from './batch.ts'
import {
  addToBalances,
  addToCounters,
  insertAttempts,
  insertCharges,
  insertDeliveries,
  insertEntries,
  insertEvents,
  insertKeys,
  putDisputes,
  putRefunds,
  takeNumbers,
  updateAttempts,
  updateCharges,
  updateKeys,
  type Write,
} from './commit-sql.ts'
import type { Value } from './recordset.ts'
import { attemptRow, chargeRow, disputeRow, live, nameIn, refundRow } from './rows.ts'

/**
 * The statements in the order in which every group locks: what charges are, then the sequences of their scopes,
 * then what is numbered, keys, balances, counters. From the sequences on a scope's groups go one after another,
 * until each is committed; so they come as late as may be.
 */
export function commitWrites(
  commits: readonly Commit[],
  states: ReadonlyMap<string, string>,
  node: string,
): Statement[] {
  const attempts = commits.flatMap(({ scope, attempts }) =>
    attempts.map((attempt) => ({ attempt, scope, before: states.get(nameIn(scope, attempt.id)) })),
  )
  const attemptRows = (stored: boolean) =>
    attempts
      .filter(({ before }) => (before !== undefined) === stored)
      .map(({ attempt, scope }) => attemptRow(scope, attempt, node))
  const charges = (isNew: boolean) =>
    commits
      .filter(({ charge }) => (charge.version === 1) === isNew)
      .map(({ scope, charge }) => chargeRow(scope, charge))
  const numbers = new Numbers()
  const counters = new Sums()
  for (const { attempt, scope, before } of attempts) {
    if (before === attempt.state) continue
    if (before !== undefined) counters.add(scope, [`attempts_${before}`, ''], -1)
    counters.add(scope, [`attempts_${attempt.state}`, ''], 1)
  }
  const numbered = numberedRows(commits, numbers, counters)
  return [
    ...writing(insertCharges, charges(true)),
    ...writing(updateCharges, charges(false)),
    ...writing(
      putRefunds,
      commits.flatMap(({ scope, refund }) => (refund ? [refundRow(scope, refund)] : [])),
    ),
    ...writing(
      putDisputes,
      commits.flatMap(({ scope, dispute }) => (dispute ? [disputeRow(scope, dispute)] : [])),
    ),
    ...writing(insertAttempts, attemptRows(false)),
    ...writing(updateAttempts, attemptRows(true)),
    ...writing(takeNumbers, numbers.taken()),
    ...writing(insertEvents, numbered.events),
    ...writing(insertDeliveries, numbered.deliveries),
    ...writing(insertKeys, numbered.keys),
    ...writing(updateKeys, numbered.answered),
    ...writing(addToBalances, numbered.balances.rows()),
    ...writing(insertEntries, numbered.entries),
    ...writing(addToCounters, counters.rows()),
  ]
}

/** No statement for no rows. */
function writing<Column extends string>(
  write: Write<Column>,
  rows: readonly Readonly<Record<Column, Value>>[],
): Statement[] {
  return rows.length === 0 ? [] : [write(rows)]
}

/** How many numbers a group takes in each scope. A row says how far it stands behind the last that is taken. */
class Numbers {
  readonly #scopes = new Map<string, { account_id: number; live: number; event: number; entry: number }>()

  /** The next number's place; what stands `behind` the last is known when all are taken. */
  next(scope: Scope, of: 'event' | 'entry'): () => number {
    const name = nameIn(scope)
    let taken = this.#scopes.get(name)
    if (!taken) {
      taken = { account_id: scope.accountId, live: live(scope), event: 0, entry: 0 }
      this.#scopes.set(name, taken)
    }
    const last = taken
    const place = ++last[of]
    return () => last[of] - place
  }

  taken() {
    return [...this.#scopes.values()]
  }
}

/** Changes of the same thing in the same scope, summed. */
class Sums {
  readonly #sums = new Map<
    string,
    { account_id: number; live: number; name: string; currency: string; value: bigint }
  >()

  add(scope: Scope, [name, currency]: readonly [string, string], change: number): void {
    const of = nameIn(scope, name, currency)
    const sum = this.#sums.get(of)
    if (sum) sum.value += BigInt(change)
    else
      this.#sums.set(of, {
        ...{ account_id: scope.accountId, live: live(scope), name, currency },
        value: BigInt(change),
      })
  }

  rows() {
    return [...this.#sums.values()].map((sum) => ({ ...sum, value: String(sum.value) }))
  }
}

/** Events and entries with their places, and what names an event by its place. */
function numberedRows(commits: readonly Commit[], numbers: Numbers, counters: Sums) {
  const balances = new Sums()
  const rows = commits.map((commit) => {
    const { scope, at, event, key, answered, postings, charge, transactionId } = commit
    const of = { account_id: scope.accountId, live: live(scope) }
    const behind = event && numbers.next(scope, 'event')
    const lines = postings.map(({ account, currency, amount }) => {
      balances.add(scope, [account, currency], amount)
      const line = { ...of, code: account, currency, transaction_id: transactionId, amount, created_at: at }
      return { line, behind: numbers.next(scope, 'entry') }
    })
    for (const [name, change] of commit.counts) counters.add(scope, [name, charge.currency], change)
    if (commit.deliveries.length > 0)
      counters.add(scope, ['deliveries_pending', ''], commit.deliveries.length)
    return { commit, of, event, behind, key, answered, lines }
  })
  const body = (answer: StoredAnswer, event: Commit['event']) =>
    answer.body === event?.data ? null : answer.body
  const place = (behind: (() => number) | null) => behind?.() ?? null
  return {
    balances,
    events: rows.flatMap(({ commit, of, event, behind }) =>
      event ? [{ ...of, behind: place(behind), ...event, created_at: commit.at }] : [],
    ),
    deliveries: rows.flatMap(({ commit, of, behind }) =>
      commit.deliveries.map(({ id, endpoint }) => ({
        ...of,
        behind: place(behind),
        id,
        endpoint,
        created_at: commit.at,
      })),
    ),
    keys: rows.flatMap(({ commit, of, behind, event, key }) =>
      key
        ? [
            {
              ...of,
              ...{ behind: place(behind), key: key.key, fingerprint: key.fingerprint },
              ...{
                answer_kind: key.answer.kind,
                answer_body: body(key.answer, event),
                created_at: commit.at,
              },
            },
          ]
        : [],
    ),
    answered: rows.flatMap(({ of, behind, event, answered }) =>
      answered
        ? [
            {
              ...of,
              ...{ behind: place(behind), key: answered.key },
              ...{ answer_kind: answered.answer.kind, answer_body: body(answered.answer, event) },
            },
          ]
        : [],
    ),
    entries: rows.flatMap(({ lines }) => lines.map(({ line, behind }) => ({ ...line, behind: behind() }))),
  }
}
