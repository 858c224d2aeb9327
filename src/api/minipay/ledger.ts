import { NoQuery, sendObject } from '../../http/endpoint.ts'
import { DEFAULT_LIMIT } from '../../http/paging.ts'
import type { EntryQuery } from '../../ports/store.ts'
import { scopeOf } from '../caller.ts'
import type { Endpoint } from '../endpoint.ts'
import { CHARGE_ID, TIME } from '../openapi/example-objects.ts'
import { shows } from '../openapi/examples.ts'
import { exact } from './exact.ts'
import { EntriesQuery, LedgerAccount, type LedgerAccountView, LedgerEntry } from './ledger-schemas.ts'
import { listResponse, sendList } from './list-response.ts'
import { currencyFilter, page } from './lists.ts'
import { queryValidator } from './parameters.ts'
import { entryView } from './views.ts'

const validEntriesQuery = queryValidator(EntriesQuery)

const listLedgerAccountsEndpoint: Endpoint = {
  id: 'listLedgerAccounts',
  method: 'GET',
  url: '/api/v1/ledger/accounts',
  permission: 'reports:read',
  summary: "List the ledger's accounts with their balances",
  description: 'In each currency the balances of all accounts sum to zero.',
  tag: 'Ledger',
  query: NoQuery,
  responses: { 200: { description: 'Every account.', schema: page(LedgerAccount) } },
  errors: [],
  examples: shows('page', 'Every account', {
    data: [
      { account: 'merchant', currency: 'usd', balance: -2500 },
      { account: 'provider:sandbox', currency: 'usd', balance: 2500 },
    ],
    has_more: false,
  }),
  async handle({ context }, request, reply) {
    const accounts = await context.store.ledgerAccounts(scopeOf(request))
    const data = accounts.map(
      ({ account, currency, balance }): LedgerAccountView => ({ account, currency, balance: exact(balance) }),
    )
    return sendObject(reply, { data, has_more: false })
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
    }
    return sendList(services, request, reply, {
      ...{ query: storeQuery, schema: LedgerEntry, view: entryView },
      read: (next) => services.context.store.ledgerEntries(scope, next),
      cursor: ({ sequence }) => sequence,
      following: (before) => ({ before }),
    })
  },
}

export const ledgerEndpoints: readonly Endpoint[] = [listLedgerAccountsEndpoint, listLedgerEntriesEndpoint]
