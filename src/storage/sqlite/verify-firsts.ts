/** The checks that charges have the numbers of their first events and transfers, which no index has. */
import type { Check } from '../verify-checks.ts'

const CHARGE_OF = (row: string) => `c.account_id = ${row}.account_id AND c.live = ${row}.live`
const IS_FIRST = 'substr(e.id, 5) = substr(e.data, 22, 26)'

/** The last two count, because each row that is the first one is known to have its own charge by then. */
export const FIRSTS: readonly Check[] = [
  {
    sql: `SELECT e.seq, e.id FROM events e
      LEFT JOIN charges c ON ${CHARGE_OF('e')} AND c.id = 'txn' || substr(e.id, 4)
      WHERE ${IS_FIRST} AND c.first_event IS NOT e.seq LIMIT 1`,
    problem: ({ seq, id }) => `The event ${seq} (${id}) is the first of its charge, which names another one.`,
  },
  {
    sql: `SELECT t.seq, t.transaction_id AS id FROM ledger_transfers t
      LEFT JOIN charges c ON ${CHARGE_OF('t')} AND c.id = t.transaction_id
      WHERE t.is_first IS NOT NULL AND c.first_transfer IS NOT t.seq LIMIT 1`,
    problem: ({ seq, id }) => `The transfer ${seq} is the first of ${id}, which names another one.`,
  },
  {
    sql: `SELECT * FROM (
        SELECT (SELECT count(*) FROM events e WHERE ${IS_FIRST}) AS found, (
          SELECT count(*) FROM charges c LEFT JOIN event_purges p ON p.account_id = c.account_id AND p.live = c.live
          WHERE c.first_event > coalesce(p.events_to, 0)) AS named)
      WHERE found <> named`,
    problem: ({ found, named }) => `${named} charges name their first event, but there are ${found}.`,
  },
  {
    sql: `SELECT * FROM (
        SELECT (SELECT count(*) FROM ledger_transfers WHERE is_first IS NOT NULL) AS found,
          (SELECT count(first_transfer) FROM charges) AS named)
      WHERE found <> named`,
    problem: ({ found, named }) => `${named} charges name their first transfer, but there are ${found}.`,
  },
]
