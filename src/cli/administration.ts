/** API keys, accounts and the audit log, for the commands: through a server's API, or in the database itself. */
import { existsSync } from 'node:fs'
import type { Config, Given } from '../config.ts'
import { isPostgres } from '../database-name.ts'
import type { Scope } from '../domain/scope.ts'
import { apiAdministration, isAdmitted } from './administration-api.ts'
import { apiClient } from './api.ts'

/** A key in the words of the API; times are RFC 3339. */
export type KeyRow = {
  readonly id: string
  readonly account: string
  readonly mode: Scope['mode']
  readonly name: string
  readonly hint: string
  readonly role: string | null
  readonly permissions: readonly string[] | null
  readonly networks: readonly string[] | null
  readonly rate_limit: number | null
  readonly expires_at: string | null
  readonly revoked_at: string | null
  readonly rolled_to: string | null
  readonly last_used_at: string | null
}
/** A new key, and its secret, which exists nowhere else. */
export type MadeKeyRow = KeyRow & { readonly secret: string }

export type AccountRow = {
  readonly id: string
  readonly name: string
  readonly created_at: string
  readonly closed_at: string | null
}

export type AuditRow = {
  readonly id: string
  readonly created_at: string
  readonly actor: string
  readonly action: string
  readonly object: string | null
  readonly before: unknown
  readonly after: unknown
  readonly address: string | null
  readonly request_id: string | null
}

/** The account and mode of keys or audit entries: the caller's own where absent; in the database itself, all. */
export type ScopeChoice = { readonly account?: string; readonly mode?: Scope['mode'] }

export type NewKey = ScopeChoice & {
  readonly name: string
  readonly role?: string
  readonly permissions?: readonly string[]
  readonly networks?: readonly string[]
  readonly expires_at?: string
  readonly rate_limit?: number
}

export type AuditChoice = ScopeChoice & {
  readonly actor?: string
  readonly action?: string
  readonly object?: string
  readonly created_gte?: string
  readonly created_lt?: string
}

/** Each method throws an error with a sentence if the change is refused. */
export type Administration = {
  /** Whether a new key needs a mode; a server has that of the caller. */
  readonly needsMode: boolean
  /** Whether the server has begun to refuse the caller: it has no key, and the first one was made. */
  isShutOut(): Promise<boolean>
  createKey(key: NewKey): Promise<MadeKeyRow>
  /** Seconds that the old key still works; a day unless given. */
  rollKey(id: string, overlapSeconds: number | undefined): Promise<MadeKeyRow>
  revokeKey(id: string): Promise<KeyRow>
  renameKey(id: string, name: string): Promise<KeyRow>
  /** Every key, newest first. */
  keys(choice: ScopeChoice): Promise<readonly KeyRow[]>
  createAccount(name: string): Promise<AccountRow>
  renameAccount(id: string, name: string): Promise<AccountRow>
  closeAccount(id: string): Promise<AccountRow>
  /** Every account, newest first. */
  accounts(): Promise<readonly AccountRow[]>
  /** The newest entries, at most `limit`. */
  audit(
    choice: AuditChoice,
    limit: number,
  ): Promise<{ readonly entries: readonly AuditRow[]; readonly more: boolean }>
  close(): Promise<void>
}

type AdministrationConfig = Pick<Config, 'database' | 'server' | 'key'>

/**
 * Runs a command: with an API key or a server that was given, through the API; otherwise, or with the flag `--database`,
 * in the database. While a server uses a SQLite file that no flag names, the command calls that server if it needs no
 * key. Throws a sentence if it needs one or does not respond, or if there is no database.
 */
export async function withAdministration(
  config: AdministrationConfig,
  given: Given,
  run: (administration: Administration) => Promise<number>,
): Promise<number> {
  const administration = await administrationOf(config, given)
  try {
    return await run(administration)
  } finally {
    await administration.close()
  }
}

async function administrationOf(config: AdministrationConfig, given: Given): Promise<Administration> {
  if (callsServer(config, given)) return apiAdministration(apiClient(config))
  const { database } = config
  if (await isInUse(database)) return besideServer(config, given)
  const { databaseAdministration } = await import('./administration-database.ts')
  return databaseAdministration(database)
}

function callsServer({ key }: AdministrationConfig, { flags, variables }: Given): boolean {
  if (flags.has('server') || flags.has('key')) return true
  return !flags.has('database') && (key !== null || variables.has('server'))
}

async function isInUse(database: string): Promise<boolean> {
  if (isPostgres(database)) return false
  const { isLocked } = await import('../storage/sqlite/lock.ts')
  const { placeOf } = await import('../storage/sqlite/place.ts')
  return existsSync(database) && isLocked(placeOf(database))
}

/** Through the API of the server that uses the file, if it needs no key; a flag for the database rules that out. */
async function besideServer(
  { database, server }: AdministrationConfig,
  { flags }: Given,
): Promise<Administration> {
  const api = apiClient({ server, key: null })
  if (!flags.has('database') && (await isAdmitted(api).catch(() => false))) {
    // Another server may have this address: the note shows which one is changed.
    console.error(`A server uses ${database}. This command calls ${server.origin}.`)
    return apiAdministration(api)
  }
  throw new Error(
    `A server uses ${database}. To call it at ${server.origin}, set MINIPAY_KEY to an API key that may do this, ` +
      'or give --server if it needs no key. Or stop it first: minipay stop.',
  )
}
