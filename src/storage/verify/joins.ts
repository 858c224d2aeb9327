/** Parts of the checks of `verify` that join rows with those of their charge. */

/** The condition that a row of `child` has the same account and mode as its `parent`. */
export const sameScope = (child: string, parent: string) =>
  `${child}.account_id = ${parent}.account_id AND ${child}.live = ${parent}.live`

/**
 * The attempt `t` is of the charge whose id is in this column of the row. In two parts, because SQLite finds the first attempt
 * of a charge by its id, which has the digits of the charge's, and the others by an index that has only those.
 */
export const isAttemptOf = (row: string, column = 'id') => {
  const own = `${sameScope('t', row)} AND t.transaction_id = ${row}.${column}`
  return `((t.id = 'att' || substr(${row}.${column}, 4) AND ${own})
          OR (${own} AND substr(t.id, 5) <> substr(t.transaction_id, 5)))`
}

/**
 * Joins `booked.merchant`: the sum of the row's transfers in the merchant's account, null without any. Summed for all rows at
 * once, because SQLite has no index of every transfer by transaction.
 */
export const merchantSum = (row: string, prefix: 'txn' | 're' | 'dp') => `LEFT JOIN (
  SELECT t.account_id, t.live, t.transaction_id, debited.currency,
    sum(CASE 'merchant' WHEN debited.code THEN t.amount WHEN credited.code THEN -t.amount END) AS merchant
  FROM ledger_transfers t
  JOIN ledger_accounts debited ON debited.id = t.debit_account_id
  JOIN ledger_accounts credited ON credited.id = t.credit_account_id
  WHERE substr(t.transaction_id, 1, ${prefix.length + 1}) = '${prefix}_'
  GROUP BY t.account_id, t.live, t.transaction_id, debited.currency) AS booked
  ON ${sameScope('booked', row)} AND booked.transaction_id = ${row}.id AND booked.currency = ${row}.currency`
