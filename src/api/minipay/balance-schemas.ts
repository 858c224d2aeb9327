/** The schemas of balances. */

import { array, integer, named, nullable, object, type Static } from '../../http/schema.ts'
import { count, currency } from './fields.ts'

const balance = integer({
  examples: [1250],
  description: 'Minor units: charges that succeeded, less refunds.',
})

export const Balance = named(
  'Balance',
  object({
    successful_transactions: {
      ...count,
      description: 'Charges that succeeded, including those refunded later.',
    },
    refunded_transactions: { ...count, description: 'Charges with at least one refund.' },
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
            successful_transactions: {
              ...count,
              description: 'Charges that succeeded, including those refunded later.',
            },
            refunded_transactions: { ...count, description: 'Charges with at least one refund.' },
          }),
          'The balance of one currency.',
        ),
      ),
      description: 'Each currency in use.',
    },
  }),
  "The merchant's balance, per currency.",
)
export type BalanceView = Static<typeof Balance>
