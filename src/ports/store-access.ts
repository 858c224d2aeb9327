/** The part of the store port for accounts and access keys. */
import type { AccessKey, Account } from '../domain/access/access-key.ts'
import type { AuditEntry } from '../domain/audit.ts'
import type { Scope } from '../domain/scope.ts'
import type { Page } from './store.ts'

/** An access key, and when its account was closed (ms since 1970; null: it is open). */
export type FoundAccessKey = { readonly key: AccessKey; readonly accountClosedAt: number | null }

export type AccessKeyQuery = {
  readonly limit: number
  readonly startingAfter?: string
  readonly endingBefore?: string
}
/** Newest first. */
export type AccountQuery = { readonly limit: number; readonly startingAfter?: string }

/** The last use of a key, in ms since 1970. */
export type AccessKeyUse = { readonly id: string; readonly at: number }

export type AccessStore = {
  /** The key with this hash of its secret, in any scope, revoked and expired ones included. */
  accessKeyByHash(hash: string): Promise<FoundAccessKey | undefined>
  /**
   * Whether a key was ever made, in any scope; revoked ones count, and ones that the audit log alone still has: a server
   * must not serve requests without a key again after somebody deleted all keys.
   */
  anyAccessKey(): Promise<boolean>
  /** With scope null: in any scope. */
  accessKey(scope: Scope | null, id: string): Promise<AccessKey | undefined>
  /** Newest first. */
  accessKeys(scope: Scope, query: AccessKeyQuery): Promise<Page<AccessKey>>
  /**
   * Stores a new key. False, and nothing is stored, if `createdBy` is a key that was revoked meanwhile, or if the
   * key's account does not exist or is closed; with `first`, also if a key was ever made, as `anyAccessKey` says: of
   * several nodes that make the first key at once, one does.
   */
  addAccessKey(key: AccessKey, audit: AuditEntry, first?: boolean): Promise<boolean>
  /**
   * Stores the name, `expiresAt`, `revokedAt` and `rolledTo` of `after`. False, and nothing is stored, unless all four
   * are stored as in `before`.
   */
  changeAccessKey(before: AccessKey, after: AccessKey, audit: AuditEntry): Promise<boolean>
  /** Both `changeAccessKey` of the old key and `addAccessKey` of its successor, or neither. */
  rollAccessKey(
    before: AccessKey,
    after: AccessKey,
    successor: AccessKey,
    audit: AuditEntry,
  ): Promise<boolean>
  /** Stores the last uses of keys; an earlier one than the stored changes nothing. */
  touchAccessKeys(uses: readonly AccessKeyUse[]): Promise<void>

  /** By its public id. */
  account(publicId: string): Promise<Account | undefined>
  accounts(query: AccountQuery): Promise<Page<Account>>
  /** Stores a new account, and gives it the next number, which it adds to the facts of the entry as `number`. */
  addAccount(account: Omit<Account, 'id'>, audit: AuditEntry): Promise<Account>
  /**
   * Stores the name and `closedAt` of `after`. False, and nothing is stored, unless both are stored as in `before`.
   */
  changeAccount(before: Account, after: Account, audit: AuditEntry): Promise<boolean>
}
