/**
 * Checks that run before a migration and look for rows that it would reject, so that the message names the row and not
 * a constraint.
 */
import type { Migration } from './migrations.ts'

/**
 * A query for the first row that a migration rejects, and the message for that row, which follows the database's name.
 */
export type MigrationCheck = {
  readonly sql: string
  readonly problem: (row: Record<string, unknown>) => string
}

const HELP = 'Correct it first: see "An upgrade that refuses a transaction" in docs/operations.md.'

const CHARGE_AMOUNTS: MigrationCheck = {
  sql: `SELECT id, amount_captured AS captured, amount_refunded + amount_refund_pending AS "givenBack",
      amount_disputed AS disputed, count(*) OVER () AS bad
    FROM charges
    WHERE amount_captured < 0 OR amount_refund_pending < 0 OR amount_disputed < 0
      OR amount_disputed > amount_captured OR amount_refunded + amount_refund_pending > amount_captured
    ORDER BY account_id, live, id LIMIT 1`,
  problem: ({ id, captured, givenBack, disputed, bad }) =>
    `the transaction ${id} says that of ${captured} captured ${givenBack} is refunded or being refunded and ${disputed} ` +
    `is disputed, which can't be${Number(bad) > 1 ? ` (as of ${Number(bad) - 1} more)` : ''}. ${HELP}`,
}

const NOT_PAIRED =
  'The migration would lose it. Stay at the former version, and see "An upgrade that refuses an entry" in docs/operations.md.'

/**
 * The migration turns each pair of entries into a transfer by their numbers: so no number may be missing or repeated.
 */
const ENTRY_NUMBERS: MigrationCheck = {
  sql: `SELECT account_id AS account, live, count(*) AS entries, min(seq) AS first, max(seq) AS last,
      count(DISTINCT seq) AS numbers
    FROM ledger_entries GROUP BY account_id, live
    HAVING min(seq) <> 1 OR max(seq) <> count(*) OR count(DISTINCT seq) <> count(*) OR count(*) % 2 <> 0 LIMIT 1`,
  problem: ({ account, live, entries, first, last, numbers }) =>
    `the ledger of account ${account} (${Number(live) === 1 ? 'live' : 'test'}) has ${entries} entries with ${numbers} ` +
    `numbers from ${first} to ${last}, and not one debit and one credit for each transfer. ${NOT_PAIRED}`,
}

/**
 * An odd number is a debit, and the next number is its credit, with the same amount, transaction, currency and time.
 */
const ENTRY_PAIRS: MigrationCheck = {
  sql: `SELECT e.seq, e.transaction_id AS id
    FROM ledger_entries e
    LEFT JOIN ledger_accounts a ON a.id = e.ledger_account_id
    LEFT JOIN ledger_entries o ON o.account_id = e.account_id AND o.live = e.live
      AND o.transaction_id = e.transaction_id AND o.seq = e.seq - 1 + 2 * (e.seq % 2)
    LEFT JOIN ledger_accounts b ON b.id = o.ledger_account_id
    WHERE a.id IS NULL OR b.id IS NULL OR a.id = b.id OR a.currency <> b.currency OR o.amount <> -e.amount
      OR o.created_at <> e.created_at OR (e.seq % 2 = 1) <> (e.amount > 0)
    ORDER BY e.account_id, e.live, e.seq LIMIT 1`,
  problem: ({ seq, id }) =>
    `the entry ${seq} of ${id} has no opposite beside it: the same amount of the same currency and time in another ` +
    `account, an odd number for the debit and the next for the credit. ${NOT_PAIRED}`,
}

/** Keyed by a migration's name without its number, which differs between the engines. */
const CHECKS: Readonly<Record<string, readonly MigrationCheck[]>> = {
  alarms: [CHARGE_AMOUNTS],
  transfers: [ENTRY_NUMBERS, ENTRY_PAIRS],
}

/** The checks of this migration; they run in its transaction. */
export function checksBefore({ name }: Migration): readonly MigrationCheck[] {
  return CHECKS[name.replace(/^\d+_|\.sql$/g, '')] ?? []
}

/** The message for an operator, whose database is unchanged. */
export function refusal(database: string, { number }: Migration, problem: string): string {
  return `${database} stays at schema ${number - 1}: ${problem}`
}
