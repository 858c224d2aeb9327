/** The schemas of the ledger's accounts and entries. */

import {
  array,
  integer,
  named,
  nullable,
  object,
  optional,
  type Static,
  strict,
  string,
} from '../../http/schema.ts'
import { chargeId, count, createdFilters, currency, limit, listFormat, sequence, time } from './fields.ts'

const accountFilter = string({
  minLength: 1,
  maxLength: 64,
  description: 'The name of an account.',
  examples: ['merchant'],
})

export const EntriesQuery = strict({
  limit,
  before: optional({ ...sequence, description: 'Entries with a smaller sequence, newest first.' }),
  transaction_id: optional(string({ description: 'The id of a charge or a refund.' })),
  account: optional(accountFilter),
  currency: optional(currency),
  ...createdFilters,
  ...listFormat,
})

const at = optional({
  ...time,
  description: 'The balances of the entries from before this RFC 3339 time. Without it, the balances now.',
})
/** The query of balances at a time. */
export const BalancesQuery = strict({ at })
/** The same for a list. */
export const AccountsQuery = strict({ at, ...listFormat })

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

/** Sums of balances exceed the largest amount of one charge. */
const total = integer({ minimum: 0 })

const date = string({ examples: ['2026-11-23'] })
const dayId = string({
  description: 'The day, the account and the currency.',
  examples: ['2026-11-23/merchant/usd'],
})

export const DaysQuery = strict({
  limit,
  starting_after: optional({ ...dayId, description: 'The last id of one page: the next page follows it.' }),
  account: optional(accountFilter),
  currency: optional(currency),
  from: optional({ ...date, description: 'The first day, in UTC.' }),
  to: optional({ ...date, description: 'The last day, in UTC.' }),
  ...listFormat,
})

export const LedgerDay = named(
  'LedgerDay',
  object({
    id: dayId,
    day: { ...date, description: 'The day, in UTC.' },
    account: accountName,
    currency,
    entries: { ...count, description: 'The number of its entries on that day.' },
    debits: { ...total, description: 'The sum of the debits among them.', examples: [2500] },
    credits: {
      ...total,
      description: 'The sum of the credits among them, as a positive amount.',
      examples: [1250],
    },
    closing_balance: integer({
      description:
        'The balance at the end of the day, or until now on the current day: debits are positive, credits negative.',
      examples: [1250],
    }),
  }),
  'The entries of a ledger account in one currency on one day.',
)
export type LedgerDayView = Static<typeof LedgerDay>

const trialCurrency = named(
  'TrialBalanceCurrency',
  object({
    currency,
    exponent: integer({ description: 'Decimal digits of the minor unit (ISO 4217).', examples: [2] }),
    debits: { ...total, description: 'The sum of all balances above zero.', examples: [2500] },
    credits: {
      ...total,
      description: 'The sum of all balances below zero, as a positive amount.',
      examples: [2500],
    },
    difference: integer({ description: 'Debits less credits: 0 while the books balance.', examples: [0] }),
  }),
  'The sums of the balances in one currency.',
)

export const TrialBalance = named(
  'TrialBalance',
  object({
    at: nullable({ ...time, description: 'The time of the balances; null for now.' }),
    currencies: { ...array(trialCurrency), description: 'Each currency with entries.' },
    entries: { ...count, description: 'The number of entries now, and the sequence of the last one.' },
    chain: {
      ...nullable(
        object({
          links: { ...count, description: 'The number of links.' },
          hash: string({
            description: 'The hash of the last link.',
            examples: ['kwPdXqQo2nZr8mYtVbL5cJh0uEaGsFiD7xTg1NvRyU4'],
          }),
          created_at: { ...time, description: 'The time of the last link.' },
        }),
      ),
      description:
        'The hash chain over the transfers, events and audit entries. `minipay verify` recomputes it.',
    },
  }),
  'Whether the books balance.',
)
export type TrialBalanceView = Static<typeof TrialBalance>
