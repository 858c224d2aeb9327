/** The port of the vault, which encrypts the secrets that the database stores, such as those that sign webhooks. */
import type { Scope } from '../domain/scope.ts'

/** A secret that cannot be sealed or opened. The message is a sentence that says what to do, and holds no secret. */
export class VaultError extends Error {
  override readonly name = 'VaultError'
}

export type Vault = {
  /** Why it can seal nothing: a sentence that says what to do. Null: it has a key. */
  readonly unusable: string | null
  /**
   * A text, encrypted under the first key: `v1.<key id>.<nonce>.<ciphertext and tag>`, another one each time. It opens
   * in the same context alone, so a ciphertext that is moved to another row does not. Throws `VaultError` without a key.
   */
  seal(text: string, context: string): string
  /** The text of a sealed secret. Throws `VaultError` if its key is missing, or if it was sealed elsewhere or changed. */
  open(sealed: string, context: string): string
  /** Whether a secret is sealed under the first key, so that sealing it again would change nothing. */
  isCurrent(sealed: string): boolean
}

/** The context of the secrets of a webhook endpoint: they open for no other endpoint, account or mode. */
export function secretContext({ accountId, mode }: Scope, endpoint: string): string {
  return `${accountId} ${mode} ${endpoint}`
}

/** A vault without a key; `unusable` is the sentence that says why. */
export function noVault(unusable: string): Vault {
  const refuse = () => {
    throw new VaultError(unusable)
  }
  return { unusable, seal: refuse, open: refuse, isCurrent: () => false }
}
