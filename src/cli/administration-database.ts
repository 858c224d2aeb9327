/**
 * API keys, accounts and the audit log in the database itself: on PostgreSQL also while nodes serve it, on SQLite while
 * no server does. Every change has its entry in the audit log, by the actor `cli`.
 */
import {
  createAccessKey,
  listAccessKeys,
  type MadeKey,
  renameAccessKey,
  revokeAccessKey,
  rollAccessKey,
} from '../app/access/access-keys.ts'
import { closeAccount, createAccount, renameAccount } from '../app/access/accounts.ts'
import { type AccessContext, operator } from '../app/access/administrator.ts'
import { createKeyring } from '../app/access/keyring.ts'
import { random80, sha256 } from '../app/context.ts'
import type { AccessKey, Account } from '../domain/access/access-key.ts'
import { AUDIT_ACTIONS, type AuditAction, type AuditEntry } from '../domain/audit.ts'
import { isRejection, type Rejection } from '../domain/error.ts'
import { idFactory } from '../domain/id.ts'
import type { Scope } from '../domain/scope.ts'
import type { Log } from '../ports/log.ts'
import type { Page, Store } from '../ports/store.ts'
import { nodeRuntime } from '../runtime/node.ts'
import { engineOf } from '../storage/engine.ts'
import type {
  AccountRow,
  Administration,
  AuditChoice,
  AuditRow,
  KeyRow,
  ScopeChoice,
} from './administration.ts'

const PAGE = 100
const MODES = ['live', 'test'] as const
const OPERATOR = operator('cli')

const complain = (_: object, message: string) => console.error(`minipay: ${message}`)
const LOG: Log = { info() {}, warn: complain, error: complain }

/** Throws a sentence if there is no database, if it has another schema, or if it cannot be used. */
export async function databaseAdministration(database: string): Promise<Administration> {
  const engine = await engineOf(database)
  // It refuses a database that is missing or of another version, which `open` would make or upgrade.
  await engine.epochs()
  const store = await engine.open({
    onGroup() {},
    onFatal(error) {
      console.error(`minipay: ${error.message}`)
      process.exit(1)
    },
    log: LOG,
    withoutFsync: 'allow',
  })
  const now = () => store.now()
  const context: Context = {
    store,
    now,
    newId: idFactory(now, random80(nodeRuntime)),
    runtime: nodeRuntime,
    keyring: createKeyring({ store, now, monotonic: nodeRuntime.monotonic, sha256 }),
  }
  return {
    needsMode: true,
    isShutOut: async () => false,
    ...keysOf(context),
    ...accountsOf(context),
    audit: auditOf(store),
    close: () => store.close(),
  }
}

type Context = AccessContext & { readonly store: Store }

type Keys = Pick<Administration, 'createKey' | 'rollKey' | 'revokeKey' | 'renameKey' | 'keys'>
type Accounts = Pick<Administration, 'createAccount' | 'renameAccount' | 'closeAccount' | 'accounts'>

function keysOf(context: Context): Keys {
  const rowOf = async (key: AccessKey) => keyRow(key, await publicIdOf(context.store, key.scope.accountId))
  const made = async ({ key, secret }: MadeKey) => ({ ...(await rowOf(key)), secret })
  return {
    async createKey({ expires_at, rate_limit, ...key }) {
      const request = {
        ...key,
        ...(expires_at !== undefined && { expiresAt: Date.parse(expires_at) }),
        ...(rate_limit !== undefined && { rateLimit: rate_limit }),
      }
      return made(accepted(await createAccessKey(context, OPERATOR, request)))
    },
    async rollKey(id, overlapSeconds) {
      const overlapMs = overlapSeconds === undefined ? undefined : overlapSeconds * 1000
      return made(accepted(await rollAccessKey(context, OPERATOR, id, overlapMs)))
    },
    revokeKey: async (id) => rowOf(accepted(await revokeAccessKey(context, OPERATOR, id))),
    renameKey: async (id, name) => rowOf(accepted(await renameAccessKey(context, OPERATOR, id, name))),
    async keys(choice) {
      const rows: KeyRow[] = []
      for (const { account, mode } of await chosenScopes(context.store, choice)) {
        const keys = await all(async (after) =>
          accepted(
            await listAccessKeys(context, OPERATOR, {
              account: account.publicId,
              mode,
              limit: PAGE,
              ...after,
            }),
          ),
        )
        rows.push(...keys.map((key) => keyRow(key, account.publicId)))
      }
      return rows
    },
  }
}

function accountsOf(context: Context): Accounts {
  return {
    createAccount: async (name) => accountRow(accepted(await createAccount(context, OPERATOR, name))),
    renameAccount: async (id, name) => accountRow(accepted(await renameAccount(context, OPERATOR, id, name))),
    closeAccount: async (id) => accountRow(accepted(await closeAccount(context, OPERATOR, id))),
    accounts: async () => (await allAccounts(context.store)).map(accountRow),
  }
}

function auditOf(store: Store): Administration['audit'] {
  return async ({ account, mode, ...choice }, limit) => {
    const query = auditQuery(choice, limit)
    const entries: AuditEntry[] = []
    let more = false
    for (const chosen of await chosenScopes(store, { account, mode })) {
      const scope = { accountId: chosen.account.id, mode: chosen.mode }
      const page = await store.auditEntries(scope, query)
      entries.push(...page.data)
      more ||= page.hasMore
    }
    // Ids sort as their times do.
    entries.sort((a, b) => (a.id < b.id ? 1 : -1))
    return { entries: entries.slice(0, limit).map(auditRow), more: more || entries.length > limit }
  }
}

function auditQuery(
  { action, created_gte, created_lt, ...equal }: Omit<AuditChoice, 'account' | 'mode'>,
  limit: number,
) {
  if (action !== undefined && !Object.hasOwn(AUDIT_ACTIONS, action))
    throw new Error(
      `There is no action "${action}". The actions are ${Object.keys(AUDIT_ACTIONS).join(', ')}.`,
    )
  return {
    ...equal,
    limit,
    ...(action !== undefined && { action: action as AuditAction }),
    ...(created_gte !== undefined && { createdFrom: Date.parse(created_gte) }),
    ...(created_lt !== undefined && { createdUntil: Date.parse(created_lt) }),
  }
}

type Loose<T> = { readonly [K in keyof T]: T[K] | undefined }

/** The chosen account and mode; every one where no choice was made. */
async function chosenScopes(
  store: Store,
  { account, mode }: Loose<ScopeChoice>,
): Promise<{ readonly account: Account; readonly mode: Scope['mode'] }[]> {
  const known = await allAccounts(store)
  const accounts = account === undefined ? known : known.filter(({ publicId }) => publicId === account)
  if (accounts.length === 0) throw new Error('There is no such account. See minipay accounts.')
  const modes = mode === undefined ? MODES : [mode]
  return accounts.flatMap((each) => modes.map((one) => ({ account: each, mode: one })))
}

async function publicIdOf(store: Store, accountId: number): Promise<string> {
  return (await allAccounts(store)).find(({ id }) => id === accountId)?.publicId ?? String(accountId)
}

function allAccounts(store: Store): Promise<Account[]> {
  return all((after) => store.accounts({ limit: PAGE, ...after }))
}

/** Every row of a list, page after page. */
async function all<T extends { readonly id: string } | { readonly publicId: string }>(
  page: (after: { readonly startingAfter?: string }) => Promise<Page<T>>,
): Promise<T[]> {
  const found: T[] = []
  for (;;) {
    const last = found.at(-1)
    const startingAfter = last && ('publicId' in last ? last.publicId : last.id)
    const { data, hasMore } = await page(startingAfter === undefined ? {} : { startingAfter })
    found.push(...data)
    if (!hasMore) return found
  }
}

function accepted<T extends object>(result: T | Rejection): T {
  if (isRejection(result)) throw new Error(result.message)
  return result
}

const timeOf = (ms: number) => new Date(ms).toISOString()

function keyRow(key: AccessKey, account: string): KeyRow {
  const { id, name, hint, role, permissions, networks, rolledTo } = key
  const time = (ms: number | null) => (ms === null ? null : timeOf(ms))
  return {
    ...{ id, account, mode: key.scope.mode, name, hint, role, permissions, networks },
    rate_limit: key.rateLimit,
    expires_at: time(key.expiresAt),
    revoked_at: time(key.revokedAt),
    rolled_to: rolledTo,
    last_used_at: time(key.lastUsedAt),
  }
}

function accountRow({ publicId, name, createdAt, closedAt }: Account): AccountRow {
  return {
    ...{ id: publicId, name, created_at: timeOf(createdAt) },
    closed_at: closedAt === null ? null : timeOf(closedAt),
  }
}

function auditRow({
  id,
  at,
  actor,
  action,
  object,
  before,
  after,
  address,
  requestId,
}: AuditEntry): AuditRow {
  const facts = (text: string | null): unknown => (text === null ? null : JSON.parse(text))
  return {
    ...{ id, created_at: timeOf(at), actor, action, object, address, request_id: requestId },
    ...{ before: facts(before), after: facts(after) },
  }
}
