import { currencyExponent } from '../../domain/money.ts'
import { type Request, sendObject } from '../../http/endpoint.ts'
import { createdRange, DEFAULT_LIMIT, time } from '../../http/paging.ts'
import type { EntryQuery, Scope, Store, LedgerAccount as StoredAccount } from '../../ports/store.ts'
import { scopeOf } from '../caller.ts'
import type { Endpoint } from '../endpoint.ts'
import { CHARGE_ID, TIME } from '../openapi/example-objects.ts'
import { shows } from '../openapi/examples.ts'
import { exact } from './exact.ts'
import { listLedgerDaysEndpoint } from './ledger-days.ts'
import {
  AccountsQuery,
  BalancesQuery,
  EntriesQuery,
  LedgerAccount,
  type LedgerAccountView,
  LedgerEntry,
  TrialBalance,
  type TrialBalanceView,
} from './ledger-schemas.ts'
import { listResponse, sendList } from './list-response.ts'
import { currencyFilter, page } from './lists.ts'
import { queryValidator } from './parameters.ts'
import { entryView, timestamp } from './views.ts'

const validEntriesQuery = queryValidator(EntriesQuery)
const validAccountsQuery = queryValidator(AccountsQuery)
const validBalancesQuery = queryValidator(BalancesQuery)

const listLedgerAccountsEndpoint: Endpoint = {
  id: 'listLedgerAccounts',
  method: 'GET',
  url: '/api/v1/ledger/accounts',
  permission: 'reports:read',
  summary: "List the ledger's accounts with their balances",
  description: 'In each currency the balances of all accounts sum to zero, now and at every time.',
  tag: 'Ledger',
  query: AccountsQuery,
  responses: listResponse('Every account.', page(LedgerAccount)),
  errors: [],
  examples: shows('page', 'Every account', {
    data: [
      { account: 'merchant', currency: 'usd', balance: -2500 },
      { account: 'provider:sandbox', currency: 'usd', balance: 2500 },
    ],
    has_more: false,
  }),
  async handle(services, request, reply) {
    const at = time('at', validAccountsQuery(request.query).at)
    const data = await balancesAt(services.context.store, scopeOf(request), at)
    return sendList(services, request, reply, {
      // There is one page, because a shop has few accounts.
      ...{ query: { limit: data.length }, schema: LedgerAccount },
      read: async () => ({ data, hasMore: false }),
      view: ({ account, currency, balance }): LedgerAccountView => ({
        ...{ account, currency, balance: exact(balance) },
      }),
      cursor: ({ account }) => account,
      following: () => ({}),
    })
  },
}

const listLedgerEntriesEndpoint: Endpoint = {
  id: 'listLedgerEntries',
  method: 'GET',
  url: '/api/v1/ledger/entries',
  permission: 'reports:read',
  summary: "List the ledger's entries, newest first",
  description: 'Entries are never changed or deleted. The entries of one charge or refund sum to zero.',
  tag: 'Ledger',
  query: EntriesQuery,
  responses: listResponse('A page of entries.', page(LedgerEntry)),
  errors: ['cursor_invalid', 'currency_invalid'],
  examples: shows('page', 'A page of entries', {
    data: [
      { sequence: 2, account: 'merchant', amount: -2500 },
      { sequence: 1, account: 'provider:sandbox', amount: 2500 },
    ].map(({ sequence, account, amount }) => ({
      ...{ sequence, transaction_id: CHARGE_ID, account, currency: 'usd', amount, created_at: TIME },
    })),
    has_more: false,
  }),
  async handle(services, request, reply) {
    const scope = scopeOf(request)
    const query = validEntriesQuery(request.query)
    const currency = currencyFilter(query.currency)
    const storeQuery: EntryQuery = {
      limit: query.limit ?? DEFAULT_LIMIT,
      ...(query.before !== undefined && { before: query.before }),
      ...(query.transaction_id !== undefined && { transactionId: query.transaction_id }),
      ...(query.account !== undefined && { account: query.account }),
      ...(currency !== undefined && { currency }),
      ...createdRange(query),
    }
    return sendList(services, request, reply, {
      ...{ query: storeQuery, schema: LedgerEntry, view: entryView },
      read: (next) => services.context.store.ledgerEntries(scope, next),
      cursor: ({ sequence }) => sequence,
      following: (before) => ({ before }),
    })
  },
}

const trialBalanceEndpoint: Endpoint = {
  id: 'retrieveTrialBalance',
  method: 'GET',
  url: '/api/v1/ledger/trial_balance',
  permission: 'reports:read',
  summary: 'Retrieve the trial balance',
  description:
    'The sums of the debit and credit balances of each currency, which are equal, and the end of the hash chain. `minipay verify` checks every entry.',
  tag: 'Ledger',
  query: BalancesQuery,
  responses: { 200: { description: 'The trial balance.', schema: TrialBalance } },
  errors: [],
  examples: shows('balanced', 'After one charge', {
    at: null,
    currencies: [{ currency: 'usd', exponent: 2, debits: 2500, credits: 2500, difference: 0 }],
    entries: 2,
    chain: { links: 2, hash: 'kwPdXqQo2nZr8mYtVbL5cJh0uEaGsFiD7xTg1NvRyU4', created_at: TIME },
  }),
  async handle({ context: { store } }, request, reply) {
    const [scope, at] = [scopeOf(request), atOf(request)]
    const accounts = await balancesAt(store, scope, at)
    const { transfers, link } = await store.ledgerEnd(scope)
    return sendObject(reply, {
      at: at === undefined ? null : timestamp(at),
      currencies: trialCurrencies(accounts),
      entries: 2 * transfers,
      chain: link && { links: link.number, hash: link.hash, created_at: timestamp(link.at) },
    } satisfies TrialBalanceView)
  },
}

/** ms since 1970; undefined for now. Throws `Refused`. */
function atOf(request: Request): number | undefined {
  return time('at', validBalancesQuery(request.query).at)
}

function balancesAt(store: Store, scope: Scope, at: number | undefined): Promise<StoredAccount[]> {
  return at === undefined ? store.ledgerAccounts(scope) : store.ledgerAccountsAt(scope, at)
}

function trialCurrencies(accounts: readonly StoredAccount[]): TrialBalanceView['currencies'] {
  const byCurrency = Map.groupBy(accounts, ({ currency }) => currency)
  return [...byCurrency]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([currency, its]) => {
      const sumOf = (counts: (balance: bigint) => boolean) =>
        its.reduce((sum, { balance }) => (counts(balance) ? sum + balance : sum), 0n)
      const [debits, credits] = [sumOf((balance) => balance > 0n), -sumOf((balance) => balance < 0n)]
      return {
        currency,
        // Every currency of a charge has one.
        exponent: currencyExponent(currency) as number,
        ...{ debits: exact(debits), credits: exact(credits), difference: exact(debits - credits) },
      }
    })
}

export const ledgerEndpoints: readonly Endpoint[] = [
  listLedgerAccountsEndpoint,
  listLedgerDaysEndpoint,
  listLedgerEntriesEndpoint,
  trialBalanceEndpoint,
]
