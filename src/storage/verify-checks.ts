import type { ChainResult } from './chain/check.ts'
import { chargeIdIn } from './verify/aggregate.ts'
import { isAttemptOf, merchantSum, sameScope } from './verify/joins.ts'
import { ROWS } from './verify/row-checks.ts'
import { SLICES } from './verify/slices.ts'

/** A query for rows that break a rule, and the sentence about the first row that it finds. */
export type Check = { readonly sql: string; readonly problem: (row: Record<string, unknown>) => string }

export type Verification = {
  /** The first problem, as a sentence; undefined without one. */
  readonly problem?: string
  /** The first break of the hash chains, if the books have another problem, too. */
  readonly chainProblem?: string
  /** The last links of the hash chains, as one text to be kept elsewhere; undefined without any. */
  readonly head?: string
  readonly charges: number
  readonly refunds: number
  readonly entries: number
}

/** A problem of the books, with what the chains show of it. */
export function withChains(
  problem: string,
  chains: ChainResult,
): Pick<Verification, 'problem' | 'chainProblem'> {
  return chains.problem === undefined ? { problem } : { problem, chainProblem: chains.problem }
}

/** The last deleted event of a scope, or 0. */
const PURGED_TO = (scope: string) =>
  `coalesce((SELECT g.events_to FROM event_purges g WHERE ${sameScope('g', scope)}), 0)`

const OPEN = `('sending', 'pending', 'unknown')`
const WAITING = `('processing', 'requires_action')`

/** The two accounts of every transfer have the same owner and currency. */
const LEDGER: readonly Check[] = [
  {
    sql: `SELECT t.seq, t.transaction_id AS id FROM ledger_transfers t
      LEFT JOIN ledger_accounts d ON d.id = t.debit_account_id AND ${sameScope('d', 't')}
      LEFT JOIN ledger_accounts c ON c.id = t.credit_account_id AND ${sameScope('c', 't')}
      WHERE d.id IS NULL OR c.id IS NULL LIMIT 1`,
    problem: ({ seq, id }) => `An account of the transfer ${seq} of ${id} is not there, or of another owner.`,
  },
  {
    sql: `SELECT t.seq, t.transaction_id AS id, d.code AS debit, d.currency, c.code AS credit, c.currency AS other
      FROM ledger_transfers t
      JOIN ledger_accounts d ON d.id = t.debit_account_id
      JOIN ledger_accounts c ON c.id = t.credit_account_id
      WHERE d.currency <> c.currency LIMIT 1`,
    problem: ({ seq, id, debit, currency, credit, other }) =>
      `The transfer ${seq} of ${id} debits ${debit} (${currency}), but credits ${credit} (${other}).`,
  },
]

/** Every balance is the sum of its account's entries. */
const BALANCES: readonly Check[] = [
  {
    sql: `WITH sums AS (
        SELECT id, sum(amount) AS sum FROM (
          SELECT debit_account_id AS id, sum(amount) AS amount FROM ledger_transfers GROUP BY 1
          UNION ALL SELECT credit_account_id, -sum(amount) FROM ledger_transfers GROUP BY 1) AS sides
        GROUP BY id)
      SELECT a.code, a.currency, a.balance, coalesce(s.sum, 0) AS sum
      FROM ledger_accounts a LEFT JOIN sums s ON s.id = a.id
      WHERE a.balance <> coalesce(s.sum, 0) LIMIT 1`,
    problem: ({ code, currency, balance, sum }) =>
      `The account ${code} (${currency}) says ${balance}, but its entries sum to ${sum}.`,
  },
]

/** The amounts of a charge agree with its refunds and its disputes. */
const AMOUNTS: readonly Check[] = [
  {
    sql: `SELECT * FROM (
        SELECT c.id, c.amount_captured AS captured, c.amount_refunded AS stored,
          c.amount_refund_pending AS "storedPending",
          coalesce(r.done, 0) AS done, coalesce(r.pending, 0) AS pending
        FROM charges c LEFT JOIN (
          SELECT account_id, live, transaction_id,
            sum(amount) FILTER (WHERE status IN ('refunded', 'partially_refunded')) AS done,
            sum(amount) FILTER (WHERE status = 'processing') AS pending
          FROM refunds GROUP BY account_id, live, transaction_id) r
          ON ${sameScope('r', 'c')} AND r.transaction_id = c.id) AS x
      WHERE stored <> done OR "storedPending" <> pending OR done + pending > captured LIMIT 1`,
    problem: ({ id, captured, stored, storedPending, done, pending }) =>
      storedPending === pending
        ? `The transaction ${id} of ${captured} says ${stored} is refunded, but its refunds sum to ${done}.`
        : `The transaction ${id} says ${storedPending} is being refunded, but its refunds sum to ${pending}.`,
  },
  {
    sql: `SELECT c.id, c.amount_disputed AS stored, coalesce(d.sum, 0) AS sum
      FROM charges c LEFT JOIN (
        SELECT account_id, live, transaction_id, sum(amount_booked) AS sum FROM disputes
        GROUP BY account_id, live, transaction_id) d ON ${sameScope('d', 'c')} AND d.transaction_id = c.id
      WHERE c.amount_disputed <> coalesce(d.sum, 0) LIMIT 1`,
    problem: ({ id, stored, sum }) =>
      `The transaction ${id} says ${stored} is disputed, but its disputes sum to ${sum}.`,
  },
  {
    sql: `SELECT id, status, amount, amount_captured AS captured, amount_refunded AS refunded FROM charges
      WHERE CASE
        WHEN amount_captured = 0
          THEN status NOT IN ('processing', 'requires_action', 'authorized', 'failed', 'canceled')
            OR (status = 'failed' AND decline_code IS NULL)
        WHEN amount_captured > amount OR (capture = 1 AND amount_captured < amount AND NOT EXISTS (
          SELECT 1 FROM attempts t WHERE ${isAttemptOf('charges')}
            AND t.kind = 'authorize' AND t.resolved_by = 'hand' AND t.amount = charges.amount_captured)) THEN TRUE
        WHEN amount_refunded = 0 THEN status <> 'succeeded'
        WHEN amount_refunded < amount_captured THEN status <> 'partially_refunded'
        ELSE status <> 'refunded' END LIMIT 1`,
    problem: ({ id, status, amount, captured, refunded }) =>
      `The transaction ${id} is ${status}, with ${captured} of ${amount} captured and ${refunded} refunded.`,
  },
]

/** The amounts of charges, refunds and disputes agree with their transfers. */
const BOOKED: readonly Check[] = [
  {
    sql: `SELECT * FROM (
        SELECT c.id, c.amount_captured AS captured, c.currency, merchant FROM charges c ${merchantSum('c', 'txn')}) AS x
      WHERE coalesce(merchant, 0) <> -captured LIMIT 1`,
    problem: ({ id, captured, currency, merchant }) =>
      `The transaction ${id} captured ${captured} ${currency}, but its transfers book ${merchant ?? 'nothing'} to the merchant.`,
  },
  {
    sql: `SELECT * FROM (
        SELECT r.id, r.status, r.amount, r.currency, merchant FROM refunds r ${merchantSum('r', 're')}) AS x
      WHERE coalesce(merchant, 0) <> CASE status WHEN 'failed' THEN 0 ELSE amount END LIMIT 1`,
    problem: ({ id, status, amount, currency, merchant }) =>
      `The refund ${id} of ${amount} ${currency} is ${status}, but its transfers book ${merchant ?? 'nothing'} to the merchant.`,
  },
  {
    sql: `SELECT * FROM (
        SELECT d.id, d.status, d.amount, d.currency, d.booked, merchant FROM (
          SELECT d.account_id, d.live, d.id, d.status, d.amount_booked AS booked, d.amount, c.currency
          FROM disputes d JOIN charges c ON ${sameScope('c', 'd')} AND c.id = d.transaction_id) d ${merchantSum('d', 'dp')}) AS x
      WHERE coalesce(merchant, 0) <> booked LIMIT 1`,
    problem: ({ id, status, booked, currency, merchant }) =>
      `The dispute ${id} is ${status} with ${booked} ${currency} booked, but its transfers book ${merchant ?? 'nothing'} to the merchant.`,
  },
  {
    // Money in transit is in its own accounts, and only there: while a charge is held, or a refund or dispute is open.
    sql: `WITH held AS (
        SELECT account_id, live, id, provider, amount, status FROM charges c
        WHERE status = 'authorized' OR (status = 'processing' AND redirect_url IS NULL AND EXISTS (
          SELECT 1 FROM attempts t WHERE ${isAttemptOf('c')}
            AND t.kind IN ('capture', 'cancel') AND t.state IN ${OPEN}))),
      expected AS (
        SELECT account_id, live, id, 'authorized:' || provider AS code, amount FROM held
        UNION ALL SELECT account_id, live, id, CASE status WHEN 'authorized' THEN 'uncaptured' ELSE 'capturing' END, -amount FROM held
        UNION ALL SELECT r.account_id, r.live, r.id, 'refunds:' || c.provider, -r.amount
          FROM refunds r JOIN charges c ON ${sameScope('c', 'r')} AND c.id = r.transaction_id
          WHERE r.status = 'processing'
        UNION ALL SELECT account_id, live, id, 'disputes:' || provider, -amount_booked FROM disputes
          WHERE status = 'open' AND amount_booked > 0),
      in_transit AS (
        SELECT * FROM ledger_accounts WHERE code <> 'merchant' AND code NOT LIKE 'provider:%'),
      moved AS (
        SELECT a.account_id, a.live, t.transaction_id AS id, a.code, t.amount
          FROM in_transit a JOIN ledger_transfers t ON t.debit_account_id = a.id
        UNION ALL SELECT a.account_id, a.live, t.transaction_id, a.code, -t.amount
          FROM in_transit a JOIN ledger_transfers t ON t.credit_account_id = a.id),
      posted AS (
        SELECT account_id, live, id, code, sum(amount) AS amount FROM moved GROUP BY 1, 2, 3, 4)
      SELECT coalesce(x.id, p.id) AS id, coalesce(x.code, p.code) AS code,
        coalesce(x.amount, 0) AS expected, coalesce(p.amount, 0) AS posted
      FROM expected x FULL JOIN posted p ON ${sameScope('p', 'x')} AND p.id = x.id AND p.code = x.code
      WHERE coalesce(x.amount, 0) <> coalesce(p.amount, 0) LIMIT 1`,
    problem: ({ id, code, expected, posted }) =>
      `${id} should have ${expected} in ${code}, but its entries there sum to ${posted}.`,
  },
]

/** Every row that refers to another refers to an existing one. */
const REFERENCES: readonly Check[] = [
  {
    sql: `SELECT DISTINCT e.transaction_id AS id FROM ledger_transfers e
      WHERE NOT EXISTS (SELECT 1 FROM charges c WHERE ${sameScope('c', 'e')} AND c.id = e.transaction_id)
        AND NOT EXISTS (SELECT 1 FROM refunds r WHERE ${sameScope('r', 'e')} AND r.id = e.transaction_id)
        AND NOT EXISTS (SELECT 1 FROM disputes d WHERE ${sameScope('d', 'e')} AND d.id = e.transaction_id)
      LIMIT 1`,
    problem: ({ id }) => `Transfers belong to ${id}, which is neither a charge nor a refund nor a dispute.`,
  },
  {
    sql: `SELECT r.id, r.transaction_id AS charge FROM refunds r
      LEFT JOIN charges c ON ${sameScope('c', 'r')} AND c.id = r.transaction_id
      WHERE c.id IS NULL OR c.currency <> r.currency LIMIT 1`,
    problem: ({ id, charge }) => `The refund ${id} belongs to ${charge}, which is not there in its currency.`,
  },
  {
    sql: `SELECT d.id, d.transaction_id AS charge FROM disputes d
      LEFT JOIN charges c ON ${sameScope('c', 'd')} AND c.id = d.transaction_id
      WHERE c.id IS NULL LIMIT 1`,
    problem: ({ id, charge }) => `The dispute ${id} belongs to ${charge}, which is not there.`,
  },
  {
    sql: `SELECT t.id, coalesce(t.refund_id, t.transaction_id) AS about FROM attempts t
      LEFT JOIN charges c ON ${sameScope('c', 't')} AND c.id = t.transaction_id
      LEFT JOIN refunds r ON ${sameScope('r', 't')} AND r.id = t.refund_id AND r.transaction_id = t.transaction_id
      WHERE c.id IS NULL OR c.currency <> t.currency OR (t.kind = 'refund') <> (r.id IS NOT NULL) LIMIT 1`,
    problem: ({ id, about }) => `The attempt ${id} belongs to ${about}, which is not there in its currency.`,
  },
  {
    // The attempt may belong to another charge or scope, because providers know about neither.
    sql: `SELECT m.id, m.transaction_id AS charge, coalesce(m.attempt_id, m.dispute_id) AS about FROM alarms m
      LEFT JOIN charges c ON ${sameScope('c', 'm')} AND c.id = m.transaction_id
      LEFT JOIN attempts t ON t.id = m.attempt_id
      LEFT JOIN disputes d ON ${sameScope('d', 'm')} AND d.id = m.dispute_id
      WHERE c.id IS NULL OR (m.attempt_id IS NOT NULL AND t.id IS NULL) OR (m.dispute_id IS NOT NULL AND d.id IS NULL)
      LIMIT 1`,
    problem: ({ id, charge, about }) =>
      `The alarm ${id} is of ${charge}${about === null ? '' : ` about ${about}`}, which is not there.`,
  },
  {
    sql: `SELECT k.seq, k.event_seq AS event FROM idempotency_keys k
      LEFT JOIN events e ON ${sameScope('e', 'k')} AND e.seq = k.event_seq
      WHERE e.seq IS NULL AND (k.event_seq <> 0
        OR (k.facts IS NULL AND k.ending <> 'accepted' AND k.object_id NOT LIKE 'rpl\\_%' ESCAPE '\\')) LIMIT 1`,
    problem: ({ seq, event }) => `The idempotency record ${seq} names event ${event}, which is not there.`,
  },
  {
    sql: `SELECT c.id FROM charges c LEFT JOIN accounts a ON a.id = c.account_id WHERE a.id IS NULL LIMIT 1`,
    problem: ({ id }) => `The transaction ${id} belongs to an account that is not there.`,
  },
]

/** The last event of a scope before a number. */
const LAST_BEFORE = (scope: string, number: string) =>
  `coalesce((SELECT max(e.seq) FROM events e WHERE ${sameScope('e', scope)} AND e.seq < ${number}), 0)`

/**
 * Within an epoch, event numbers have no gap, and each epoch records where the one before it ended. Transfers are
 * numbered from 1 without a gap. Every event's id is unique.
 */
const NUMBERING: readonly Check[] = [
  {
    sql: `SELECT count(*) AS first FROM epochs WHERE first_seq = 1 HAVING count(*) <> 1`,
    problem: () => 'The first epoch of event numbers is not there.',
  },
  {
    sql: `SELECT n.first_seq AS first FROM epoch_ends n
      LEFT JOIN epochs p ON p.first_seq = n.first_seq WHERE p.first_seq IS NULL LIMIT 1`,
    problem: ({ first }) => `The epoch that begins with event ${first} is not there.`,
  },
  {
    sql: `SELECT e.seq, e.before FROM (
        SELECT n.account_id, n.live, n.seq,
          coalesce(lag(n.seq) OVER (PARTITION BY n.account_id, n.live ORDER BY n.seq), ${PURGED_TO('n')}) AS before
        FROM events n) AS e
      LEFT JOIN epochs p ON p.first_seq = e.seq
      WHERE e.seq <> e.before + 1 AND p.first_seq IS NULL LIMIT 1`,
    problem: ({ seq, before }) => `The events have a gap: after ${before} comes ${seq}.`,
  },
  {
    sql: `SELECT * FROM (
        SELECT n.first_seq AS first, n.last_seq AS stored, ${LAST_BEFORE('n', 'n.first_seq')} AS last,
          ${PURGED_TO('n')} AS purged
        FROM epoch_ends n) AS x
      WHERE stored <> last AND purged < stored LIMIT 1`,
    problem: ({ first, stored, last }) =>
      `The events have a gap: before ${first} the last was ${stored}, and now it is ${last}.`,
  },
  {
    sql: `SELECT * FROM (
        SELECT p.first_seq AS first, s.account_id, s.live, ${LAST_BEFORE('s', 'p.first_seq')} AS last
        FROM epochs p CROSS JOIN (SELECT DISTINCT account_id, live FROM events) AS s) AS x
      WHERE last <> 0 AND NOT EXISTS (
        SELECT 1 FROM epoch_ends n
        WHERE n.first_seq = x.first AND ${sameScope('n', 'x')}) LIMIT 1`,
    problem: ({ first, last }) =>
      `Event ${last} should not be there: no event came before the epoch that begins with ${first}.`,
  },
  {
    sql: `SELECT max(seq) AS last, count(*) AS entries FROM audit_log
      GROUP BY account_id, live HAVING max(seq) <> count(*) LIMIT 1`,
    problem: ({ last, entries }) =>
      `The audit log has ${entries} entries, but the last has the number ${last}.`,
  },
  {
    // Their primary key includes the debit account, so the schema allows a repeated number.
    sql: `SELECT max(seq) AS last, count(*) AS transfers, count(DISTINCT seq) AS numbers FROM ledger_transfers
      GROUP BY account_id, live HAVING max(seq) <> count(*) OR min(seq) <> 1 OR count(DISTINCT seq) <> count(*)
      LIMIT 1`,
    problem: ({ last, transfers, numbers }) =>
      `The transfers have a gap: the last is ${last}, and there are ${transfers} with ${numbers} numbers.`,
  },
  {
    sql: `SELECT id, count(*) AS events FROM events GROUP BY id HAVING count(*) > 1 LIMIT 1`,
    problem: ({ id, events }) => `There are ${events} events ${id}.`,
  },
]

/** A charge or refund that waits for its provider has an open attempt. No other attempt is open. */
const ATTEMPTS: readonly Check[] = [
  {
    sql: `SELECT c.id, c.status FROM charges c
      WHERE c.status <> 'succeeded' AND c.status IN ${WAITING} AND NOT EXISTS (
        SELECT 1 FROM attempts t WHERE ${isAttemptOf('c')}
          AND t.kind <> 'refund' AND t.state IN ${OPEN}) LIMIT 1`,
    problem: ({ id, status }) => `The transaction ${id} is ${status}, but no attempt of it is open.`,
  },
  {
    sql: `SELECT r.id FROM refunds r
      WHERE r.status = 'processing' AND NOT EXISTS (
        SELECT 1 FROM attempts t WHERE ${isAttemptOf('r', 'transaction_id')}
          AND t.refund_id = r.id AND t.state IN ${OPEN}) LIMIT 1`,
    problem: ({ id }) => `The refund ${id} is processing, but no attempt of it is open.`,
  },
  {
    sql: `SELECT t.id, t.state, coalesce(r.id, c.id) AS about, coalesce(r.status, c.status) AS status FROM attempts t
      LEFT JOIN charges c ON ${sameScope('c', 't')} AND c.id = t.transaction_id
      LEFT JOIN refunds r ON ${sameScope('r', 't')} AND r.id = t.refund_id
      WHERE t.state IN ${OPEN} AND CASE WHEN r.id IS NULL THEN c.status NOT IN ${WAITING} ELSE r.status <> 'processing' END LIMIT 1`,
    problem: ({ id, state, about, status }) => `The attempt ${id} is ${state}, but ${about} is ${status}.`,
  },
]

/** Each stored counter equals a fresh count. */
const COUNTERS: readonly Check[] = [
  {
    sql: `WITH counted AS (
        SELECT account_id, live, 'charges_succeeded' AS name, currency, count(*) AS value
          FROM charges WHERE amount_captured > 0 GROUP BY 1, 2, 4
        UNION ALL SELECT account_id, live, 'charges_failed', currency, count(*)
          FROM charges WHERE status = 'failed' GROUP BY 1, 2, 4
        UNION ALL SELECT account_id, live, 'charges_refunded', currency, count(*)
          FROM charges WHERE amount_refunded > 0 GROUP BY 1, 2, 4
        UNION ALL SELECT account_id, live, 'refunds', currency, count(*)
          FROM refunds WHERE status IN ('refunded', 'partially_refunded') GROUP BY 1, 2, 4
        UNION ALL SELECT account_id, live, 'deliveries_' || state, '', count(*) FROM webhook_deliveries GROUP BY 1, 2, state
        UNION ALL SELECT account_id, live, 'attempts_' || state, '', count(*) FROM attempts GROUP BY 1, 2, state
        UNION ALL SELECT account_id, live, 'alarms_' || kind, '', count(*) FROM alarms WHERE state = 'open' GROUP BY 1, 2, kind)
      SELECT coalesce(k.name, n.name) AS name, coalesce(k.currency, n.currency) AS currency,
        coalesce(k.value, 0) AS stored, coalesce(n.value, 0) AS counted
      FROM (
        SELECT account_id, live, name, currency, sum(value) AS value FROM counters
        WHERE name <> 'deliveries_retried' GROUP BY account_id, live, name, currency) k
      FULL JOIN counted n ON ${sameScope('n', 'k')} AND n.name = k.name AND n.currency = k.currency
      WHERE coalesce(k.value, 0) <> coalesce(n.value, 0) LIMIT 1`,
    problem: ({ name, currency, stored, counted }) =>
      `The counter ${name} ${currency} says ${stored}, but there are ${counted}.`.replace('  ', ' '),
  },
  {
    // The last such event of a charge counts, because a late outcome may have reversed an earlier one. The charge's id
    // is the first field of an event's data. Scopes of which events were deleted are not compared.
    sql: `WITH last AS (
        SELECT account_id, live, max(seq) AS seq FROM events
        WHERE type IN ('payment.succeeded', 'payment.failed', 'payment.authorized', 'payment.capture_failed',
          'payment.canceled')
        GROUP BY account_id, live,
          CASE WHEN substr(data, 1, 21) = '{"charge":{"id":"txn_' THEN ${chargeIdIn()} ELSE id END),
      reported AS (
        SELECT e.account_id, e.live, 'charges_' || substr(e.type, length('payment.') + 1) AS name, count(*) AS value
        FROM last l JOIN events e ON ${sameScope('e', 'l')} AND e.seq = l.seq
        WHERE e.type IN ('payment.succeeded', 'payment.failed') AND ${PURGED_TO('e')} = 0 GROUP BY 1, 2, 3),
      counted AS (
        SELECT c.account_id, c.live, c.name, sum(c.value) AS value FROM counters c
        WHERE c.name IN ('charges_succeeded', 'charges_failed') AND ${PURGED_TO('c')} = 0 GROUP BY 1, 2, 3)
      SELECT coalesce(k.name, t.name) AS name, coalesce(k.value, 0) AS stored, coalesce(t.value, 0) AS reported
      FROM counted k FULL JOIN reported t ON ${sameScope('t', 'k')} AND t.name = k.name
      WHERE coalesce(k.value, 0) <> coalesce(t.value, 0) LIMIT 1`,
    problem: ({ name, stored, reported }) =>
      `The counters ${name} say ${stored}, but ${reported} events tell of one.`,
  },
]

/**
 * Everything that must be true of a database, in SQL that both engines run. Numbers arrive as bigints. SQLite's sums
 * are 64-bit integers that fail on overflow; the commit keeps every balance within them.
 */
export const CHECKS: readonly Check[] = [
  ...LEDGER,
  ...AMOUNTS,
  ...BOOKED,
  ...BALANCES,
  ...SLICES,
  ...NUMBERING,
  ...REFERENCES,
  ...ATTEMPTS,
  ...COUNTERS,
  ...ROWS,
]
