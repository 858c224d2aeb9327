/** The port of the vault, which encrypts the secrets that the database stores, such as those that sign webhooks. */
import type { Scope } from '../domain/scope.ts'
import type { WebhookEndpoint } from '../domain/webhooks/endpoint.ts'

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

/**
 * Why MiniPay cannot make the messages of an endpoint: its current secret or a header, whose name the sentence has, does
 * not open. Null: everything that it needs opens.
 */
export function closedPart(
  vault: Vault,
  { scope, id, secrets: [current], headers }: Pick<WebhookEndpoint, 'scope' | 'id' | 'secrets' | 'headers'>,
): string | null {
  const parts: { name: string; text: string }[] = Object.entries(headers).map(([name, text]) => ({
    name: `the header ${name}`,
    text,
  }))
  if (current) parts.unshift({ name: 'the secret', text: current.sealed })
  const closed: string[] = []
  let reason = ''
  for (const { name, text } of parts) {
    try {
      vault.open(text, secretContext(scope, id))
    } catch (error) {
      if (!(error instanceof VaultError)) throw error
      closed.push(name)
      reason = error.message
    }
  }
  return closed.length === 0 ? null : `Closed: ${closed.join(', ')}. ${reason}`
}

/** A vault without a key; `unusable` is the sentence that says why. */
export function noVault(unusable: string): Vault {
  const refuse = () => {
    throw new VaultError(unusable)
  }
  return { unusable, seal: refuse, open: refuse, isCurrent: () => false }
}
