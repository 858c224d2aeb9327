import { currencyExponent } from '../../domain/money.ts'
import { NoQuery, sendObject } from '../../http/endpoint.ts'
import type { CurrencyTotals, LedgerAccount as StoredAccount } from '../../ports/store.ts'
import { scopeOf } from '../caller.ts'
import type { Endpoint } from '../endpoint.ts'
import { shows } from '../openapi/examples.ts'
import { Balance, type BalanceView } from './balance-schemas.ts'
import { exact } from './exact.ts'

/** The merchant's account is a liability: the amount owed to the merchant is the negative balance. */
function balanceView(totals: CurrencyTotals[], accounts: StoredAccount[]): BalanceView {
  const owed = (currency: string) =>
    -(accounts.find((a) => a.account === 'merchant' && a.currency === currency)?.balance ?? 0n)
  const inUse = totals.filter((t) => t.charges_succeeded > 0)
  const only = inUse.length === 1 ? inUse[0] : undefined
  const sum = (name: 'charges_succeeded' | 'charges_refunded') =>
    inUse.reduce((total, t) => total + t[name], 0)
  return {
    successful_transactions: sum('charges_succeeded'),
    refunded_transactions: sum('charges_refunded'),
    balance: inUse.length === 0 ? 0 : only ? exact(owed(only.currency)) : null,
    currency: only?.currency ?? null,
    balances: inUse.map((t) => ({
      currency: t.currency,
      // Every currency of a charge has one.
      exponent: currencyExponent(t.currency) as number,
      balance: exact(owed(t.currency)),
      successful_transactions: t.charges_succeeded,
      refunded_transactions: t.charges_refunded,
    })),
  }
}

const balanceEndpoint: Endpoint = {
  id: 'retrieveBalance',
  method: 'GET',
  url: '/api/v1/balance',
  permission: 'reports:read',
  summary: 'Retrieve the balance, per currency',
  description:
    'The ledger keeps the balance of each currency, in `balances`. `balance` is for a single currency; it is null while several are in use.',
  tag: 'Ledger',
  query: NoQuery,
  responses: { 200: { description: 'Charges that succeeded, less refunds.', schema: Balance } },
  errors: [],
  examples: shows('balance', 'One currency in use', {
    successful_transactions: 1,
    refunded_transactions: 0,
    balance: 2500,
    currency: 'usd',
    balances: [
      {
        currency: 'usd',
        exponent: 2,
        balance: 2500,
        successful_transactions: 1,
        refunded_transactions: 0,
      },
    ],
  }),
  async handle({ context }, request, reply) {
    const { totals, accounts } = await context.store.balances(scopeOf(request))
    return sendObject(reply, balanceView(totals, accounts))
  },
}

export const balanceEndpoints: readonly Endpoint[] = [balanceEndpoint]
