/** Changes in SQL that both engines run: the amounts identify the charges of `fillBooks`. */

export type Tampering = { readonly what: string; readonly sql: string; readonly says: RegExp }

/**
 * A text that a replacement looks for and that a random id may hold by chance: digits and letters of ids alone. Such a
 * tampering would now and then change an id as well. Undefined if there is none.
 */
export function partOfAnId(sql: string): string | undefined {
  const [, sought] = /replace\(\w+, '([0-9a-hjkmnp-tv-z]{1,8})',/.exec(sql) ?? []
  return sought
}

export const charge = (amount: number) => `(SELECT id FROM charges WHERE amount = ${amount})`
export const refund = (amount: number) => `(SELECT id FROM refunds WHERE amount = ${amount})`
/** An event of the charge with this amount. */
export const told = (amount: number, type: string) =>
  `live = 1 AND seq = (SELECT min(seq) FROM events WHERE live = 1 AND type = '${type}' AND data LIKE '%' || ${charge(amount)} || '%')`
export const body = (amount: number, type: string, from: string, to: string) =>
  `UPDATE events SET data = replace(data, '${from}', '${to}') WHERE ${told(amount, type)}`
export const attempt = (amount: number, kind: string, set: string) =>
  `UPDATE attempts SET ${set} WHERE transaction_id = ${charge(amount)} AND kind = '${kind}'`
export const record = (amount: number, set: string) =>
  `UPDATE idempotency_keys SET ${set} WHERE key = (SELECT idempotency_key FROM charges WHERE amount = ${amount})`
export const account = (code: string) =>
  `(SELECT id FROM ledger_accounts WHERE live = 1 AND code = '${code}' AND currency = 'usd')`
/** Moves the transfers of an object from one account to another, and the balances with them. */
export const moved = (id: string, from: string, to: string) => `
  UPDATE ledger_transfers SET debit_account_id = ${account(to)}
    WHERE transaction_id = ${id} AND debit_account_id = ${account(from)};
  UPDATE ledger_transfers SET credit_account_id = ${account(to)}
    WHERE transaction_id = ${id} AND credit_account_id = ${account(from)};
  ${BALANCED}`
/** Makes every balance the sum of its entries again. */
export const BALANCED = `
  UPDATE ledger_accounts SET balance =
    (SELECT coalesce(sum(amount), 0) FROM ledger_transfers WHERE debit_account_id = ledger_accounts.id)
    - (SELECT coalesce(sum(amount), 0) FROM ledger_transfers WHERE credit_account_id = ledger_accounts.id)`
