/** Changes of texts that SQLite stores apart from their rows. `digest(text)` is a function that the test provides. */
import { charge, type Tampering } from './sql.ts'

const details = (amount: number) => `(SELECT details_id FROM charges WHERE amount = ${amount})`
const ofEvent = (type: string, column: string, amount: number) =>
  `(SELECT ${column} FROM events WHERE type = '${type}' AND data LIKE '%' || ${charge(amount)} || '%' AND live = 1)`
const changed = (id: string, from: string, to: string) =>
  `UPDATE long_texts SET text = replace(text, '${from}', '${to}') WHERE id = ${id}`
/** By a person who can compute the digest. */
const covered = (id: string, from: string, to: string) => `${changed(id, from, to)};
  UPDATE long_texts SET digest = digest(text) WHERE id = ${id}`

export const TEXTS: readonly Tampering[] = [
  {
    what: "a charge's long description changed",
    sql: changed(details(2_040), 'chairs', 'tables'),
    says: /^The long text \d+ is not the one that was stored\.$/,
  },
  {
    what: "a charge's long metadata changed with its digest",
    sql: covered(details(2_042), '"order":"62"', '"order":"66"'),
    says: /^The idempotency record of txn_\w+, key-\d+, is of another request than the one that made it\.$/,
  },
  {
    what: "a long event's rest changed",
    sql: changed(ofEvent('payment.refunded', 'rest_id', 2_040), '"amount":440', '"amount":441'),
    says: /^The long text \d+ is not the one that was stored\.$/,
  },
  {
    what: "a long event's rest changed with its digest",
    sql: covered(ofEvent('payment.refunded', 'rest_id', 2_040), '"amount":440', '"amount":441'),
    says: /^The event \d+ \(payment\.refunded\) .*441|^The last event of re_\w+, \d+ \(payment\.refunded\), says that amount of the refund re_\w+ is 441, and its row 440\.$/,
  },
  {
    what: 'a digest changed',
    sql: `UPDATE long_texts SET digest = 'x' WHERE id = ${details(2_041)}`,
    says: /^The long text \d+ is not the one that was stored\.$/,
  },
  {
    what: "a charge's long text deleted",
    sql: `DELETE FROM long_texts WHERE id = ${details(2_040)}`,
    says: /^The transaction txn_\w+ refers to the long text \d+, which is not there\.$/,
  },
  {
    what: "a refund's long text deleted",
    sql: 'DELETE FROM long_texts WHERE id = (SELECT details_id FROM refunds WHERE amount = 440)',
    says: /^The refund re_\w+ refers to the long text \d+, which is not there\.$/,
  },
  {
    what: "an event's rest deleted",
    sql: `DELETE FROM long_texts WHERE id = ${ofEvent('payment.refunded', 'rest_id', 2_040)}`,
    says: /^The event \d+ refers to the long text \d+, which is not there\.$/,
  },
  {
    what: 'an event that refers to a long text that never was',
    sql: `UPDATE events SET details_id = 999999 WHERE details_id = ${details(2_040)}`,
    says: /^The event \d+ refers to the long text 999999, which is not there\.$/,
  },
  {
    what: 'an idempotency record that refers to a long text that never was',
    sql: `UPDATE idempotency_keys SET details_id = 999999 WHERE key = (SELECT idempotency_key FROM charges WHERE amount = 2043)`,
    says: /^The idempotency record \d+ refers to the long text 999999, which is not there\.$/,
  },
  {
    what: 'a long text too many',
    sql: `INSERT INTO long_texts (text, digest) VALUES ('"description":null,"metadata":{}', digest('"description":null,"metadata":{}'))`,
    says: /^The long text \d+ belongs to no row\.$/,
  },
  {
    what: 'a charge with the long text of another',
    sql: `UPDATE charges SET details_id = ${details(2_041)} WHERE amount = 2040`,
    says: /says that metadata of the charge txn_\w+ is \{"order":"60".+, and its row \{"order":"61"/,
  },
  {
    what: 'an event with the long text of another charge',
    sql: `UPDATE events SET details_id = ${details(2_041)} WHERE details_id = ${details(2_040)}`,
    says: /^The event \d+ \(payment\.succeeded\) has no body in the JSON that MiniPay writes|shows a charge with details, which none has\.$/,
  },
  {
    what: "a charge's long text taken from it",
    sql: 'UPDATE charges SET details_id = NULL WHERE amount = 2040',
    says: /says that description of the charge txn_\w+ is A list of chairs.+, and its row null\.$/,
  },
  {
    what: "an event's long text taken from it",
    sql: `UPDATE events SET details_id = NULL WHERE details_id = ${details(2_041)}`,
    says: /shows a charge with details, which none has\.$/,
  },
  {
    what: 'two refunds with one long text',
    sql: `UPDATE refunds SET details_id = (SELECT details_id FROM refunds WHERE amount = 440) WHERE amount = 510`,
    says: /says that description of the refund re_\w+ is null, and its row A list of chairs|belongs to 2 rows/,
  },
]
