import { entryView } from '../../app/present.ts'
import { currencyExponent } from '../../domain/money.ts'
import { NoQuery, sendObject } from '../../http/endpoint.ts'
import { currencyFilter, DEFAULT_LIMIT, sendPage } from '../../http/paging.ts'
import { queryValidator } from '../../http/validate.ts'
import type { CurrencyTotals, EntryQuery, LedgerAccount as StoredAccount } from '../../ports/store.ts'
import { type Endpoint, scopeOf } from '../endpoint.ts'
import { Balance, EntriesQuery, LedgerAccount, LedgerEntry } from './ledger-schemas.ts'
import { page } from './schemas.ts'

const validEntriesQuery = queryValidator(EntriesQuery)

declare global {
  interface JSON {
    /** Text that `JSON.stringify` writes as it is (ECMAScript, "JSON.parse source text access"). */
    rawJSON(text: string): object
  }
}

/** A 64-bit integer as JSON writes it: its digits, past 2^53 too. */
function exact(value: bigint): object {
  return JSON.rawJSON(String(value))
}

/** The merchant's account is a liability: what is owed to the merchant is its balance turned round. */
function balanceView(totals: CurrencyTotals[], accounts: StoredAccount[]) {
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
      exponent: currencyExponent(t.currency),
      balance: exact(owed(t.currency)),
      successful_transactions: t.charges_succeeded,
      refunded_transactions: t.charges_refunded,
    })),
  }
}

export const balanceEndpoint: Endpoint = {
  id: 'retrieveBalance',
  method: 'GET',
  url: '/api/v1/balance',
  summary: 'Retrieve the balance, per currency',
  description:
    'The ledger keeps the balance of each currency, in `balances`. `balance` is for a single currency; it is null while several are in use.',
  tag: 'Ledger',
  query: NoQuery,
  responses: { 200: { description: 'Charges that succeeded, less refunds.', schema: Balance } },
  errors: [],
  async handle({ context }, request, reply) {
    const { totals, accounts } = await context.store.balances(scopeOf(request))
    return sendObject(reply, balanceView(totals, accounts))
  },
}

export const listLedgerAccountsEndpoint: Endpoint = {
  id: 'listLedgerAccounts',
  method: 'GET',
  url: '/api/v1/ledger/accounts',
  summary: "List the ledger's accounts with their balances",
  description: 'In each currency the balances of all accounts sum to zero.',
  tag: 'Ledger',
  query: NoQuery,
  responses: { 200: { description: 'Every account.', schema: page(LedgerAccount) } },
  errors: [],
  async handle({ context }, request, reply) {
    const accounts = await context.store.ledgerAccounts(scopeOf(request))
    const data = accounts.map((a) => ({
      account: a.account,
      currency: a.currency,
      balance: exact(a.balance),
    }))
    return sendObject(reply, { data, has_more: false })
  },
}

export const listLedgerEntriesEndpoint: Endpoint = {
  id: 'listLedgerEntries',
  method: 'GET',
  url: '/api/v1/ledger/entries',
  summary: "List the ledger's entries, newest first",
  description: 'Entries are never changed or deleted. The entries of one charge or refund sum to zero.',
  tag: 'Ledger',
  query: EntriesQuery,
  responses: { 200: { description: 'A page of entries.', schema: page(LedgerEntry) } },
  errors: ['cursor_invalid', 'currency_invalid'],
  async handle({ context }, request, reply) {
    const query = validEntriesQuery(request.query)
    const currency = currencyFilter(query.currency)
    const storeQuery: EntryQuery = {
      limit: query.limit ?? DEFAULT_LIMIT,
      ...(query.before !== undefined && { before: query.before }),
      ...(query.transaction_id !== undefined && { transactionId: query.transaction_id }),
      ...(query.account !== undefined && { account: query.account }),
      ...(currency !== undefined && { currency }),
    }
    return sendPage(reply, await context.store.ledgerEntries(scopeOf(request), storeQuery), entryView)
  },
}
