/** Accounts: made, listed, renamed and closed by keys of the first account. */
import { closeAccount, createAccount, findAccount, renameAccount } from '../../app/access/accounts.ts'
import type { Account as AccountRow } from '../../domain/access/access-key.ts'
import { isRejection, type Rejection } from '../../domain/error.ts'
import type { Scope } from '../../domain/scope.ts'
import { NoQuery, type Reply, sendJson } from '../../http/endpoint.ts'
import { checkCursor, DEFAULT_LIMIT, sendPage } from '../../http/paging.ts'
import type { AccessStore } from '../../ports/store-access.ts'
import { type Endpoint, refuseIdempotencyKey } from '../endpoint.ts'
import { sendRejection } from '../errors.ts'
import { ACCOUNT, FIRST_ACCOUNT, TIME } from '../openapi/example-objects.ts'
import { shows } from '../openapi/examples.ts'
import {
  Account,
  AccountsQuery,
  type AccountView,
  CreateAccountBody,
  UpdateAccountBody,
} from './account-schemas.ts'
import { accountId, idOf, NoBody } from './fields.ts'
import { page } from './lists.ts'
import { bodyValidator, queryValidator } from './parameters.ts'
import { timeOrNull, timestamp } from './views.ts'

const validQuery = queryValidator(AccountsQuery)
const validAccount = bodyValidator(CreateAccountBody)
const validName = bodyValidator(UpdateAccountBody)
const validNothing = bodyValidator(NoBody)

const createAccountEndpoint: Endpoint = {
  id: 'createAccount',
  method: 'POST',
  url: '/api/v1/accounts',
  permission: 'accounts:write',
  summary: 'Create an account',
  description:
    'Then create its keys with `account`. It takes no Idempotency-Key: if the response is lost, look at the list first.',
  tag: 'Accounts',
  query: NoQuery,
  body: CreateAccountBody,
  responses: { 201: { description: 'The account.', schema: Account } },
  errors: [],
  examples: [
    {
      name: 'created',
      summary: 'An account of another shop',
      body: { name: 'Shop in Lisbon' },
      status: 201,
      response: ACCOUNT,
    },
  ],
  async handle({ context }, request, reply) {
    refuseIdempotencyKey(request)
    const { name } = validAccount(request.body)
    return sendAccount(reply, 201, await createAccount(context, request.caller, name))
  },
}

const listAccountsEndpoint: Endpoint = {
  id: 'listAccounts',
  method: 'GET',
  url: '/api/v1/accounts',
  permission: 'accounts:read',
  summary: 'List accounts, newest first',
  tag: 'Accounts',
  query: AccountsQuery,
  responses: { 200: { description: 'A page of accounts.', schema: page(Account) } },
  errors: ['cursor_invalid'],
  examples: shows('page', 'A page of accounts', { data: [ACCOUNT, FIRST_ACCOUNT], has_more: false }),
  async handle({ context }, request, reply) {
    const { limit = DEFAULT_LIMIT, starting_after: startingAfter } = validQuery(request.query)
    // The first account's id has a form of its own.
    if (startingAfter !== undefined && !(await context.store.account(startingAfter)))
      await checkCursor('starting_after', startingAfter, 'acct', async () => false)
    const query = { limit, ...(startingAfter !== undefined && { startingAfter }) }
    return sendPage(reply, await context.store.accounts(query), accountView)
  },
}

const retrieveAccountEndpoint: Endpoint = {
  id: 'retrieveAccount',
  method: 'GET',
  url: '/api/v1/accounts/:id',
  permission: 'accounts:read',
  summary: 'Retrieve an account',
  tag: 'Accounts',
  params: idOf(accountId),
  query: NoQuery,
  responses: { 200: { description: 'The account.', schema: Account } },
  errors: ['account_not_found'],
  examples: shows('account', 'An account', ACCOUNT),
  async handle({ context }, request, reply) {
    const { id } = request.params as { id: string }
    return sendAccount(reply, 200, await findAccount(context, id))
  },
}

const updateAccountEndpoint: Endpoint = {
  id: 'updateAccount',
  method: 'PATCH',
  url: '/api/v1/accounts/:id',
  permission: 'accounts:write',
  summary: 'Rename an account',
  tag: 'Accounts',
  params: idOf(accountId),
  query: NoQuery,
  body: UpdateAccountBody,
  responses: { 200: { description: 'The account with its new name.', schema: Account } },
  errors: ['account_not_found'],
  examples: [
    {
      name: 'renamed',
      summary: 'An account with another name',
      body: { name: 'Shop in Porto' },
      status: 200,
      response: { ...ACCOUNT, name: 'Shop in Porto' },
    },
  ],
  async handle({ context }, request, reply) {
    const { id } = request.params as { id: string }
    const { name } = validName(request.body)
    return sendAccount(reply, 200, await renameAccount(context, request.caller, id, name))
  },
}

const closeAccountEndpoint: Endpoint = {
  id: 'closeAccount',
  method: 'POST',
  url: '/api/v1/accounts/:id/close',
  permission: 'accounts:write',
  summary: 'Close an account',
  description:
    'Cannot be undone: within a second every node refuses its keys. Open payments are still settled. The webhook endpoints of the account are deleted, so MiniPay sends nothing more to them. A closed account stays as it is, so this request needs no Idempotency-Key. The first account cannot be closed.',
  tag: 'Accounts',
  params: idOf(accountId),
  query: NoQuery,
  body: NoBody,
  responses: { 200: { description: 'The closed account.', schema: Account } },
  errors: ['account_not_found'],
  examples: shows('closed', 'A closed account', { ...ACCOUNT, closed_at: TIME }),
  async handle({ context }, request, reply) {
    const { id } = request.params as { id: string }
    validNothing(request.body ?? {})
    return sendAccount(reply, 200, await closeAccount(context, request.caller, id))
  },
}

function sendAccount(reply: Reply, status: number, account: AccountRow | Rejection): Reply {
  if (isRejection(account)) return sendRejection(reply, account)
  return sendJson(reply, status, JSON.stringify(accountView(account)))
}

function accountView({ publicId, name, createdAt, closedAt }: AccountRow): AccountView {
  return { id: publicId, name, created_at: timestamp(createdAt), closed_at: timeOrNull(closedAt) }
}

type Accounts = { readonly store: Pick<AccessStore, 'accounts'> }

/** The id of a scope's account, as clients see it. */
export async function publicAccountId(accounts: Accounts, scope: Scope): Promise<string> {
  return (await accountOf(accounts, scope)).publicId
}

/** The account of a scope. */
export async function accountOf({ store }: Accounts, { accountId }: Scope): Promise<AccountRow> {
  for (let startingAfter: string | undefined; ; ) {
    const query = { limit: 100, ...(startingAfter !== undefined && { startingAfter }) }
    const { data, hasMore } = await store.accounts(query)
    const found = data.find(({ id }) => id === accountId)
    if (found) return found
    if (!hasMore) throw new Error(`There is no account ${accountId}.`)
    startingAfter = data.at(-1)?.publicId
  }
}

export const accountEndpoints: readonly Endpoint[] = [
  createAccountEndpoint,
  listAccountsEndpoint,
  retrieveAccountEndpoint,
  updateAccountEndpoint,
  closeAccountEndpoint,
]
