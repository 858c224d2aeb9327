/** `minipay demo`: fills a new database with a month of a shop, to try things out. */
import { type Config, ConfigError } from '../config.ts'
import { isPostgres, publicName } from '../database-name.ts'
import { NotNew } from './demo/assert-new.ts'
import { fillDemo } from './demo/fill.ts'

/** Payments on a usual day. */
const PER_DAY = 25
const MAX_SEED = 2 ** 31 - 1

/** Returns the exit status: 1 if the database is not new. */
export async function demo(
  { database, secretsKey }: Pick<Config, 'database' | 'secretsKey'>,
  words: readonly string[],
  { seed = '1' }: Readonly<Record<string, string>>,
): Promise<number> {
  if (words.length > 0) throw new ConfigError('Usage: minipay demo [--seed N]')
  if (!/^\d{1,10}$/.test(seed) || Number(seed) > MAX_SEED)
    throw new ConfigError(`--seed must be a whole number from 0 to ${MAX_SEED}.`)
  const until = Date.now()
  try {
    const options = { database, secretsKey, seed: Number(seed), until, perDay: PER_DAY }
    const { charges, withoutWebhooks } = await fillDemo(options)
    const seconds = Math.round((Date.now() - until) / 1_000)
    console.log(
      `Filled ${publicName(database)} with ${charges} payments of the last 30 days, in ${seconds} s.`,
    )
    if (withoutWebhooks !== null) console.log(`It has no webhook endpoints: ${withoutWebhooks}`)
    console.log(`Start the server ${startOf(database)}, and open http://127.0.0.1:8080/`)
    return 0
  } catch (error) {
    if (!(error instanceof NotNew)) throw error
    console.error(`minipay: ${error.message}`)
    return 1
  }
}

/** How a person starts a server on this database; the address of PostgreSQL has a password, which nobody should type. */
const startOf = (database: string): string =>
  isPostgres(database) ? 'on this database' : `with npm start -- --database ${database}`
