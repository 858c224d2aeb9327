/**
 * Checks before a migration for rows that it would refuse, so that the message names the row and not a constraint.
 */
import type { Migration } from './migrations.ts'

/** A query for the first row that a migration can't take, and what to say of it after the database's name. */
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

/** By a migration's name without its number, which differs between the engines. */
const CHECKS: Readonly<Record<string, readonly MigrationCheck[]>> = { alarms: [CHARGE_AMOUNTS] }

/** What to look for before this migration, in its transaction. */
export function checksBefore({ name }: Migration): readonly MigrationCheck[] {
  return CHECKS[name.replace(/^\d+_|\.sql$/g, '')] ?? []
}

/** The sentence for a person whose database is not touched. */
export function refusal(database: string, { number }: Migration, problem: string): string {
  return `${database} stays at schema ${number - 1}: ${problem}`
}
