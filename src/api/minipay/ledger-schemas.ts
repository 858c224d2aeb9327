/** The schemas of the ledger's accounts and entries. */

import { integer, named, object, optional, type Static, strict, string } from '../../http/schema.ts'
import { chargeId, currency, limit, listFormat, sequence, time } from './fields.ts'

export const EntriesQuery = strict({
  limit,
  before: optional({ ...sequence, description: 'Entries with a smaller sequence, newest first.' }),
  transaction_id: optional(string({ description: 'The id of a charge or a refund.' })),
  account: optional(
    string({ minLength: 1, maxLength: 64, description: 'The name of an account.', examples: ['merchant'] }),
  ),
  currency: optional(currency),
  ...listFormat,
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
export type LedgerAccountView = Static<typeof LedgerAccount>

export const LedgerEntry = named(
  'LedgerEntry',
  object({
    sequence: { ...sequence, minimum: 1, description: 'The number of the entry, in the order of booking.' },
    transaction_id: { ...chargeId, description: 'The id of the charge or refund that posted it.' },
    account: accountName,
    currency,
    amount: integer({ description: 'A debit is positive, a credit negative.', examples: [-2500] }),
    created_at: { ...time, description: 'When it was posted.' },
  }),
  'One side of a transfer.',
)
export type LedgerEntryView = Static<typeof LedgerEntry>
