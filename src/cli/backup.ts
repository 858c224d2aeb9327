/** `minipay backup` and `minipay restore`: the embedded database as one file, and back. */
import { ConfigError } from '../config.ts'
import { fileProblem, isPostgres } from '../database-name.ts'

/** Runs either command, and prints the totals of the checked copy. Throws an error with a sentence. */
export async function run(
  verb: 'backup' | 'restore',
  database: string,
  [file, ...more]: readonly string[],
): Promise<number> {
  if (file === undefined || more.length > 0) throw new ConfigError(`Usage: minipay ${verb} FILE`)
  if (isPostgres(database))
    throw new ConfigError(
      `minipay ${verb} is for SQLite files; PostgreSQL has ${verb === 'backup' ? 'pg_dump' : 'pg_restore'}.`,
    )
  const problem = fileProblem(file)
  if (problem !== undefined) throw new ConfigError(`FILE of minipay ${verb} ${problem}.`)
  const engine = await import('../storage/sqlite/backup.ts')
  const { charges, refunds, entries } = engine[verb](database, file)
  const copy = verb === 'backup' ? file : database
  console.log(`${copy}: ${charges} charges, ${refunds} refunds, ${entries} entries; the books balance.`)
  return 0
}
