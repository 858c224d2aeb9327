import type { WebhookEndpoint } from '../domain/webhooks/endpoint.ts'
import type { Log } from '../ports/log.ts'
import { secretContext, type Vault } from '../ports/vault.ts'
import { makeKeyFile, readKeyFile } from './key-file.ts'
import { createVault } from './vault.ts'

export type VaultOptions = {
  /** The configured keys, the sealing one first. */
  readonly keys: readonly Buffer[]
  /** The key file of an embedded database; null: the database has none. */
  readonly keyFile: string | null
  /** Whether the database has sealed secrets. */
  readonly hasSecrets: () => Promise<boolean>
}

/**
 * The vault of a database: the configured keys come first, and then those of the key file. Without any, a new database
 * gets a key file. If its secrets are sealed already and the file is missing, the vault is unusable: MiniPay makes no
 * other key then, because the right file may come back, and serves without it, because charges need no secret. Throws a
 * `VaultError` for a key file that other users can read or that is damaged.
 */
export async function openVault({ keys, keyFile, hasSecrets }: VaultOptions): Promise<Vault> {
  if (keyFile === null) return createVault(keys)
  const known = [...keys, ...(readKeyFile(keyFile) ?? [])]
  if (known.length > 0) return createVault(known)
  return (await hasSecrets()) ? createVault([], missing(keyFile)) : createVault(makeKeyFile(keyFile))
}

const missing = (file: string) =>
  `${file} is missing, which has the key of the database's secrets. Put it back from where you keep it, or, if it is lost, ` +
  'set MINIPAY_SECRETS_KEY to a new key (minipay secrets new-key) and give each webhook endpoint a new secret. Then restart MiniPay.'

/** The most ids in one line of the log. */
const NAMED = 10

/** Warns of webhook endpoints whose current secret does not open: they get no webhooks until it does. */
export function warnOfClosedSecrets(vault: Vault, endpoints: readonly WebhookEndpoint[], log: Log): void {
  let reason = ''
  const closed = endpoints.filter(({ scope, id, secrets: [current] }) => {
    try {
      if (current) vault.open(current.sealed, secretContext(scope, id))
      return false
    } catch (error) {
      reason = (error as Error).message
      return true
    }
  })
  if (closed.length > 0)
    log.error(
      { count: closed.length, endpoints: closed.slice(0, NAMED).map(({ id }) => id), reason },
      'The secrets of webhook endpoints do not open, so these endpoints get no webhooks. Charges are not affected.',
    )
}
