import type { WebhookEndpoint } from '../domain/webhooks/endpoint.ts'
import type { Log } from '../ports/log.ts'
import { closedPart, type Vault } from '../ports/vault.ts'
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
  `${file} is missing, which has the key of the database's secrets. Put it back from where you keep it, and restart MiniPay. ` +
  'If it is lost, set MINIPAY_SECRETS_KEY to a new key (minipay secrets new-key), restart MiniPay, give each webhook endpoint ' +
  'a new secret, and set its headers again.'

/** The most ids in one line of the log. */
const NAMED = 10

/** Warns of webhook endpoints whose current secret or a header does not open: they get no webhooks until all do. */
export function warnOfClosedSecrets(vault: Vault, endpoints: readonly WebhookEndpoint[], log: Log): void {
  let reason = ''
  const closed = endpoints.filter((endpoint) => {
    const found = closedPart(vault, endpoint)
    reason = found ?? reason
    return found !== null
  })
  if (closed.length > 0)
    log.error(
      { count: closed.length, endpoints: closed.slice(0, NAMED).map(({ id }) => id), reason },
      'Secrets or headers of webhook endpoints do not open, so this process sends these endpoints no webhooks. Charges are not affected.',
    )
}
