/** Accounts are made, listed, renamed and closed; each change has its audit entry in the same commit. */
import type { Account } from '../../domain/access/access-key.ts'
import { checkName } from '../../domain/access/new-key.ts'
import { isRejection, type Rejection, reject } from '../../domain/error.ts'
import { notFound } from '../../domain/not-found.ts'
import { MODES, OPERATOR_ACCOUNT, type Scope } from '../../domain/scope.ts'
import { deletedEndpoint } from '../../domain/webhooks/endpoint.ts'
import type { WebhookStore } from '../../ports/store-webhooks.ts'
import { endpointAudited } from '../webhooks/audited.ts'
import { type AccessContext, type Administrator, accountFacts, entryOf } from './administrator.ts'

/** Endpoints of a closed account that are read at once. */
const PAGE = 100

/** Makes an account. Rejection: `parameter_invalid`. Rejects with `StoreUnavailable`. */
export async function createAccount(
  context: AccessContext,
  by: Administrator,
  name: string,
): Promise<Account | Rejection> {
  const wrong = checkName(name)
  if (wrong) return wrong
  const account = { publicId: context.newId('acct'), name, createdAt: context.now(), closedAt: null }
  const after = accountFacts(account)
  const facts = { action: 'account.created', object: account.publicId, after } as const
  return context.store.addAccount(account, entryOf(context, by, by.scope, facts))
}

/** Rejection: `account_not_found`. */
export async function findAccount(
  { store }: Pick<AccessContext, 'store'>,
  id: string,
): Promise<Account | Rejection> {
  return (await store.account(id)) ?? notFound('account', id)
}

/** Rejections: `parameter_invalid`, `account_not_found`. Rejects with `StoreUnavailable`. */
export function renameAccount(
  context: AccessContext,
  by: Administrator,
  id: string,
  name: string,
): Promise<Account | Rejection> {
  return change(context, by, id, 'account.renamed', (account) => checkName(name) ?? { ...account, name })
}

/** What closing an account needs besides. */
export type ClosingContext = AccessContext & {
  readonly store: Pick<WebhookStore, 'webhookEndpoints' | 'changeWebhookEndpoint'>
}

/**
 * Closes an account for ever: its keys are refused, its webhook endpoints are deleted, and its open work still ends. A
 * closed one stays as it is, and the rest of its endpoints are deleted. Rejections: `account_not_found`;
 * `parameter_invalid` for the operator's account. Rejects with `StoreUnavailable`; then closing it again completes it.
 */
export async function closeAccount(
  context: ClosingContext,
  by: Administrator,
  id: string,
): Promise<Account | Rejection> {
  const closed = await close(context, by, id)
  if (!isRejection(closed))
    for (const mode of MODES) await deleteEndpoints(context, by, { accountId: closed.id, mode })
  return closed
}

/** Its keys can no longer do so, and nothing shall be sent to it. */
async function deleteEndpoints(context: ClosingContext, by: Administrator, scope: Scope): Promise<void> {
  const { store, now } = context
  for (;;) {
    const { data } = await store.webhookEndpoints(scope, { limit: PAGE })
    if (data.length === 0) return
    for (const before of data) {
      const after = deletedEndpoint(before, now())
      const action = 'webhook_endpoint.deleted'
      const facts = endpointAudited(action, before, after).before ?? null
      const entry = { ...entryOf(context, by, scope, { action, object: before.id }), before: facts }
      await store.changeWebhookEndpoint(before, after, entry)
    }
  }
}

function close(context: AccessContext, by: Administrator, id: string): Promise<Account | Rejection> {
  return change(context, by, id, 'account.closed', (account) => {
    if (account.id === OPERATOR_ACCOUNT)
      return reject('parameter_invalid', "The operator's account cannot be closed.", 'id')
    return account.closedAt === null ? { ...account, closedAt: context.now() } : account
  })
}

/** Changes a stored account; again from its newest state if it was changed meanwhile. */
async function change(
  context: AccessContext,
  by: Administrator,
  id: string,
  action: 'account.renamed' | 'account.closed',
  decide: (account: Account) => Account | Rejection,
): Promise<Account | Rejection> {
  for (;;) {
    const before = await findAccount(context, id)
    if (isRejection(before)) return before
    const after = decide(before)
    if (isRejection(after) || (after.name === before.name && after.closedAt === before.closedAt)) return after
    const facts = { action, object: id, before: accountFacts(before), after: accountFacts(after) }
    try {
      if (await context.store.changeAccount(before, after, entryOf(context, by, by.scope, facts)))
        return after
    } finally {
      context.keyring.forgetAll()
    }
  }
}
