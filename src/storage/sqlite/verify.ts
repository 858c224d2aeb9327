import type { Connection } from './connection.ts'
import { assertOurs } from './migrate.ts'

export type Verification = {
  /** The first thing that is wrong, as a sentence; undefined when nothing is. */
  readonly problem?: string
  readonly charges: number
  readonly refunds: number
  readonly entries: number
}

type Check = { readonly sql: string; readonly problem: (row: Record<string, unknown>) => string }

/**
 * What must hold of a database, each as a query for what breaks it. Sums are SQLite's 64-bit integers, which
 * fail loudly on overflow; the commit keeps every balance within them.
 */
const CHECKS: readonly Check[] = [
  {
    sql: `SELECT transaction_id AS id, a.currency, sum(e.amount) AS sum
      FROM ledger_entries e JOIN ledger_accounts a ON a.id = e.ledger_account_id
      GROUP BY e.account_id, e.live, transaction_id, a.currency HAVING sum(e.amount) <> 0 LIMIT 1`,
    problem: ({ id, sum, currency }) => `The entries of ${id} sum to ${sum} ${currency}, not to zero.`,
  },
  {
    sql: `SELECT a.code, a.currency, a.balance, coalesce(sum(e.amount), 0) AS sum
      FROM ledger_accounts a LEFT JOIN ledger_entries e ON e.ledger_account_id = a.id
      GROUP BY a.id HAVING a.balance <> coalesce(sum(e.amount), 0) LIMIT 1`,
    problem: ({ code, currency, balance, sum }) =>
      `The account ${code} (${currency}) says ${balance}, but its entries sum to ${sum}.`,
  },
  {
    sql: `SELECT e.seq, e.transaction_id AS id FROM ledger_entries e
      LEFT JOIN ledger_accounts a ON a.id = e.ledger_account_id
      WHERE a.id IS NULL OR a.account_id <> e.account_id OR a.live <> e.live LIMIT 1`,
    problem: ({ seq, id }) => `The entry ${seq} of ${id} stands in no account of its owner.`,
  },
  {
    sql: `SELECT c.id, c.amount_refunded AS said, coalesce(sum(r.amount), 0) AS sum, c.amount
      FROM charges c LEFT JOIN refunds r
        ON r.account_id = c.account_id AND r.live = c.live AND r.transaction_id = c.id
      GROUP BY c.account_id, c.live, c.id
      HAVING c.amount_refunded <> coalesce(sum(r.amount), 0) OR coalesce(sum(r.amount), 0) > c.amount LIMIT 1`,
    problem: ({ id, said, sum, amount }) =>
      `The transaction ${id} of ${amount} says ${said} is refunded, but its refunds sum to ${sum}.`,
  },
  {
    sql: `SELECT id, status, amount, amount_refunded AS refunded FROM charges
      WHERE status <> CASE
        WHEN decline_code IS NOT NULL THEN 'failed'
        WHEN amount_refunded = 0 THEN 'succeeded'
        WHEN amount_refunded < amount THEN 'partially_refunded'
        ELSE 'refunded' END LIMIT 1`,
    problem: ({ id, status, amount, refunded }) =>
      `The transaction ${id} is ${status}, with ${refunded} of ${amount} refunded.`,
  },
  {
    sql: `SELECT c.id, c.amount, c.currency, (
        SELECT sum(e.amount) FROM ledger_entries e JOIN ledger_accounts a ON a.id = e.ledger_account_id
        WHERE e.account_id = c.account_id AND e.live = c.live AND e.transaction_id = c.id
          AND a.code = 'merchant' AND a.currency = c.currency) AS posted
      FROM charges c WHERE coalesce(posted, 0) <> CASE c.status WHEN 'failed' THEN 0 ELSE -c.amount END LIMIT 1`,
    problem: ({ id, amount, currency, posted }) =>
      `The transaction ${id} of ${amount} ${currency} posted ${posted ?? 'nothing'} to the merchant.`,
  },
  {
    sql: `SELECT r.id, r.amount, r.currency, (
        SELECT sum(e.amount) FROM ledger_entries e JOIN ledger_accounts a ON a.id = e.ledger_account_id
        WHERE e.account_id = r.account_id AND e.live = r.live AND e.transaction_id = r.id
          AND a.code = 'merchant' AND a.currency = r.currency) AS posted
      FROM refunds r WHERE coalesce(posted, 0) <> r.amount LIMIT 1`,
    problem: ({ id, amount, currency, posted }) =>
      `The refund ${id} of ${amount} ${currency} posted ${posted ?? 'nothing'} to the merchant.`,
  },
  {
    sql: `SELECT r.id, r.transaction_id AS charge FROM refunds r
      LEFT JOIN charges c ON c.account_id = r.account_id AND c.live = r.live AND c.id = r.transaction_id
      WHERE c.id IS NULL OR c.currency <> r.currency LIMIT 1`,
    problem: ({ id, charge }) => `The refund ${id} belongs to ${charge}, which is not there in its currency.`,
  },
  {
    sql: `SELECT DISTINCT e.transaction_id AS id FROM ledger_entries e
      WHERE NOT EXISTS (SELECT 1 FROM charges c
          WHERE c.account_id = e.account_id AND c.live = e.live AND c.id = e.transaction_id)
        AND NOT EXISTS (SELECT 1 FROM refunds r
          WHERE r.account_id = e.account_id AND r.live = e.live AND r.id = e.transaction_id) LIMIT 1`,
    problem: ({ id }) => `Entries stand for ${id}, which is neither a charge nor a refund.`,
  },
  {
    sql: `SELECT account_id AS account, live, max(seq) AS last, count(*) AS events FROM events
      GROUP BY account_id, live HAVING max(seq) <> count(*) OR min(seq) <> 1 LIMIT 1`,
    problem: ({ last, events }) => `The events have a gap: the last is ${last}, and there are ${events}.`,
  },
  {
    sql: `SELECT d.id, d.event_seq AS seq FROM deliveries d
      LEFT JOIN events e ON e.account_id = d.account_id AND e.live = d.live AND e.seq = d.event_seq
      WHERE e.seq IS NULL LIMIT 1`,
    problem: ({ id, seq }) => `The delivery ${id} tells of event ${seq}, which is not there.`,
  },
  {
    sql: `SELECT k.seq, k.event_seq AS event FROM idempotency_keys k
      LEFT JOIN events e ON e.account_id = k.account_id AND e.live = k.live AND e.seq = k.event_seq
      WHERE e.seq IS NULL LIMIT 1`,
    problem: ({ seq, event }) => `The idempotency record ${seq} names event ${event}, which is not there.`,
  },
  {
    sql: `SELECT c.id FROM charges c LEFT JOIN accounts a ON a.id = c.account_id WHERE a.id IS NULL LIMIT 1`,
    problem: ({ id }) => `The transaction ${id} belongs to an account that is not there.`,
  },
  {
    sql: `SELECT (SELECT count(*) FROM charges) + (SELECT count(*) FROM refunds) AS changes,
        (SELECT count(*) FROM events) AS events
      WHERE changes <> events`,
    problem: ({ changes, events }) => `There are ${changes} charges and refunds, but ${events} events.`,
  },
  {
    sql: `WITH counted AS (
        SELECT account_id, live, 'charges_succeeded' AS name, currency, count(*) AS value
          FROM charges WHERE status <> 'failed' GROUP BY 1, 2, 4
        UNION ALL SELECT account_id, live, 'charges_failed', currency, count(*)
          FROM charges WHERE status = 'failed' GROUP BY 1, 2, 4
        UNION ALL SELECT account_id, live, 'charges_refunded', currency, count(*)
          FROM charges WHERE amount_refunded > 0 GROUP BY 1, 2, 4
        UNION ALL SELECT account_id, live, 'refunds', currency, count(*) FROM refunds GROUP BY 1, 2, 4
        UNION ALL SELECT account_id, live, 'deliveries_' || state, '', count(*) FROM deliveries GROUP BY 1, 2, state)
      SELECT coalesce(k.name, n.name) AS name, coalesce(k.currency, n.currency) AS currency,
        coalesce(k.value, 0) AS said, coalesce(n.value, 0) AS counted
      FROM (SELECT * FROM counters WHERE name <> 'deliveries_retried') k
      FULL JOIN counted n ON n.account_id = k.account_id AND n.live = k.live AND n.name = k.name AND n.currency = k.currency
      WHERE coalesce(k.value, 0) <> coalesce(n.value, 0) LIMIT 1`,
    problem: ({ name, currency, said, counted }) =>
      `The counter ${name} ${currency} says ${said}, but there are ${counted}.`.replace('  ', ' '),
  },
]

/**
 * Recomputes everything that is kept beside the rows it comes from, in one read transaction: it can run
 * beside a serving process and sees one state. Stops at the first thing wrong. Throws `SchemaMismatch` for a
 * database that is not ours, or newer.
 */
export function verify(db: Connection): Verification {
  assertOurs(db)
  return db.transaction((): Verification => {
    const count = (table: 'charges' | 'refunds' | 'ledger_entries') =>
      db.prepare(`SELECT count(*) FROM ${table}`).pluck().get() as number
    const integrity = db.pragma('integrity_check(1)', { simple: true }) as string
    const counts = { charges: 0, refunds: 0, entries: 0 }
    if (integrity !== 'ok') return { ...counts, problem: `SQLite finds the file damaged: ${integrity}` }
    for (const { sql, problem } of CHECKS) {
      const row = db.prepare(sql).safeIntegers().get() as Record<string, unknown> | undefined
      if (row) return { ...counts, problem: problem(row) }
    }
    return { charges: count('charges'), refunds: count('refunds'), entries: count('ledger_entries') }
  })()
}
