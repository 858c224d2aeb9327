/**
 * The statements for numbered rows and sums of a scope. They run after the scope's numbers were assigned: each row's
 * number is the last number minus `behind`.
 */

import type { AuditEntry } from '../../domain/audit.ts'
import type { Scope } from '../../ports/store.ts'
import { AUDIT, type EndedFacts, KEYS, type KeyFacts } from '../columns.ts'
import { type Column, namesOf } from '../table.ts'
import type { Statement } from './batch.ts'
import { changesIn, SCOPE, setChanges, write } from './commit-sql.ts'
import { readsOf, recordset } from './recordset.ts'
import { live } from './rows.ts'

const TAKE_NUMBERS = `
  INSERT INTO sequences AS s (account_id, live, event, transfer, audit, counted)
  VALUES ($1, $2, $3, $4, $5, 1)
  ON CONFLICT (account_id, live) DO UPDATE
  SET event = s.event + excluded.event,
    transfer = s.transfer + excluded.transfer,
    audit = s.audit + excluded.audit`

/** How many numbers of each kind a transaction takes. */
export type Taken = { readonly events: number; readonly transfers: number; readonly audit: number }

/** Locks the scope's row until the transaction ends. */
export function takeNumbers(scope: Scope, { events, transfers, audit }: Taken): Statement {
  return { text: TAKE_NUMBERS, values: [scope.accountId, live(scope), events, transfers, audit] }
}

/** The last assigned number. Each statement reads it once, for all its rows. */
const last = (of: 'event' | 'transfer' | 'audit') =>
  `(SELECT ${of} FROM sequences WHERE account_id = $1 AND live = $2)`

export type EventRow = {
  readonly behind: number
  readonly id: string
  readonly type: string
  readonly data: string
  readonly at: number
}

const EVENTS = recordset<EventRow>({
  behind: ['bigint', ({ behind }) => behind],
  id: ['text', ({ id }) => id],
  type: ['text', ({ type }) => type],
  data: ['text', ({ data }) => data],
  created_at: ['bigint', ({ at }) => at],
})

export const insertEvents = write(
  EVENTS,
  `
  INSERT INTO events (account_id, live, seq, id, type, data, created_at)
  SELECT ${SCOPE}, ${last('event')} - r.behind, r.id, r.type, r.data, r.created_at
  FROM ${EVENTS.from}`,
)

export type AuditRow = AuditEntry & { readonly behind: number }

const AUDIT_ROWS = recordset<AuditRow>({
  ...readsOf(AUDIT.columns),
  behind: ['bigint', ({ behind }) => behind],
})
const AUDIT_COLUMNS = namesOf(AUDIT.columns)

export const insertAudit = write(
  AUDIT_ROWS,
  `
  INSERT INTO audit_log (account_id, live, seq, ${AUDIT_COLUMNS.join(', ')})
  SELECT ${SCOPE}, ${last('audit')} - r.behind, ${AUDIT_COLUMNS.map((name) => `r.${name}`).join(', ')}
  FROM ${AUDIT_ROWS.from}`,
)

/** A key without an event has no `behind`. */
type Behind = { readonly behind: number | null }
export type EndedRow = EndedFacts & Behind
export type KeyRow = KeyFacts & Behind & { readonly at: number }

const BEHIND = { behind: ['bigint', ({ behind }: Behind) => behind] } as const
/** A key without an event has the event number 0. */
const ITS_EVENT = `coalesce(${last('event')} - r.behind, 0)`
const KEY_COLUMNS = namesOf(KEYS.columns)

const NEW_KEYS = recordset<KeyRow>({
  ...readsOf(KEYS.columns),
  ...BEHIND,
  created_at: ['bigint', ({ at }) => at],
})

/** The rows are sorted by key, so that two groups cannot deadlock. */
export const insertKeys = write(
  NEW_KEYS,
  `
  INSERT INTO idempotency_keys (account_id, live, ${KEY_COLUMNS.join(', ')}, event_seq, created_at)
  SELECT ${SCOPE}, ${KEY_COLUMNS.map((name) => `r.${name}`).join(', ')}, ${ITS_EVENT}, r.created_at
  FROM ${NEW_KEYS.from}`,
)

const ENDED = recordset<EndedRow>({
  ...readsOf(changesIn(KEYS) as readonly Column<EndedFacts>[]),
  ...BEHIND,
})

/** Changes nothing if the key was purged in the meantime. */
export const updateKeys = write(
  ENDED,
  `
  UPDATE idempotency_keys k
  SET ${setChanges(KEYS)}, event_seq = ${ITS_EVENT}
  FROM ${ENDED.scoped}
  WHERE k.account_id = r.account_id AND k.live = r.live AND k.key = r.key`,
)

/** A change of a counter or balance, by name and currency; the currency may be empty. */
export type SumRow = { readonly name: string; readonly currency: string; readonly value: bigint }

const SUMS = recordset<SumRow>({
  name: ['text', ({ name }) => name],
  currency: ['text', ({ currency }) => currency],
  value: ['bigint', ({ value }) => value],
})

/** The first transfer of an account creates it. */
export const addToBalances = write(
  SUMS,
  `
  INSERT INTO ledger_accounts AS a (account_id, live, code, currency, balance)
  SELECT ${SCOPE}, r.name, r.currency, r.value
  FROM ${SUMS.from}
  ON CONFLICT (account_id, live, code, currency) DO UPDATE
  SET balance = a.balance + excluded.balance`,
)

export const addToCounters = write(
  SUMS,
  `
  INSERT INTO counters AS k (account_id, live, name, currency, part, value)
  SELECT ${SCOPE}, r.name, r.currency, 0, r.value
  FROM ${SUMS.from}
  ON CONFLICT (account_id, live, name, currency, part) DO UPDATE
  SET value = k.value + excluded.value`,
)

/** `debit` and `credit` are the indexes of its accounts. */
export type TransferRow = {
  readonly behind: number
  readonly debit: number
  readonly credit: number
  readonly transactionId: string
  readonly amount: number
  readonly at: number
}

/** An account of the ledger, and its index in the statement, from 1. */
export type AccountRow = Pick<SumRow, 'name' | 'currency'> & { readonly place: number }

const ACCOUNTS = recordset<AccountRow>({
  code: ['text', ({ name }) => name],
  currency: ['text', ({ currency }) => currency],
  place: ['integer', ({ place }) => place],
})

const TRANSFERS = recordset<TransferRow>(
  {
    behind: ['bigint', ({ behind }) => behind],
    debit: ['integer', ({ debit }) => debit],
    credit: ['integer', ({ credit }) => credit],
    transaction_id: ['text', ({ transactionId }) => transactionId],
    amount: ['bigint', ({ amount }) => amount],
    created_at: ['bigint', ({ at }) => at],
  },
  6,
)

/** Looks up the few accounts once, and not for each transfer. */
const INSERT_TRANSFERS = `
  INSERT INTO ledger_transfers
    (account_id, live, seq, debit_account_id, credit_account_id, transaction_id, amount, created_at)
  SELECT ${SCOPE}, ${last('transfer')} - r.behind, known.ids[r.debit], known.ids[r.credit], r.transaction_id, r.amount,
    r.created_at
  FROM (
    SELECT array_agg(a.id ORDER BY r.place) AS ids
    FROM ${ACCOUNTS.scoped}
    JOIN ledger_accounts a
      ON a.account_id = r.account_id AND a.live = r.live AND a.code = r.code AND a.currency = r.currency
  ) AS known
  CROSS JOIN ${TRANSFERS.from}`

export function insertTransfers(
  scope: Scope,
  accounts: readonly AccountRow[],
  transfers: readonly TransferRow[],
): Statement {
  return {
    text: INSERT_TRANSFERS,
    values: [scope.accountId, live(scope), ...ACCOUNTS.values(accounts), ...TRANSFERS.values(transfers)],
  }
}
