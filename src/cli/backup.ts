/** `minipay backup` and `minipay restore`: the embedded database as one file, and back. */
import { existsSync } from 'node:fs'
import { ConfigError } from '../config.ts'
import { fileProblem } from '../database-name.ts'
import { engineOf } from '../storage/engine.ts'
import { placeOf } from '../storage/sqlite/place.ts'
import { keyFileOf } from '../vault/key-file.ts'

/**
 * Runs either command, and prints the totals of the checked copy, and where the key of its secrets belongs. Throws an error
 * with a sentence.
 */
export async function makeBackup(
  verb: 'backup' | 'restore',
  database: string,
  [file, ...more]: readonly string[],
): Promise<number> {
  if (file === undefined || more.length > 0) throw new ConfigError(`Usage: minipay ${verb} FILE`)
  const copy = (await engineOf(database))[verb]
  if (!copy)
    throw new ConfigError(
      `minipay ${verb} is for SQLite files; PostgreSQL has ${verb === 'backup' ? 'pg_dump' : 'pg_restore'}.`,
    )
  const problem = fileProblem(file)
  if (problem !== undefined) throw new ConfigError(`FILE of minipay ${verb} ${problem}.`)
  const { charges, refunds, entries } = await copy(file)
  console.log(
    `${verb === 'backup' ? file : database}: ${charges} charges, ${refunds} refunds, ${entries} entries; the books balance.`,
  )
  const key = keyFileOf(placeOf(database))
  if (verb === 'backup' && existsSync(key))
    console.log(
      `It does not contain ${key}, the key of the stored secrets. Keep a copy of that in another place.`,
    )
  if (verb === 'restore' && !existsSync(key))
    console.log(
      `The key of the stored secrets is not part of it. If webhook endpoints are, put their key file at ${key}, ` +
        'or set MINIPAY_SECRETS_KEY, before you start the server.',
    )
  return 0
}
