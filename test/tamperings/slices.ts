/** Changes of the slices of a ledger, and of what is stored with them. */
import type { Tampering } from './sql.ts'

const DAYS = /^The totals of \d\d\d\d-\d\d-\d\d of the account [\w:]+ \(\w+\) are not those of its entries\.$/

/** Of books with two slices, which `fillBooks` does not have: it makes too few transfers. `day` is the first of two. */
export const sliceTamperings = (day: number): readonly Tampering[] => [
  {
    what: 'a balance at the end of a slice',
    sql: 'UPDATE ledger_checkpoints SET balance = balance + 1 WHERE slice = 2',
    says: /^At the end of slice 2 the account /,
  },
  {
    what: 'the balances at the end of a slice deleted',
    sql: 'DELETE FROM ledger_checkpoints WHERE slice = 1',
    says: /^At the end of slice 1 .* says null, but its entries sum to/,
  },
  {
    what: 'the earliest time of a slice',
    sql: 'UPDATE ledger_slices SET earliest = earliest + 1 WHERE number = 1',
    says: /^The slice 1 of a ledger has other times/,
  },
  {
    what: 'the latest time of a slice',
    sql: 'UPDATE ledger_slices SET latest = latest + 1 WHERE number = 2',
    says: /^The slice 2 of a ledger has other times/,
  },
  {
    what: 'a slice deleted',
    sql: 'DELETE FROM ledger_slices WHERE number = 1',
    says: /^The slice 2 of a ledger has other times/,
  },
  {
    what: 'a slice that is not full',
    sql: `INSERT INTO ledger_slices SELECT account_id, live, 3, earliest, latest, days FROM ledger_slices WHERE number = 2`,
    says: /^The slice 3 of a ledger has other times/,
  },
  {
    what: 'the number of totals that a slice is in',
    sql: 'UPDATE ledger_slices SET days = days + 1 WHERE number = 1',
    says: /^The slice 1 of a ledger says that it is in \d+ totals of days, but its transfers are in \d+\.$/,
  },
  {
    what: 'the balance of a day',
    sql: `UPDATE ledger_days SET balance = balance + 1 WHERE day = ${day + 1}`,
    says: DAYS,
  },
  {
    what: 'the totals of days',
    sql: 'UPDATE ledger_days SET debits_low = debits_low + 1, credits_low = credits_low + 1',
    says: DAYS,
  },
  { what: 'a day deleted', sql: `DELETE FROM ledger_days WHERE day = ${day}`, says: DAYS },
  {
    what: 'a day without entries',
    sql: `INSERT INTO ledger_days SELECT ledger_account_id, 9, 1, 0, 0, 0, 0, 0 FROM ledger_days WHERE day = ${day}`,
    says: DAYS,
  },
]
