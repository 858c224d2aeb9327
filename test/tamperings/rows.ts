/** Changes of attempts, charges and other rows. */
import { attempt, BALANCED, charge, moved, refund, type Tampering } from './sql.ts'

export const ATTEMPTS: readonly Tampering[] = [
  {
    what: "an attempt's amount",
    sql: attempt(2_000, 'authorize', 'amount = 1999'),
    says: /^The authorize attempt att_\w+ is of 1999, and txn_\w+ of 2000\.$/,
  },
  {
    what: "a capture's amount",
    sql: attempt(2_004, 'capture', 'amount = 1003'),
    says: /says that 1004 of it was captured; its attempt att_\w+ says 1003\.$/,
  },
  {
    what: "a refund attempt's amount",
    sql: attempt(2_012, 'refund', 'amount = 311'),
    says: /^The refund attempt att_\w+ is of 311, and re_\w+ of 312\.$/,
  },
  {
    what: "an attempt's reference",
    sql: attempt(2_000, 'authorize', `provider_reference = 'other'`),
    says: /says that its provider_reference is bank_a_\w+; its attempt att_\w+ says other\.$/,
  },
  {
    what: "a refund attempt's reference",
    sql: attempt(5_000, 'refund', `provider_reference = 'other'`),
    says: /^The refund re_\w+ says that its provider_reference is bank_b_\w+; its attempt att_\w+ says other\.$/,
  },
  {
    what: "an attempt's provider",
    sql: attempt(2_000, 'authorize', `provider = 'bank_b'`),
    says: /says that its provider is bank_a; its attempt att_\w+ says bank_b\.$/,
  },
  {
    what: 'the provider of an attempt that failed over',
    sql: `UPDATE attempts SET provider = 'bank_c' WHERE transaction_id = ${charge(5_000)} AND provider = 'bank_a'`,
    says: /^The attempt att_\w+ has bank_c in its route, which the rule two banks of version 2 has not\.$/,
  },
  {
    what: 'a failed charge with an attempt that succeeded',
    sql: `${attempt(2_001, 'authorize', `state = 'succeeded', decline_code = NULL`)};
      UPDATE counters SET value = value + 1 WHERE live = 1 AND name = 'attempts_succeeded';
      UPDATE counters SET value = value - 1 WHERE live = 1 AND name = 'attempts_declined'`,
    says: /^The transaction txn_\w+ is failed, and 1 authorizations of it succeeded\.$/,
  },
  {
    what: 'two authorizations that succeeded',
    sql: `UPDATE attempts SET state = 'succeeded', decline_code = NULL
        WHERE transaction_id = ${charge(5_000)} AND provider = 'bank_a';
      UPDATE counters SET value = value + 1 WHERE live = 1 AND name = 'attempts_succeeded';
      UPDATE counters SET value = value - 1 WHERE live = 1 AND name = 'attempts_declined'`,
    says: /^The transaction txn_\w+ is partially_refunded, and 2 authorizations of it succeeded\.$/,
  },
  {
    what: 'a refund that was done, with an attempt that was declined',
    sql: `UPDATE attempts SET state = 'declined', decline_code = 'do_not_honor' WHERE refund_id = ${refund(510)};
      UPDATE counters SET value = value - 1 WHERE live = 1 AND name = 'attempts_succeeded';
      UPDATE counters SET value = value + 1 WHERE live = 1 AND name = 'attempts_declined'`,
    says: /^The refund re_\w+ is partially_refunded, and its attempt att_\w+ declined\.$/,
  },
  {
    what: 'an attempt deleted with its counter',
    sql: `DELETE FROM attempts WHERE transaction_id = ${charge(2_000)};
      UPDATE counters SET value = value - 1 WHERE live = 1 AND name = 'attempts_succeeded'`,
    says: /^The transaction txn_\w+ was changed 2 times, and has 1 events and no attempt\.$/,
  },
  {
    what: "an attempt's end",
    sql: attempt(2_000, 'authorize', 'ended_at = ended_at + 3000'),
    says: /^The attempt att_\w+ ended at \S+, when nothing happened to txn_\w+\.$/,
  },
  {
    what: "an attempt's start",
    sql: attempt(2_000, 'authorize', 'started_at = started_at + 60000'),
    says: /^The (attempt|idempotency record of) \S+ /,
  },
  {
    what: "an attempt's decline code",
    sql: attempt(2_001, 'authorize', `decline_code = 'stolen_card'`),
    says: /failed with insufficient_funds; its attempt att_\w+ says stolen_card\.$/,
  },
  {
    what: "an attempt's reason",
    sql: attempt(2_001, 'authorize', `reason = 'Maybe.'`),
    says: /failed because of "No\."; its attempt att_\w+ says "Maybe\."\.$/,
  },
  {
    what: "an attempt's route",
    sql: attempt(2_000, 'authorize', `route = replace(route, 'one bank', 'two banks')`),
    says: /^The attempt att_\w+ /,
  },
  {
    what: "an attempt's key",
    sql: attempt(2_000, 'authorize', `idempotency_key = 'key-1'`),
    says: /^The authorize attempt att_\w+ is of the key key-1, and txn_\w+ of key-\d+\.$/,
  },
  {
    what: 'an open attempt that is never looked at again',
    sql: attempt(2_090, 'authorize', 'due_at = NULL'),
    says: /^The authorize attempt att_\w+ is unknown, and is never looked at again\.$/,
  },
  {
    what: 'who ended an attempt',
    sql: attempt(2_000, 'authorize', `resolved_by = 'nobody'`),
    says: /^The authorize attempt att_\w+ was ended by nobody, which nothing is\.$/,
  },
]

const charges = (amount: number, set: string) => `UPDATE charges SET ${set} WHERE amount = ${amount}`
export const CHARGES: readonly Tampering[] = [
  {
    what: 'the page to which a customer must go',
    sql: `UPDATE charges SET redirect_url = 'https://evil.example/1' WHERE amount = 2008`,
    says: /^The last event of txn_\w+, \d+ \(payment\.requires_action\), says that redirect_url of the charge txn_\w+ is https:\/\/bank\.example\/1, and its row https:\/\/evil\.example\/1\.$/,
  },
  ...[
    ["a charge's customer", 2_000, `customer = 'cus_9'`, /says that customer of the charge/],
    ["a charge's metadata", 1_002, `metadata = '{"order":"99"}'`, /says that metadata of the charge/],
    ["a charge's description", 2_000, `description = 'A bed'`, /says that description of the charge/],
    [
      "a charge's payment method",
      1_000,
      `payment_method = 'tok_x'`,
      /says that payment_method of the charge/,
    ],
    ["a charge's time", 2_000, 'created_at = created_at + 1', /says that created_at of the charge/],
    ["a charge's key", 2_000, `idempotency_key = 'key-x'`, /key-x|is of nothing that was asked/],
    ["a charge's provider", 2_000, `provider = 'bank_b'`, /bank_b/],
    [
      "a charge's reference",
      2_000,
      `provider_reference = 'other'`,
      /says that provider_reference of the charge/,
    ],
    ['the reference of a charge that waits', 2_008, `provider_reference = 'other'`, /provider_reference/],
    ['when a hold expires', 2_002, 'expires_at = expires_at + 1', /says that expires_at of the charge/],
    [
      "a charge's decline code",
      2_001,
      `decline_code = 'stolen_card'`,
      /says that decline_code of the charge/,
    ],
    ['why a charge failed', 2_001, `failure_message = 'Yes.'`, /says that failure_message of the charge/],
    ['whether a charge was held', 2_003, 'capture = 1', /says that capture of the charge/],
    ["a charge's currency", 2_000, `currency = 'eur'`, /^The /],
    ['how often a charge of one step was changed', 1_002, 'version = 7', /has 1 events and no attempt\.$/],
    [
      'the customer of a charge that is processing',
      2_090,
      `customer = 'cus_9'`,
      /^The idempotency record of txn_/,
    ],
  ].map(([what, amount, set, says]) => ({
    what: what as string,
    sql: charges(amount as number, set as string),
    says: says as RegExp,
  })),
]

export const OTHERS: readonly Tampering[] = [
  {
    what: "a refund's reason",
    sql: `UPDATE refunds SET reason = 'fraudulent' WHERE amount = 510`,
    says: /says that reason of the refund re_\w+ is duplicate, and its row fraudulent\.$/,
  },
  {
    what: 'the reason of a refund that is processing',
    sql: `UPDATE refunds SET reason = 'duplicate' WHERE amount = 311`,
    says: /^The idempotency record of re_\w+, key-\d+, /,
  },
  {
    what: "a refund's reference",
    sql: `UPDATE refunds SET provider_reference = 'other' WHERE amount = 510`,
    says: /provider_reference/,
  },
  {
    what: "a refund's metadata",
    sql: `UPDATE refunds SET metadata = NULL WHERE amount = 300`,
    says: /says that metadata of the refund/,
  },
  {
    what: "a refund's time",
    sql: `UPDATE refunds SET created_at = created_at - 1 WHERE amount = 510`,
    says: /says that created_at of the refund/,
  },
  {
    what: 'why a refund failed',
    sql: `UPDATE refunds SET failure_message = 'Yes.' WHERE amount = 312`,
    says: /says that failure_message of the refund/,
  },
  {
    what: "a dispute's reference",
    sql: `UPDATE disputes SET provider_reference = 'dsp_x' WHERE provider_reference = 'dsp_won'`,
    says: /says that provider_reference of the dispute dp_\w+ is dsp_won, and its row dsp_x\.$/,
  },
  {
    what: "a dispute's reason",
    sql: `UPDATE disputes SET reason = 'fraud' WHERE provider_reference = 'dsp_lost'`,
    says: /says that reason of the dispute/,
  },
  {
    what: "a dispute's amount",
    sql: `UPDATE disputes SET amount = 999 WHERE provider_reference = 'dsp_more'`,
    says: /says that amount of the dispute dp_\w+ is 3000, and its row 999\.$/,
  },
  {
    what: 'a lost dispute at a provider that does not have the money',
    sql: `UPDATE disputes SET provider = 'bank_b' WHERE provider_reference = 'dsp_lost';
      ${moved(`(SELECT id FROM disputes WHERE provider_reference = 'dsp_lost')`, 'provider:bank_a', 'provider:bank_b')}`,
    says: /^dp_\w+ should have -423 in provider:bank_a, but its entries there sum to 0\.$/,
  },
  {
    what: "a transfer moved between providers' accounts",
    sql: moved(charge(2_000), 'provider:bank_a', 'provider:bank_b'),
    says: /^txn_\w+ should have 2000 in provider:bank_a, but its entries there sum to 0\.$/,
  },
  {
    what: "a refund's transfer moved to another provider's account",
    sql: moved(refund(510), 'provider:bank_a', 'provider:bank_b'),
    says: /^re_\w+ should have -510 in provider:bank_a, but its entries there sum to 0\.$/,
  },
  {
    what: "a transfer's time",
    sql: `UPDATE ledger_transfers SET created_at = created_at + 60000 WHERE transaction_id = ${charge(2_000)}`,
    says: /^The transfer \d+ of txn_\w+ is of \S+, when nothing happened to txn_\w+\.$/,
  },
  {
    what: 'a transfer to an account of another owner',
    sql: `UPDATE ledger_transfers SET credit_account_id =
        (SELECT id FROM ledger_accounts WHERE live = 0 AND code = 'merchant' AND currency = 'usd')
      WHERE transaction_id = ${charge(2_000)}`,
    says: /^An account of the transfer \d+ of txn_\w+ is not there, or of another owner\.$/,
  },
  {
    what: 'a transfer between two currencies',
    sql: `UPDATE ledger_transfers SET credit_account_id =
        (SELECT id FROM ledger_accounts WHERE live = 1 AND code = 'merchant' AND currency = 'eur')
      WHERE transaction_id = ${charge(2_000)}`,
    says: /^The transfer \d+ of txn_\w+ debits provider:bank_a \(usd\), but credits merchant \(eur\)\.$/,
  },
  {
    what: "a transfer's number",
    sql: `UPDATE ledger_transfers SET seq = seq + 100000 WHERE transaction_id = ${charge(2_000)}`,
    says: /^The transfers have a gap/,
  },
  {
    what: 'a transfer that changed its direction, and its balances with it',
    sql: `UPDATE ledger_transfers SET debit_account_id = credit_account_id, credit_account_id = debit_account_id
        WHERE transaction_id = ${charge(2_000)};
      ${BALANCED}`,
    says: /^The transaction txn_\w+ captured 2000 usd, but its transfers book 2000 to the merchant\.$/,
  },
  {
    what: 'an account without entries',
    sql: `INSERT INTO ledger_accounts (id, account_id, live, code, currency, balance) VALUES (999, 1, 1, 'provider:x', 'usd', 0)`,
    says: /^The account provider:x \(usd\) has no entry\.$/,
  },
  {
    what: "an alarm's amount",
    sql: 'UPDATE alarms SET amount = 1',
    says: /says that amount of the alarm alm_\w+ is 3000, and its row 1\.$/,
  },
  {
    what: 'an alarm deleted with its counter',
    sql: `DELETE FROM alarms; DELETE FROM counters WHERE name = 'alarms_dispute_mismatch'`,
    says: /shows the alarm alm_\w+, which its charge does not have\.$/,
  },
  {
    what: 'an alarm closed by nobody',
    sql: `UPDATE alarms SET state = 'closed', in_doubt = 0, closed_at = opened_at + 1, reason = 'fine';
      UPDATE counters SET value = 0 WHERE name = 'alarms_dispute_mismatch'`,
    says: /^The alarm alm_\w+ was closed at \S+, when nothing happened to txn_\w+\.$/,
  },
  {
    what: 'rules of a version that attempts name',
    sql: `UPDATE rule_sets SET document = replace(document, 'bank_b', 'bank_c') WHERE version = 2`,
    says: /^The attempt att_\w+ has bank_b in its route, which the rule two banks of version 2 has not\.$/,
  },
  {
    what: 'the declines after which the rules fail over',
    sql: `UPDATE rule_sets SET document = replace(document, 'processing_error', 'expired_card') WHERE version = 2`,
    says: /^The attempt att_\w+ fails over after other declines than the rule two banks of version 2\.$/,
  },
  {
    what: 'rules deleted',
    sql: 'DELETE FROM rule_sets WHERE version = 2',
    says: /^The attempt att_\w+ follows the rule .+ of version 2, which is not there\.$/,
  },
  {
    what: 'the first rules deleted',
    sql: 'DELETE FROM rule_sets WHERE version = 1',
    says: /^The rules have version 2, and not the version before it\.$/,
  },
  {
    what: 'rules that are none',
    sql: `UPDATE rule_sets SET document = '{}' WHERE version = 1`,
    says: /^The rules of version 1 are none: default The default is missing\.$/,
  },
  {
    what: 'the number of charges in a counter of a limit',
    sql: `UPDATE velocity_counters SET sums = replace(sums, '[', '[-')`,
    says: /^The velocity counter \w{64} is not one that MiniPay writes\.$/,
  },
  {
    what: 'a counter of a limit with a sum less',
    sql: `UPDATE velocity_counters SET sums = '[0,0,0,0,0,0,0,0,0,1]'`,
    says: /^The velocity counter \w{64} is not one that MiniPay writes\.$/,
  },
  {
    what: 'a counter of a limit that ends later',
    sql: `UPDATE velocity_counters SET ends_at = ends_at + 1`,
    says: /^The velocity counter \w{64} is not one that MiniPay writes\.$/,
  },
  {
    what: 'a charge that a limit declined, declined by a provider',
    sql: `UPDATE charges SET provider = 'bank_a' WHERE amount = 2080`,
    says: /^The /,
  },
  {
    what: 'a notification that is pending and never due',
    sql: `UPDATE notifications SET due_at = NULL WHERE state = 'pending'`,
    says: /^The notification ntf_\w+ is pending, and is not settled as one that is\.$/,
  },
  {
    what: 'a notification called done',
    sql: `UPDATE notifications SET state = 'done' WHERE state = 'pending'`,
    says: /^The notification ntf_\w+ is done, and is not settled as one that is\.$/,
  },
  {
    what: 'a notification called failed',
    sql: `UPDATE notifications SET state = 'failed' WHERE state = 'done'`,
    says: /^The notification ntf_\w+ is failed, and is not settled as one that is\.$/,
  },
  {
    what: 'a charge in the other mode',
    sql: 'UPDATE charges SET live = 0 WHERE amount = 2000',
    says: /^The /,
  },
]
