/** The schemas of the ledger and its balances. */

import { array, integer, named, nullable, object, optional, strict, string } from '../../http/schema.ts'
import { count, currency, limit, sequence, time, transactionId } from './fields.ts'

export const EntriesQuery = strict({
  limit,
  before: optional({ ...sequence, description: 'Entries with a smaller sequence, newest first.' }),
  transaction_id: optional(string({ description: 'The id of a charge or a refund.' })),
  account: optional(
    string({ minLength: 1, maxLength: 64, description: 'The name of an account.', examples: ['merchant'] }),
  ),
  currency: optional(currency),
})
const accountName = string({ description: 'The name of the account.', examples: ['merchant'] })
export const LedgerAccount = named(
  'LedgerAccount',
  object({
    account: { ...accountName, examples: ['merchant', 'provider:sandbox'] },
    currency,
    balance: integer({
      description: 'The sum of its entries: debits are positive, credits negative.',
      examples: [-1250],
    }),
  }),
  'An account of the ledger in one currency.',
)

export const LedgerEntry = named(
  'LedgerEntry',
  object({
    sequence: { ...sequence, minimum: 1, description: 'The number of the entry, in the order of booking.' },
    transaction_id: { ...transactionId, description: 'The id of the charge or refund that posted it.' },
    account: accountName,
    currency,
    amount: integer({ description: 'A debit is positive, a credit negative.', examples: [-2500] }),
    created_at: { ...time, description: 'When it was posted.' },
  }),
  'One side of a transfer.',
)

const balance = integer({
  examples: [1250],
  description: 'Minor units: charges that succeeded, less refunds.',
})
export const Balance = named(
  'Balance',
  object({
    successful_transactions: { ...count, description: 'Charges that succeeded, refunded or not.' },
    refunded_transactions: { ...count, description: 'Charges of which something was refunded.' },
    balance: {
      ...nullable(integer()),
      description: 'Charges that succeeded, less refunds. Null while several currencies are in use.',
      examples: [1250],
    },
    currency: {
      ...nullable(currency),
      description: 'The currency of `balance`. Null while none or several are in use.',
      examples: ['usd'],
    },
    balances: {
      ...array(
        named(
          'CurrencyBalance',
          object({
            currency,
            exponent: integer({ description: 'Decimal digits of the minor unit (ISO 4217).', examples: [2] }),
            balance,
            successful_transactions: { ...count, description: 'Charges that succeeded, refunded or not.' },
            refunded_transactions: { ...count, description: 'Charges of which something was refunded.' },
          }),
          'The balance of one currency.',
        ),
      ),
      description: 'Each currency in use.',
    },
  }),
  "The merchant's balance, per currency.",
)
