import { type CallFacts, countedCall } from '../../domain/statistics.ts'
import type { AttemptClaim, Postponement, ScopedAttempt } from '../../ports/store.ts'
import { ATTEMPTS } from '../columns.ts'
import type { Referring } from '../guards.ts'
import { AMOUNT_PART, addNumbers, CALLS_OF_ATTEMPTS, NUMBER_COLUMNS, PLACE_COLUMNS } from '../hourly.ts'
import type { Connection } from './connection.ts'
import type { Definition } from './definition.ts'
import type { LedgerCache } from './ledger-cache.ts'
import { insertRow, updateRow } from './row-statements.ts'
import { ATTEMPT_COLUMNS, type OwnedRow, ownedAttempt, type Row } from './rows.ts'
import type { Behind } from './tails.ts'

export type StoredAttempts = ReturnType<typeof storedAttempts>

/** A state change of an attempt; `from` is absent if it is new. */
function recount(cache: LedgerCache, account: number, live: number, from: string | undefined, to: string) {
  if (from === to) return
  if (from !== undefined) cache.count(account, live, `attempts_${from}`, '', -1)
  cache.count(account, live, `attempts_${to}`, '', 1)
}

/** The columns that decide how an attempt is counted. */
const FACTS = `kind, provider, currency, state, amount, decline_code AS declineCode, resolved_by AS resolvedBy,
  started_at AS startedAt, ended_at AS endedAt`

type Stored = CallFacts & { readonly providerReference: string | null }

/** The attempts of commits, the counters of their states, `attempts_<state>` without a currency, and the statistics. */
export function storedAttempts(db: Connection, cache: LedgerCache, { references }: Behind) {
  const { at, changesOf } = ATTEMPTS
  const findFacts = db.prepare<unknown[], Stored>(
    `SELECT ${FACTS}, provider_reference AS providerReference FROM attempts WHERE id = ? AND account_id = ? AND live = ?`,
  )
  const findToken = db.prepare<unknown[], string | null>('SELECT token FROM attempts WHERE id = ?').pluck()
  const insertAttempt = db.prepare(insertRow(ATTEMPTS))
  const updateAttempt = db.prepare(updateRow(ATTEMPTS))
  const endSent = db.prepare(`${updateRow(ATTEMPTS)} AND state = 'sending' AND account_id = ? AND live = ?`)

  function refer(attempt: Row): void {
    const [kind, id] = [attempt[at.kind] as string, attempt[at.id] as string]
    if (kind === 'authorize' || kind === 'refund')
      references.add([attempt[at.provider] as string, kind, attempt[at.providerReference] as string], id)
  }

  return {
    /** The attempt that has the same reference; it may be in another scope. */
    holder: ({ provider, kind, providerReference }: Referring): string | undefined =>
      references.find([provider, kind, providerReference as string]),

    /** The token of its lease; null if there is no lease. */
    token: (id: string): string | null | undefined => findToken.get(id),

    /** `capture` is the charge's. A new charge has new attempts alone. */
    put(account: number, live: number, attempt: Row, capture: boolean, isNew: boolean): void {
      const [id, changes] = [attempt[at.id], changesOf(attempt)]
      // Most end as their provider responds. One that is being sent is in no statistics.
      const wasSent = !isNew && endSent.run(...changes, id, account, live).changes === 1
      const before = isNew || wasSent ? undefined : findFacts.get(id, account, live)
      if (before) updateAttempt.run(...changes, id)
      else if (!wasSent) insertAttempt.run(account, live, ...attempt)
      if (
        attempt[at.providerReference] !== null &&
        attempt[at.providerReference] !== before?.providerReference
      )
        refer(attempt)
      recount(cache, account, live, wasSent ? 'sending' : before?.state, attempt[at.state] as string)
      const counted = before ? countedCall(before, capture) : null
      cache.move(account, live, counted, countedCall(factsIn(attempt), capture))
    },
  }
}

function factsIn(attempt: Row): CallFacts {
  const { at } = ATTEMPTS
  return {
    kind: attempt[at.kind],
    provider: attempt[at.provider],
    currency: attempt[at.currency],
    state: attempt[at.state],
    amount: attempt[at.amount],
    declineCode: attempt[at.declineCode],
    resolvedBy: attempt[at.resolvedBy],
    startedAt: attempt[at.startedAt],
    endedAt: attempt[at.endedAt],
  } as CallFacts
}

const CLAIM = 'UPDATE attempts SET due_at = ?, token = ?'
const CLAIMED = `RETURNING ${ATTEMPT_COLUMNS}`

/** Claims the due attempts of a provider that meet the condition, the longest due first. */
const claimDue = (states: string) => `
  ${CLAIM}
  WHERE id IN (
    SELECT id FROM attempts
    WHERE provider = ? AND state IN (${states}) AND due_at <= ? AND (token IS NULL OR ? = 0)
    ORDER BY due_at, id LIMIT ?)
  ${CLAIMED}`

/** Claims and postponements of attempts. */
export const attemptWrites = {
  claimAttempts(db) {
    const claimUnknown = db.prepare<unknown[], OwnedRow>(claimDue(`'sending', 'unknown'`))
    const claimWaiting = db.prepare<unknown[], OwnedRow>(claimDue(`'pending', 'succeeded'`))
    return (claim: AttemptClaim): ScopedAttempt[] => {
      const { provider, limit, waiting = limit, freeOnly = false, now, leaseUntil, token } = claim
      const own = [leaseUntil, token, provider, now, freeOnly ? 1 : 0]
      const rows = claimUnknown.all(...own, limit)
      const left = Math.min(waiting, limit - rows.length)
      if (left > 0) rows.push(...claimWaiting.all(...own, left))
      return rows.map(ownedAttempt)
    }
  },

  claimAttempt(db) {
    const claimFree = db.prepare<unknown[], OwnedRow>(
      `${CLAIM} WHERE id = ? AND state IN ('unknown', 'pending') AND (token IS NULL OR due_at <= ?) ${CLAIMED}`,
    )
    return (
      id: string,
      claim: Pick<AttemptClaim, 'now' | 'leaseUntil' | 'token'>,
    ): ScopedAttempt | undefined => {
      const row = claimFree.all(claim.leaseUntil, claim.token, id, claim.now)[0]
      return row && ownedAttempt(row)
    }
  },

  postponeAttempt(db, cache) {
    const findLeased = db.prepare<unknown[], CallFacts & { account: number; live: number; capture: number }>(
      `SELECT account_id AS account, live, ${FACTS}, (
         SELECT capture FROM charges c
         WHERE c.account_id = t.account_id AND c.live = t.live AND c.id = t.transaction_id) AS capture
       FROM attempts t WHERE id = ? AND token = ?`,
    )
    const postponeLeased = db.prepare(
      `UPDATE attempts SET state = ?, reason = ?, lookups = ?, unknown_since = ?, due_at = ?, token = NULL
       WHERE id = ?`,
    )
    return ({ id, token, state, reason, lookups, unknownSince, dueAt }: Postponement): boolean => {
      const leased = findLeased.get(id, token)
      if (!leased) return false
      postponeLeased.run(state, reason, lookups, unknownSince, dueAt, id)
      const { account, live, capture } = leased
      if (state === leased.state) return true
      recount(cache, account, live, leased.state, state)
      const counted = (facts: CallFacts) => countedCall(facts, capture === 1)
      cache.move(account, live, counted(leased), counted({ ...leased, state }))
      return true
    }
  },
} satisfies Record<string, Definition>

/**
 * Makes attempts that were being sent unknown, and due at once. Only for a process that has just locked the database:
 * the former holders of the leases have ended, and no other process can be sending. Otherwise the attempts of a
 * provider that is no longer configured would stay `sending` for ever.
 */
export function markAbandonedUnknown(db: Connection): void {
  db.transaction(() => {
    db.prepare(
      `INSERT INTO counters (account_id, live, name, currency, value)
       SELECT s.account_id, s.live, c.name, '', c.sign * s.attempts
       FROM (SELECT account_id, live, count(*) AS attempts FROM attempts
             WHERE state = 'sending' AND state <> 'succeeded' GROUP BY account_id, live) s
       JOIN (SELECT 'attempts_sending' AS name, -1 AS sign UNION ALL SELECT 'attempts_unknown', 1) c
       WHERE true
       ON CONFLICT DO UPDATE SET value = value + excluded.value`,
    ).run()
    db.prepare(
      `INSERT INTO hourly_statistics
         (account_id, live, ${PLACE_COLUMNS.join(', ')}, ${NUMBER_COLUMNS.join(', ')})
       SELECT account_id, live, hour, provider, currency, kind, 'unknown', '', count(*), sum(amount / ${AMOUNT_PART}),
         sum(amount % ${AMOUNT_PART})
       FROM (${CALLS_OF_ATTEMPTS} WHERE t.state = 'sending' AND t.state <> 'succeeded')
       WHERE true GROUP BY account_id, live, hour, provider, currency, kind
       ON CONFLICT DO UPDATE SET ${addNumbers(NUMBER_COLUMNS)}`,
    ).run()
    db.prepare(
      `UPDATE attempts
       SET state = 'unknown', reason = 'left unfinished, possibly by a crash', unknown_since = started_at,
         token = NULL, due_at = 0
       WHERE state = 'sending' AND state <> 'succeeded'`,
    ).run()
  }).immediate()
}
