/** `minipay secrets`: keys that encrypt the stored secrets are made, and the secrets are encrypted under a new one. */
import { random80 } from '../app/context.ts'
import { type Resealed, resealSecrets } from '../app/webhooks/reseal-secrets.ts'
import { type Config, ConfigError } from '../config.ts'
import { isPostgres } from '../database-name.ts'
import { idFactory } from '../domain/id.ts'
import type { Log } from '../ports/log.ts'
import type { Store } from '../ports/store.ts'
import { VaultError } from '../ports/vault.ts'
import { nodeRuntime } from '../runtime/node.ts'
import { engineOf } from '../storage/engine.ts'
import { keyFileOf, readKeyFile, writeKeyFile } from '../vault/key-file.ts'
import { keysOf, newKeyText } from '../vault/key-text.ts'
import { createVault, keyId, NO_KEY } from '../vault/vault.ts'

type SecretsConfig = Pick<Config, 'database' | 'secretsKey'>

const complain = (_: object, message: string) => console.error(`minipay: ${message}`)
const LOG: Log = { info() {}, warn: complain, error: complain }

/** Runs `new-key` or `rotate`. Throws a `ConfigError` with the usage, or a sentence. */
export async function secrets(config: SecretsConfig, words: readonly string[]): Promise<number> {
  const [verb, ...more] = words
  if (verb === 'new-key' && more.length === 0) {
    console.log(newKeyText())
    return 0
  }
  if (verb === 'rotate' && more.length === 0) return rotate(config)
  throw new ConfigError('Usage: minipay secrets new-key, or minipay secrets rotate.')
}

/** Prints how many endpoints it changed. Returns 1 if some secrets could not be encrypted anew. */
async function rotate({ database, secretsKey }: SecretsConfig): Promise<number> {
  const engine = await engineOf(database)
  // It refuses a database that is missing or of another version, which `open` would make or upgrade.
  await engine.epochs()
  const onFatal = (error: Error) => {
    console.error(`minipay: ${error.message}`)
    process.exit(1)
  }
  // No other process has the file of SQLite from here on, so none reads the key file.
  const store = await engine.open({ onGroup() {}, onFatal, log: LOG, withoutFsync: 'allow' })
  try {
    const keyFile = isPostgres(database) ? null : await fileOf(database)
    const own = secretsKey.length === 0 && keyFile !== null ? rotatedFile(keyFile) : undefined
    const keys = own ?? [...secretsKey, ...((keyFile !== null && readKeyFile(keyFile)) || [])]
    const [first] = keys
    if (!first) throw new VaultError(NO_KEY)
    const done = await resealed(store, keys)
    const isWhole = done.closed.size === 0 && done.missed.length === 0
    if (own && keyFile !== null && isWhole) writeKeyFile(keyFile, [first])
    report(done, first)
    if (own && isWhole)
      console.log(`Keep a copy of ${keyFile}. Older backups need the copy of its former content.`)
    return isWhole ? 0 : 1
  } finally {
    await store.close()
  }
}

async function fileOf(database: string): Promise<string> {
  return keyFileOf((await import('../storage/sqlite/place.ts')).placeOf(database))
}

/** The keys of the file with a new one in front; after an interruption the file has it already. Undefined without a file. */
function rotatedFile(keyFile: string): readonly Buffer[] | undefined {
  const keys = readKeyFile(keyFile)
  if (!keys || keys.length > 1) return keys
  const rotated = [...(keysOf(newKeyText()) ?? []), ...keys]
  writeKeyFile(keyFile, rotated)
  return rotated
}

function resealed(store: Store, keys: readonly Buffer[]): Promise<Resealed> {
  const now = () => store.now()
  const newId = idFactory(now, random80(nodeRuntime))
  return resealSecrets({
    store,
    vault: createVault(keys),
    now,
    audit: ({ scope }, done) => ({
      ...{ object: null, before: null, after: null, address: null, requestId: null },
      ...{ ...done, id: newId('aud'), scope, at: now(), actor: 'cli' },
    }),
  })
}

function report({ resealed, endpoints, closed, missed }: Resealed, key: Buffer): void {
  console.log(
    `Encrypted the secrets of ${resealed} of ${endpoints} webhook endpoints under the key ${keyId(key)}.`,
  )
  for (const [id, reason] of closed) console.error(`minipay: ${id}: ${reason}`)
  for (const id of missed)
    console.error(`minipay: ${id} was changed at the same time. Run the command again.`)
  if (closed.size > 0 || missed.length > 0)
    console.error('minipay: Keep the former keys: some secrets are not encrypted under the new one.')
}
